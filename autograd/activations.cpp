// Activations: forward and backward of each in one function. In the comments g is the gradient of
// the result, out.grad(). Every form here is finite, with a finite gradient, for any finite x, and
// has its limits at ±∞.
#include <cmath>

#include "autograd/kernels/functions.hpp"
#include "autograd/ops.hpp"

namespace nabla {

using simd::term;

// tanh x                          d tanh/dx = 1 − tanh²
Tensor tanh(const Tensor& x) {
  return record(
      "tanh", compute(xt::tanh(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * (1 - out.value * out.value)); }, x);
}

// σ(x) = 1 / (1 + e⁻ˣ)            dσ/dx = σ (1 − σ)
Tensor sigmoid(const Tensor& x) {
  return record(
      "sigmoid", compute(term<simd::logistic>(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * out.value * (1 - out.value)); }, x);
}

// ln σ(x) = min(x, 0) − ln(1 + e^(−|x|))      d ln σ/dx = σ(−x)
Tensor log_sigmoid(const Tensor& t) {
  const Array& x = t.value();
  return record(
      "log_sigmoid", compute(xt::where(x < 0, x, Real(0)) - term<simd::log1p_exp>(x)),
      [](Node& out, Node& x) { x.accumulate(out.grad() * term<simd::logistic>(-x.value)); }, t);
}

// softplus(x) = max(x, 0) + ln(1 + e^(−|x|))  d softplus/dx = σ(x)
Tensor softplus(const Tensor& t) {
  const Array& x = t.value();
  return record(
      "softplus", compute(xt::where(x > 0, x, Real(0)) + term<simd::log1p_exp>(x)),
      [](Node& out, Node& x) { x.accumulate(out.grad() * term<simd::logistic>(x.value)); }, t);
}

// max(x, 0)                       dx = g [x > 0]
Tensor relu(const Tensor& x) {
  return record(
      "relu", compute(xt::where(x.value() < 0, Real(0), x.value())),  // this way NaN stays NaN
      [](Node& out, Node& x) { x.accumulate(xt::where(x.value > 0, out.grad(), Real(0))); }, x);
}

// x or slope · x                  dx = g or slope · g
Tensor leaky_relu(const Tensor& x, Real slope) {
  check_number(std::isfinite(slope), "leaky_relu", "slope", slope, "finite");
  if (slope == 0) return relu(x);  // and not 0 · ∞
  return record(
      "leaky_relu", compute(xt::where(x.value() > 0, x.value(), slope * x.value())),
      [slope](Node& out, Node& x) {
        x.accumulate(xt::where(x.value > 0, out.grad(), slope * out.grad()));
      },
      x);
}

// x or α (eˣ − 1)                 dx = g or g α eˣ
Tensor elu(const Tensor& x, Real alpha) {
  check_number(std::isfinite(alpha), "elu", "alpha", alpha, "finite");
  return record(
      "elu", compute(xt::where(x.value() > 0, x.value(), alpha * term<simd::expm1>(x.value()))),
      [alpha](Node& out, Node& x) {
        x.accumulate(
            xt::where(x.value > 0, out.grad(), out.grad() * alpha * term<simd::exp>(x.value)));
      },
      x);
}

// x σ(x)                          d/dx = σ + x σ (1 − σ)
Tensor silu(const Tensor& x) {
  return record(
      "silu", compute(term<simd::silu>(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * term<simd::silu_slope>(x.value)); }, x);
}

// x Φ(x), Φ(x) = ½ erfc(−x / √2)  d/dx = Φ + x φ, φ(x) = e^(−x²/2) / √2π
Tensor gelu(const Tensor& x) {
  return record(
      "gelu", compute(term<simd::gelu>(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * term<simd::gelu_slope>(x.value)); }, x);
}

}  // namespace nabla
