#include "autograd/winograd.hpp"

#include <algorithm>
#include <omp.h>
#include <vector>

#include "autograd/blas.hpp"
#include "autograd/product.hpp"
#include "autograd/simd.hpp"

namespace nabla::detail {
namespace {

using simd::lanes;
using simd::Vector;
using Index = std::ptrdiff_t;

constexpr Index positions = 36;  // of a transformed tile, 6 × 6
// Tiles at a time and thread: what one thread holds of transformed tiles stays in its L2 cache.
constexpr Index block_numbers = 200'000;

// A part of an image's channels in one register; at the end of a pixel the rest is 0 or not
// written.
Vector load_some(const Real* p, Index count) {
  if (count >= static_cast<Index>(lanes)) return simd::load(p);
  Real padded[lanes] = {};
  std::copy_n(p, count, padded);
  return simd::load(padded);
}
void store_some(Real* p, const Vector& v, Index count) {
  if (count >= static_cast<Index>(lanes)) return simd::store(p, v);
  Real padded[lanes];
  simd::store(padded, v);
  std::copy_n(padded, count, p);
}

Vector times(Real a, const Vector& b) {
  return Vector(a) * b;
}
// a b + c
Vector times_plus(Real a, const Vector& b, const Vector& c) {
  return simd::multiply_add(Vector(a), b, c);
}

// Bᵀ d along one axis: 6 numbers to 6, `step` apart.
template <Index In, Index Out>
void transform_input(const Vector* d, Vector* v) {
  const Vector d0 = d[0], d1 = d[In], d2 = d[2 * In], d3 = d[3 * In], d4 = d[4 * In],
               d5 = d[5 * In];
  const Vector even = times_plus(-4, d2, d4), odd = times_plus(-4, d1, d3);
  const Vector near = d4 - d2, far = times(2, d3 - d1);
  v[0] = times_plus(4, d0, times_plus(-5, d2, d4));
  v[Out] = even + odd;
  v[2 * Out] = even - odd;
  v[3 * Out] = near + far;
  v[4 * Out] = near - far;
  v[5 * Out] = times_plus(4, d1, times_plus(-5, d3, d5));
}

// Aᵀ m along one axis: 6 numbers to 4.
template <Index In, Index Out>
void transform_output(const Vector* m, Vector* y) {
  const Vector sum12 = m[In] + m[2 * In], diff12 = m[In] - m[2 * In];
  const Vector sum34 = m[3 * In] + m[4 * In], diff34 = m[3 * In] - m[4 * In];
  y[0] = m[0] + sum12 + sum34;
  y[Out] = times_plus(2, diff34, diff12);
  y[2 * Out] = times_plus(4, sum34, sum12);
  y[3 * Out] = times_plus(8, diff34, diff12) + m[5 * In];
}

// A g along one axis, the adjoint of transform_output: 4 numbers to 6.
template <Index In, Index Out>
void transform_gradient(const Vector* g, Vector* m) {
  const Vector g0 = g[0], g1 = g[In], g2 = g[2 * In], g3 = g[3 * In];
  const Vector even1 = g0 + g2, odd1 = g1 + g3;
  const Vector even2 = times_plus(4, g2, g0), odd2 = times(2, times_plus(4, g3, g1));
  m[0] = g0;
  m[Out] = even1 + odd1;
  m[2 * Out] = even1 - odd1;
  m[3 * Out] = even2 + odd2;
  m[4 * Out] = even2 - odd2;
  m[5 * Out] = g3;
}

// G w along one axis: 3 numbers to 6, and its adjoint Gᵀ u: 6 to 3.
template <Index In, Index Out>
void transform_weight(const Vector* w, Vector* u) {
  const Vector ends = w[0] + w[2 * In], wide = times_plus(Real(0.25), w[0], w[2 * In]);
  u[0] = times(Real(0.25), w[0]);
  u[Out] = times(Real(-1) / 6, ends + w[In]);
  u[2 * Out] = times(Real(-1) / 6, ends - w[In]);
  u[3 * Out] = times(Real(1) / 6, times_plus(Real(0.5), w[In], wide));
  u[4 * Out] = times(Real(1) / 6, times_plus(Real(-0.5), w[In], wide));
  u[5 * Out] = w[2 * In];
}
template <Index In, Index Out>
void transform_weight_gradient(const Vector* u, Vector* w) {
  const Vector sum12 = u[In] + u[2 * In], sum34 = u[3 * In] + u[4 * In];
  const Vector diff12 = u[2 * In] - u[In], diff34 = u[3 * In] - u[4 * In];
  w[0] = times(Real(1) / 24, sum34) + times_plus(Real(-1) / 6, sum12, times(Real(0.25), u[0]));
  w[Out] = times_plus(Real(1) / 6, diff12, times(Real(1) / 12, diff34));
  w[2 * Out] = times_plus(Real(1) / 6, sum34 - sum12, u[5 * In]);
}

// The images of one side of a convolution, cut into tiles of 4 × 4 pixels of the *result*.
struct Image {
  Index height, width, channels;
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

// N × N pixels from (top, left) on, one register of channels each; 0 outside the image.
template <Index N>
void load_tile(const Real* image, const Image& size, Index top, Index left, Index channel,
               Vector* d) {
  const Index count = size.channels - channel;
  const bool inside = top >= 0 && left >= 0 && top + N <= size.height && left + N <= size.width &&
                      count >= static_cast<Index>(lanes);
  const Real* const corner = image + (top * size.width + left) * size.channels + channel;
  if (inside) {
    for (Index i = 0; i < N; ++i) {
      const Real* const row = corner + i * size.width * size.channels;
#pragma GCC unroll 6
      for (Index j = 0; j < N; ++j) d[i * N + j] = simd::load(row + j * size.channels);
    }
    return;
  }
  for (Index i = 0; i < N; ++i) {
    const bool row_inside = top + i >= 0 && top + i < size.height;
    const Real* const row = corner + i * size.width * size.channels;
    for (Index j = 0; j < N; ++j) {
      const bool there = row_inside && left + j >= 0 && left + j < size.width;
      d[i * N + j] = there ? load_some(row + j * size.channels, count) : Vector(Real(0));
    }
  }
}

// Where the transformed tiles of a block lie: 36 matrices (tiles, channels). Their distance is not
// a multiple of a page, or all 36 would compete for the same places in the cache.
struct Block {
  Real* data;
  Index channels, distance;

  static Index room(Index tiles, Index channels) {
    return positions * distance_of(tiles, channels);
  }
  static Index distance_of(Index tiles, Index channels) { return tiles * channels + 48; }
  Block(Real* data, Index tiles, Index channels)
      : data(data), channels(channels), distance(distance_of(tiles, channels)) {}

  Real* at(Index position) const { return data + position * distance; }
  void store(const Vector* v, Index tile, Index channel) const {
    const Index count = channels - channel;
    Real* const to = data + tile * channels + channel;
    for (Index p = 0; p < positions; ++p) store_some(to + p * distance, v[p], count);
  }
};

// Bᵀ x B of the tiles [first, first + count).
void input_tiles(const ConvShape& s, const Tiles& tiles, const Real* x, Index first, Index count,
                 const Block& block) {
  const Image size{static_cast<Index>(s.height), static_cast<Index>(s.width),
                   static_cast<Index>(s.in)};
  const Index padding = static_cast<Index>(s.padding);
  Vector d[36], half[36];
  for (Index t = 0; t < count; ++t) {
    const Tiles::Place place = tiles[first + t];
    const Real* const image = x + place.image * size.height * size.width * size.channels;
    for (Index c = 0; c < size.channels; c += static_cast<Index>(lanes)) {
      load_tile<6>(image, size, place.top - padding, place.left - padding, c, d);
#pragma GCC unroll 6
      for (Index j = 0; j < 6; ++j) transform_input<6, 6>(d + j, half + j);
#pragma GCC unroll 6
      for (Index i = 0; i < 6; ++i) transform_input<1, 1>(half + 6 * i, d + 6 * i);
      block.store(d, t, c);
    }
  }
}

// A dy Aᵀ of the tiles [first, first + count).
void gradient_tiles(const ConvShape& s, const Tiles& tiles, const Real* dy, Index first,
                    Index count, const Block& block) {
  const Image size{static_cast<Index>(s.out_height), static_cast<Index>(s.out_width),
                   static_cast<Index>(s.out)};
  Vector d[16], half[24], m[36];
  for (Index t = 0; t < count; ++t) {
    const Tiles::Place place = tiles[first + t];
    const Real* const image = dy + place.image * size.height * size.width * size.channels;
    for (Index c = 0; c < size.channels; c += static_cast<Index>(lanes)) {
      load_tile<4>(image, size, place.top, place.left, c, d);
#pragma GCC unroll 4
      for (Index j = 0; j < 4; ++j) transform_gradient<4, 4>(d + j, half + j);
#pragma GCC unroll 6
      for (Index i = 0; i < 6; ++i) transform_gradient<1, 1>(half + 4 * i, m + 6 * i);
      block.store(m, t, c);
    }
  }
}

// y = Aᵀ m A + bias + residual for the tiles [first, first + count).
void output_tiles(const ConvShape& s, const Tiles& tiles, const Block& block, Index first,
                  Index count, const Real* bias, bool bias_per_image, const Real* residual,
                  Real* y) {
  const Index height = static_cast<Index>(s.out_height), width = static_cast<Index>(s.out_width),
              channels = static_cast<Index>(s.out);
  Vector m[36], half[24], out[16];
  for (Index t = 0; t < count; ++t) {
    const Tiles::Place place = tiles[first + t];
    const Index rows = std::min<Index>(4, height - place.top),
                columns = std::min<Index>(4, width - place.left);
    const Index corner = ((place.image * height + place.top) * width + place.left) * channels;
    for (Index c = 0; c < channels; c += static_cast<Index>(lanes)) {
      const Index here = channels - c;
      const Real* const from = block.data + t * channels + c;
      for (Index p = 0; p < positions; ++p) m[p] = load_some(from + p * block.distance, here);
#pragma GCC unroll 6
      for (Index j = 0; j < 6; ++j) transform_output<6, 6>(m + j, half + j);
#pragma GCC unroll 4
      for (Index i = 0; i < 4; ++i) transform_output<1, 1>(half + 6 * i, out + 4 * i);
      const Vector b =
          bias == nullptr
              ? Vector(Real(0))
              : load_some(bias + (bias_per_image ? place.image * channels : 0) + c, here);
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
          const Index at = corner + (i * width + j) * channels + c;
          Vector sum = out[4 * i + j] + b;
          if (residual != nullptr) sum = sum + load_some(residual + at, here);
          store_some(y + at, sum, here);
        }
      }
    }
  }
}

// The transformed kernel: 36 matrices (C, O) of `area` numbers, one every distance_of(area).
Index distance_of(Index area) {
  return area + 48;  // as in Block
}

// G w Gᵀ
Numbers weight_tiles(const Real* weight, Index area) {
  Numbers u(static_cast<std::size_t>(positions * distance_of(area)));
  for (Index i = 0; i < area; i += static_cast<Index>(lanes)) {
    Vector w[9], half[18], whole[36];
    for (Index k = 0; k < 9; ++k) w[k] = load_some(weight + k * area + i, area - i);
    for (Index j = 0; j < 3; ++j) transform_weight<3, 3>(w + j, half + j);
    for (Index k = 0; k < 6; ++k) transform_weight<1, 1>(half + 3 * k, whole + 6 * k);
    for (Index p = 0; p < positions; ++p) {
      store_some(u.data() + p * distance_of(area) + i, whole[p], area - i);
    }
  }
  return u;
}

Index block_size(const ConvShape& s, const Tiles& tiles) {
  const Index fit = block_numbers / (positions * static_cast<Index>(s.in + s.out)) / 8 * 8;
  // at least two blocks a thread, so that a late one does not keep the others waiting
  const Index share = (tiles.count + 2 * threads() - 1) / (2 * threads());
  return std::clamp<Index>(fit, 8, std::max<Index>(8, (share + 7) / 8 * 8));
}

// Room for one thread, which keeps it.
Real* scratch(Index numbers) {
  static thread_local Numbers room;
  if (room.size() < static_cast<std::size_t>(numbers)) {
    room.resize(static_cast<std::size_t>(numbers));
  }
  return room.data();
}

void convolve(const ConvShape& s, const Real* x, const Real* u, const Real* bias,
              bool bias_per_image, const Real* residual, Real* y) {
  const Tiles tiles(s);
  const Index in = static_cast<Index>(s.in), out = static_cast<Index>(s.out);
  const Index step = block_size(s, tiles);
#pragma omp parallel for schedule(dynamic)
  for (Index first = 0; first < tiles.count; first += step) {
    const Index count = std::min(step, tiles.count - first);
    Real* const room = scratch(Block::room(step, in) + Block::room(step, out));
    const Block from(room, step, in), to(room + Block::room(step, in), step, out);
    input_tiles(s, tiles, x, first, count, from);
    for (Index p = 0; p < positions; ++p) {
      run_product({false, false, count, out, in, from.at(p), in, u + p * distance_of(in * out), out,
                   0, to.at(p), out});
    }
    output_tiles(s, tiles, to, first, count, bias, bias_per_image, residual, y);
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
  const Numbers u = weight_tiles(turned_kernel(s, weight).data(), static_cast<Index>(s.in * s.out));
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
    Real* const room = scratch(Block::room(step, in) + Block::room(step, out));
    const Block from(room, step, in), gradient(room + Block::room(step, in), step, out);
    std::fill_n(sum, part_distance, Real(0));
    for (Index b = blocks * part / parts; b < blocks * (part + 1) / parts; ++b) {
      const Index first = b * step, count = std::min(step, tiles.count - first);
      input_tiles(s, tiles, x, first, count, from);
      gradient_tiles(s, tiles, dy, first, count, gradient);
      for (Index p = 0; p < positions; ++p) {
        run_product({true, false, in, out, count, from.at(p), in, gradient.at(p), out, 1,
                     sum + p * distance, out});
      }
    }
  }
  for (Index i = 0; i < area; i += static_cast<Index>(lanes)) {
    const Index here = area - i;
    Vector whole[36], half[18], w[9];
    for (Index p = 0; p < positions; ++p) {
      whole[p] = load_some(sums.data() + p * distance + i, here);
      for (Index part = 1; part < parts; ++part) {
        whole[p] =
            whole[p] + load_some(sums.data() + part * part_distance + p * distance + i, here);
      }
    }
    for (Index j = 0; j < 6; ++j) transform_weight_gradient<6, 6>(whole + j, half + j);
    for (Index k = 0; k < 3; ++k) transform_weight_gradient<1, 1>(half + 6 * k, w + 3 * k);
    for (Index k = 0; k < 9; ++k) {
      Real* const to = dw + k * area + i;
      store_some(to, beta == 0 ? w[k] : times_plus(beta, load_some(to, here), w[k]), here);
    }
  }
}

}  // namespace nabla::detail
