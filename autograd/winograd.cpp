#include "autograd/winograd.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "autograd/blas.hpp"
#include "autograd/channels.hpp"
#include "autograd/product.hpp"
#include "autograd/simd.hpp"

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

constexpr auto input = [](const auto& from, const auto& to) { transform_input(from, to); };
constexpr auto output = [](const auto& from, const auto& to) { transform_output(from, to); };
constexpr auto gradient = [](const auto& from, const auto& to) { transform_gradient(from, to); };
constexpr auto weight = [](const auto& from, const auto& to) { transform_weight(from, to); };
constexpr auto weight_gradient = [](const auto& from, const auto& to) {
  transform_weight_gradient(from, to);
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

// Tiles [first, first + count), of x or of dy, transformed into a block. The tile is N × N pixels
// and begins `margin` before that of y.
template <Index N, class Transform>
void transform_tiles(const Transform& transform, const Tiles& tiles, const Real* images,
                     const Image& size, Index margin, Index first, Index count,
                     const TileBlock& block, const Real* zeros) {
  for (Index t = 0; t < count; ++t) {
    const Tiles::Place place = tiles[first + t];
    const std::array<const Real*, N* N> at =
        pixels<N>(images + place.image * size.numbers(), size, place.top - margin,
                  place.left - margin, zeros);
    for_each_column(block.width(), [&](std::size_t c, const auto& column) {
      Real* const to = block.data + t * block.channels + c;
      along_both_axes<N, 6>(
          transform, [&](Index i) { return column.load(at[static_cast<std::size_t>(i)] + c); },
          [&](Index p, const Vector& v) { column.store(to + p * block.distance, v); });
    });
  }
}

// Bᵀ x B
void input_tiles(const ConvShape& s, const Tiles& tiles, const Real* x, Index first, Index count,
                 const Room& room) {
  transform_tiles<6>(input, tiles, x, image_of_x(s), static_cast<Index>(s.padding), first, count,
                     room.of_x, room.zero_pixel());
}

// A dy Aᵀ
void gradient_tiles(const ConvShape& s, const Tiles& tiles, const Real* dy, Index first,
                    Index count, const Room& room) {
  transform_tiles<4>(gradient, tiles, dy, image_of_y(s), 0, first, count, room.of_y,
                     room.zero_pixel());
}

// y = Aᵀ m A + bias + residual
void output_tiles(const ConvShape& s, const Tiles& tiles, const Room& room, Index first,
                  Index count, const Real* bias, bool bias_per_image, const Real* residual,
                  Real* y) {
  const Image size = image_of_y(s);
  const TileBlock& block = room.of_y;
  for (Index t = 0; t < count; ++t) {
    const Tiles::Place place = tiles[first + t];
    Real* const image = y + place.image * size.numbers();
    const std::array<Real*, 16> at = pixels<4>(image, size, place.top, place.left, room.pixel);
    const Real* const own_bias = bias_per_image ? bias + place.image * size.channels : bias;
    for_each_column(block.width(), [&](std::size_t c, const auto& column) {
      const Real* const from = block.data + t * block.channels + c;
      const Vector b = bias == nullptr ? Vector(Real(0)) : column.load(own_bias + c);
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

Index block_size(const ConvShape& s, const Tiles& tiles) {
  const Index fit = block_numbers / (positions * static_cast<Index>(s.in + s.out)) / 8 * 8;
  // at least two blocks a thread, so that a late one does not keep the others waiting
  const Index share = (tiles.count + 2 * threads() - 1) / (2 * threads());
  return std::clamp<Index>(fit, 8, std::max<Index>(8, (share + 7) / 8 * 8));
}

void convolve(const ConvShape& s, const Real* x, const Real* u, const Real* bias,
              bool bias_per_image, const Real* residual, Real* y) {
  const Tiles tiles(s);
  const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out);
  const Index step = block_size(s, tiles);
#pragma omp parallel for schedule(dynamic)
  for (Index first = 0; first < tiles.count; first += step) {
    const Index count = std::min(step, tiles.count - first);
    const Room room(s, step);
    input_tiles(s, tiles, x, first, count, room);
    for (Index p = 0; p < positions; ++p) {
      run_product({false, false, count, out, in, room.of_x.at(p), in, u + p * distance_of(in * out),
                   out, 0, room.of_y.at(p), out});
    }
    output_tiles(s, tiles, room, first, count, bias, bias_per_image, residual, y);
  }
}

}  // namespace

bool suits_winograd(const ConvShape& s) {
  return s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1 && s.padding <= 2 &&
         s.in >= 8 && s.out >= 8;
}

void winograd_forward(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
                      bool bias_per_image, const Real* residual, Real* y) {
  const Numbers u = weight_tiles(weight, static_cast<Index>(s.in * s.out));
  convolve(s, x, u.data(), bias, bias_per_image, residual, y);
}

// A convolution again, of dy with the kernel turned: what was padded by p is padded by 2 − p.
void winograd_input_gradient(const ConvShape& s, const Real* dy, const Real* weight, Real beta,
                             Real* dx) {
  const Array turned = exchange_channels(weight, {3, 3, s.in, s.out}, Kernel::turned);
  const Numbers u = weight_tiles(turned.data(), static_cast<Index>(s.in * s.out));
  ConvShape back = s;
  std::swap(back.in, back.out);
  std::swap(back.height, back.out_height);
  std::swap(back.width, back.out_width);
  back.padding = 2 - s.padding;
  convolve(back, dy, u.data(), nullptr, false, beta == 0 ? nullptr : dx, dx);
}

// dw = Gᵀ (Σ_tiles (Bᵀ x B) ⊙ (A dy Aᵀ)) G
void winograd_weight_gradient(const ConvShape& s, const Real* x, const Real* dy, Real beta,
                              Real* dw) {
  const Tiles tiles(s);
  const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out), area = in * out;
  const Index step = block_size(s, tiles), parts = threads();
  const Index blocks = (tiles.count + step - 1) / step;
  const Index distance = distance_of(area), part_distance = positions * distance;
  // Each part has its own sums and its own blocks, so that the order of additions is fixed.
  Numbers sums(static_cast<std::size_t>(parts * part_distance));
#pragma omp parallel for schedule(static, 1)
  for (Index part = 0; part < parts; ++part) {
    Real* const sum = sums.data() + part * part_distance;
    const Room room(s, step);
    std::fill_n(sum, part_distance, Real(0));
    for (Index b = blocks * part / parts; b < blocks * (part + 1) / parts; ++b) {
      const Index first = b * step, count = std::min(step, tiles.count - first);
      input_tiles(s, tiles, x, first, count, room);
      gradient_tiles(s, tiles, dy, first, count, room);
      for (Index p = 0; p < positions; ++p) {
        run_product({true, false, in, out, count, room.of_x.at(p), in, room.of_y.at(p), out, 1,
                     sum + p * distance, out});
      }
    }
  }
  for_each_column(static_cast<std::size_t>(area), [&](std::size_t i, const auto& column) {
    const auto total = [&](Index p) {
      Vector result = column.load(sums.data() + p * distance + i);
      for (Index part = 1; part < parts; ++part) {
        result = result + column.load(sums.data() + part * part_distance + p * distance + i);
      }
      return result;
    };
    along_both_axes<6, 3>(weight_gradient, total, [&](Index k, const Vector& v) {
      Real* const to = dw + k * area + i;
      column.store(to, beta == 0 ? v : times_plus(beta, column.load(to), v));
    });
  });
}

}  // namespace nabla::detail
