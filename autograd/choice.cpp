// Operations that choose between numbers. In the comments g is the gradient of the result and [c]
// is 1 where c holds, else 0. where() throughout: xt::maximum is not vectorised inside an
// expression.
#include <stdexcept>

#include "autograd/broadcast.hpp"
#include "autograd/ops.hpp"

namespace nabla {

namespace {

// The gradient of a choice of a over b: g where `a` won, g / 2 in a tie.
void accumulate_winner(Node& node, const Array& g, const Array& winner, const Array& loser) {
  accumulate_summed(
      node, xt::where(winner > loser, g, xt::where(xt::equal(winner, loser), g / 2, Real(0))));
}

}  // namespace

// y = max(a, b)           da = g [a > b] + ½ g [a = b], db likewise; NaN if either is NaN
Tensor maximum(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("maximum", a.shape(), b.shape());
  const auto larger = [](const Array& a, const Array& b) {
    return compute(xt::where(a > b, a, xt::where(a <= b, b, a + b)));  // NaN: neither holds
  };
  return record(
      "maximum", larger(spread(a.value(), shape), spread(b.value(), shape)),
      [](Node& out, Node& a, Node& b) {
        const Shape& shape = out.value.shape();
        accumulate_winner(a, out.grad(), spread(a.value, shape), spread(b.value, shape));
        accumulate_winner(b, out.grad(), spread(b.value, shape), spread(a.value, shape));
      },
      a, b);
}

// y = min(a, b)           da = g [a < b] + ½ g [a = b], db likewise; NaN if either is NaN
Tensor minimum(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("minimum", a.shape(), b.shape());
  const auto smaller = [](const Array& a, const Array& b) {
    return compute(xt::where(a < b, a, xt::where(a >= b, b, a + b)));  // NaN: neither holds
  };
  return record(
      "minimum", smaller(spread(a.value(), shape), spread(b.value(), shape)),
      [](Node& out, Node& a, Node& b) {
        const Shape& shape = out.value.shape();
        accumulate_winner(a, out.grad(), spread(b.value, shape), spread(a.value, shape));
        accumulate_winner(b, out.grad(), spread(a.value, shape), spread(b.value, shape));
      },
      a, b);
}

// y = min(max(x, low), high)      dx = g [low ≤ x ≤ high]
Tensor clamp(const Tensor& x, Real low, Real high) {
  if (!(low <= high)) {
    throw std::invalid_argument("clamp: the bounds [" + std::to_string(low) + ", " +
                                std::to_string(high) + "] hold no number, for x of shape " +
                                to_string(x.shape()));
  }
  return record(
      "clamp",
      compute(xt::where(x.value() < low, low, xt::where(x.value() > high, high, x.value()))),
      [low, high](Node& out, Node& x) {
        x.accumulate(xt::where(x.value >= low && x.value <= high, out.grad(), Real(0)));
      },
      x);
}

// y = c ? a : b           da = g [c], db = g [not c]
// NaN ≠ 0 holds for numbers one by one and not in xsimd 8.1's registers; NaN = 0 in neither.
Tensor where(Array condition, Tensor a, Tensor b) {
  Shape shape;
  try {
    shape =
        broadcast_shape("where", broadcast_shape("where", a.shape(), b.shape()), condition.shape());
  } catch (const std::invalid_argument&) {
    throw std::invalid_argument("where: cannot broadcast the condition " +
                                to_string(condition.shape()) + " with " + to_string(a.shape()) +
                                " and " + to_string(b.shape()));
  }
  Array y = compute(xt::where(xt::equal(spread(condition, shape), 0), spread(b.value(), shape),
                              spread(a.value(), shape)));
  return record(
      "where", std::move(y),
      [condition = std::move(condition)](Node& out, Node& a, Node& b) {
        const Shape& shape = out.value.shape();
        accumulate_summed(a, xt::where(xt::equal(spread(condition, shape), 0), 0, out.grad()));
        accumulate_summed(b, xt::where(xt::equal(spread(condition, shape), 0), out.grad(), 0));
      },
      a, b);
}

}  // namespace nabla
