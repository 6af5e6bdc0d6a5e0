// Activations: forward and backward of each in one function. In the comments g is the gradient of
// the result, out.grad(). Every form here is finite, with a finite gradient, for any finite x.
#include "autograd/ops.hpp"

namespace nabla {

// tanh x                          d tanh/dx = 1 − tanh²
Tensor tanh(const Tensor& x) {
  return record(
      "tanh", compute(xt::tanh(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * (1 - out.value * out.value)); }, x);
}

// σ(x) = 1 / (1 + e⁻ˣ)            dσ/dx = σ (1 − σ)
Tensor sigmoid(const Tensor& x) {
  return record(
      "sigmoid", compute(1 / (1 + xt::exp(-x.value()))),
      [](Node& out, Node& x) { x.accumulate(out.grad() * out.value * (1 - out.value)); }, x);
}

// ln σ(x) = min(x, 0) − ln(1 + e^(−|x|))         d ln σ/dx = σ(−x)
Tensor log_sigmoid(const Tensor& x) {
  return record(
      "log_sigmoid",
      compute(xt::where(x.value() > 0, Real(0), x.value()) -
              xt::log1p(xt::exp(-xt::abs(x.value())))),
      [](Node& out, Node& x) { x.accumulate(out.grad() / (1 + xt::exp(x.value))); }, x);
}

// softplus(x) = max(x, 0) + ln(1 + e^(−|x|))     d softplus/dx = σ(x)
Tensor softplus(const Tensor& x) {
  return record(
      "softplus",
      compute(xt::where(x.value() < 0, Real(0), x.value()) +
              xt::log1p(xt::exp(-xt::abs(x.value())))),
      [](Node& out, Node& x) { x.accumulate(out.grad() / (1 + xt::exp(-x.value))); }, x);
}

// max(x, 0)                       dx = g [x > 0]
Tensor relu(const Tensor& x) {
  return record(
      "relu", compute(xt::where(x.value() < 0, Real(0), x.value())),  // this way NaN stays NaN
      [](Node& out, Node& x) { x.accumulate(xt::where(x.value > 0, out.grad(), Real(0))); }, x);
}

// x or slope · x                  dx = g or slope · g
Tensor leaky_relu(const Tensor& x, Real slope) {
  return record(
      "leaky_relu", compute(xt::where(x.value() > 0, x.value(), slope * x.value())),
      [slope](Node& out, Node& x) {
        x.accumulate(xt::where(x.value > 0, out.grad(), slope * out.grad()));
      },
      x);
}

// x or α (eˣ − 1)                 dx = g or g α eˣ
Tensor elu(const Tensor& x, Real alpha) {
  return record(
      "elu", compute(xt::where(x.value() > 0, x.value(), alpha * xt::expm1(x.value()))),
      [alpha](Node& out, Node& x) {
        x.accumulate(xt::where(x.value > 0, out.grad(), out.grad() * alpha * xt::exp(x.value)));
      },
      x);
}

// x σ(x)                          d/dx = σ + x σ (1 − σ)
Tensor silu(const Tensor& x) {
  return record(
      "silu", compute(x.value() / (1 + xt::exp(-x.value()))),
      [](Node& out, Node& x) {
        const Array s = compute(1 / (1 + xt::exp(-x.value)));
        x.accumulate(out.grad() * s * (1 + x.value * (1 - s)));
      },
      x);
}

constexpr Real root_half = Real(0.70710678118654752440);     // 1 / √2
constexpr Real density_at_0 = Real(0.39894228040143267794);  // 1 / √2π

// x Φ(x), Φ(x) = ½ erfc(−x / √2)  d/dx = Φ + x φ, φ(x) = e^(−x²/2) / √2π
Tensor gelu(const Tensor& x) {
  return record(
      "gelu", compute(x.value() / 2 * xt::erfc(-root_half * x.value())),
      [](Node& out, Node& x) {
        x.accumulate(out.grad() * (xt::erfc(-root_half * x.value) / 2 +
                                   x.value * density_at_0 * xt::exp(-x.value * x.value / 2)));
      },
      x);
}

}  // namespace nabla
