// Activations.
#include <cmath>

#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

constexpr Quad infinity = std::numeric_limits<Quad>::infinity();
constexpr Real slope = Real(0.3), alpha = Real(0.7);

Quad sigma(Quad x) {
  return 1 / (1 + std::exp(-x));
}
Quad normal_cdf(Quad x) {
  return std::erfc(-x / std::sqrt(2.0L)) / 2;
}
Quad normal_density(Quad x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0L));
}

}  // namespace

std::vector<Entry> activation_entries() {
  std::vector<Entry> list{
      unary(
          "tanh", "tanh(Tensor)", [](const Tensor& x) { return tanh(x); },
          [](Quad x) { return std::tanh(x); },
          [](Quad x) { return 1 / (std::cosh(x) * std::cosh(x)); }, -6, 7),
      unary(
          "sigmoid", "sigmoid(Tensor)", [](const Tensor& x) { return sigmoid(x); }, sigma,
          [](Quad x) { return sigma(x) * sigma(-x); }, -6, 7),
      unary(
          "log_sigmoid", "log_sigmoid(Tensor)", [](const Tensor& x) { return log_sigmoid(x); },
          log_sigmoid_of, [](Quad x) { return sigma(-x); }, -6, 7),
      unary(
          "softplus", "softplus(Tensor)", [](const Tensor& x) { return softplus(x); },
          [](Quad x) { return -log_sigmoid_of(-x); }, sigma, -6, 7),
      unary(
          "relu", "relu(Tensor)", [](const Tensor& x) { return relu(x); },
          [](Quad x) { return x < 0 ? 0 : x; }, [](Quad x) -> Quad { return x > 0; }, -6, 7),
      unary(
          "leaky_relu", "leaky_relu(Tensor, Real)", [](const Tensor& x) { return leaky_relu(x); },
          [](Quad x) { return x > 0 ? x : Real(0.01) * x; },
          [](Quad x) { return x > 0 ? 1 : Quad(Real(0.01)); }, -6, 7),
      unary(
          "leaky_relu, slope 0.3", "leaky_relu(Tensor, Real)",
          [](const Tensor& x) { return leaky_relu(x, slope); },
          [](Quad x) { return x > 0 ? x : slope * x; },
          [](Quad x) { return x > 0 ? 1 : Quad(slope); }, -6, 7),
      // A slope of 0 is relu, at −∞ too.
      unary(
          "leaky_relu, slope 0", "leaky_relu(Tensor, Real)",
          [](const Tensor& x) { return leaky_relu(x, 0); }, [](Quad x) { return x < 0 ? 0 : x; },
          [](Quad x) -> Quad { return x > 0; }, -6, 7),
      unary(
          "elu", "elu(Tensor, Real)", [](const Tensor& x) { return elu(x); },
          [](Quad x) { return x > 0 ? x : std::expm1(x); },
          [](Quad x) { return x > 0 ? 1 : std::exp(x); }, -6, 7),
      unary(
          "elu, alpha 0.7", "elu(Tensor, Real)", [](const Tensor& x) { return elu(x, alpha); },
          [](Quad x) { return x > 0 ? x : alpha * std::expm1(x); },
          [](Quad x) { return x > 0 ? 1 : alpha * std::exp(x); }, -6, 7),
      // x σ(x) and x Φ(x) fall to 0 at −∞, faster than x grows.
      unary(
          "silu", "silu(Tensor)", [](const Tensor& x) { return silu(x); },
          [](Quad x) { return x * sigma(x); },
          [](Quad x) { return sigma(x) + x * sigma(x) * sigma(-x); }, -6, 7,
          {{{-infinity}, -0.0L, {0}}, {{infinity}, infinity, {1}}}),
      unary(
          "gelu", "gelu(Tensor)", [](const Tensor& x) { return gelu(x); },
          [](Quad x) { return x * normal_cdf(x); },
          [](Quad x) { return normal_cdf(x) + x * normal_density(x); }, -6, 7,
          {{{-infinity}, -0.0L, {0}}, {{infinity}, infinity, {1}}})};
  for (Entry& entry : list) {
    // Those whose 0 may have either sign.
    const bool two_parts = entry.title == "log_sigmoid" || entry.title == "silu" ||
                           entry.title == "gelu" || entry.title == "leaky_relu, slope 0";
    entry.elementwise->signed_zero = !two_parts;
  }
  // In the left tail; xsimd's erfc is good to 1e-11 in double.
  list.back().eps = sizeof(Real) == 8 ? 3e4 : 40;
  const Tensor x(zeros({2}));
  constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
  constexpr Real inf = std::numeric_limits<Real>::infinity();
  for (Entry& entry : list) {
    if (entry.title == "leaky_relu") {
      entry.refusals = {{"leaky_relu: slope must be finite, got nan", [=] { leaky_relu(x, nan); }},
                        {"leaky_relu: slope must be finite, got inf", [=] { leaky_relu(x, inf); }}};
    }
    if (entry.title == "elu") {
      entry.refusals = {{"elu: alpha must be finite, got nan", [=] { elu(x, nan); }}};
    }
  }
  return list;
}

}  // namespace nabla::testing
