#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

// Numbers of the domain, others for each input.
Array drawn(const Shape& shape, const Range& range, std::size_t input) {
  const double shift = 0.0113 * static_cast<double>(input) * (range.high - range.low);
  Array a = points(shape, range.low, range.high);
  for (Real& x : a) {
    x += static_cast<Real>(shift);
    if (static_cast<double>(x) > range.high) x -= static_cast<Real>(range.high - range.low);
  }
  return a;
}

Arrays drawn(const std::vector<Shape>& shapes, const ElementwiseRule& rule) {
  Arrays inputs;
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    inputs.push_back(drawn(shapes[k], rule.domain[k], k));
  }
  return inputs;
}

// Shapes for each number of inputs: a register's width and more, one, none, no axes; missing axes
// and axes of size 1 on every side.
std::vector<std::vector<Shape>> shapes_for(std::size_t inputs, bool broadcasts) {
  std::vector<std::vector<Shape>> result;
  for (const Shape& shape :
       {Shape{1003}, Shape{5, 7}, Shape{1, 1}, Shape{3, 0}, Shape{0}, Shape{}}) {
    result.emplace_back(inputs, shape);
  }
  if (inputs == 1 || !broadcasts) return result;
  const std::vector<std::vector<Shape>> pairs{{{3, 4}, {4}},
                                              {{4}, {3, 4}},
                                              {{3, 1}, {1, 4}},
                                              {{3, 4}, {3, 1}},
                                              {{}, {3, 4}},
                                              {{3, 1}, {}},
                                              {{3, 1}, {1}},
                                              {{2, 1, 5}, {3, 1}},
                                              {{1, 1, 1}, {3, 5}},
                                              {{3, 0}, {1}},
                                              {{3, 1}, {1, 0}},
                                              {{2, 3, 5}, {1, 3, 1}},
                                              {{3, 1, 5}, {2, 1, 3, 1}}};
  for (const std::vector<Shape>& pair : pairs) {
    for (std::size_t first = 0; first < (inputs == 2 ? 1 : inputs); ++first) {
      std::vector<Shape> shapes(inputs, pair[1]);
      shapes[first] = pair[0];
      result.push_back(std::move(shapes));
    }
  }
  return result;
}

Numbers broadcast(const std::function<Quad(const Quads&)>& f, const std::vector<Numbers>& inputs) {
  Shape shape = inputs[0].shape;
  for (const Numbers& input : inputs) shape = broadcast_shape("reference", shape, input.shape);
  Numbers y(shape, 0);
  std::size_t i = 0;
  Quads x(inputs.size());
  for_each_position(shape, [&](const Shape& at) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      x[k] = inputs[k].data[source_of(at, inputs[k].shape)];
    }
    y.data[i++] = f(x);
  });
  return y;
}

}  // namespace

Entry elementwise(std::string title, std::string declares,
                  std::function<Tensor(const Tensors&)> call, ElementwiseRule rule) {
  Entry entry;
  entry.title = std::move(title);
  entry.declares = {std::move(declares)};
  entry.call = std::move(call);
  const std::size_t inputs = rule.domain.size();
  for (const std::vector<Shape>& shapes : shapes_for(inputs, rule.broadcasts)) {
    entry.samples.push_back(drawn(shapes, rule));
  }
  const Shape large{181, 182};
  entry.large.push_back(drawn(std::vector<Shape>(inputs, large), rule));
  for (const Shape& other : {Shape{182}, Shape{181, 1}}) {
    for (std::size_t k = 0; rule.broadcasts && inputs > 1 && k < inputs; ++k) {
      std::vector<Shape> shapes(inputs, large);
      shapes[k] = other;
      entry.large.push_back(drawn(shapes, rule));
    }
  }
  for (std::size_t k = 0; k < inputs; ++k) {
    if (!rule.derivatives[k]) entry.constants.push_back(k);
    if (inputs == 1) break;
    Tensors unequal(inputs, Tensor(full({2, 3}, 1)));
    unequal[k] = Tensor(full({4}, 1));
    for (const char* const shape : {"(2, 3)", "(4,)"}) {
      entry.refusals.push_back({shape, [call = entry.call, unequal] { call(unequal); }});
    }
  }
  entry.reference = [value = rule.value](const std::vector<Numbers>& x) {
    return broadcast(value, x);
  };
  entry.elementwise = std::move(rule);
  return entry;
}

Entry unary(std::string title, std::string declares, Tensor (*call)(const Tensor&),
            Quad (*value)(Quad), Quad (*derivative)(Quad), double low, double high,
            std::vector<ElementLimit> limits) {
  ElementwiseRule rule;
  rule.value = [value](const Quads& x) { return value(x[0]); };
  rule.derivatives = {[derivative](const Quads& x) { return derivative(x[0]); }};
  rule.domain = {{low, high}};
  rule.limits = std::move(limits);
  return elementwise(
      std::move(title), std::move(declares), [call](const Tensors& x) { return call(x[0]); },
      std::move(rule));
}

Entry binary(std::string title, std::string declares, Tensor (*call)(const Tensor&, const Tensor&),
             Quad (*value)(Quad, Quad), Quad (*by_first)(Quad, Quad), Quad (*by_second)(Quad, Quad),
             Range first, Range second, std::vector<ElementLimit> limits) {
  ElementwiseRule rule;
  rule.value = [value](const Quads& x) { return value(x[0], x[1]); };
  rule.derivatives = {[by_first](const Quads& x) { return by_first(x[0], x[1]); },
                      [by_second](const Quads& x) { return by_second(x[0], x[1]); }};
  rule.domain = {first, second};
  rule.limits = std::move(limits);
  return elementwise(
      std::move(title), std::move(declares), [call](const Tensors& x) { return call(x[0], x[1]); },
      std::move(rule));
}

Quads special_numbers() {
  using Limits = std::numeric_limits<Real>;
  const Quad infinity = Limits::infinity(), large = Limits::max(), tiny = Limits::denorm_min();
  return {-infinity,          -large, -1e4L, -1, -tiny, -0.0L, 0, tiny, 1, 1e4L, large, infinity,
          Limits::quiet_NaN()};
}

void for_each_position(const Shape& shape, const std::function<void(const Shape& at)>& f) {
  Shape at(shape.size(), 0);
  for (std::size_t i = 0, size = size_of(shape); i < size; ++i) {
    f(at);
    for (std::size_t d = shape.size(); d > 0 && ++at[d - 1] == shape[d - 1]; --d) at[d - 1] = 0;
  }
}

std::size_t flat(const Shape& shape, const Shape& at) {
  std::size_t i = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) i = i * shape[d] + at[d];
  return i;
}

namespace {

// Which part a position belongs to: its index among the results of a reduction.
Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdims) {
  Shape result;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const bool gone = std::count(axes.begin(), axes.end(), d) != 0;
    if (!gone || keepdims) result.push_back(gone ? 1 : shape[d]);
  }
  return result;
}

std::vector<std::vector<std::size_t>> members(const Numbers& x,
                                              const std::vector<std::size_t>& axes) {
  const Shape kept = reduced_shape(x.shape, axes, true);
  std::vector<std::vector<std::size_t>> result(size_of(kept));
  std::size_t i = 0;
  for_each_position(x.shape, [&](const Shape& at) { result[source_of(at, kept)].push_back(i++); });
  return result;
}

Quads picked(const Numbers& x, const std::vector<std::size_t>& positions) {
  Quads part;
  for (const std::size_t i : positions) part.push_back(x.data[i]);
  return part;
}

}  // namespace

Numbers reduced(const Numbers& x, const Axes& axes, bool keepdims,
                const std::function<Quad(const Quads&)>& f) {
  const std::vector<std::size_t> sorted = normalised_axes("reference", axes, x.shape);
  Numbers y(reduced_shape(x.shape, sorted, keepdims), 0);
  std::size_t i = 0;
  for (const auto& part : members(x, sorted)) y.data[i++] = f(picked(x, part));
  return y;
}

Numbers mapped(const Numbers& x, const Axes& axes, const std::function<Quads(const Quads&)>& f) {
  Numbers y(x.shape, 0);
  for (const auto& part : members(x, normalised_axes("reference", axes, x.shape))) {
    const Quads values = f(picked(x, part));
    for (std::size_t i = 0; i < part.size(); ++i) y.data[part[i]] = values[i];
  }
  return y;
}

std::size_t source_of(const Shape& at, const Shape& own) {
  std::size_t i = 0;
  for (std::size_t d = 0; d < own.size(); ++d) {
    i = i * own[d] + (own[d] == 1 ? 0 : at[at.size() - own.size() + d]);
  }
  return i;
}

}  // namespace nabla::testing
