// Initialisers: fans, variances against the papers' formulas, orthogonality.
#include <cmath>
#include <doctest/doctest.h>

#include "nn/init.hpp"

using namespace nabla;
using namespace nabla::nn;

namespace {

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const Array& a) {
  Moments m;
  for (const Real x : a) m.mean += static_cast<double>(x) / static_cast<double>(a.size());
  for (const Real x : a) {
    m.variance += std::pow(static_cast<double>(x) - m.mean, 2) / static_cast<double>(a.size());
    m.largest = std::max(m.largest, std::abs(static_cast<double>(x)));
  }
  return m;
}

// Five standard errors of the sample variance: kurtosis is 3 (normal) or 1.8 (uniform).
void check_variance(const Array& a, double expected, bool is_normal) {
  const Moments m = moments(a);
  const double n = static_cast<double>(a.size());
  CHECK(std::abs(m.mean) < 5 * std::sqrt(expected / n));
  CHECK(std::abs(m.variance / expected - 1) < 5 * std::sqrt((is_normal ? 2 : 0.8) / n));
  const double bound = std::sqrt(3 * expected);
  if (is_normal) {
    CHECK(m.largest > bound);
  } else {
    CHECK(m.largest <= bound * 1.000001);
    CHECK(m.largest > bound * 0.999);
  }
}

}  // namespace

TEST_CASE("fans of dense and convolution weights") {
  CHECK(fans({784, 400}).in == 784);
  CHECK(fans({784, 400}).out == 400);
  CHECK(fans({3, 5, 16, 32}).in == 240);
  CHECK(fans({3, 5, 16, 32}).out == 480);
  CHECK_THROWS_WITH(fans({5}), "fans: a weight has axes (in, out) or (kh, kw, in, out), got (5,)");
}

TEST_CASE("variances are those of the papers") {
  Rng rng(1);
  for (const Shape& shape : {Shape{300, 500}, Shape{3, 3, 60, 40}}) {
    const double in = static_cast<double>(fans(shape).in);
    const double out = static_cast<double>(fans(shape).out);
    check_variance(initialiser("fan_in_uniform")(shape, rng), 1 / (3 * in), false);
    check_variance(initialiser("xavier_uniform")(shape, rng), 2 / (in + out), false);
    check_variance(initialiser("xavier_normal")(shape, rng), 2 / (in + out), true);
    check_variance(initialiser("he_uniform")(shape, rng), 2 / in, false);
    check_variance(initialiser("he_normal")(shape, rng), 2 / in, true);
    check_variance(initialiser("kaiming_uniform")(shape, rng), 2 / in, false);
    check_variance(initialiser("kaiming_normal")(shape, rng), 2 / in, true);
    check_variance(initialiser("lecun_normal")(shape, rng), 1 / in, true);
    check_variance(init::xavier_normal(3)(shape, rng), 9 * 2 / (in + out), true);
    check_variance(init::xavier_uniform(3)(shape, rng), 9 * 2 / (in + out), false);
  }
  check_variance(init::uniform(-2, 2)({100000}, rng), 4.0 / 3, false);
  check_variance(init::normal(0, 2)({100000}, rng), 4, true);
  CHECK(init::normal(5, 0)({3}, rng) == full({3}, 5));
  CHECK(init::constant(Real(1.5))({2, 2}, rng) == full({2, 2}, Real(1.5)));
  CHECK(initialiser("zeros")({3}, rng) == zeros({3}));
}

TEST_CASE("orthogonal: the shorter side's vectors are orthonormal, times the gain") {
  Rng rng(2);
  for (const Shape& shape :
       {Shape{7, 4}, Shape{4, 7}, Shape{50, 50}, Shape{2, 2, 5, 6}, Shape{1, 1}, Shape{1, 5}}) {
    const Real gain = 2;
    const Array w = init::orthogonal(gain)(shape, rng);
    REQUIRE(w.shape() == shape);
    const std::size_t columns = shape.back(), rows = w.size() / columns;
    const bool tall = rows >= columns;
    const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
    double worst = 0;
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b < count; ++b) {
        double dot = 0;
        for (std::size_t i = 0; i < length; ++i) {
          const auto at = [&](std::size_t k) {
            return static_cast<double>(w.data()[tall ? i * columns + k : k * columns + i]);
          };
          dot += at(a) * at(b);
        }
        worst = std::max(worst, std::abs(dot - (a == b ? 4 : 0)));
      }
    }
    CHECK(worst < 1e-5);
  }
  // All rotations and reflections alike: the sign of a 1 × 1 one is a fair coin.
  int positive = 0;
  for (int i = 0; i < 1000; ++i) positive += init::orthogonal()({1, 1}, rng).data()[0] > 0 ? 1 : 0;
  CHECK(std::abs(positive - 500) < 5 * 16);
}

TEST_CASE("the same Rng gives the same values; empty shapes; unknown names") {
  Rng a(3), b(3);
  CHECK(initialiser("he_normal")({4, 5}, a) == initialiser("he_normal")({4, 5}, b));
  for (const char* const name : {"fan_in_uniform", "he_normal", "orthogonal", "xavier_normal"}) {
    CHECK(initialiser(name)({0, 5}, a).size() == 0);
    CHECK(initialiser(name)({5, 0}, a).size() == 0);
    CHECK_THROWS_AS(initialiser(name)({5}, a), std::invalid_argument);
  }
  CHECK_THROWS_WITH(initialiser("magic"),
                    "initialiser: \"magic\" is none of zeros, fan_in_uniform, xavier_uniform, "
                    "xavier_normal, he_uniform, he_normal, kaiming_uniform, kaiming_normal, "
                    "lecun_normal, orthogonal");
}
