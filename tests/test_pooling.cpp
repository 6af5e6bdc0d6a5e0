// Pooling and upsampling against their definitions in plain loops.
#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "autograd/ops.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

struct Case {
  Shape shape;
  std::size_t size, stride;
};
const std::vector<Case> cases{{{2, 4, 6, 3}, 2, 2},   {{2, 5, 7, 17}, 2, 2}, {{1, 1, 1, 1}, 1, 1},
                              {{3, 7, 5, 16}, 3, 2},  {{2, 6, 6, 2}, 3, 1},  {{2, 7, 8, 33}, 2, 3},
                              {{24, 14, 13, 8}, 2, 2}};

double difference(const Array& a, const Array& b) {
  REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(static_cast<double>(a.data()[i] - b.data()[i]));
    worst = error <= worst ? worst : error;
  }
  return worst;
}
constexpr double tolerance = is_double ? 1e-14 : 1e-6;

// The numbers of channel c in the window of y(b, i, j, c).
std::vector<double> window(const Case& k, const Array& x, std::size_t b, std::size_t i,
                           std::size_t j, std::size_t c) {
  std::vector<double> numbers;
  for (std::size_t u = 0; u < k.size; ++u) {
    for (std::size_t v = 0; v < k.size; ++v) {
      numbers.push_back(static_cast<double>(x(b, i * k.stride + u, j * k.stride + v, c)));
    }
  }
  return numbers;
}

template <class Of>
Array pooled(const Case& k, const Array& x, const Of& of) {
  Array y = empty({k.shape[0], (k.shape[1] - k.size) / k.stride + 1,
                   (k.shape[2] - k.size) / k.stride + 1, k.shape[3]});
  for (std::size_t b = 0; b < y.shape()[0]; ++b)
    for (std::size_t i = 0; i < y.shape()[1]; ++i)
      for (std::size_t j = 0; j < y.shape()[2]; ++j)
        for (std::size_t c = 0; c < y.shape()[3]; ++c)
          y(b, i, j, c) = static_cast<Real>(of(window(k, x, b, i, j, c)));
  return y;
}

// The gradient of Σ w ⊙ f(x), twice on top of each other.
template <class F>
Array doubled_gradient(const F& f, const Array& x, const Array& w) {
  const Tensor t = parameter(x);
  f(t).backward(w);
  f(t).backward(w);
  return t.grad();
}

}  // namespace

TEST_CASE("average_pool2d and max_pool2d: values") {
  for (const Case& k : cases) {
    CAPTURE(to_string(k.shape));
    const Array x = points(k.shape, -2, 1);
    const Array means = pooled(k, x, [](const std::vector<double>& numbers) {
      double total = 0;
      for (const double number : numbers) total += number / static_cast<double>(numbers.size());
      return total;
    });
    const Array maxima = pooled(k, x, [](const std::vector<double>& numbers) {
      return *std::max_element(numbers.begin(), numbers.end());
    });
    CHECK(difference(average_pool2d(Tensor(x), k.size, k.stride).value(), means) < tolerance);
    CHECK(max_pool2d(Tensor(x), k.size, k.stride).value() == maxima);
  }
}

TEST_CASE("average_pool2d and max_pool2d: gradients") {
  for (const Case& k : cases) {
    CAPTURE(to_string(k.shape));
    const Array x = points(k.shape, -2, 1);
    const auto average = [&](const Tensor& t) { return average_pool2d(t, k.size, k.stride); };
    const auto largest = [&](const Tensor& t) { return max_pool2d(t, k.size, k.stride); };
    const Array w = points(average(Tensor(x)).shape(), -1, 1);
    Array of_average = zeros(k.shape), of_max = zeros(k.shape);
    for (std::size_t b = 0; b < w.shape()[0]; ++b)
      for (std::size_t i = 0; i < w.shape()[1]; ++i)
        for (std::size_t j = 0; j < w.shape()[2]; ++j)
          for (std::size_t c = 0; c < w.shape()[3]; ++c) {
            const std::vector<double> numbers = window(k, x, b, i, j, c);
            const double top = *std::max_element(numbers.begin(), numbers.end());
            for (std::size_t u = 0; u < k.size; ++u)
              for (std::size_t v = 0; v < k.size; ++v) {
                const std::size_t row = i * k.stride + u, column = j * k.stride + v;
                of_average(b, row, column, c) +=
                    2 * w(b, i, j, c) / static_cast<Real>(k.size * k.size);
                if (static_cast<double>(x(b, row, column, c)) == top) {
                  of_max(b, row, column, c) += 2 * w(b, i, j, c);
                }
              }
          }
    CHECK(difference(doubled_gradient(average, x, w), of_average) < 10 * tolerance);
    CHECK(difference(doubled_gradient(largest, x, w), of_max) < 10 * tolerance);
  }
  const Array x = points({2, 5, 4, 2}, -2, 1);
  check_gradients([](const std::vector<Tensor>& t) { return average_pool2d(t[0], 2, 1); }, {x});
  check_gradients([](const std::vector<Tensor>& t) { return max_pool2d(t[0], 2, 2); }, {x});
  check_gradients([](const std::vector<Tensor>& t) { return upsample_nearest2d(t[0], 3); }, {x});
}

TEST_CASE("max_pool2d: ties share the gradient, NaN stays, infinities pass") {
  Array x = zeros({1, 2, 4, 1});
  const Array g = gradient([](const Tensor& t) { return max_pool2d(t, 2, 2); }, x);
  CHECK(g == full({1, 2, 4, 1}, Real(0.25)));
  x(0, 1, 0, 0) = std::numeric_limits<Real>::quiet_NaN();
  x(0, 0, 2, 0) = x(0, 1, 2, 0) = x(0, 0, 3, 0) = x(0, 1, 3, 0) =
      -std::numeric_limits<Real>::infinity();
  const Array y = max_pool2d(Tensor(x), 2, 2).value();
  CHECK(std::isnan(y(0, 0, 0, 0)));
  CHECK(y(0, 0, 1, 0) == -std::numeric_limits<Real>::infinity());
}

TEST_CASE("upsample_nearest2d: each pixel many times, and their gradients summed") {
  for (const std::size_t factor : {1, 2, 3}) {
    const Array x = points({2, 3, 5, 17}, -1, 1);
    const auto f = [&](const Tensor& t) { return upsample_nearest2d(t, factor); };
    const Array y = f(Tensor(x)).value();
    REQUIRE(y.shape() == Shape{2, 3 * factor, 5 * factor, 17});
    const Array w = points(y.shape(), -1, 1);
    Array expected = y, dx = zeros(x.shape());
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < 3 * factor; ++i)
        for (std::size_t j = 0; j < 5 * factor; ++j)
          for (std::size_t c = 0; c < 17; ++c) {
            expected(b, i, j, c) = x(b, i / factor, j / factor, c);
            dx(b, i / factor, j / factor, c) += 2 * w(b, i, j, c);
          }
    CHECK(y == expected);
    CHECK(difference(doubled_gradient(f, x, w), dx) < 20 * tolerance);
    CHECK(difference(average_pool2d(Tensor(y), factor, factor).value(), x) < tolerance);
  }
}

TEST_CASE("pooling of nothing, and what does not fit") {
  const Tensor none = parameter(empty({0, 4, 4, 3})), x(zeros({2, 3, 5, 4}));
  CHECK(average_pool2d(none, 2, 2).shape() == Shape{0, 2, 2, 3});
  CHECK(max_pool2d(none, 2, 2).shape() == Shape{0, 2, 2, 3});
  const Tensor y = upsample_nearest2d(none, 2);
  CHECK(y.shape() == Shape{0, 8, 8, 3});
  y.backward(empty(y.shape()));
  CHECK(none.grad().shape() == none.shape());
  CHECK(message_of([&] { average_pool2d(x, 4, 1); }) ==
        "average_pool2d: size and stride must be at least 1 and a window must fit into the image, "
        "got (2, 3, 5, 4), size 4 and stride 1");
  CHECK(message_of([&] { max_pool2d(x, 2, 0); }) ==
        "max_pool2d: size and stride must be at least 1 and a window must fit into the image, got "
        "(2, 3, 5, 4), size 2 and stride 0");
  CHECK(message_of([&] {
          max_pool2d(Tensor(zeros({3, 5, 4})), 2, 2);
        }) == "max_pool2d: the input has 4 axes (B, h, w, C), got (3, 5, 4)");
  for (const std::size_t n : {std::size_t{1} << 32, std::size_t{1} << 62, std::size_t{1} << 63,
                              (std::size_t{1} << 63) - 1, ~std::size_t{0}}) {
    CAPTURE(n);
    CHECK_THROWS_AS(upsample_nearest2d(x, n), std::invalid_argument);
    CHECK_THROWS_AS(upsample_nearest2d(none, n), std::invalid_argument);
    CHECK_THROWS_AS(max_pool2d(x, n, 1), std::invalid_argument);
    CHECK(average_pool2d(x, 2, n).shape() == Shape{2, 1, 1, 4});
  }
  CHECK(message_of([&] { upsample_nearest2d(x, ~std::size_t{0}); }) ==
        "upsample_nearest2d: (2, 18446744073709551615, 18446744073709551615, 4) is too large a "
        "shape");
  CHECK(message_of([&] { upsample_nearest2d(x, 0); }) ==
        "upsample_nearest2d: the factor must be at least 1");
  CHECK(message_of([&] { upsample_nearest2d(Tensor(zeros({3})), 2); }) ==
        "upsample_nearest2d: the input has 4 axes (B, h, w, C), got (3,)");
}
