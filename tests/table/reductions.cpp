// Reductions over any axes, softmax and cumulative sums.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

constexpr Quad infinity = std::numeric_limits<Quad>::infinity();
constexpr Quad nan = std::numeric_limits<Quad>::quiet_NaN();

bool has_nan(const Quads& x) {
  return std::any_of(x.begin(), x.end(), [](Quad number) { return std::isnan(number); });
}
Quad sum_of(const Quads& x) {
  return std::accumulate(x.begin(), x.end(), Quad(0));
}
Quad mean_of(const Quads& x) {
  return sum_of(x) / static_cast<Quad>(x.size());
}
Quad max_of(const Quads& x) {
  return has_nan(x) ? nan : *std::max_element(x.begin(), x.end());
}
Quad min_of(const Quads& x) {
  return has_nan(x) ? nan : *std::min_element(x.begin(), x.end());
}

Quad logsumexp_of(const Quads& x) {
  const Quad largest = x.empty() ? -infinity : max_of(x);
  if (std::isinf(largest) || std::isnan(largest)) return largest;
  Quad total = 0;
  for (const Quad number : x) total += std::exp(number - largest);
  return largest + std::log(total);
}
Quads cumsum_of(Quads x) {
  std::partial_sum(x.begin(), x.end(), x.begin());
  return x;
}

// Ties share.
Quads shares(const Quads& x, Quad best) {
  Quads y;
  const Quad ties = static_cast<Quad>(std::count(x.begin(), x.end(), best));
  for (const Quad number : x) y.push_back(number == best ? 1 / ties : 0);
  return y;
}

using Of = Quad (*)(const Quads&);
using Operation = Tensor (*)(const Tensor&, const Axes&, bool);

struct Kind {
  const char* name;
  Operation operation;
  Tensor (*of_all)(const Tensor&);
  Of of;
  Quads (*slope)(const Quads&);  // of the result by each number
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list{
      {"sum", sum, sum, sum_of, [](const Quads& x) { return Quads(x.size(), 1); }},
      {"mean", mean, mean, mean_of,
       [](const Quads& x) { return Quads(x.size(), 1 / static_cast<Quad>(x.size())); }},
      {"max", max, max, max_of, [](const Quads& x) { return shares(x, max_of(x)); }},
      {"min", min, min, min_of, [](const Quads& x) { return shares(x, min_of(x)); }},
      {"logsumexp", logsumexp, logsumexp, logsumexp_of, softmax_of}};
  return list;
}

std::string axes_text(const Axes& axes) {
  std::string text;
  for (const std::ptrdiff_t axis : axes) text += (text.empty() ? "" : ", ") + std::to_string(axis);
  return "(" + text + ")";
}

// Shapes that have such axes: rows shorter and longer than a register, one, none.
std::vector<Arrays> samples_for(const Axes& axes, bool may_be_empty) {
  std::vector<Shape> shapes;
  if (axes == Axes{-1}) shapes = {{5, 23}, {3, 5}, {7}, {2, 3, 1}, {2, 200}, {0, 3}};
  if (axes == Axes{0}) shapes = {{5, 23}, {3, 5}, {7}, {1, 4}, {200, 3}, {3, 0}};
  if (axes == Axes{1}) shapes = {{2, 3, 4}, {2, 70, 3}, {3, 1, 2}, {0, 2, 3}};
  if (axes == Axes{0, 2}) shapes = {{2, 3, 4}, {1, 4, 1}, {3, 0, 2}};
  if (axes == Axes{1, -1}) shapes = {{2, 3, 2, 5}, {3, 4, 2}, {2, 1, 3, 1}};
  if (axes.empty()) shapes = {{2, 3}, {}, {0, 2}};
  if (may_be_empty && axes == Axes{-1}) shapes.insert(shapes.end(), {{3, 0}, {0}});
  if (may_be_empty && axes == Axes{0}) shapes.insert(shapes.end(), {{0, 3}, {0}});
  if (may_be_empty && axes == Axes{0, 2}) shapes.insert(shapes.end(), {{0, 3, 2}, {2, 3, 0}});
  std::vector<Arrays> samples;
  for (const Shape& shape : shapes) samples.push_back({points(shape, -2, 3)});
  return samples;
}

std::vector<Arrays> large_for(const Axes& axes) {
  if (axes == Axes{0, 2} || axes == Axes{1, -1} || axes == Axes{1}) {
    return {{points({40, 31, 50}, -2, 3)}};
  }
  return {{points({300, 210}, -2, 3)}, {points({70000, 3}, -2, 3)}, {points({3, 70000}, -2, 3)}};
}

// Sums of huge numbers that cancel depend on their order: not for them.
bool moderate(const Quads& row) {
  return std::none_of(row.begin(), row.end(),
                      [](Quad x) { return std::isfinite(x) && std::abs(x) > 1e30L; });
}

RowRule row_rule_of(const Kind& kind, bool of_columns) {
  const bool is_sum = kind.of == sum_of || kind.of == mean_of;
  return {[kind](const Quads& row) { return Quads{kind.of(row)}; },
          [kind](const Quads& row, const Quads& seed) {
            Quads slope = kind.slope(row);
            for (Quad& number : slope) number *= seed[0];
            return slope;
          },
          is_sum ? moderate : nullptr, of_columns};
}

Entry reduction(const Kind& kind, const Axes& axes, bool keepdims) {
  Entry entry;
  const std::string name = kind.name;
  entry.title = name + " over " + axes_text(axes) + (keepdims ? ", kept" : "");
  entry.declares = {name + "(Tensor, Axes, bool)"};
  entry.call = [=](const Tensors& x) { return kind.operation(x[0], axes, keepdims); };
  entry.reference = [=](const std::vector<Numbers>& x) {
    return reduced(x[0], axes, keepdims, kind.of);
  };
  const bool chooses = kind.of == max_of || kind.of == min_of;
  entry.samples = samples_for(axes, !chooses);
  entry.large = large_for(axes);
  entry.normwise = 1;
  entry.eps = chooses ? 0 : 4;
  if ((axes == Axes{-1} || axes == Axes{0}) && !keepdims) {
    entry.row_rule = row_rule_of(kind, axes == Axes{0});
  }
  if (axes == Axes{-1} && !keepdims) {
    entry.parts = Parts{{0}, 0};
    const Operation f = kind.operation;
    const Tensor x(zeros({2, 3}));
    entry.refusals = {{name + ": no axis 2 in (2, 3)", [=] { f(x, {2}, false); }},
                      {name + ": no axis -3 in (2, 3)", [=] { f(x, {-3}, false); }},
                      {name + ": an axis is given twice for (2, 3)", [=] {
                         f(x, {0, -2}, false);
                       }}};
    if (chooses) {
      const Tensor none(zeros({0, 3}));
      entry.refusals.push_back(
          {name + ": nothing to choose from in (0, 3)", [=] { f(none, {0}, true); }});
    }
  }
  if (axes == Axes{0} && !keepdims) entry.parts = Parts{{1}, 0, 2};
  return entry;
}

Entry whole(const Kind& kind) {
  Entry entry;
  const std::string name = kind.name;
  entry.title = name;
  entry.declares = {name + "(Tensor)"};
  entry.call = [=](const Tensors& x) { return kind.of_all(x[0]); };
  entry.reference = [=](const std::vector<Numbers>& x) {
    Numbers y(Shape{}, kind.of(x[0].data));
    return y;
  };
  const bool chooses = kind.of == max_of || kind.of == min_of;
  for (const Shape& shape : {Shape{3, 4, 5}, Shape{7}, Shape{}, Shape{1, 1}}) {
    entry.samples.push_back({points(shape, -2, 3)});
  }
  if (!chooses) entry.samples.push_back({empty({0, 3})});
  entry.large = {{points({300, 210}, -2, 3)}};
  entry.normwise = 1;
  if (chooses) {
    entry.refusals = {{name + ": nothing to choose from in (0, 3)", [=] {
                         kind.of_all(Tensor(zeros({0, 3})));
                       }}};
  }
  return entry;
}

// What keeps the shape, along axes.
Entry along(const std::string& name, Tensor (*operation)(const Tensor&, const Axes&),
            Quads (*of)(const Quads&), const Axes& axes) {
  Entry entry;
  entry.title = name + " over " + axes_text(axes);
  entry.declares = {name + "(Tensor, Axes)"};
  entry.call = [=](const Tensors& x) { return operation(x[0], axes); };
  entry.reference = [=](const std::vector<Numbers>& x) { return mapped(x[0], axes, of); };
  entry.samples = samples_for(axes, true);
  entry.large = large_for(axes);
  entry.normwise = 1;
  if (axes == Axes{-1}) {
    entry.parts = Parts{{0}, 0};
    const Tensor x(zeros({2, 3}));
    entry.refusals = {{name + ": no axis -1 in ()", [=] { operation(Tensor(Real(1)), {-1}); }},
                      {name + ": no axis 3 in (2, 3)", [=] { operation(x, {3}); }}};
  }
  if (axes == Axes{0}) entry.parts = Parts{{1}, 1, 2};
  return entry;
}

Entry cumsum_along(std::ptrdiff_t axis) {
  Entry entry;
  entry.title = "cumsum along " + std::to_string(axis);
  entry.declares = {"cumsum(Tensor, ptrdiff_t)"};
  entry.call = [=](const Tensors& x) { return cumsum(x[0], axis); };
  entry.reference = [=](const std::vector<Numbers>& x) { return mapped(x[0], {axis}, cumsum_of); };
  entry.samples = samples_for({axis}, true);
  entry.large = large_for({axis});
  entry.normwise = 1;
  entry.eps = 16;
  if (axis != 1) {
    entry.row_rule = RowRule{cumsum_of,
                             [](const Quads&, Quads seed) {
                               std::reverse(seed.begin(), seed.end());
                               seed = cumsum_of(seed);
                               std::reverse(seed.begin(), seed.end());
                               return seed;
                             },
                             moderate, axis == 0};
  }
  if (axis == -1) {
    entry.parts = Parts{{0}, 0};
    const Tensor x(zeros({2, 3}));
    entry.refusals = {{"cumsum: no axis 2 in (2, 3)", [=] { cumsum(x, 2); }}};
  }
  if (axis == 0) entry.parts = Parts{{1}, 1, 2};
  return entry;
}

}  // namespace

// x − ln Σ eˣ; of nothing but −∞ it is −∞, as the sum is one of nothing.
Quads log_softmax_of(const Quads& x) {
  const Quad all = logsumexp_of(x), largest = std::isinf(all) || x.empty() ? 0 : max_of(x);
  Quads shifted = x;
  for (Quad& number : shifted) number -= largest;
  const Quad rest = std::isinf(all) ? all : logsumexp_of(shifted);  // keeps its digits if x is huge
  for (Quad& number : shifted) number = all == -infinity ? -infinity : number - rest;
  return shifted;
}
Quads softmax_of(const Quads& x) {
  Quads y = log_softmax_of(x);
  for (Quad& number : y) number = std::exp(number);
  return y;
}

std::vector<Entry> reduction_entries() {
  std::vector<Entry> list;
  const std::vector<Axes> all_axes{{-1}, {0}, {1}, {0, 2}, {1, -1}, {}};
  for (const Kind& kind : kinds()) {
    list.push_back(whole(kind));
    for (const Axes& axes : all_axes) list.push_back(reduction(kind, axes, false));
    list.push_back(reduction(kind, {-1}, true));
    list.push_back(reduction(kind, {0, 2}, true));
  }
  for (const Axes& axes : all_axes) {
    list.push_back(along("softmax", softmax, softmax_of, axes));
    list.push_back(along("log_softmax", log_softmax, log_softmax_of, axes));
    if (axes != Axes{-1} && axes != Axes{0}) continue;
    // dx = y (g − Σ y g) and g − eʸ Σ g.
    list[list.size() - 2].row_rule =
        RowRule{softmax_of,
                [](const Quads& row, const Quads& seed) {
                  Quads y = softmax_of(row);
                  const Quad inner = std::inner_product(y.begin(), y.end(), seed.begin(), Quad(0));
                  for (std::size_t i = 0; i < y.size(); ++i) y[i] *= seed[i] - inner;
                  return y;
                },
                nullptr, axes == Axes{0}};
    list.back().row_rule = RowRule{log_softmax_of,
                                   [](const Quads& row, const Quads& seed) {
                                     Quads y = softmax_of(row);
                                     const Quad total = sum_of(seed);
                                     for (std::size_t i = 0; i < y.size(); ++i)
                                       y[i] = seed[i] - y[i] * total;
                                     return y;
                                   },
                                   nullptr, axes == Axes{0}};
  }
  for (const std::ptrdiff_t axis : {-1, 0, 1}) list.push_back(cumsum_along(axis));
  return list;
}

}  // namespace nabla::testing
