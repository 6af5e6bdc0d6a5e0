#include "autograd/kernels/conv.hpp"

#include <algorithm>

#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/patches.hpp"
#include "autograd/kernels/winograd.hpp"
#include "autograd/threads.hpp"

namespace nabla::detail {
namespace {

// Output pixels that are worked on at a time: about half a megabyte of patches, and not so many
// that threads run out of blocks. A function of the shape alone, as the sums depend on it.
std::size_t rows_per_block(const ConvShape& s) {
  constexpr std::size_t numbers = std::size_t{1} << 17, least = 64, most = 512, blocks = 16;
  const std::size_t in_cache = numbers / std::max<std::size_t>(1, s.patch_size());
  return std::clamp(std::min(in_cache, s.rows() / blocks), least, most);
}

std::size_t block_count(const ConvShape& s) {
  return (s.rows() + rows_per_block(s) - 1) / rows_per_block(s);
}

// What for_each_job() decides by: as many numbers as take the time of the multiplications.
std::size_t work(const ConvShape& s) {
  return s.multiplications() / 8;
}

// Calls visit(pixel of y, pixel of x, (u, v) of the kernel), all as numbers, for each term of the
// sum in conv2d's declaration.
template <class Visit>
void for_each_term(const ConvShape& s, const Visit& visit) {
  for (std::size_t b = 0; b < s.batch; ++b)
    for (std::size_t i = 0; i < s.out_height; ++i)
      for (std::size_t j = 0; j < s.out_width; ++j)
        for (std::size_t u = 0; u < s.kernel_height; ++u)
          for (std::size_t v = 0; v < s.kernel_width; ++v) {
            const std::size_t row = i * s.stride + u, column = j * s.stride + v;  // when padded
            if (row < s.padding || row >= s.padding + s.height) continue;
            if (column < s.padding || column >= s.padding + s.width) continue;
            visit((b * s.out_height + i) * s.out_width + j,
                  (b * s.height + row - s.padding) * s.width + column - s.padding,
                  u * s.kernel_width + v);
          }
}

// And visit(element of y, of x, of W) for each channel of both sides.
template <class Visit>
void for_each_product(const ConvShape& s, const Visit& visit) {
  for_each_term(s, [&](std::size_t of_y, std::size_t of_x, std::size_t of_kernel) {
    for (std::size_t c = 0; c < s.in; ++c)
      for (std::size_t o = 0; o < s.out; ++o)
        visit(of_y * s.out + o, of_x * s.in + c, (of_kernel * s.in + c) * s.out + o);
  });
}

// 1 × 1 without stride and padding: the patches are the image.
bool is_plain_product(const ConvShape& s) {
  return s.kernel_height == 1 && s.kernel_width == 1 && s.stride == 1 && s.padding == 0;
}

// The patches of output pixels as a matrix: in `room` or where they are.
const Real* patches_of(const ConvShape& s, const Real* x, std::size_t first, std::size_t count,
                       Array& room) {
  if (is_plain_product(s)) return x + first * s.in;
  room.resize({count, s.patch_size()});
  gather_patches(s, x, first, count, room.data());
  return room.data();
}

// Puts residual and bias into rows of y; false if there is neither.
bool start_rows(const ConvShape& s, const Real* bias, bool bias_per_image, const Real* residual,
                std::size_t first, std::size_t count, Real* y) {
  if (residual != nullptr && residual != y) {
    std::copy(residual + first * s.out, residual + (first + count) * s.out, y + first * s.out);
  }
  if (bias == nullptr) return residual != nullptr;
  for (std::size_t row = first; row < first + count; ++row) {
    const Real* const of_row = bias + (bias_per_image ? row / s.out_pixels() * s.out : 0);
    Real* const to = y + row * s.out;
    if (residual == nullptr) {
      std::copy(of_row, of_row + s.out, to);
    } else {
      for (std::size_t o = 0; o < s.out; ++o) to[o] += of_row[o];
    }
  }
  return true;
}

// y = x ∗ W + bias + residual. The bias is (out,), or (batch, out) if it is per image; it and the
// residual may be null, and the residual may be y itself.
void forward_by_patches(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
                        bool bias_per_image, const Real* residual, Real* y) {
  if (s.padding > 0 && !all_finite(weight, s.patch_size() * s.out)) {  // 0 · ∞ outside the image
    return conv_forward_plainly(s, x, weight, bias, bias_per_image, residual, y);
  }
  const std::size_t step = rows_per_block(s);
  for_each_job(block_count(s), work(s), [&](std::size_t block) {
    const std::size_t first = block * step, count = std::min(step, s.rows() - first);
    const bool started =
        start_rows(s, bias_per_image ? bias : nullptr, true, residual, first, count, y);
    Array room;
    gemm(Transpose::no, Transpose::no, count, s.out, s.patch_size(),
         patches_of(s, x, first, count, room), weight, started ? 1 : 0, y + first * s.out,
         {bias_per_image ? nullptr : bias});
  });
}

// dx = beta · dx + the adjoint of the convolution, applied to dy
void input_gradient_by_patches(const ConvShape& s, const Real* dy, const Real* weight, Real beta,
                               Real* dx) {
  // Patches overlap: one image belongs to one thread.
  const std::size_t step = rows_per_block(s), pixels = s.out_pixels();
  const std::size_t images = std::max<std::size_t>(1, step / pixels);
  for_each_job((s.batch + images - 1) / images, work(s), [&](std::size_t job) {
    const std::size_t begin = job * images, end = std::min(s.batch, begin + images);
    const bool scatter = !is_plain_product(s);
    if (beta == 0 && scatter) {
      std::fill(dx + begin * s.image_size(), dx + end * s.image_size(), Real(0));
    }
    Array room;
    for (std::size_t first = begin * pixels; first < end * pixels; first += step) {
      const std::size_t count = std::min(step, end * pixels - first);
      if (scatter) room.resize({count, s.patch_size()});
      gemm(Transpose::no, Transpose::yes, count, s.patch_size(), s.out, dy + first * s.out, weight,
           scatter ? 0 : beta, scatter ? room.data() : dx + first * s.in);
      if (scatter) scatter_patches(s, room.data(), first, count, dx);
    }
  });
}

// dW = beta · dW + Σ_pixels patchᵀ dy, in parts of some blocks each.
void weight_gradient_by_patches(const ConvShape& s, const Real* x, const Real* dy, Real beta,
                                Real* dw) {
  constexpr std::size_t most = 8;
  const std::size_t step = rows_per_block(s), blocks = block_count(s);
  const std::size_t size = s.patch_size() * s.out, parts = std::min(blocks, most);
  Array sums = empty({parts, size});
  for_each_job(parts, work(s), [&](std::size_t part) {
    Real before = 0;
    Array room;
    for (std::size_t b = part * blocks / parts; b < (part + 1) * blocks / parts; ++b) {
      const std::size_t first = b * step, count = std::min(step, s.rows() - first);
      gemm(Transpose::yes, Transpose::no, s.patch_size(), s.out, count,
           patches_of(s, x, first, count, room), dy + first * s.out, before,
           sums.data() + part * size);
      before = 1;
    }
  });
  if (s.padding > 0 && !all_finite(sums.data(), sums.size())) {  // 0 · ∞ outside the image
    return conv_weight_gradient_plainly(s, x, dy, beta, dw);
  }
  add_parts(sums, beta, dw);
}

// Few channels come out of many: the patches would be many times as long as what is computed from
// them. Seen from the result they are short, as a convolution without stride is the adjoint of one
// with the kernel turned round.
bool is_narrow(const ConvShape& s) {
  constexpr std::size_t narrow = 16;  // the width of gemm's tiles
  return s.stride == 1 && s.out < narrow && 4 * s.out <= s.in && !is_plain_product(s) &&
         s.padding < s.kernel_height && s.padding < s.kernel_width &&
         s.kernel_height == s.kernel_width;
}

// The convolution, from y to x, that it is the adjoint of.
ConvShape turned(const ConvShape& s) {
  return {s.batch,
          s.out_height,
          s.out_width,
          s.out,
          s.kernel_height,
          s.kernel_width,
          s.in,
          1,
          s.kernel_height - 1 - s.padding,
          s.height,
          s.width};
}

bool suits_winograd(const ConvShape& s, const Real* weight) {
  return detail::suits_winograd(s) && are_moderate(weight, s.patch_size() * s.out);
}

}  // namespace

// The maps as they are declared -----------------------------------------------------------------

void conv_forward_plainly(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
                          bool bias_per_image, const Real* residual, Real* y) {
  Array sums = zeros({s.rows() * s.out});
  for_each_product(
      s, [&](std::size_t i, std::size_t j, std::size_t k) { sums.data()[i] += x[j] * weight[k]; });
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t image = bias_per_image ? i / (s.out_pixels() * s.out) : 0;
    Real sum = sums.data()[i];
    if (bias != nullptr) sum += bias[image * s.out + i % s.out];
    y[i] = residual == nullptr ? sum : sum + residual[i];
  }
}

void conv_input_gradient_plainly(const ConvShape& s, const Real* dy, const Real* weight, Real beta,
                                 Real* dx) {
  if (beta == 0) std::fill_n(dx, s.batch * s.image_size(), Real(0));
  for_each_product(
      s, [&](std::size_t i, std::size_t j, std::size_t k) { dx[j] += dy[i] * weight[k]; });
}

void conv_weight_gradient_plainly(const ConvShape& s, const Real* x, const Real* dy, Real beta,
                                  Real* dw) {
  if (beta == 0) std::fill_n(dw, s.patch_size() * s.out, Real(0));
  for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) { dw[k] += dy[i] * x[j]; });
}

// And each in the way that suits its shape ------------------------------------------------------

void conv_forward(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
                  bool bias_per_image, const Real* residual, Real* y) {
  if (suits_winograd(s, weight)) {
    return winograd_forward(s, x, weight, bias, bias_per_image, residual, y);
  }
  if (!is_narrow(s)) {
    return forward_by_patches(s, x, weight, bias, bias_per_image, residual, y);
  }
  const Array other = exchange_channels(weight, s.weight(), Kernel::turned);
  const bool started = start_rows(s, bias, bias_per_image, residual, 0, s.rows(), y);
  input_gradient_by_patches(turned(s), x, other.data(), started ? 1 : 0, y);
}

void conv_input_gradient(const ConvShape& s, const Real* dy, const Real* weight, Real beta,
                         Real* dx) {
  if (suits_winograd(s, weight)) {
    return winograd_input_gradient(s, dy, weight, beta, dx);
  }
  if (!is_narrow(s)) return input_gradient_by_patches(s, dy, weight, beta, dx);
  const Array other = exchange_channels(weight, s.weight(), Kernel::turned);
  forward_by_patches(turned(s), dy, other.data(), nullptr, false, beta == 0 ? nullptr : dx, dx);
}

void conv_weight_gradient(const ConvShape& s, const Real* x, const Real* dy, Real beta, Real* dw) {
  if (suits_winograd(s)) return winograd_weight_gradient(s, x, dy, beta, dw);
  if (!is_narrow(s)) return weight_gradient_by_patches(s, x, dy, beta, dw);
  Array other = empty(turned(s).weight());
  weight_gradient_by_patches(turned(s), dy, x, 0, other.data());
  const Array sum = exchange_channels(other.data(), other.shape(), Kernel::turned);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    dw[i] = beta == 0 ? sum.data()[i] : dw[i] + sum.data()[i];
  }
}

}  // namespace nabla::detail
