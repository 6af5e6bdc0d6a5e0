// Arithmetic and functions of single numbers: forward and backward of each in one function. In the
// comments g is the gradient of the result, out.grad().
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "autograd/broadcast.hpp"
#include "autograd/ops.hpp"

namespace nabla {

using detail::accumulate_summed, detail::spread;

// Arithmetic ----------------------------------------------------------------------------------

// y = a + b               da = g, db = g
Tensor operator+(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("add", a.shape(), b.shape());
  return record(
      "add", compute(spread(a.value(), shape) + spread(b.value(), shape)),
      [](Node& out, Node& a, Node& b) {
        accumulate_summed(a, out.grad());
        accumulate_summed(b, out.grad());
      },
      a, b);
}

// y = a − b               da = g, db = −g
Tensor operator-(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("subtract", a.shape(), b.shape());
  return record(
      "subtract", compute(spread(a.value(), shape) - spread(b.value(), shape)),
      [](Node& out, Node& a, Node& b) {
        accumulate_summed(a, out.grad());
        accumulate_summed(b, -out.grad());
      },
      a, b);
}

// y = a b                 da = g b, db = g a
Tensor operator*(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("multiply", a.shape(), b.shape());
  return record(
      "multiply", compute(spread(a.value(), shape) * spread(b.value(), shape)),
      [](Node& out, Node& a, Node& b) {
        const Shape& shape = out.value.shape();
        accumulate_summed(a, out.grad() * spread(b.value, shape));
        accumulate_summed(b, out.grad() * spread(a.value, shape));
      },
      a, b);
}

// y = a / b               da = g / b, db = −g y / b
Tensor operator/(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("divide", a.shape(), b.shape());
  return record(
      "divide", compute(spread(a.value(), shape) / spread(b.value(), shape)),
      [](Node& out, Node& a, Node& b) {
        const Shape& shape = out.value.shape();
        accumulate_summed(a, out.grad() / spread(b.value, shape));
        accumulate_summed(b, -out.grad() * out.value / spread(b.value, shape));
      },
      a, b);
}

// y = −x                  dx = −g
Tensor operator-(const Tensor& x) {
  return record(
      "negate", compute(-x.value()), [](Node& out, Node& x) { x.accumulate(-out.grad()); }, x);
}

// y = x + c               dx = g
Tensor operator+(const Tensor& x, Real c) {
  return record(
      "add", compute(x.value() + c), [](Node& out, Node& x) { x.accumulate(out.grad()); }, x);
}
Tensor operator+(Real c, const Tensor& x) {
  return x + c;
}
Tensor operator-(const Tensor& x, Real c) {
  return x + (-c);
}

// y = c − x               dx = −g
Tensor operator-(Real c, const Tensor& x) {
  return record(
      "subtract", compute(c - x.value()), [](Node& out, Node& x) { x.accumulate(-out.grad()); }, x);
}

// y = c x                 dx = c g
Tensor operator*(const Tensor& x, Real c) {
  return record(
      "multiply", compute(c * x.value()), [c](Node& out, Node& x) { x.accumulate(c * out.grad()); },
      x);
}
Tensor operator*(Real c, const Tensor& x) {
  return x * c;
}

// y = x / c               dx = g / c
Tensor operator/(const Tensor& x, Real c) {
  return record(
      "divide", compute(x.value() / c), [c](Node& out, Node& x) { x.accumulate(out.grad() / c); },
      x);
}

// y = c / x               dx = −g y / x
Tensor operator/(Real c, const Tensor& x) {
  return record(
      "divide", compute(c / x.value()),
      [](Node& out, Node& x) { x.accumulate(-out.grad() * out.value / x.value); }, x);
}

// Powers and functions ------------------------------------------------------------------------

namespace {

// xᵖ, with 0⁰ = 1 and ∞ for p < 0: of 0, xsimd 8.1 makes every power 0.
Array power(const Array& x, Real p) {
  return compute(xt::where(xt::equal(x, 0), std::pow(Real(0), p), xt::pow(x, p)));
}
Array power(const Array& x, const Array& p) {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  return compute(xt::where(xt::equal(x, 0),
                           xt::where(p > 0, Real(0), xt::where(p < 0, infinity, 1 + p)),
                           xt::pow(x, p)));
}

}  // namespace

// y = xᵖ                  dx = g p xᵖ⁻¹
Tensor pow(const Tensor& x, Real p) {
  if (p == 2) return square(x);  // ten times as fast
  return record(
      "pow", power(x.value(), p),
      [p](Node& out, Node& x) {
        if (p == 0) return x.accumulate(zeros(x.value.shape()));  // and not 0 · 0⁻¹ at x = 0
        x.accumulate(compute(out.grad() * p * power(x.value, p - 1)));
      },
      x);
}

// y = xᵖ                  dx = g p xᵖ⁻¹, dp = g y ln x; at x = 0 its limit for p > 0, which is 0
Tensor pow(const Tensor& x, const Tensor& p) {
  const Shape shape = broadcast_shape("pow", x.shape(), p.shape());
  return record(
      "pow", power(spread(x.value(), shape), spread(p.value(), shape)),
      [](Node& out, Node& x, Node& p) {
        std::optional<Array> room_x, room_p;
        const Array& base = spread(x.value, out.value.shape(), std::move(room_x));
        const Array& exponent = spread(p.value, out.value.shape(), std::move(room_p));
        if (x.requires_grad()) {
          const Array slope = compute(exponent * power(base, compute(exponent - 1)));
          accumulate_summed(x, xt::where(xt::equal(exponent, 0), Real(0), out.grad() * slope));
        }
        accumulate_summed(
            p, xt::where(xt::equal(base, 0), Real(0), out.grad() * out.value * xt::log(base)));
      },
      x, p);
}

// y = x²                  dx = 2 g x
Tensor square(const Tensor& x) {
  return record(
      "square", compute(x.value() * x.value()),
      [](Node& out, Node& x) { x.accumulate(2 * out.grad() * x.value); }, x);
}

// y = √x                  dx = g / 2y
Tensor sqrt(const Tensor& x) {
  return record(
      "sqrt", compute(xt::sqrt(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() / (2 * out.value)); }, x);
}

// y = eˣ                  dx = g y
Tensor exp(const Tensor& x) {
  return record(
      "exp", compute(xt::exp(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * out.value); }, x);
}

// y = eˣ − 1              dx = g (y + 1)
Tensor expm1(const Tensor& x) {
  return record(
      "expm1", compute(xt::expm1(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * (out.value + 1)); }, x);
}

// y = ln x                dx = g / x
Tensor log(const Tensor& x) {
  return record(
      "log", compute(xt::log(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() / x.value); }, x);
}

// y = ln(1 + x)           dx = g / (1 + x)
Tensor log1p(const Tensor& x) {
  return record(
      "log1p", compute(xt::log1p(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() / (1 + x.value)); }, x);
}

// y = |x|                 dx = g sign(x)
Tensor abs(const Tensor& x) {
  return record(
      "abs", compute(xt::abs(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * xt::sign(x.value)); }, x);
}

// y = sin x               dx = g cos x
Tensor sin(const Tensor& x) {
  return record(
      "sin", compute(xt::sin(x.value())),
      [](Node& out, Node& x) { x.accumulate(compute(out.grad() * xt::cos(x.value))); }, x);
}

// y = cos x               dx = −g sin x
Tensor cos(const Tensor& x) {
  return record(
      "cos", compute(xt::cos(x.value())),
      [](Node& out, Node& x) { x.accumulate(compute(-out.grad() * xt::sin(x.value))); }, x);
}

}  // namespace nabla
