// Convolutions: patches of the image times the weight as a matrix. What bounds them is the product;
// the patches of a block of output pixels stay in the cache, and those of a whole batch never lie
// in memory. For 3 × 3 there is something better, in winograd.cpp.
#include <algorithm>
#include <stdexcept>

#include "autograd/blas.hpp"
#include "autograd/ops.hpp"
#include "autograd/patches.hpp"
#include "autograd/reduction.hpp"
#include "autograd/winograd.hpp"

namespace nabla {
namespace {

using detail::ConvShape;

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

// Puts what differs from pixel to pixel into rows of y; false if that is nothing.
bool start_rows(const ConvShape& s, const Real* image_bias, const Real* residual, std::size_t first,
                std::size_t count, Real* y) {
  if (residual != nullptr && residual != y) {
    std::copy(residual + first * s.out, residual + (first + count) * s.out, y + first * s.out);
  }
  if (image_bias == nullptr) return residual != nullptr;
  for (std::size_t row = first; row < first + count; ++row) {
    const Real* const bias = image_bias + row / s.out_pixels() * s.out;
    Real* const to = y + row * s.out;
    if (residual == nullptr) {
      std::copy(bias, bias + s.out, to);
    } else {
      for (std::size_t o = 0; o < s.out; ++o) to[o] += bias[o];
    }
  }
  return true;
}

// Rows of y as they are before the products are added.
void fill_rows(const ConvShape& s, const Real* bias, bool bias_per_image, const Real* residual,
               Real* y) {
  detail::for_each_job(s.batch, s.rows() * s.out, [&](std::size_t image) {
    const std::size_t first = image * s.out_pixels();
    const Real* const own = bias_per_image ? bias + image * s.out : bias;
    for (std::size_t i = first * s.out; i < (first + s.out_pixels()) * s.out; ++i) {
      y[i] = (residual == nullptr ? 0 : residual[i]) + (bias == nullptr ? 0 : own[i % s.out]);
    }
  });
}

// Convolution with stride 1 is its own kind of adjoint: of the kernel turned by 180°. To few
// channels from many it is cheaper that way, as patches are then of the few: the last convolution
// of a U-Net takes 9 numbers a pixel from its gradient rather than 288 from its input.
bool is_cheaper_turned(const ConvShape& s) {
  return s.stride == 1 && s.kernel_height == s.kernel_width && s.padding < s.kernel_height &&
         4 * s.out <= s.in && s.kernel_height > 1;
}

ConvShape turned(const ConvShape& s) {
  ConvShape result = s;
  std::swap(result.in, result.out);
  std::swap(result.height, result.out_height);
  std::swap(result.width, result.out_width);
  result.padding = s.kernel_height - 1 - s.padding;
  return result;
}

void input_gradient(const ConvShape& s, const Real* dy, const Real* weight, Real beta, Real* dx);

// y = x ∗ W + bias + residual. The bias is (out,), or (batch, out) if it is per image; it and the
// residual may be null, and the residual may be y itself.
void forward(const ConvShape& s, const Real* x, const Real* weight, const Real* bias,
             bool bias_per_image, const Real* residual, Real* y) {
  if (detail::suits_winograd(s)) {
    return detail::winograd_forward(s, x, weight, bias, bias_per_image, residual, y);
  }
  if (is_cheaper_turned(s)) {
    fill_rows(s, bias, bias_per_image, residual, y);
    return input_gradient(turned(s), x, detail::turned_kernel(s, weight).data(), 1, y);
  }
  const std::size_t step = rows_per_block(s);
  detail::for_each_job(block_count(s), work(s), [&](std::size_t block) {
    const std::size_t first = block * step, count = std::min(step, s.rows() - first);
    const Real* const image_bias = bias_per_image ? bias : nullptr;
    const bool started = start_rows(s, image_bias, residual, first, count, y);
    Array room;
    gemm(Transpose::no, Transpose::no, count, s.out, s.patch_size(),
         patches_of(s, x, first, count, room), weight, started ? 1 : 0, y + first * s.out,
         {bias_per_image ? nullptr : bias});
  });
}

// dx = beta · dx + the adjoint of the convolution, applied to dy
void input_gradient(const ConvShape& s, const Real* dy, const Real* weight, Real beta, Real* dx) {
  if (detail::suits_winograd(s)) {
    return detail::winograd_input_gradient(s, dy, weight, beta, dx);
  }
  if (is_cheaper_turned(s)) {
    return forward(turned(s), dy, detail::turned_kernel(s, weight).data(), nullptr, false,
                   beta == 0 ? nullptr : dx, dx);
  }
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

// dW = beta · dW + Σ_pixels patchᵀ dy: each thread adds up its blocks, and the sums of the threads
// are added in their order.
void weight_gradient(const ConvShape& s, const Real* x, const Real* dy, Real beta, Real* dw) {
  if (detail::suits_winograd(s)) return detail::winograd_weight_gradient(s, x, dy, beta, dw);
  if (is_cheaper_turned(s)) {
    Array of_turned = empty({s.patch_size() * s.out});
    weight_gradient(turned(s), dy, x, 0, of_turned.data());
    const detail::Numbers back = detail::turned_kernel(turned(s), of_turned.data());
    for (std::size_t i = 0; i < back.size(); ++i) {
      dw[i] = (beta == 0 ? 0 : beta * dw[i]) + back[i];
    }
    return;
  }
  const std::size_t step = rows_per_block(s), blocks = block_count(s);
  const std::size_t size = s.patch_size() * s.out;
  if (blocks == 0 && beta == 0) std::fill(dw, dw + size, Real(0));
  if (blocks == 0) return;
  const std::size_t parts = std::min(blocks, static_cast<std::size_t>(threads()));
  Array others = empty({parts - 1, size});
  detail::for_each_job(parts, work(s), [&](std::size_t part) {
    Real* const sum = part == 0 ? dw : others.data() + (part - 1) * size;
    Real before = part == 0 ? beta : Real(0);
    Array room;
    for (std::size_t b = part * blocks / parts; b < (part + 1) * blocks / parts; ++b) {
      const std::size_t first = b * step, count = std::min(step, s.rows() - first);
      gemm(Transpose::yes, Transpose::no, s.patch_size(), s.out, count,
           patches_of(s, x, first, count, room), dy + first * s.out, before, sum);
      before = 1;
    }
  });
  for (std::size_t part = 1; part < parts; ++part) {
    const Real* const other = others.data() + (part - 1) * size;
    for (std::size_t i = 0; i < size; ++i) dw[i] += other[i];
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

namespace {

// (kh, kw, C, O) to (kh, kw, O, C)
Array exchange_channels(const Array& weight) {
  const Shape& shape = weight.shape();
  const std::size_t in = shape[2], out = shape[3];
  Array result = empty({shape[0], shape[1], out, in});
  for (std::size_t k = 0; k < shape[0] * shape[1]; ++k) {
    const Real* const from = weight.data() + k * in * out;
    Real* const to = result.data() + k * in * out;
    for (std::size_t c = 0; c < in; ++c) {
      for (std::size_t o = 0; o < out; ++o) to[o * in + c] = from[c * out + o];
    }
  }
  return result;
}

}  // namespace

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
  input_gradient(s, x.value().data(), exchange_channels(weight.value()).data(), 1, y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    const Real* const dy = out.grad().data();
    x.accumulate_with([&](Array& dx, Real beta) {
      forward(s, dy, exchange_channels(weight.value).data(), nullptr, false,
              beta == 0 ? nullptr : dx.data(), dx.data());
    });
    if (weight.requires_grad()) {
      Array dv = empty({s.kernel_height, s.kernel_width, s.in, s.out});
      weight_gradient(s, dy, x.value.data(), 0, dv.data());
      weight.accumulate(exchange_channels(dv));
    }
    accumulate_bias(s.batch, out.grad(), bias);
  };
  return record("conv_transpose2d", std::move(y), backward, x, weight, bias);
}

namespace {

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

}  // namespace

Tensor conv2d_direct(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const ConvOptions& options) {
  const ConvShape s = detail::conv_shape("conv2d_direct", x.shape(), weight.shape(), options);
  check_bias("conv2d_direct", s, bias, true);
  Array y = zeros(result_shape(s));
  const Real* const of_x = x.value().data();
  const Real* const of_w = weight.value().data();
  for_each_product(
      s, [&](std::size_t i, std::size_t j, std::size_t k) { y.data()[i] += of_x[j] * of_w[k]; });
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t image = is_per_image(bias.shape()) ? i / (s.out_pixels() * s.out) : 0;
    y.data()[i] += bias.value().data()[image * s.out + i % s.out];
  }
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    const Real* const dy = out.grad().data();
    Array dx = zeros(x.value.shape()), dw = zeros(weight.value.shape());
    Array db = zeros(bias.value.shape());
    for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      dx.data()[j] += dy[i] * weight.value.data()[k];
      dw.data()[k] += dy[i] * x.value.data()[j];
    });
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
