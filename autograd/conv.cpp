// Convolutions: the operations. The maps that they are made of are in kernels/conv.hpp.
#include "autograd/kernels/conv.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/kernels/patches.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/ops.hpp"

namespace nabla {

using detail::conv_forward, detail::conv_input_gradient, detail::conv_weight_gradient;
using detail::ConvShape, detail::exchange_channels, detail::Kernel;

namespace {

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
  x.accumulate_with([&](Array& dx, Real beta) {
    conv_input_gradient(s, dy, weight.value.data(), beta, dx.data());
  });
  weight.accumulate_with(
      [&](Array& dw, Real beta) { conv_weight_gradient(s, x.value.data(), dy, beta, dw.data()); });
  accumulate_bias(s.batch, out.grad(), bias);
}

}  // namespace

// y = x ∗ W + b           dx: the adjoint of ∗ W applied to dy; dW = Σ patchᵀ dy, db = Σ dy
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  const ConvShape s = detail::conv_shape("conv2d", x.shape(), weight.shape(), options);
  check_bias("conv2d", s, bias, true);
  Array y = empty(s.result());
  conv_forward(s, x.value().data(), weight.value().data(), bias.value().data(),
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
  if (residual.shape() != s.result()) {
    throw std::invalid_argument("conv2d_add: the residual must have the result's shape " +
                                to_string(s.result()) + ", got " + to_string(residual.shape()));
  }
  Array y = empty(s.result());
  conv_forward(s, x.value().data(), weight.value().data(), bias.value().data(),
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
  conv_input_gradient(
      s, x.value().data(),
      exchange_channels(weight.value().data(), weight.shape(), Kernel::as_is).data(), 1, y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    const Real* const dy = out.grad().data();
    x.accumulate_with([&](Array& dx, Real beta) {
      conv_forward(
          s, dy, exchange_channels(weight.value.data(), weight.value.shape(), Kernel::as_is).data(),
          nullptr, false, beta == 0 ? nullptr : dx.data(), dx.data());
    });
    if (weight.requires_grad()) {
      Array dv = empty(s.weight());
      conv_weight_gradient(s, dy, x.value.data(), 0, dv.data());
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
  Array y = empty(s.result());
  detail::conv_forward_plainly(s, x.value().data(), weight.value().data(), bias.value().data(),
                               is_per_image(bias.shape()), nullptr, y.data());
  const auto backward = [s](Node& out, Node& x, Node& weight, Node& bias) {
    const Real* const dy = out.grad().data();
    Array dx = empty(x.value.shape()), dw = empty(weight.value.shape());
    Array db = zeros(bias.value.shape());
    detail::conv_input_gradient_plainly(s, dy, weight.value.data(), 0, dx.data());
    detail::conv_weight_gradient_plainly(s, x.value.data(), dy, 0, dw.data());
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
