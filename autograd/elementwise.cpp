// Arithmetic and functions of single numbers: forward and backward of each in one function. In the
// comments g is the gradient of the result, out.grad().
#include <optional>
#include <utility>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/functions.hpp"
#include "autograd/ops.hpp"

namespace nabla {

using simd::term;

namespace {

// −x, and −0 of 0: xsimd 8.1 would subtract from 0.
template <class E>
auto minus(E&& x) {
  return Real(-1) * std::forward<E>(x);
}

}  // namespace

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
        accumulate_summed(b, minus(out.grad()));
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
        accumulate_summed(b, minus(out.grad()) * out.value / spread(b.value, shape));
      },
      a, b);
}

// y = −x                  dx = −g
Tensor operator-(const Tensor& x) {
  return record(
      "negate", compute(minus(x.value())),
      [](Node& out, Node& x) { x.accumulate(minus(out.grad())); }, x);
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
      "subtract", compute(c - x.value()),
      [](Node& out, Node& x) { x.accumulate(minus(out.grad())); }, x);
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
      [](Node& out, Node& x) { x.accumulate(minus(out.grad()) * out.value / x.value); }, x);
}

// Powers and functions ------------------------------------------------------------------------

namespace {

// p xᵖ⁻¹. 0 · ∞ is 0: x⁰ is constant, and where xᵖ⁻¹ is 0 an infinite p does not matter.
simd::Vector power_slope(const simd::Vector& x, const simd::Vector& p) {
  const simd::Vector zero(Real(0)), power = simd::pow(x, p - simd::Vector(Real(1)));
  return simd::select(p == zero || power == zero, zero, p * power);
}

// y ln x of y = xᵖ; for x ≥ 0 its limit 0 where y is 0, and at x = p = 0, as everywhere at x = 0
// but for p < 0
simd::Vector power_log(const simd::Vector& x, const simd::Vector& p, const simd::Vector& y) {
  using std::log;  // that of a register is found by its type
  const simd::Vector zero(Real(0));
  const auto vanishes = (x >= zero && y == zero) || (x == zero && p == zero);
  return simd::select(vanishes, zero, y * log(x));
}

}  // namespace

// y = xᵖ                  dx = g p xᵖ⁻¹
Tensor pow(const Tensor& x, Real p) {
  if (p == 2) return square(x);  // ten times as fast
  return record(
      "pow", compute(term<simd::pow>(x.value(), p)),
      [p](Node& out, Node& x) { x.accumulate(out.grad() * term<power_slope>(x.value, p)); }, x);
}

// y = xᵖ                  dx = g p xᵖ⁻¹, dp = g y ln x
Tensor pow(const Tensor& x, const Tensor& p) {
  const Shape shape = broadcast_shape("pow", x.shape(), p.shape());
  return record(
      "pow", compute(term<simd::pow>(spread(x.value(), shape), spread(p.value(), shape))),
      [](Node& out, Node& x, Node& p) {
        std::optional<Array> room_x, room_p;
        const Array& base = spread(x.value, out.value.shape(), std::move(room_x));
        const Array& exponent = spread(p.value, out.value.shape(), std::move(room_p));
        accumulate_summed(x, out.grad() * term<power_slope>(base, exponent));
        accumulate_summed(p, out.grad() * term<power_log>(base, exponent, out.value));
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
      "exp", compute(term<simd::exp>(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * out.value); }, x);
}

// y = eˣ − 1              dx = g (y + 1)
Tensor expm1(const Tensor& x) {
  return record(
      "expm1", compute(term<simd::expm1>(x.value())),
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
      "log1p", compute(term<simd::log1p>(x.value())),
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
      "sin", compute(term<simd::sin>(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() * term<simd::cos>(x.value)); }, x);
}

// y = cos x               dx = −g sin x
Tensor cos(const Tensor& x) {
  return record(
      "cos", compute(term<simd::cos>(x.value())),
      [](Node& out, Node& x) { x.accumulate(minus(out.grad()) * term<simd::sin>(x.value)); }, x);
}

}  // namespace nabla
