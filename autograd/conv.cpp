// Convolutions: patches of the image times the weight as a matrix. What bounds them is the product;
// the patches of a block of output pixels stay in the cache, and those of a whole batch never lie
// in memory. For 3 × 3 there is something better, in winograd.cpp.
#include <algorithm>
#include <stdexcept>

#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/patches.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/kernels/winograd.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::ConvShape;
using detail::exchange_channels;
using detail::Kernel;

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

// y = x ∗ W + bias + residual as it is declared: what the faster ways are held against, and the way
// for numbers that they cannot take.
void forward_plainly(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
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

void weight_gradient_plainly(const ConvShape& s, const Real* x, const Real* dy, Real beta,
                             Real* dw) {
  if (beta == 0) std::fill_n(dw, s.patch_size() * s.out, Real(0));
  for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) { dw[k] += dy[i] * x[j]; });
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
  detail::gather_patches(s, x, first, count, room.data());
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
    return forward_plainly(s, x, weight, bias, bias_per_image, residual, y);
  }
  const std::size_t step = rows_per_block(s);
  detail::for_each_job(block_count(s), work(s), [&](std::size_t block) {
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
  detail::for_each_job((s.batch + images - 1) / images, work(s), [&](std::size_t job) {
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
      if (scatter) detail::scatter_patches(s, room.data(), first, count, dx);
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
  detail::for_each_job(parts, work(s), [&](std::size_t part) {
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
    return weight_gradient_plainly(s, x, dy, beta, dw);
  }
  detail::add_parts(sums, beta, dw);
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

Shape weight_shape(const ConvShape& s) {
  return {s.kernel_height, s.kernel_width, s.in, s.out};
}

// From here on the three maps that the operations are made of; each has the way that suits its
// shape.

bool suits_winograd(const ConvShape& s, const Real* weight) {
  return detail::suits_winograd(s) && detail::are_moderate(weight, s.patch_size() * s.out);
}

void forward(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
             bool bias_per_image, const Real* residual, Real* y) {
  if (suits_winograd(s, weight)) {
    return detail::winograd_forward(s, x, weight, bias, bias_per_image, residual, y);
  }
  if (!is_narrow(s)) {
    return forward_by_patches(s, x, weight, bias, bias_per_image, residual, y);
  }
  const Array other = exchange_channels(weight, weight_shape(s), Kernel::turned);
  const bool started = start_rows(s, bias, bias_per_image, residual, 0, s.rows(), y);
  input_gradient_by_patches(turned(s), x, other.data(), started ? 1 : 0, y);
}

void input_gradient(const ConvShape& s, const Real* dy, const Real* weight, Real beta, Real* dx) {
  if (suits_winograd(s, weight)) {
    return detail::winograd_input_gradient(s, dy, weight, beta, dx);
  }
  if (!is_narrow(s)) return input_gradient_by_patches(s, dy, weight, beta, dx);
  const Array other = exchange_channels(weight, weight_shape(s), Kernel::turned);
  forward_by_patches(turned(s), dy, other.data(), nullptr, false, beta == 0 ? nullptr : dx, dx);
}

void weight_gradient(const ConvShape& s, const Real* x, const Real* dy, Real beta, Real* dw) {
  if (detail::suits_winograd(s)) return detail::winograd_weight_gradient(s, x, dy, beta, dw);
  if (!is_narrow(s)) return weight_gradient_by_patches(s, x, dy, beta, dw);
  Array other = empty(weight_shape(turned(s)));
  weight_gradient_by_patches(turned(s), dy, x, 0, other.data());
  const Array sum = exchange_channels(other.data(), other.shape(), Kernel::turned);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    dw[i] = beta == 0 ? sum.data()[i] : dw[i] + sum.data()[i];
  }
}

bool is_per_image(const Shape& bias) {
  return bias.size() == 2;
}

void check_bias(const char* operation, const ConvShape& s, const Tensor& bias, bool per_image_too) {
  if (bias.shape() == Shape{s.out}) return;
  if (per_image_too && bias.shape() == Shape{s.batch, s.out}) return;
  throw std::invalid_argument(
      std::string(operation) + ": the bias must have shape " + to_string(Shape{s.out}) +
      (per_image_too ? " or " + to_string(Shape{s.batch, s.out}) : std::string()) + ", got " +
      to_string(bias.shape()));
}

// db = Σ dy over all pixels, or over those of each image
void accumulate_bias(std::size_t batch, const Array& dy, Node& bias) {
  if (!bias.requires_grad()) return;
  const std::size_t out = dy.shape().back(), rows = out == 0 ? 0 : dy.size() / out;
  Array sums = empty(bias.value.shape());
  if (is_per_image(bias.value.shape())) {
    detail::sum_middle(dy.data(), sums.data(), {batch, batch == 0 ? 0 : rows / batch, out});
  } else {
    detail::sum_middle(dy.data(), sums.data(), {1, rows, out});
  }
  bias.accumulate(std::move(sums));
}

void accumulate_all(const ConvShape& s, Node& out, Node& x, Node& weight, Node& bias) {
  const Real* const dy = out.grad().data();
  x.accumulate_with(
      [&](Array& dx, Real beta) { input_gradient(s, dy, weight.value.data(), beta, dx.data()); });
  weight.accumulate_with(
      [&](Array& dw, Real beta) { weight_gradient(s, x.value.data(), dy, beta, dw.data()); });
  accumulate_bias(s.batch, out.grad(), bias);
}

Shape result_shape(const ConvShape& s) {
  return {s.batch, s.out_height, s.out_width, s.out};
}

}  // namespace

// y = x ∗ W + b           dx: the adjoint of ∗ W applied to dy; dW = Σ patchᵀ dy, db = Σ dy
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  const ConvShape s = detail::conv_shape("conv2d", x.shape(), weight.shape(), options);
  check_bias("conv2d", s, bias, true);
  Array y = empty(result_shape(s));
  forward(s, x.value().data(), weight.value().data(), bias.value().data(),
          is_per_image(bias.shape()), nullptr, y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    accumulate_all(s, out, x, weight, bias);
  };
  return record("conv2d", std::move(y), backward, x, weight, bias);
}

// y = x ∗ W + b + r       dr = dy; the rest as in conv2d
Tensor conv2d_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                  const ConvOptions& options) {
  const ConvShape s = detail::conv_shape("conv2d_add", x.shape(), weight.shape(), options);
  check_bias("conv2d_add", s, bias, true);
  if (residual.shape() != result_shape(s)) {
    throw std::invalid_argument("conv2d_add: the residual must have the result's shape " +
                                to_string(result_shape(s)) + ", got " +
                                to_string(residual.shape()));
  }
  Array y = empty(result_shape(s));
  forward(s, x.value().data(), weight.value().data(), bias.value().data(),
          is_per_image(bias.shape()), residual.value().data(), y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias, Node& residual) {
    accumulate_all(s, out, x, weight, bias);
    residual.accumulate(out.grad());
  };
  return record("conv2d_add", std::move(y), backward, x, weight, bias, residual);
}

// y = A x + b, where A is the adjoint of y ∗ V, V[u,v,o,c] = W[u,v,c,o]: what is dx there is y here
// dx = dy ∗ V, dV = Σ patch(dy)ᵀ x, db = Σ dy
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvOptions& options) {
  const ConvShape s =
      detail::conv_transpose_shape("conv_transpose2d", x.shape(), weight.shape(), options);
  const std::size_t channels = s.in;  // of the result
  if (bias.shape() != Shape{channels}) {
    throw std::invalid_argument("conv_transpose2d: the bias must have shape " +
                                to_string(Shape{channels}) + ", got " + to_string(bias.shape()));
  }
  Array y = empty({s.batch, s.height, s.width, channels});
  for (std::size_t i = 0; i < y.size(); i += channels) {
    std::copy(bias.value().data(), bias.value().data() + channels, y.data() + i);
  }
  input_gradient(s, x.value().data(),
                 exchange_channels(weight.value().data(), weight.shape(), Kernel::as_is).data(), 1,
                 y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    const Real* const dy = out.grad().data();
    x.accumulate_with([&](Array& dx, Real beta) {
      forward(s, dy,
              exchange_channels(weight.value.data(), weight.value.shape(), Kernel::as_is).data(),
              nullptr, false, beta == 0 ? nullptr : dx.data(), dx.data());
    });
    if (weight.requires_grad()) {
      Array dv = empty(weight_shape(s));
      weight_gradient(s, dy, x.value.data(), 0, dv.data());
      weight.accumulate(exchange_channels(dv.data(), dv.shape(), Kernel::as_is));
    }
    accumulate_bias(s.batch, out.grad(), bias);
  };
  return record("conv_transpose2d", std::move(y), backward, x, weight, bias);
}

Tensor conv2d_direct(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const ConvOptions& options) {
  const ConvShape s = detail::conv_shape("conv2d_direct", x.shape(), weight.shape(), options);
  check_bias("conv2d_direct", s, bias, true);
  Array y = empty(result_shape(s));
  forward_plainly(s, x.value().data(), weight.value().data(), bias.value().data(),
                  is_per_image(bias.shape()), nullptr, y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    const Real* const dy = out.grad().data();
    Array dx = zeros(x.value.shape()), dw = empty(weight.value.shape());
    Array db = zeros(bias.value.shape());
    for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      dx.data()[j] += dy[i] * weight.value.data()[k];
    });
    weight_gradient_plainly(s, x.value.data(), dy, 0, dw.data());
    for (std::size_t i = 0; i < out.value.size(); ++i) {
      const std::size_t image = is_per_image(db.shape()) ? i / (s.out_pixels() * s.out) : 0;
      db.data()[image * s.out + i % s.out] += dy[i];
    }
    x.accumulate(std::move(dx));
    weight.accumulate(std::move(dw));
    bias.accumulate(std::move(db));
  };
  return record("conv2d_direct", std::move(y), backward, x, weight, bias);
}

}  // namespace nabla
