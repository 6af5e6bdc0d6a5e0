// Shapes, broadcasting and its adjoint, evaluation on several threads, accuracy of sums.
#include <cmath>
#include <doctest/doctest.h>
#include <numeric>
#include <random>
#include <stdexcept>

#include "autograd/array.hpp"
#include "autograd/broadcast.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/threads.hpp"

using namespace nabla;

namespace {

Array numbers(const Shape& shape, unsigned seed = 1) {
  std::mt19937 engine(seed);
  Array a = empty(shape);
  for (Real& x : a) x = static_cast<Real>(double(engine()) / 4294967296.0 - 0.5);
  return a;
}

}  // namespace

TEST_CASE("shapes as text") {
  CHECK(to_string(Shape{}) == "()");
  CHECK(to_string(Shape{3}) == "(3,)");
  CHECK(to_string(Shape{64, 784}) == "(64, 784)");
  CHECK(size_of({}) == 1);
  CHECK(size_of({2, 3, 4}) == 24);
  CHECK(size_of({2, 0, 4}) == 0);
}

TEST_CASE("broadcast_shape follows NumPy") {
  CHECK(broadcast_shape("f", {2, 3}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast_shape("f", {2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast_shape("f", {3}, {2, 1}) == Shape{2, 3});
  CHECK(broadcast_shape("f", {}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast_shape("f", {4, 1, 5}, {3, 1}) == Shape{4, 3, 5});
  CHECK(broadcast_shape("f", {0, 3}, {1, 3}) == Shape{0, 3});
  CHECK(broadcast_shape("f", {1}, {0}) == Shape{0});
  CHECK_THROWS_WITH_AS(broadcast_shape("add", {2, 3}, {4}),
                       "add: cannot broadcast (2, 3) with (4,)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(broadcast_shape("f", {0}, {2}), "f: cannot broadcast (0,) with (2,)",
                       std::invalid_argument);
}

TEST_CASE("normalised_axes sorts and counts from the back") {
  using List = std::vector<std::size_t>;
  CHECK(normalised_axes("f", {-1, 0}, {2, 3, 4}) == List{0, 2});
  CHECK(normalised_axes("f", {}, {2, 3}) == List{});
  CHECK_THROWS_WITH_AS(normalised_axes("f", {3}, {2, 3, 4}), "f: no axis 3 in (2, 3, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(normalised_axes("f", {-4}, {2, 3, 4}), "f: no axis -4 in (2, 3, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(normalised_axes("f", {0}, {}), "f: no axis 0 in ()", std::invalid_argument);
  CHECK_THROWS_WITH_AS(normalised_axes("f", {1, -1}, {2, 3}),
                       "f: an axis is given twice for (2, 3)", std::invalid_argument);
}

TEST_CASE("unbroadcast is the adjoint of broadcasting: <broadcast(x), y> = <x, unbroadcast(y)>") {
  struct Case {
    Shape wide, narrow;
  };
  for (const Case& c : {Case{{2, 3}, {3}}, Case{{2, 3}, {2, 1}}, Case{{2, 3}, {}},
                        Case{{2, 3}, {1, 1}}, Case{{2, 3}, {2, 3}}, Case{{4, 2, 3, 5}, {2, 1, 5}},
                        Case{{4, 2, 3, 5}, {1, 2, 1, 5}}, Case{{0, 3}, {3}}, Case{{2, 1}, {1}},
                        Case{{300, 200}, {200}}, Case{{300, 200}, {300, 1}}}) {
    CAPTURE(to_string(c.wide));
    CAPTURE(to_string(c.narrow));
    const Array y = numbers(c.wide), x = numbers(c.narrow, 2);
    const Array back = unbroadcast(y, c.narrow);
    CHECK(back.shape() == c.narrow);
    const Array wide = compute(zeros(c.wide) + x);
    double left = 0, right = 0;
    for (std::size_t i = 0; i < y.size(); ++i) left += double(y.data()[i]) * double(wide.data()[i]);
    for (std::size_t i = 0; i < x.size(); ++i)
      right += double(x.data()[i]) * double(back.data()[i]);
    CHECK(left == doctest::Approx(right).epsilon(sizeof(Real) == 8 ? 1e-12 : 1e-4));
  }
  const Array a = numbers({2, 3}), b = numbers({2, 3}, 2);
  CHECK(unbroadcast(a * b, {2, 3}) == compute(a * b));
  CHECK(unbroadcast(a * b, {3}) == unbroadcast(compute(a * b), {3}));
}

TEST_CASE("an expression is the same however many threads evaluate it") {
  const int before = threads();
  for (const std::size_t n :
       {std::size_t{5}, parallel_threshold - 1, parallel_threshold, parallel_threshold + 7}) {
    const Array a = numbers({n}), b = numbers({n}, 2), scalar = numbers({1}, 3);
    set_threads(1);
    const Array one = compute(a + 2 * xt::exp(b));
    const Array broadcast = compute(a * scalar);
    Array added = a;
    evaluate_into(added, a * b, Update::add);
    set_threads(2);
    CHECK(compute(a + 2 * xt::exp(b)) == one);
    CHECK(compute(a * scalar) == broadcast);
    Array added_by_two = a;
    evaluate_into(added_by_two, a * b, Update::add);
    CHECK(added_by_two == added);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double expected = double(a(i)) + 2 * std::exp(double(b(i)));
      worst = std::max(worst, std::abs(double(one(i)) - expected));
    }
    CHECK(worst < (sizeof(Real) == 8 ? 1e-14 : 1e-6));
    CHECK(double(added(n - 1)) ==
          doctest::Approx(double(a(n - 1)) * (1 + double(b(n - 1)))).epsilon(1e-5));
  }
  set_threads(before);
}

TEST_CASE("an expression may read the array it is written to") {
  Array a = numbers({70000});
  const Array before = a;
  evaluate_into(a, a * a, Update::add);
  CHECK(a == compute(before + before * before));
}

TEST_CASE("reduction_passes: neighbouring axes go together, the last first") {
  const auto as_text = [](const Shape& shape, const std::vector<std::size_t>& axes) {
    std::string text;
    for (const detail::Span3& s : detail::reduction_passes(shape, axes)) {
      text += std::to_string(s.outer) + "x" + std::to_string(s.reduced) + "x" +
              std::to_string(s.inner) + " ";
    }
    return text;
  };
  CHECK(as_text({2, 3, 4, 5}, {0, 2, 3}) == "6x20x1 1x2x3 ");
  CHECK(as_text({2, 3, 4, 5}, {1}) == "2x3x20 ");
  CHECK(as_text({2, 3, 4, 5}, {0, 2}) == "6x4x5 1x2x15 ");
  CHECK(as_text({2, 3}, {0, 1}) == "1x6x1 ");
  CHECK(as_text({2, 3}, {}) == "1x1x6 ");
  CHECK(detail::reduced_shape({2, 3, 4}, {0, 2}, false) == Shape{3});
  CHECK(detail::reduced_shape({2, 3, 4}, {0, 2}, true) == Shape{1, 3, 1});
}

TEST_CASE("the error of a sum does not grow with its length") {
  // Equal numbers round the same way again and again: a running total in float is off by 1e-2.
  const std::size_t n = 3000000;
  const Array a = full({n}, Real(0.1));
  const double exact = double(Real(0.1)) * double(n);
  const double tolerance = sizeof(Real) == 8 ? 1e-14 : 1e-6;
  const auto off = [&](const Array& sums) {
    double worst = 0;
    for (const Real s : sums) {
      const double expected = exact / double(sums.size());
      worst = std::max(worst, std::abs(double(s) - expected) / expected);
    }
    return worst;
  };
  CHECK(off(detail::sum_axes(a, {0}, false)) < tolerance);
  for (const std::size_t width : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    Array rows = a;
    rows.reshape({n / width, width});
    CHECK(off(detail::sum_axes(rows, {0}, false)) < tolerance);
    rows.reshape({width, n / width});
    CHECK(off(detail::sum_axes(rows, {1}, false)) < tolerance);
  }
}

TEST_CASE("sums are bitwise the same for every number of threads") {
  const int before = threads();
  const Array a = numbers({333, 217, 3});
  for (const std::vector<std::size_t>& axes :
       {std::vector<std::size_t>{0}, {1}, {2}, {0, 1}, {0, 1, 2}, {0, 2}}) {
    set_threads(1);
    const Array one = detail::sum_axes(a, axes, false);
    set_threads(2);
    CHECK(detail::sum_axes(a, axes, false) == one);
  }
  set_threads(before);
}
