// Arithmetic, powers, functions and choices.
#include <algorithm>
#include <cmath>
#include <map>

#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

constexpr Quad infinity = std::numeric_limits<Quad>::infinity();
constexpr Quad nan = std::numeric_limits<Quad>::quiet_NaN();
constexpr Real half = Real(0.5);

Quad one(Quad /*x*/) {
  return 1;
}

// xᵖ for one p; d/dx = p xᵖ⁻¹.
Entry power_of(Quad p, double low, double high) {
  const Real exponent = static_cast<Real>(p);
  ElementwiseRule rule;
  rule.value = [p](const Quads& x) { return std::pow(x[0], p); };
  rule.derivatives = {[p](const Quads& x) { return p == 0 ? 0 : p * std::pow(x[0], p - 1); }};
  rule.domain = {{low, high}};
  std::string text = std::to_string(static_cast<double>(p));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return elementwise(
      "pow(x, " + text + ")", "pow(Tensor, Real)",
      [exponent](const Tensors& x) { return pow(x[0], exponent); }, rule);
}

// d xᵖ/dx = p xᵖ⁻¹, 0 where xᵖ⁻¹ is, for infinite p too; ±∞ where xᵖ⁻¹ is beyond the precision.
Quad power_by_base(Quad x, Quad p) {
  const Quad power = static_cast<Real>(std::pow(x, p - 1));
  return p == 0 || power == 0 ? 0 : p * power;
}

// d xᵖ/dp = xᵖ ln x; at 0 it is 0 for p ≥ 0, as xᵖ stays what it is there, and at ∞ for p < 0.
Quad power_by_exponent(Quad x, Quad p) {
  if ((x == 0 && p >= 0) || (x == infinity && p < 0)) return 0;
  const Quad y = std::pow(x, p);
  return y * std::log(std::abs(x) == 0 ? 0 : x);
}

// max (sign 1) or min (sign −1); a tie shares, and a NaN has no gradient.
Quad chosen(Quad a, Quad b, Quad sign) {
  if (std::isnan(a) || std::isnan(b)) return nan;
  return sign * (a - b) > 0 || a == infinity * sign ? a : b;
}
Quad share(Quad a, Quad b, Quad sign) {
  if (std::isnan(a) || std::isnan(b)) return 0;
  return a == b ? 0.5L : sign * a > sign * b ? 1 : 0;
}

Entry clamp_entry() {
  ElementwiseRule rule;
  rule.value = [](const Quads& x) {
    return std::isnan(x[0]) ? nan : std::min(std::max(x[0], -1.0L), 0.5L);
  };
  rule.derivatives = {[](const Quads& x) -> Quad { return x[0] >= -1 && x[0] <= 0.5L; }};
  rule.domain = {{-3, 3}};
  rule.limits = {{{0.5L}, 0.5L, {1}}};  // a bound is inside
  Entry entry = elementwise(
      "clamp", "clamp(Tensor, Real, Real)", [](const Tensors& x) { return clamp(x[0], -1, half); },
      rule);
  const Tensor x(zeros({2, 3}));
  entry.refusals = {{"clamp: the bounds [2.000000, 1.000000] hold no number, for x of shape (2, 3)",
                     [x] { clamp(x, 2, 1); }},
                    {"clamp", [x] { clamp(x, std::numeric_limits<Real>::quiet_NaN(), 1); }}};
  return entry;
}

Entry where_entry() {
  ElementwiseRule rule;
  rule.value = [](const Quads& x) { return x[0] != 0 ? x[1] : x[2]; };
  rule.derivatives = {nullptr, [](const Quads& x) -> Quad { return x[0] != 0; },
                      [](const Quads& x) -> Quad { return x[0] == 0; }};
  rule.domain = {{-1, 1}, {-3, 3}, {-3, 3}};
  Entry entry = elementwise(
      "where", "where(Array, Tensor, Tensor)",
      [](const Tensors& x) { return where(x[0].value(), x[1], x[2]); }, rule);
  for (std::vector<Arrays>* list : {&entry.samples, &entry.large}) {
    for (Arrays& inputs : *list) {
      for (Real& condition : inputs[0]) condition = std::max(condition, Real(0));
    }
  }
  return entry;
}

// What is said about shapes that do not broadcast.
void name_in_refusals(std::vector<Entry>& list) {
  const std::map<std::string, std::string> names{
      {"a + b", "add"},     {"a - b", "subtract"},  {"a * b", "multiply"}, {"a / b", "divide"},
      {"pow(x, p)", "pow"}, {"maximum", "maximum"}, {"minimum", "minimum"}};
  const Tensor a(zeros({2, 3})), b(zeros({4}));
  for (Entry& entry : list) {
    const auto name = names.find(entry.title);
    if (name != names.end()) {
      entry.refusals.push_back(
          {name->second + ": cannot broadcast (2, 3) with (4,)", [=, call = entry.call] {
             call({a, b});
           }});
    }
    if (entry.title == "where") {
      entry.refusals.push_back(
          {"where: cannot broadcast the condition (2, 1) with (2, 3) and (4,)", [=] {
             where(zeros({2, 1}), a, b);
           }});
      entry.refusals.push_back(
          {"where: cannot broadcast the condition (5, 1) with (2, 3) and (2, 3)", [=] {
             where(zeros({5, 1}), a, a);
           }});
    }
  }
}

}  // namespace

std::vector<Entry> arithmetic_entries() {
  std::vector<Entry> list{
      binary(
          "a + b", "operator+(Tensor, Tensor)",
          [](const Tensor& a, const Tensor& b) { return a + b; },
          [](Quad a, Quad b) { return a + b; }, [](Quad, Quad) { return 1.0L; },
          [](Quad, Quad) { return 1.0L; }, {0, 3}, {0, 3}),
      binary(
          "a - b", "operator-(Tensor, Tensor)",
          [](const Tensor& a, const Tensor& b) { return a - b; },
          [](Quad a, Quad b) { return a - b; }, [](Quad, Quad) { return 1.0L; },
          [](Quad, Quad) { return -1.0L; }, {-3, 3}, {-3, 3}),
      binary(
          "a * b", "operator*(Tensor, Tensor)",
          [](const Tensor& a, const Tensor& b) { return a * b; },
          [](Quad a, Quad b) { return a * b; }, [](Quad, Quad b) { return b; },
          [](Quad a, Quad) { return a; }, {-3, 3}, {-3, 3}),
      binary(
          "a / b", "operator/(Tensor, Tensor)",
          [](const Tensor& a, const Tensor& b) { return a / b; },
          [](Quad a, Quad b) { return a / b; }, [](Quad, Quad b) { return 1 / b; },
          [](Quad a, Quad b) { return -a / (b * b); }, {-3, 3}, {0.5, 3}),
      unary(
          "-x", "operator-(Tensor)", [](const Tensor& x) { return -x; }, [](Quad x) { return -x; },
          [](Quad) { return -1.0L; }, -3, 3),
      unary(
          "x + c", "operator+(Tensor, Real)", [](const Tensor& x) { return x + half; },
          [](Quad x) { return x + 0.5L; }, one, -3, 3),
      unary(
          "c + x", "operator+(Real, Tensor)", [](const Tensor& x) { return half + x; },
          [](Quad x) { return x + 0.5L; }, one, -3, 3),
      unary(
          "x - c", "operator-(Tensor, Real)", [](const Tensor& x) { return x - 4; },
          [](Quad x) { return x - 4; }, one, -3, 3),
      unary(
          "c - x", "operator-(Real, Tensor)", [](const Tensor& x) { return 4 - x; },
          [](Quad x) { return 4 - x; }, [](Quad) { return -1.0L; }, -3, 3),
      unary(
          "x * c", "operator*(Tensor, Real)", [](const Tensor& x) { return x * -3; },
          [](Quad x) { return -3 * x; }, [](Quad) { return -3.0L; }, -3, 3),
      unary(
          "c * x", "operator*(Real, Tensor)", [](const Tensor& x) { return 3 * x; },
          [](Quad x) { return 3 * x; }, [](Quad) { return 3.0L; }, -3, 3),
      unary(
          "x / c", "operator/(Tensor, Real)", [](const Tensor& x) { return x / 3; },
          [](Quad x) { return x / 3; }, [](Quad) { return 1 / 3.0L; }, -3, 3),
      unary(
          "c / x", "operator/(Real, Tensor)", [](const Tensor& x) { return 3 / x; },
          [](Quad x) { return 3 / x; }, [](Quad x) { return -3 / (x * x); }, 0.5, 3),
      power_of(-2, 0.3, 4),
      power_of(-1.5L, 0.3, 4),
      power_of(-1, 0.3, 4),
      power_of(-0.5L, 0.3, 4),
      power_of(0, -1, 1),
      power_of(0.5L, 0.3, 4),
      power_of(1, -3, 3),
      power_of(2, -3, 3),
      power_of(2.5L, 0.3, 4),
      power_of(3, -3, 3),
      binary(
          "pow(x, p)", "pow(Tensor, Tensor)",
          [](const Tensor& x, const Tensor& p) { return pow(x, p); },
          [](Quad x, Quad p) { return std::pow(x, p); }, power_by_base, power_by_exponent, {0.3, 3},
          {-2, 2}),
      unary(
          "square", "square(Tensor)", [](const Tensor& x) { return square(x); },
          [](Quad x) { return x * x; }, [](Quad x) { return 2 * x; }, -3, 3),
      unary(
          "sqrt", "sqrt(Tensor)", [](const Tensor& x) { return sqrt(x); },
          [](Quad x) { return std::sqrt(x); }, [](Quad x) { return 0.5L / std::sqrt(x); }, 0.1, 9),
      unary(
          "exp", "exp(Tensor)", [](const Tensor& x) { return exp(x); },
          [](Quad x) { return std::exp(x); }, [](Quad x) { return std::exp(x); }, -20, 20),
      unary(
          "expm1", "expm1(Tensor)", [](const Tensor& x) { return expm1(x); },
          [](Quad x) { return std::expm1(x); }, [](Quad x) { return std::exp(x); }, -3, 3),
      unary(
          "log", "log(Tensor)", [](const Tensor& x) { return log(x); },
          [](Quad x) { return std::log(x); }, [](Quad x) { return 1 / x; }, 0.01, 50),
      unary(
          "log1p", "log1p(Tensor)", [](const Tensor& x) { return log1p(x); },
          [](Quad x) { return std::log1p(x); }, [](Quad x) { return 1 / (1 + x); }, -0.9, 5),
      unary(
          "expm1 near 0", "expm1(Tensor)", [](const Tensor& x) { return expm1(x); },
          [](Quad x) { return std::expm1(x); }, [](Quad x) { return std::exp(x); }, -1e-6, 1e-6),
      unary(
          "log1p near 0", "log1p(Tensor)", [](const Tensor& x) { return log1p(x); },
          [](Quad x) { return std::log1p(x); }, [](Quad x) { return 1 / (1 + x); }, -1e-6, 1e-6),
      unary(
          "abs", "abs(Tensor)", [](const Tensor& x) { return abs(x); },
          [](Quad x) { return std::abs(x); }, [](Quad x) { return x > 0   ? 1
                                                                  : x < 0 ? -1
                                                                          : x; }, -3,
          3),
      unary(
          "sin", "sin(Tensor)", [](const Tensor& x) { return sin(x); },
          [](Quad x) { return std::sin(x); }, [](Quad x) { return std::cos(x); }, -9, 9),
      unary(
          "cos", "cos(Tensor)", [](const Tensor& x) { return cos(x); },
          [](Quad x) { return std::cos(x); }, [](Quad x) { return -std::sin(x); }, -9, 9),
      binary(
          "maximum", "maximum(Tensor, Tensor)",
          [](const Tensor& a, const Tensor& b) { return maximum(a, b); },
          [](Quad a, Quad b) { return chosen(a, b, 1); },
          [](Quad a, Quad b) { return share(a, b, 1); },
          [](Quad a, Quad b) { return share(b, a, 1); }, {-3, 3}, {-3, 3}),
      binary(
          "minimum", "minimum(Tensor, Tensor)",
          [](const Tensor& a, const Tensor& b) { return minimum(a, b); },
          [](Quad a, Quad b) { return chosen(a, b, -1); },
          [](Quad a, Quad b) { return share(a, b, -1); },
          [](Quad a, Quad b) { return share(b, a, -1); }, {-3, 3}, {-3, 3}),
      clamp_entry(),
      where_entry()};
  const std::vector<std::string> exact{"-x", "abs", "maximum", "minimum", "clamp", "where"};
  const std::vector<std::string> rounded_once{"a + b", "a - b", "a * b",  "a / b", "x + c",
                                              "c + x", "x - c", "c - x",  "x * c", "c * x",
                                              "x / c", "c / x", "square", "sqrt",  "pow(x, 2)"};
  const auto among = [](const std::string& title, const std::vector<std::string>& titles) {
    return std::count(titles.begin(), titles.end(), title) != 0;
  };
  for (Entry& entry : list) {
    if (among(entry.title, exact)) entry.eps = 0;
    if (among(entry.title, rounded_once)) entry.eps = 1;
    if (among(entry.title, {"exp", "log"})) entry.eps = 2;
  }
  name_in_refusals(list);
  return list;
}

}  // namespace nabla::testing
