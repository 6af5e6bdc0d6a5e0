// Normalisations against their formulas in long double, and gradients against differences.
#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <vector>

#include "autograd/blas.hpp"
#include "autograd/ops.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

using Long = long double;

// Which numbers are normalised together: part(i) for element i, in 0 … parts − 1.
struct Partition {
  std::size_t parts;
  std::function<std::size_t(std::size_t)> part;
};

Partition by_group(const Shape& shape, std::size_t groups) {
  const std::size_t channels = shape.back(), image = size_of(shape) / shape[0];
  return {shape[0] * groups,
          [=](std::size_t i) { return i / image * groups + i % channels * groups / channels; }};
}
Partition by_row(const Shape& shape) {
  const std::size_t channels = shape.back();
  return {size_of(shape) / channels, [=](std::size_t i) { return i / channels; }};
}
Partition by_channel(const Shape& shape) {
  const std::size_t channels = shape.back();
  return {channels, [=](std::size_t i) { return i % channels; }};
}

struct Reference {
  std::vector<Long> y, dx, dgain, dshift;
  Long scale_of_dx = 0;  // of what dx is the difference of
};

// gain x̂ + shift, or its silu, and the gradients of Σ dy y, from the formulas in normalisation.hpp.
Reference reference(const Partition& p, const Array& x, const Array& gain, const Array& shift,
                    const Array& dy, bool with_silu) {
  const std::size_t size = x.size(), channels = gain.size();
  std::vector<Long> count(p.parts), mean(p.parts), variance(p.parts);
  const auto at = [](const Array& a, std::size_t i) { return static_cast<Long>(a.data()[i]); };
  for (std::size_t i = 0; i < size; ++i) ++count[p.part(i)];
  for (std::size_t i = 0; i < size; ++i) mean[p.part(i)] += at(x, i) / count[p.part(i)];
  for (std::size_t i = 0; i < size; ++i) {
    const Long d = at(x, i) - mean[p.part(i)];
    variance[p.part(i)] += d * d / count[p.part(i)];
  }
  const Long epsilon = static_cast<Long>(Real(1e-5));
  Reference r{std::vector<Long>(size), std::vector<Long>(size), std::vector<Long>(channels),
              std::vector<Long>(channels)};
  std::vector<Long> normalised(size), dz(size), mean_dz(p.parts), mean_dz_x(p.parts);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t part = p.part(i), c = i % channels;
    normalised[i] = (at(x, i) - mean[part]) / std::sqrt(variance[part] + epsilon);
    const Long z = at(gain, c) * normalised[i] + at(shift, c), s = 1 / (1 + std::exp(-z));
    r.y[i] = with_silu ? z * s : z;
    dz[i] = at(dy, i) * (with_silu ? s + z * s * (1 - s) : 1);
    r.dgain[c] += dz[i] * normalised[i];
    r.dshift[c] += dz[i];
    mean_dz[part] += at(gain, c) * dz[i] / count[part];
    mean_dz_x[part] += at(gain, c) * dz[i] * normalised[i] / count[part];
  }
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t part = p.part(i);
    const Long first = at(gain, i % channels) * dz[i],
               deviation = std::sqrt(variance[part] + epsilon);
    r.dx[i] = (first - mean_dz[part] - normalised[i] * mean_dz_x[part]) / deviation;
    r.scale_of_dx = std::max(r.scale_of_dx, std::abs(first / deviation));
  }
  return r;
}

// The largest difference, relative to the largest number or a given scale.
double difference(const Array& a, const std::vector<Long>& expected, Long given_scale = 0) {
  REQUIRE(a.size() == expected.size());
  double worst = 0, scale = std::max(1e-3, static_cast<double>(given_scale));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error =
        std::abs(static_cast<double>(static_cast<Long>(a.data()[i]) - expected[i]));
    worst = error <= worst ? worst : error;  // a NaN stays
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return worst / scale;
}

using Normalise = std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)>;

void check(const Normalise& f, const Partition& p, const Array& x, bool with_silu,
           double tolerance = is_double ? 1e-12 : 1e-5) {
  const std::size_t channels = x.shape().back();
  const Tensor t = parameter(x), gain = parameter(points({channels}, -1, 2));
  const Tensor shift = parameter(points({channels}, -1, 0.5));
  const Tensor y = f(t, gain, shift);
  // Not a linear function of x, for which dx is 0.
  Array dy = points(x.shape(), -1, 1.5);
  for (std::size_t i = 0; i < dy.size(); ++i) dy.data()[i] += std::cos(static_cast<Real>(i));
  const Reference r = reference(p, x, gain.value(), shift.value(), dy, with_silu);
  y.backward(dy, true);
  CHECK(difference(y.value(), r.y) < tolerance);
  CHECK(difference(t.grad(), r.dx, r.scale_of_dx) < tolerance);
  CHECK(difference(gain.grad(), r.dgain) < tolerance);
  CHECK(difference(shift.grad(), r.dshift) < tolerance);
  // Once more on top.
  const Array once = t.grad();
  y.backward(dy);
  CHECK(difference((Tensor(t.grad()) - Tensor(once)).value(), r.dx, r.scale_of_dx) < tolerance);
  // And only the gradients of gain and shift.
  Tensor again = gain, other = shift;
  again.clear_grad();
  other.clear_grad();
  f(t.detach(), gain, shift).backward(dy);
  CHECK(difference(gain.grad(), r.dgain) < tolerance);
  CHECK(difference(shift.grad(), r.dshift) < tolerance);
}

Array moved(Array x, Real by) {
  for (Real& number : x) number += by;
  return x;
}

}  // namespace

TEST_CASE("group_norm and group_norm_silu: values and gradients") {
  struct Case {
    Shape shape;
    std::size_t groups;
  };
  const std::vector<Case> cases{{{3, 7, 5, 32}, 8}, {{2, 3, 3, 6}, 1},   {{2, 3, 3, 6}, 6},
                                {{2, 4, 1, 17}, 1}, {{1, 1, 1, 2}, 1},   {{2, 5, 5, 1}, 1},
                                {{2, 9, 8, 48}, 4}, {{3, 8}, 2},         {{2, 6, 20}, 5},
                                {{2, 2, 2, 3}, 3},  {{1, 33, 40, 3}, 1}, {{24, 10, 9, 24}, 8}};
  for (const Case& c : cases) {
    CAPTURE(to_string(c.shape));
    CAPTURE(c.groups);
    const Partition p = by_group(c.shape, c.groups);
    const Array x = points(c.shape, -3, 4);
    const auto plain = [&](const Tensor& t, const Tensor& gain, const Tensor& shift) {
      return group_norm(t, gain, shift, c.groups);
    };
    const auto silu_too = [&](const Tensor& t, const Tensor& gain, const Tensor& shift) {
      return group_norm_silu(t, gain, shift, c.groups);
    };
    check(plain, p, x, false);
    check(silu_too, p, x, true);
    // Data far from 0: as exact as their own rounding.
    const Array far = moved(points(c.shape, -3, 4), 10000);
    check(plain, p, far, false, is_double ? 1e-10 : 2e-5);
    check(silu_too, p, far, true, is_double ? 1e-10 : 2e-5);
  }
}

TEST_CASE("layer_norm: values and gradients") {
  for (const Shape& shape : {Shape{5, 32}, Shape{3, 17}, Shape{2, 3, 5, 48}, Shape{7, 1}, Shape{9},
                             Shape{700, 100}, Shape{2, 1500}}) {
    CAPTURE(to_string(shape));
    const Normalise f = [](const Tensor& x, const Tensor& gain, const Tensor& shift) {
      return layer_norm(x, gain, shift);
    };
    check(f, by_row(shape), points(shape, -3, 4), false);
    check(f, by_row(shape), moved(points(shape, -3, 4), -10000), false, is_double ? 1e-10 : 2e-5);
  }
}

TEST_CASE("batch_norm: values and gradients") {
  for (const Shape& shape : {Shape{5, 32}, Shape{2, 17}, Shape{6, 4, 5, 24}, Shape{1, 1},
                             Shape{700, 100}, Shape{4000, 3}}) {
    CAPTURE(to_string(shape));
    const Normalise f = [](const Tensor& x, const Tensor& gain, const Tensor& shift) {
      return batch_norm(x, gain, shift);
    };
    check(f, by_channel(shape), points(shape, -3, 4), false);
    check(f, by_channel(shape), moved(points(shape, -3, 4), 10000), false,
          is_double ? 1e-10 : 2e-5);
  }
}

TEST_CASE("normalisations: gradients against differences") {
  const Array x = points({2, 3, 2, 6}, -2, 1), gain = points({6}, -1, 2), shift = points({6}, 0, 1);
  check_gradients([](const std::vector<Tensor>& t) { return group_norm(t[0], t[1], t[2], 3); },
                  {x, gain, shift});
  check_gradients([](const std::vector<Tensor>& t) { return group_norm_silu(t[0], t[1], t[2], 2); },
                  {x, gain, shift});
  check_gradients([](const std::vector<Tensor>& t) { return layer_norm(t[0], t[1], t[2]); },
                  {x, gain, shift});
  check_gradients([](const std::vector<Tensor>& t) { return batch_norm(t[0], t[1], t[2]); },
                  {x, gain, shift});
}

TEST_CASE("group_norm_silu is silu of group_norm") {
  const Tensor x(points({4, 9, 7, 40}, -5, 2)), gain(points({40}, -9, 9)),
      shift(points({40}, 0, 1));
  const Array apart = silu(group_norm(x, gain, shift, 5)).value();
  const Array together = group_norm_silu(x, gain, shift, 5).value();
  CHECK(error_in_eps(
            together, [&](std::size_t i) { return Long(apart.data()[i]); }, 1e-3L) < 8);
}

TEST_CASE("constant data: the shift, with a finite gradient") {
  const Tensor x = parameter(full({2, 3, 3, 4}, 7)), gain(ones({4})), shift(full({4}, 2));
  for (const Tensor& y :
       {group_norm(x, gain, shift, 2), layer_norm(x, gain, shift), batch_norm(x, gain, shift)}) {
    CHECK(y.value() == full({2, 3, 3, 4}, 2));
    y.backward(points(y.shape(), -1, 1));
    CHECK(all_finite(x.grad()));
  }
}

TEST_CASE("normalisations are the same for every number of threads") {
  const Array x = points({6, 20, 20, 24}, -2, 3), seed = points({6, 20, 20, 24}, -1, 1);
  const Tensor gain = parameter(points({24}, -1, 2)), shift = parameter(points({24}, 0, 1));
  const std::vector<Normalise> all{
      [](const Tensor& t, const Tensor& g, const Tensor& s) { return group_norm_silu(t, g, s, 4); },
      [](const Tensor& t, const Tensor& g, const Tensor& s) { return layer_norm(t, g, s); },
      [](const Tensor& t, const Tensor& g, const Tensor& s) { return batch_norm(t, g, s); }};
  const int before = threads();
  for (const Normalise& f : all) {
    std::vector<Array> results;
    for (const int count : {1, 3}) {
      set_threads(count);
      Tensor t = parameter(x), g = gain, s = shift;
      g.clear_grad();
      s.clear_grad();
      const Tensor y = f(t, g, s);
      y.backward(seed);
      for (const Array& a : {y.value(), t.grad(), g.grad(), s.grad()}) results.push_back(a);
    }
    for (std::size_t i = 0; i < 4; ++i) CHECK(results[i] == results[i + 4]);
  }
  set_threads(before);
}

TEST_CASE("normalisations of nothing, and what does not fit") {
  const Tensor gain = parameter(ones({6})), shift = parameter(ones({6}));
  for (const Shape& shape : {Shape{0, 3, 3, 6}, Shape{2, 0, 3, 6}}) {
    const Tensor x = parameter(empty(shape));
    for (const Tensor& y : {group_norm(x, gain, shift, 2), group_norm_silu(x, gain, shift, 2),
                            layer_norm(x, gain, shift)}) {
      CHECK(y.shape() == shape);
      Tensor g = gain;
      g.clear_grad();
      y.backward(empty(shape));
      CHECK(g.grad() == zeros({6}));
      CHECK(x.grad().shape() == shape);
    }
  }
  const Tensor x(zeros({2, 5, 5, 6})), five(ones({5}));
  for (const Real bad : {Real(-1), Real(-1e-5), std::numeric_limits<Real>::quiet_NaN(),
                         std::numeric_limits<Real>::infinity()}) {
    CHECK_THROWS_AS(layer_norm(x, gain, shift, bad), std::invalid_argument);
    CHECK_THROWS_AS(batch_norm(x, gain, shift, bad), std::invalid_argument);
    CHECK_THROWS_AS(group_norm(x, gain, shift, 2, bad), std::invalid_argument);
    CHECK_THROWS_AS(group_norm_silu(x, gain, shift, 2, bad), std::invalid_argument);
  }
  CHECK(message_of([&] { layer_norm(x, gain, shift, -1); }) ==
        "layer_norm: epsilon must be finite and ≥ 0, got -1");
  CHECK(message_of([&] {
          batch_norm(Tensor(empty({0, 6})), gain, shift);
        }) == "batch_norm: an empty batch has no mean, got (0, 6)");
  CHECK(message_of([&] { group_norm(x, gain, shift, 4); }) ==
        "group_norm: the groups must divide the channels, got (2, 5, 5, 6) and 4");
  CHECK(message_of([&] { group_norm_silu(x, gain, shift, 0); }) ==
        "group_norm_silu: the groups must divide the channels, got (2, 5, 5, 6) and 0");
  CHECK(message_of([&] { group_norm(x, five, shift, 2); }) ==
        "group_norm: gain and shift must have shape (6,) for the input (2, 5, 5, 6), got (5,) and "
        "(6,)");
  CHECK(message_of([&] { layer_norm(x, gain, five); }) ==
        "layer_norm: gain and shift must have shape (6,) for the input (2, 5, 5, 6), got (6,) and "
        "(5,)");
  CHECK(message_of([&] { layer_norm(Tensor(Real(1)), gain, shift); }) ==
        "layer_norm: the input needs at least 1 axis, got ()");
  CHECK(message_of([&] { batch_norm(Tensor(ones({6})), gain, shift); }) ==
        "batch_norm: the input needs at least 2 axes, got (6,)");
}
