// Reductions against plain long double loops over every element and its coordinates.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"

using namespace nabla;

namespace {

constexpr Real infinity = std::numeric_limits<Real>::infinity();
const double tolerance = sizeof(Real) == 8 ? 1e-13 : 1e-5;

Array numbers(const Shape& shape, unsigned seed = 1, double scale = 2) {
  std::mt19937 engine(seed);
  Array a = empty(shape);
  for (Real& x : a) x = static_cast<Real>(scale * (double(engine()) / 4294967296.0 - 0.5));
  return a;
}

using Group = std::vector<long double>;

// The numbers that fall together, result by result, and for each element the number of its result.
struct Groups {
  std::vector<Group> members;
  std::vector<std::size_t> of_element;
};

Groups grouped(const Array& x, const Axes& axes) {
  std::vector<bool> reduced(x.dimension(), false);
  for (const std::ptrdiff_t axis : axes) {
    reduced[static_cast<std::size_t>(axis < 0 ? axis + std::ptrdiff_t(x.dimension()) : axis)] =
        true;
  }
  std::size_t results = 1;
  for (std::size_t d = 0; d < x.dimension(); ++d) results *= reduced[d] ? 1 : x.shape()[d];
  Groups g;
  g.members.resize(results);
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::size_t rest = i, result = 0, scale = 1;
    for (std::size_t d = x.dimension(); d > 0; --d) {
      const std::size_t n = x.shape()[d - 1];
      if (!reduced[d - 1]) {
        result += rest % n * scale;
        scale *= n;
      }
      rest /= n;
    }
    g.members[result].push_back(static_cast<long double>(x.data()[i]));
    g.of_element.push_back(result);
  }
  return g;
}

long double sum_of(const Group& g) {
  long double s = 0;
  for (const long double x : g) s += x;
  return s;
}
long double mean_of(const Group& g) {
  return sum_of(g) / static_cast<long double>(g.size());
}
long double max_of(const Group& g) {
  return *std::max_element(g.begin(), g.end());
}
long double min_of(const Group& g) {
  return *std::min_element(g.begin(), g.end());
}
long double logsumexp_of(const Group& g) {
  long double s = 0;
  for (const long double x : g) s += std::exp(x);
  return std::log(s);
}

using Operation = Tensor (*)(const Tensor&, const Axes&, bool);
struct Reduction {
  const char* name;
  Operation operation;
  long double (*reference)(const Group&);
};
const std::vector<Reduction> reductions{{"sum", sum, sum_of},
                                        {"mean", mean, mean_of},
                                        {"max", max, max_of},
                                        {"min", min, min_of},
                                        {"logsumexp", logsumexp, logsumexp_of}};

struct Case {
  Shape shape;
  Axes axes;
};
// Last, first, middle, all, none; neighbours and not; rows shorter and longer than a register.
const std::vector<Case> cases{{{3, 5}, {1}},
                              {{3, 5}, {0}},
                              {{3, 5}, {-1, 0}},
                              {{2, 3, 4}, {1}},
                              {{2, 3, 4}, {0, 2}},
                              {{2, 3, 2, 5}, {0, 2}},
                              {{2, 3, 2, 5}, {1, 3}},
                              {{2, 3, 4}, {}},
                              {{7}, {0}},
                              {{}, {}},
                              {{1, 4, 1}, {0, 2}},
                              {{3, 200}, {1}},
                              {{200, 3}, {0}},
                              {{2, 70, 3}, {1}},
                              {{2, 3, 1}, {2}}};

void check_values(const Array& y, const std::vector<long double>& expected) {
  REQUIRE(y.size() == expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK(double(y.data()[i]) == doctest::Approx(double(expected[i])).epsilon(tolerance));
  }
}

}  // namespace

TEST_CASE("values agree with plain loops over any axes") {
  for (const Reduction& r : reductions) {
    for (const Case& c : cases) {
      CAPTURE(r.name);
      CAPTURE(to_string(c.shape));
      const Array x = numbers(c.shape);
      std::vector<long double> expected;
      for (const Group& g : grouped(x, c.axes).members) expected.push_back(r.reference(g));
      const Tensor flat = r.operation(Tensor(x), c.axes, false);
      const Tensor kept = r.operation(Tensor(x), c.axes, true);
      check_values(flat.value(), expected);
      check_values(kept.value(), expected);
      CHECK(flat.ndim() == c.shape.size() - c.axes.size());
      CHECK(kept.ndim() == c.shape.size());
      for (const std::ptrdiff_t axis : c.axes) CHECK(kept.size(axis) == 1);
    }
  }
}

TEST_CASE("softmax and log_softmax agree with plain loops over any axes") {
  for (const Case& c : cases) {
    CAPTURE(to_string(c.shape));
    const Array x = numbers(c.shape);
    const Groups g = grouped(x, c.axes);
    std::vector<long double> probs, logs;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double log_prob =
          static_cast<long double>(x.data()[i]) - logsumexp_of(g.members[g.of_element[i]]);
      logs.push_back(log_prob);
      probs.push_back(std::exp(log_prob));
    }
    const Tensor y = softmax(Tensor(x), c.axes);
    CHECK(y.shape() == c.shape);
    check_values(y.value(), probs);
    const Tensor z = log_softmax(Tensor(x), c.axes);
    CHECK(z.shape() == c.shape);
    for (std::size_t i = 0; i < logs.size(); ++i) {
      CHECK(std::abs(double(z.value().data()[i]) - double(logs[i])) < 10 * tolerance);
    }
  }
}

TEST_CASE("without axes everything is reduced") {
  const Tensor x(numbers({3, 4, 5}));
  const Axes all{0, 1, 2};
  CHECK(sum(x).item() == sum(x, all).item());
  CHECK(mean(x).item() == mean(x, all).item());
  CHECK(max(x).item() == max(x, all).item());
  CHECK(min(x).item() == min(x, all).item());
  CHECK(logsumexp(x).item() == logsumexp(x, all).item());
  CHECK(sum(x).shape() == Shape{});
  CHECK(softmax(x).value() == softmax(x, {2}).value());
}

TEST_CASE("large arrays, where threads and blocks come in, agree with plain loops") {
  for (const Case& c : {Case{{300, 500}, {1}}, Case{{300, 500}, {0}}, Case{{300, 500}, {0, 1}},
                        Case{{40, 50, 100}, {1}}, Case{{40, 50, 100}, {0, 2}},
                        Case{{20000, 10}, {1}}, Case{{70000, 3}, {0}}}) {
    CAPTURE(to_string(c.shape));
    const Array x = numbers(c.shape);
    const Groups g = grouped(x, c.axes);
    for (const Reduction& r : reductions) {
      CAPTURE(r.name);
      const Tensor y = r.operation(Tensor(x), c.axes, false);
      for (std::size_t i = 0; i < g.members.size(); ++i) {
        const double expected = double(r.reference(g.members[i]));
        const double scale = r.reference == sum_of ? std::sqrt(double(g.members[i].size())) : 1;
        if (!(std::abs(double(y.value().data()[i]) - expected) <= 3 * tolerance * scale)) {
          CHECK(double(y.value().data()[i]) == expected);
        }
      }
    }
    const Tensor p = softmax(Tensor(x), c.axes);
    const Array totals = sum(p, c.axes).value();
    for (const Real total : totals) CHECK(double(total) == doctest::Approx(1).epsilon(tolerance));
    const Array again = softmax(Tensor(x), c.axes).value();
    CHECK(again == p.value());
  }
}

TEST_CASE("huge logits neither overflow nor vanish") {
  const Real big = 10000;
  const Tensor x(Array{{big, big, -big}, {-big, -big, -big}, {big, -big, 0}});
  const Array y = logsumexp(x, {1}).value();
  CHECK(double(y(0)) == doctest::Approx(10000 + std::log(2.0)));
  CHECK(double(y(1)) == doctest::Approx(-10000 + std::log(3.0)));
  CHECK(double(y(2)) == 10000);
  const Array p = softmax(x).value();
  CHECK(p(0, 0) == Real(0.5));
  CHECK(p(0, 2) == 0);
  CHECK(double(p(1, 1)) == doctest::Approx(1.0 / 3));
  CHECK(p(2, 0) == 1);
  const Array l = log_softmax(x).value();
  CHECK(l(2, 1) == -2 * big);
  CHECK(double(l(0, 0)) == doctest::Approx(-std::log(2.0)));
  const Array columns = logsumexp(x, {0}).value();
  CHECK(double(columns(1)) == 10000);
}

TEST_CASE("infinities and NaN") {
  // A row of −∞ is a sum of nothing: its logarithm is −∞, and it has no influence.
  for (const std::ptrdiff_t axis : {1, 0}) {
    Tensor x = parameter(full({2, 2}, -infinity));
    x.mutable_value()(0, 0) = 1;
    const Tensor y = logsumexp(x, {axis});
    CHECK(y.value()(0) == 1);
    CHECK(y.value()(1) == -infinity);
    sum(y).backward();
    CHECK(x.grad() == Array{{1, 0}, {0, 0}});
    x.clear_grad();
    sum(softmax(x, {axis})).backward();
    CHECK(x.grad() == Array{{0, 0}, {0, 0}});
    CHECK(softmax(x, {axis}).value() == Array{{1, 0}, {0, 0}});
    const Array expected{{0, -infinity}, {-infinity, -infinity}};
    CHECK(log_softmax(x, {axis}).value() == expected);
  }
  CHECK(logsumexp(Tensor(full({2, 3, 2}, -infinity)), {0, 2}).value()(1) == -infinity);
  CHECK(logsumexp(Tensor(Array{infinity, 1})).item() == infinity);
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Tensor bad(Array{{1, nan, 2}, {nan, 5, -infinity}, {nan, nan, nan}});
  for (const Reduction& r : reductions) {
    CAPTURE(r.name);
    const Array y = r.operation(bad, {1}, false).value();
    for (const Real value : y) CHECK(std::isnan(value));
  }
  Array long_row = zeros({1, 1000});
  long_row(0, 77) = nan;
  CHECK(std::isnan(max(Tensor(long_row)).item()));
  CHECK(std::isnan(logsumexp(Tensor(long_row)).item()));
  CHECK(std::isnan(softmax(bad).value()(0, 0)));
}

TEST_CASE("empty reductions") {
  const Tensor none(zeros({0, 3}));
  CHECK(sum(none, {0}).value() == Array{0, 0, 0});
  CHECK(sum(none, {1}).shape() == Shape{0});
  CHECK(sum(none).item() == 0);
  CHECK(std::isnan(mean(none).item()));
  CHECK(std::isnan(mean(none, {0}).value()(2)));
  CHECK(logsumexp(none, {0}).value() == full({3}, -infinity));
  CHECK(logsumexp(none).item() == -infinity);
  CHECK(max(none, {1}).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(max(none, {0}), "max: nothing to choose from in (0, 3)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(min(none), "min: nothing to choose from in (0, 3)", std::invalid_argument);
  CHECK(softmax(none, {0}).shape() == Shape{0, 3});
  CHECK(softmax(none).shape() == Shape{0, 3});
  CHECK(softmax(Tensor(zeros({2, 0, 3})), {0, 2}).shape() == Shape{2, 0, 3});
  CHECK(log_softmax(Tensor(zeros({3, 0}))).shape() == Shape{3, 0});
  CHECK(cumsum(none, 0).shape() == Shape{0, 3});
  CHECK(cumsum(none, 1).shape() == Shape{0, 3});

  Tensor p = parameter(zeros({0, 3}));
  (sum(sum(p, {0}))).backward();
  CHECK(p.grad().shape() == Shape{0, 3});
  p.clear_grad();
  sum(logsumexp(p, {0})).backward();
  CHECK(p.grad().shape() == Shape{0, 3});
  p.clear_grad();
  sum(softmax(p)).backward();
  CHECK(p.grad().shape() == Shape{0, 3});
}

TEST_CASE("cumsum adds up from the front along its axis") {
  const Tensor x(Array{{1, 2, 3}, {10, 20, 30}});
  CHECK(cumsum(x, 1).value() == Array{{1, 3, 6}, {10, 30, 60}});
  CHECK(cumsum(x, 0).value() == Array{{1, 2, 3}, {11, 22, 33}});
  CHECK(cumsum(x, -1).value() == cumsum(x, 1).value());
  CHECK(cumsum(Tensor(ones({2, 3, 2})), 1).value()(1, 2, 1) == 3);
}

TEST_CASE("long running sums and many gradients for one place keep their digits") {
  const std::size_t n = 1'000'000;
  const double step = static_cast<double>(Real(0.1));
  const Tensor x = parameter(full({n}, Real(0.1)));
  const Tensor y = cumsum(x, 0);
  CHECK(y.value()(n - 1) == doctest::Approx(step * static_cast<double>(n)).epsilon(1e-7));
  y.backward(full({n}, Real(0.1)));
  CHECK(x.grad()(0) == doctest::Approx(step * static_cast<double>(n)).epsilon(1e-7));
  const Tensor table = parameter(zeros({3, 2})), row = parameter(zeros({3}));
  const IndexArray index = IndexArray::from_shape({n});
  const IndexArray ones = xt::ones_like(index);
  for (const double times : {1.0, 2.0}) {  // the second time added to what is there
    embedding(table, ones).backward(full({n, 2}, Real(0.1)));
    gather(row, 0, ones).backward(full({n}, Real(0.1)));
    const double expected = times * step * static_cast<double>(n);
    CHECK(table.grad()(1, 1) == doctest::Approx(expected).epsilon(1e-7));
    CHECK(row.grad()(1) == doctest::Approx(expected).epsilon(1e-7));
    CHECK(table.grad()(0, 0) == 0);
    CHECK(row.grad()(2) == 0);
  }
}

TEST_CASE("an axis out of range or twice is refused by name") {
  const Tensor x(zeros({2, 3}));
  CHECK_THROWS_WITH_AS(sum(x, {2}), "sum: no axis 2 in (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(mean(x, {-3}), "mean: no axis -3 in (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(max(x, {0, -2}), "max: an axis is given twice for (2, 3)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(min(x, {5}), "min: no axis 5 in (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(logsumexp(x, {2}), "logsumexp: no axis 2 in (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(softmax(Tensor(Real(1))), "softmax: no axis -1 in ()",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(log_softmax(x, {3}), "log_softmax: no axis 3 in (2, 3)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(cumsum(x, 2), "cumsum: no axis 2 in (2, 3)", std::invalid_argument);
}

TEST_CASE("ties share the gradient of an extreme equally, over all axes at once") {
  Tensor x = parameter(Array{{3, 1, 3}, {0, 3, 2}});
  max(x).backward();
  const Real third = Real(1) / 3;
  CHECK(x.grad() == Array{{third, 0, third}, {0, third, 0}});
  // 3 ties over axes 0 and 2, which are not neighbours: 2 in one row, 1 in the other.
  Tensor y = parameter(Array{{{3, 3}}, {{3, 0}}});
  sum(max(y, {0, 2})).backward();
  CHECK(y.grad() == Array{{{third, third}}, {{third, 0}}});
  Tensor z = parameter(Array{{1, 1}, {2, 5}});
  sum(min(z, {1})).backward();
  CHECK(z.grad() == Array{{Real(0.5), Real(0.5)}, {1, 0}});
}

#ifdef NABLA_DOUBLE
TEST_CASE("gradients agree with central differences") {
  const auto check = [](const char* name, const auto& f, const Shape& shape) {
    CAPTURE(name);
    CAPTURE(to_string(shape));
    const GradcheckResult r =
        gradcheck([&f](const std::vector<Tensor>& x) { return f(x[0]); }, {numbers(shape)});
    CHECK_MESSAGE(r.passed, r.message);
  };
  for (const Case& c : cases) {
    for (const Reduction& r : reductions) {
      for (const bool keepdims : {false, true}) {
        check(
            r.name, [&](const Tensor& x) { return r.operation(x, c.axes, keepdims); }, c.shape);
      }
    }
    check(
        "softmax", [&](const Tensor& x) { return softmax(x, c.axes); }, c.shape);
    check(
        "log_softmax", [&](const Tensor& x) { return log_softmax(x, c.axes); }, c.shape);
  }
  for (const std::ptrdiff_t axis : {0, 1, 2}) {
    check("cumsum", [axis](const Tensor& x) { return cumsum(x, axis); }, {3, 2, 4});
  }
  // Weights at the far ends: 10⁴ apart.
  const GradcheckResult r =
      gradcheck([](const std::vector<Tensor>& x) { return logsumexp(x[0], {1}); },
                {Array{{10000, 10000.5, -10000}, {-10000, -10001, -10002}}});
  CHECK_MESSAGE(r.passed, r.message);
}
#endif
