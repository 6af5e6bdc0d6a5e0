#include "autograd/kernels/winograd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "autograd/kernels/channels.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/product.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/kernels/simd.hpp"

namespace nabla::detail {
namespace {

using simd::Vector;
using Index = std::ptrdiff_t;

constexpr Index positions = 36;  // of a transformed tile, 6 × 6
// Tiles at a time and thread: what one thread holds of transformed tiles stays in its L2 cache.
constexpr Index block_numbers = 200'000;

Vector times(Real a, const Vector& b) {
  return Vector(a) * b;
}
// a b + c
Vector times_plus(Real a, const Vector& b, const Vector& c) {
  return simd::multiply_add(Vector(a), b, c);
}

// The transforms along one axis. They take number i from from(i) and hand it on to to(i, number).

// Bᵀ d: 6 numbers to 6.
template <class From, class To>
void transform_input(const From& from, const To& to) {
  const Vector d0 = from(0), d1 = from(1), d2 = from(2), d3 = from(3), d4 = from(4), d5 = from(5);
  const Vector even = times_plus(-4, d2, d4), odd = times_plus(-4, d1, d3);
  const Vector near = d4 - d2, far = times(2, d3 - d1);
  to(0, times_plus(4, d0, times_plus(-5, d2, d4)));
  to(1, even + odd);
  to(2, even - odd);
  to(3, near + far);
  to(4, near - far);
  to(5, times_plus(4, d1, times_plus(-5, d3, d5)));
}

// Aᵀ m: 6 numbers to 4.
template <class From, class To>
void transform_output(const From& from, const To& to) {
  const Vector m1 = from(1), m2 = from(2), m3 = from(3), m4 = from(4);
  const Vector sum12 = m1 + m2, diff12 = m1 - m2, sum34 = m3 + m4, diff34 = m3 - m4;
  to(0, from(0) + sum12 + sum34);
  to(1, times_plus(2, diff34, diff12));
  to(2, times_plus(4, sum34, sum12));
  to(3, times_plus(8, diff34, diff12) + from(5));
}

// A g, the adjoint of that: 4 numbers to 6.
template <class From, class To>
void transform_gradient(const From& from, const To& to) {
  const Vector g0 = from(0), g1 = from(1), g2 = from(2), g3 = from(3);
  const Vector even1 = g0 + g2, odd1 = g1 + g3;
  const Vector even2 = times_plus(4, g2, g0), odd2 = times(2, times_plus(4, g3, g1));
  to(0, g0);
  to(1, even1 + odd1);
  to(2, even1 - odd1);
  to(3, even2 + odd2);
  to(4, even2 - odd2);
  to(5, g3);
}

// G w: 3 numbers to 6.
template <class From, class To>
void transform_weight(const From& from, const To& to) {
  const Vector w0 = from(0), w1 = from(1), w2 = from(2);
  const Vector ends = w0 + w2, wide = times_plus(Real(0.25), w0, w2);
  to(0, times(Real(0.25), w0));
  to(1, times(Real(-1) / 6, ends + w1));
  to(2, times(Real(-1) / 6, ends - w1));
  to(3, times(Real(1) / 6, times_plus(Real(0.5), w1, wide)));
  to(4, times(Real(1) / 6, times_plus(Real(-0.5), w1, wide)));
  to(5, w2);
}

// Gᵀ u, the adjoint of that: 6 numbers to 3.
template <class From, class To>
void transform_weight_gradient(const From& from, const To& to) {
  const Vector u1 = from(1), u2 = from(2), u3 = from(3), u4 = from(4);
  const Vector sum12 = u1 + u2, sum34 = u3 + u4;
  to(0,
     times_plus(Real(1) / 24, sum34, times_plus(Real(-1) / 6, sum12, times(Real(0.25), from(0)))));
  to(1, times_plus(Real(1) / 6, u2 - u1, times(Real(1) / 12, u3 - u4)));
  to(2, times_plus(Real(1) / 6, sum34 - sum12, from(5)));
}

constexpr auto output = [](const auto& from, const auto& to) { transform_output(from, to); };
constexpr auto weight = [](const auto& from, const auto& to) { transform_weight(from, to); };
constexpr auto weight_gradient = [](const auto& from, const auto& to) {
  transform_weight_gradient(from, to);
};

// The two that take images also say at which of their results a large number shows, wherever among
// the ones they take it stands, and a row, a column or a block of them too.
struct Input {
  static constexpr Index size = 6;
  static constexpr bool shows(Index i) { return i == 0 || i == 1 || i == 5; }
  template <class From, class To>
  void operator()(const From& from, const To& to) const {
    transform_input(from, to);
  }
};
struct Gradient {
  static constexpr Index size = 4;
  static constexpr bool shows(Index i) { return i == 1 || i == 3; }
  template <class From, class To>
  void operator()(const From& from, const To& to) const {
    transform_gradient(from, to);
  }
};

// The same along both axes of a square of numbers, N × N to M × M, row by row.
template <Index N, Index M, class Transform, class From, class To>
void along_both_axes(const Transform& transform, const From& from, const To& to) {
  Vector half[M * N];
#pragma GCC unroll 6
  for (Index j = 0; j < N; ++j) {
    transform([&](Index i) { return from(i * N + j); },
              [&](Index i, const Vector& v) { half[i * N + j] = v; });
  }
#pragma GCC unroll 6
  for (Index i = 0; i < M; ++i) {
    transform([&](Index j) { return half[i * N + j]; },
              [&](Index j, const Vector& v) { to(i * M + j, v); });
  }
}

// The images of one side of a convolution, cut into tiles of 4 × 4 pixels of the *result*.
struct Image {
  Index height, width, channels;
  Index numbers() const { return height * width * channels; }
};

struct Tiles {
  Index down, across, count;  // in an image, in an image, in all
  Tiles(const ConvShape& s)
      : down((static_cast<Index>(s.out_height) + 3) / 4),
        across((static_cast<Index>(s.out_width) + 3) / 4),
        count(static_cast<Index>(s.batch) * down * across) {}

  struct Place {
    Index image, top, left;  // of the result
  };
  Place operator[](Index tile) const {
    const Index in_image = tile % (down * across);
    return {tile / (down * across), in_image / across * 4, in_image % across * 4};
  }
};

// Where the N × N pixels from (top, left) on lie; for those outside the image stands `outside`.
template <Index N, class Number>
std::array<Number*, N * N> pixels(Number* image, const Image& size, Index top, Index left,
                                  Number* outside) {
  std::array<Number*, N * N> result;
  for (Index i = 0; i < N; ++i) {
    const bool row_inside = top + i >= 0 && top + i < size.height;
    for (Index j = 0; j < N; ++j) {
      const bool inside = row_inside && left + j >= 0 && left + j < size.width;
      result[static_cast<std::size_t>(i * N + j)] =
          inside ? image + ((top + i) * size.width + left + j) * size.channels : outside;
    }
  }
  return result;
}

using Numbers = std::vector<Real, RecyclingAllocator<Real>>;

// Where the transformed tiles of a block lie: 36 matrices (tiles, channels). Their distance is not
// a multiple of a page, or all 36 would compete for the same places in the cache.
struct TileBlock {
  Real* data;
  Index channels, distance;

  static Index room(Index tiles, Index channels) {
    return positions * distance_of(tiles, channels);
  }
  static Index distance_of(Index tiles, Index channels) { return tiles * channels + 48; }
  TileBlock(Real* data, Index tiles, Index channels)
      : data(data), channels(channels), distance(distance_of(tiles, channels)) {}

  Real* at(Index position) const { return data + position * distance; }
  std::size_t width() const { return static_cast<std::size_t>(channels); }
};

// What a thread works in, kept from call to call.
Real* scratch(Index numbers) {
  static thread_local Numbers room;
  if (room.size() < static_cast<std::size_t>(numbers)) {
    room.resize(static_cast<std::size_t>(numbers));
  }
  return room.data();
}

// Room for a block of each side of a convolution, and a pixel for what lies outside the image.
struct Room {
  TileBlock of_x, of_y;
  Real* pixel;

  Room(const ConvShape& s, Index tiles)
      : of_x(scratch(size(s, tiles)), tiles, static_cast<Index>(s.in)),
        of_y(of_x.data + TileBlock::room(tiles, of_x.channels), tiles, static_cast<Index>(s.out)),
        pixel(of_y.data + TileBlock::room(tiles, of_y.channels)) {}

  const Real* zero_pixel() const {
    std::fill_n(pixel, std::max(of_x.channels, of_y.channels), Real(0));
    return pixel;
  }

 private:
  static Index size(const ConvShape& s, Index tiles) {
    const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out);
    return TileBlock::room(tiles, in) + TileBlock::room(tiles, out) + std::max(in, out);
  }
};

Image image_of_x(const ConvShape& s) {
  return {static_cast<Index>(s.height), static_cast<Index>(s.width), static_cast<Index>(s.in)};
}
Image image_of_y(const ConvShape& s) {
  return {static_cast<Index>(s.out_height), static_cast<Index>(s.out_width),
          static_cast<Index>(s.out)};
}

template <std::size_t count>
bool are_moderate(const std::array<const Real*, count>& pixels, Index channels) {
  return std::all_of(pixels.begin(), pixels.end(), [channels](const Real* pixel) {
    return detail::are_moderate(pixel, static_cast<std::size_t>(channels));
  });
}

// Tiles [first, first + count), of x or of dy, transformed into a block. The tile is N × N pixels
// and begins `margin` before that of y. Appends to `wild` those with a number that is not moderate.
template <class Transform>
void transform_tiles(const Tiles& tiles, const Real* images, const Image& size, Index margin,
                     Index first, Index count, const TileBlock& block, const Real* zeros,
                     std::vector<Index>& wild) {
  constexpr Index N = Transform::size;
  for (Index t = 0; t < count; ++t) {
    const Tiles::Place place = tiles[first + t];
    const std::array<const Real*, N* N> at =
        pixels<N>(images + place.image * size.numbers(), size, place.top - margin,
                  place.left - margin, zeros);
    Vector squares(Real(0));  // not below that of any number in the tile
    for_each_column(block.width(), [&](std::size_t c, const auto& column) {
      Real* const to = block.data + t * block.channels + c;
      along_both_axes<N, 6>(
          Transform(), [&](Index i) { return column.load(at[static_cast<std::size_t>(i)] + c); },
          [&](Index p, const Vector& v) {
            if (Transform::shows(p / 6) && Transform::shows(p % 6)) {
              squares = simd::multiply_add(v, v, squares);
            }
            column.store(to + p * block.distance, v);
          });
    });
    if (!simd::all_below(squares, moderate * moderate) && !are_moderate(at, size.channels)) {
      wild.push_back(first + t);
    }
  }
}

// Bᵀ x B
void input_tiles(const ConvShape& s, const Tiles& tiles, const Real* x, Index first, Index count,
                 const Room& room, std::vector<Index>& wild) {
  transform_tiles<Input>(tiles, x, image_of_x(s), static_cast<Index>(s.padding), first, count,
                         room.of_x, room.zero_pixel(), wild);
}

// A dy Aᵀ
void gradient_tiles(const ConvShape& s, const Tiles& tiles, const Real* dy, Index first,
                    Index count, const Room& room, std::vector<Index>& wild) {
  transform_tiles<Gradient>(tiles, dy, image_of_y(s), 0, first, count, room.of_y, room.zero_pixel(),
                            wild);
}

// Calls visit(pixel of y, pixel of x, place in the kernel) for each term of the sums that the
// convolution itself has for the pixels of y in a tile; all are where the first channel lies.
template <class Visit>
void for_each_term(const ConvShape& s, const Tiles::Place& place, const Visit& visit) {
  const Image x = image_of_x(s), y = image_of_y(s);
  const Index bottom = std::min(place.top + 4, y.height);
  const Index right = std::min(place.left + 4, y.width);
  for (Index i = place.top; i < bottom; ++i) {
    for (Index j = place.left; j < right; ++j) {
      for (Index k = 0; k < 9; ++k) {
        const Index row = i + k / 3 - static_cast<Index>(s.padding);
        const Index column = j + k % 3 - static_cast<Index>(s.padding);
        if (row < 0 || row >= x.height || column < 0 || column >= x.width) continue;
        visit(((place.image * y.height + i) * y.width + j) * y.channels,
              ((place.image * x.height + row) * x.width + column) * x.channels,
              k * x.channels * y.channels);
      }
    }
  }
}

// What is added to a convolution; either may be null.
struct Addends {
  const Real* bias;
  bool bias_per_image;
  const Real* residual;

  const Real* bias_of(Index image, Index channels) const {
    return bias != nullptr && bias_per_image ? bias + image * channels : bias;
  }
};

// y = Aᵀ m A + bias + residual, but for wild tiles
void output_tiles(const ConvShape& s, const Tiles& tiles, const Room& room, Index first,
                  Index count, const std::vector<Index>& wild, const Addends& addends, Real* y) {
  const Image size = image_of_y(s);
  const TileBlock& block = room.of_y;
  const Real* const residual = addends.residual;
  for (Index t = 0; t < count; ++t) {
    if (std::binary_search(wild.begin(), wild.end(), first + t)) continue;
    const Tiles::Place place = tiles[first + t];
    Real* const image = y + place.image * size.numbers();
    const std::array<Real*, 16> at = pixels<4>(image, size, place.top, place.left, room.pixel);
    const Real* const bias = addends.bias_of(place.image, size.channels);
    for_each_column(block.width(), [&](std::size_t c, const auto& column) {
      const Real* const from = block.data + t * block.channels + c;
      const Vector b = bias == nullptr ? Vector(Real(0)) : column.load(bias + c);
      along_both_axes<6, 4>(
          output, [&](Index p) { return column.load(from + p * block.distance); },
          [&](Index i, const Vector& v) {
            Real* const to = at[static_cast<std::size_t>(i)];
            Vector sum = v + b;
            if (residual != nullptr && to != room.pixel) {
              sum = sum + column.load(residual + (to - y) + c);
            }
            column.store(to + c, sum);
          });
    });
  }
}

// The same of a wild tile, by the sum in conv2d's declaration.
void output_plainly(const ConvShape& s, const Tiles::Place& place, const Real* x,
                    const Real* weight, const Addends& addends, Real* y) {
  const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out);
  const Real* const bias = addends.bias_of(place.image, out);
  Numbers sums(s.out);
  Index done = -1;  // the pixel whose sums these are
  const auto finish = [&](Index pixel) {
    for (Index o = 0; done >= 0 && o < out; ++o) {
      Real sum = sums[static_cast<std::size_t>(o)] + (bias == nullptr ? Real(0) : bias[o]);
      if (addends.residual != nullptr) sum += addends.residual[done + o];
      y[done + o] = sum;
    }
    std::fill(sums.begin(), sums.end(), Real(0));
    done = pixel;
  };
  for_each_term(s, place, [&](Index of_y, Index of_x, Index of_w) {
    if (of_y != done) finish(of_y);
    for (Index c = 0; c < in; ++c) {
      for (Index o = 0; o < out; ++o) {
        sums[static_cast<std::size_t>(o)] += x[of_x + c] * weight[of_w + c * out + o];
      }
    }
  });
  finish(-1);
}

// The transformed kernel: 36 matrices (C, O) of `area` numbers, one every distance_of(area).
Index distance_of(Index area) {
  return area + 48;  // as in TileBlock
}

// G w Gᵀ
Numbers weight_tiles(const Real* kernel, Index area) {
  Numbers u(static_cast<std::size_t>(positions * distance_of(area)));
  for_each_column(static_cast<std::size_t>(area), [&](std::size_t i, const auto& column) {
    along_both_axes<3, 6>(
        weight, [&](Index k) { return column.load(kernel + k * area + i); },
        [&](Index p, const Vector& v) { column.store(u.data() + p * distance_of(area) + i, v); });
  });
  return u;
}

// A function of the shape alone, as the bits of the sums depend on it.
Index block_size(const ConvShape& s, const Tiles& tiles) {
  const Index fit = block_numbers / (positions * static_cast<Index>(s.in + s.out)) / 8 * 8;
  const Index share = (tiles.count + 7) / 8;  // eight blocks or more, for the threads
  return std::clamp<Index>(fit, 8, std::max<Index>(8, (share + 7) / 8 * 8));
}

void convolve(const ConvShape& s, const Real* x, const Real* weight, const Addends& addends,
              Real* y) {
  const Numbers u = weight_tiles(weight, static_cast<Index>(s.in * s.out));
  const Tiles tiles(s);
  const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out);
  const Index step = block_size(s, tiles);
#pragma omp parallel for schedule(dynamic)
  for (Index first = 0; first < tiles.count; first += step) {
    const Index count = std::min(step, tiles.count - first);
    const Room room(s, step);
    std::vector<Index> wild;
    input_tiles(s, tiles, x, first, count, room, wild);
    for (Index p = 0; p < positions; ++p) {
      run_product({false, false, count, out, in, room.of_x.at(p), in,
                   u.data() + p * distance_of(in * out), out, 0, room.of_y.at(p), out});
    }
    output_tiles(s, tiles, room, first, count, wild, addends, y);
    for (const Index tile : wild) output_plainly(s, tiles[tile], x, weight, addends, y);
  }
}

}  // namespace

bool suits_winograd(const ConvShape& s) {
  return s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1 && s.padding <= 2 &&
         s.in >= 8 && s.out >= 8;
}

bool are_moderate(const Real* numbers, std::size_t count) {
  int others = 0;  // NaN is one
  for (std::size_t i = 0; i < count; ++i) others |= std::abs(numbers[i]) <= moderate ? 0 : 1;
  return others == 0;
}

void winograd_forward(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
                      bool bias_per_image, const Real* residual, Real* y) {
  convolve(s, x, weight, {bias, bias_per_image, residual}, y);
}

// A convolution again, of dy with the kernel turned: what was padded by p is padded by 2 − p.
void winograd_input_gradient(const ConvShape& s, const Real* dy, const Real* weight, Real beta,
                             Real* dx) {
  const Array turned = exchange_channels(weight, {3, 3, s.in, s.out}, Kernel::turned);
  ConvShape back = s;
  std::swap(back.in, back.out);
  std::swap(back.height, back.out_height);
  std::swap(back.width, back.out_width);
  back.padding = 2 - s.padding;
  convolve(back, dy, turned.data(), {nullptr, false, beta == 0 ? nullptr : dx}, dx);
}

namespace {

// sums = Gᵀ (Σ_tiles (Bᵀ x B) ⊙ (A dy Aᵀ)) G over some blocks of tiles, wild ones by the plain sum.
void weight_gradient_of(const ConvShape& s, const Tiles& tiles, Index step, Index first_block,
                        Index last_block, const Real* x, const Real* dy, Real* sums) {
  const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out), area = in * out;
  Array transformed = empty({static_cast<std::size_t>(positions * distance_of(area))});
  Real* const u = transformed.data();
  const Room room(s, step);
  std::vector<Index> wild;
  for (Index b = first_block; b < last_block; ++b) {
    const Index first = b * step, count = std::min(step, tiles.count - first);
    const std::size_t before = wild.size();
    input_tiles(s, tiles, x, first, count, room, wild);
    gradient_tiles(s, tiles, dy, first, count, room, wild);
    for (std::size_t i = before; i < wild.size(); ++i) {
      const Index t = wild[i] - first;
      for (Index p = 0; p < positions; ++p) {
        std::fill_n(room.of_x.at(p) + t * in, in, Real(0));
        std::fill_n(room.of_y.at(p) + t * out, out, Real(0));
      }
    }
    for (Index p = 0; p < positions; ++p) {
      run_product({true, false, in, out, count, room.of_x.at(p), in, room.of_y.at(p), out,
                   b == first_block ? Real(0) : Real(1), u + p * distance_of(area), out});
    }
  }
  for_each_column(static_cast<std::size_t>(area), [&](std::size_t i, const auto& column) {
    along_both_axes<6, 3>(
        weight_gradient, [&](Index p) { return column.load(u + p * distance_of(area) + i); },
        [&](Index k, const Vector& v) { column.store(sums + k * area + i, v); });
  });
  std::sort(wild.begin(), wild.end());
  wild.erase(std::unique(wild.begin(), wild.end()), wild.end());
  for (const Index tile : wild) {
    for_each_term(s, tiles[tile], [&](Index of_y, Index of_x, Index of_w) {
      for (Index c = 0; c < in; ++c) {
        for (Index o = 0; o < out; ++o) sums[of_w + c * out + o] += x[of_x + c] * dy[of_y + o];
      }
    });
  }
}

}  // namespace

void winograd_weight_gradient(const ConvShape& s, const Real* x, const Real* dy, Real beta,
                              Real* dw) {
  constexpr Index most = 8, least_tiles = 64;  // parts; less in one would not be worth its sum
  const Tiles tiles(s);
  const Index step = block_size(s, tiles), blocks = (tiles.count + step - 1) / step;
  const Index parts =
      std::min(blocks, std::clamp<Index>(tiles.count / least_tiles, Index(1), most));
  const std::size_t size = 9 * s.in * s.out;
  Array sums = empty({static_cast<std::size_t>(parts), size});
#pragma omp parallel for schedule(static, 1)
  for (Index part = 0; part < parts; ++part) {
    weight_gradient_of(s, tiles, step, blocks * part / parts, blocks * (part + 1) / parts, x, dy,
                       sums.data() + part * static_cast<Index>(size));
  }
  add_parts(sums, beta, dw);
}

}  // namespace nabla::detail
