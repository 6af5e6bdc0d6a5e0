// Losses.
#include <cmath>

#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

constexpr Quad infinity = std::numeric_limits<Quad>::infinity();

Quad sigma(Quad x) {
  return 1 / (1 + std::exp(-x));
}

// Special logits with special targets in [0, 1].
bool takes_target(const Quads& x) {
  return x[1] >= 0 && x[1] <= 1;
}

Entry binary_cross_entropy_entry(bool of_arrays) {
  ElementwiseRule rule;
  rule.value = [](const Quads& x) { return cross_entropy_of(x[0], x[1]); };
  rule.derivatives = {[](const Quads& x) { return sigma(x[0]) - x[1]; }, nullptr};
  rule.domain = {{-9, 8}, {0, 1}};
  rule.takes = takes_target;
  rule.broadcasts = false;
  rule.signed_zero = false;
  for (const Quad l : {-infinity, infinity}) {
    rule.limits.push_back({{l, 0.5L}, infinity, {l > 0 ? 0.5L : -0.5L}});
  }
  Entry entry = elementwise(
      of_arrays ? "binary_cross_entropy of an array" : "binary_cross_entropy",
      of_arrays ? "binary_cross_entropy(Tensor, Array)" : "binary_cross_entropy(Tensor, Tensor)",
      [=](const Tensors& x) {
        return of_arrays ? binary_cross_entropy(x[0], x[1].value())
                         : binary_cross_entropy(x[0], x[1]);
      },
      rule);
  entry.normwise = 1;
  entry.eps = 8;
  const Tensor l(zeros({2, 3}));
  entry.refusals.push_back(
      {"binary_cross_entropy: targets must have the logits' shape, got (2, 3) and (3,)",
       [=] { binary_cross_entropy(l, zeros({3})); }});
  for (const Real bad : {Real(1.5), Real(-0.25)}) {
    Array t = zeros({2, 3});
    t(1, 1) = bad;
    entry.refusals.push_back({"binary_cross_entropy: target " + std::to_string(bad) +
                                  " at flat index 4 of (2, 3) is outside [0, 1]",
                              [=] { binary_cross_entropy(l, t); }});
  }
  entry.refusals.push_back({"binary_cross_entropy", [=] {
                              binary_cross_entropy(l, full({2, 3}, Real(NAN)));
                            }});
  entry.refusals.push_back({"binary_cross_entropy: targets get no gradient; detach() them", [=] {
                              binary_cross_entropy(l, parameter(zeros({2, 3})));
                            }});
  return entry;
}

Entry bernoulli_entry() {
  Entry entry;
  entry.title = "bernoulli_log_prob";
  entry.declares = {"bernoulli_log_prob(Tensor, Tensor)"};
  entry.call = [](const Tensors& x) { return bernoulli_log_prob(x[0], x[1]); };
  entry.reference = [](const std::vector<Numbers>& x) {
    Numbers terms = x[0];
    for (std::size_t i = 0; i < terms.size(); ++i) {
      terms.data[i] = -cross_entropy_of(terms.data[i], x[1].data[i % x[1].size()]);
    }
    return reduced(terms, {-1}, false, [](const Quads& row) {
      Quad total = 0;
      for (const Quad term : row) total += term;
      return total;
    });
  };
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{7, 33}, {7, 33}},     {{3, 7, 5}, {7, 5}}, {{3, 7, 16}, {7, 16}},
      {{2, 3, 5, 1}, {5, 1}}, {{50, 784}, {784}},  {{5}, {5}},
      {{3, 0, 4}, {0, 4}},    {{4, 0}, {4, 0}},    {{2, 3, 0}, {3, 0}}};
  for (const auto& [logits, x] : shapes) {
    entry.samples.push_back({points(logits, -9, 8), points(x, 0, 1)});
  }
  entry.large = {{points({50, 784}, -9, 8), points({50, 784}, 0, 1)},
                 {points({3, 20, 784}, -9, 8), points({20, 784}, 0, 1)}};
  entry.constants = {1};
  entry.normwise = 1;
  entry.eps = 32;
  entry.parts = Parts{{0, 0}, 0};
  // Rows of one logit at every limit, with x = 0, 1 and between.
  std::vector<Quads> list;
  for (const Quad l : special_numbers()) {
    for (const Quad t : {Quad(0), Quad(1), Quad(0.5L)}) list.push_back({l, t});
  }
  Limit limit{{empty({list.size(), 1}), empty({list.size(), 1})}, empty({list.size()}), {}};
  limit.gradients = {empty({list.size(), 1})};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Quad l = list[i][0], t = list[i][1];
    limit.inputs[0](i, 0) = static_cast<Real>(l);
    limit.inputs[1](i, 0) = static_cast<Real>(t);
    limit.value(i) = static_cast<Real>(-cross_entropy_of(l, t));
    limit.gradients[0](i, 0) = static_cast<Real>(t - sigma(l));
  }
  entry.limits = {limit};
  const Tensor l(zeros({2, 3}));
  const std::string why = "bernoulli_log_prob: logits (…, D) need x of their last axes, got ";
  entry.refusals = {
      {why + "(2, 3) and (2,)", [=] { bernoulli_log_prob(l, Tensor(zeros({2}))); }},
      {why + "(4,) and (2, 4)",
       [] {
         bernoulli_log_prob(Tensor(zeros({4})), Tensor(zeros({2, 4})));
       }},
      {why + "() and ()", [] { bernoulli_log_prob(Tensor(Real(0)), Tensor(Real(0))); }},
      {"bernoulli_log_prob: target -0.500000 at flat index 0 of (3,) is outside [0, 1]",
       [=] { bernoulli_log_prob(l, Tensor(full({3}, Real(-0.5)))); }},
      {"bernoulli_log_prob: target 1.500000 at flat index 1 of (3,) is outside [0, 1]",
       [=] {
         bernoulli_log_prob(l, Tensor(Array{0, Real(1.5), 0}));
       }},
      {"bernoulli_log_prob: x gets no gradient; detach() it",
       [=] { bernoulli_log_prob(l, parameter(zeros({3}))); }}};
  return entry;
}

Entry cross_entropy_entry() {
  Entry entry;
  entry.title = "cross_entropy";
  entry.declares = {"cross_entropy(Tensor, IndexArray)"};
  entry.call = [](const Tensors& x) { return cross_entropy(x[0], index_of(x[1])); };
  entry.reference = [](const std::vector<Numbers>& x) {
    std::size_t row = 0;
    return reduced(x[0], {-1}, false, [&](const Quads& l) {
      Quad largest = -infinity, total = 0;
      for (const Quad number : l) largest = std::max(largest, number);
      for (const Quad number : l) total += std::exp(number - largest);
      return largest + std::log(total) - l[static_cast<std::size_t>(x[1].data[row++])];
    });
  };
  for (const Shape& shape : {Shape{9, 17}, Shape{5, 3}, Shape{4}, Shape{2, 3, 4}, Shape{0, 3},
                             Shape{6, 1}, Shape{2, 300}, Shape{70, 600}, Shape{0, 0}}) {
    Array classes = empty(Shape(shape.begin(), shape.end() - 1));
    for (std::size_t i = 0; i < classes.size(); ++i) {
      classes.data()[i] = static_cast<Real>((7 * i + 3) % shape.back());
    }
    entry.samples.push_back({points(shape, -4, 5), classes});
  }
  Array many = empty({7000});
  for (std::size_t i = 0; i < many.size(); ++i) many.data()[i] = static_cast<Real>(i % 10);
  entry.large = {{points({7000, 10}, -4, 5), many}};
  entry.constants = {1};
  entry.normwise = 1;
  entry.parts = Parts{{0, 0}, 0};
  const Real inf = std::numeric_limits<Real>::infinity(), big = std::numeric_limits<Real>::max(),
             nan = std::numeric_limits<Real>::quiet_NaN();
  // An impossible class costs infinitely much, and impossible others nothing.
  entry.limits = {{{Array{{0, -inf}, {0, -inf}, {big, -big}, {10000, -10000}}, Array{0, 1, 0, 1}},
                   Array{0, inf, 0, 20000},
                   {Array{{0, 0}, {1, -1}, {0, 0}, {1, -1}}}},
                  // Equal ones are equally likely, however large; a NaN stays.
                  {{full({1, 3}, 10000), Array{2}}, Array{static_cast<Real>(std::log(3.0L))}, {}},
                  {{Array{{0, nan}, {nan, 0}}, Array{0, 1}}, Array{nan, nan}, {}}};
  const Tensor l(zeros({2, 3}));
  const IndexArray one{0}, outside{0, 3}, negative{-1, 0}, fine{0, 2};
  entry.refusals = {
      {"cross_entropy: logits (…, K) need one class for each row, got (2, 3) and classes (1,)",
       [=] { cross_entropy(l, one); }},
      {"cross_entropy: class 3 at flat index 1 of (2,) is outside [0, 3)",
       [=] { cross_entropy(l, outside); }},
      {"cross_entropy: class -1 at flat index 0 of (2,) is outside [0, 3)",
       [=] { cross_entropy(l, negative); }},
      {"cross_entropy: logits (…, K) need one class for each row, got () and classes (1,)",
       [=] { cross_entropy(Tensor(Real(1)), one); }},
      {"cross_entropy: class 0 at flat index 0 of (2,) is outside [0, 0)", [=] {
         cross_entropy(Tensor(zeros({2, 0})), fine);
       }}};
  entry.sizes = {
      {"class",
       [=](std::size_t n) {
         return cross_entropy(Tensor(zeros({1, 3})), IndexArray{static_cast<std::int64_t>(n)});
       },
       [](Wide n) {
         return Right{n >= 3, {1}, {}};
       }}};
  return entry;
}

Entry mean_squared_error_entry() {
  Entry entry;
  entry.title = "mean_squared_error";
  entry.declares = {"mean_squared_error(Tensor, Tensor)"};
  entry.call = [](const Tensors& x) { return mean_squared_error(x[0], x[1]); };
  entry.reference = [](const std::vector<Numbers>& x) {
    Quad total = 0;
    for (std::size_t i = 0; i < x[0].size(); ++i) {
      total += (x[0].data[i] - x[1].data[i]) * (x[0].data[i] - x[1].data[i]);
    }
    return Numbers(Shape{}, total / static_cast<Quad>(x[0].size()));
  };
  for (const Shape& shape : {Shape{5, 7}, Shape{1003}, Shape{1}, Shape{}, Shape{3, 0}}) {
    entry.samples.push_back({points(shape, -2, 3), points(shape, -1, 1)});
  }
  entry.large = {{points({181, 182}, -2, 3), points({181, 182}, -1, 1)}};
  const Real inf = std::numeric_limits<Real>::infinity(),
             nan = std::numeric_limits<Real>::quiet_NaN();
  entry.limits = {{{Array{1, inf}, Array{1, 2}}, full({}, inf), {}},
                  {{Array{1, inf}, Array{1, inf}}, full({}, nan), {}},
                  {{Array{1, nan}, Array{1, 2}}, full({}, nan), {}}};
  entry.refusals = {{"mean_squared_error: shapes must be equal, got (2, 3) and (3,)",
                     [] {
                       mean_squared_error(Tensor(zeros({2, 3})), Tensor(zeros({3})));
                     }},
                    {"mean_squared_error: shapes must be equal, got (4, 1) and (4,)", [] {
                       mean_squared_error(Tensor(zeros({4, 1})), Tensor(zeros({4})));
                     }}};
  return entry;
}

}  // namespace

Quad log_sigmoid_of(Quad x) {
  return x < -1000 ? x : -std::log1p(std::exp(-x));
}

Quad cross_entropy_of(Quad l, Quad t) {
  if (std::isnan(l) || std::isnan(t)) return l + t;
  return (t == 0 ? 0 : -t * log_sigmoid_of(l)) + (t == 1 ? 0 : (t - 1) * log_sigmoid_of(-l));
}

std::vector<Entry> loss_entries() {
  return {binary_cross_entropy_entry(false), binary_cross_entropy_entry(true), bernoulli_entry(),
          cross_entropy_entry(), mean_squared_error_entry()};
}

}  // namespace nabla::testing
