// The Parzen window against the formula written out, and its choice of σ.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "autograd/random.hpp"
#include "models/measure/parzen.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

// ln (1/n) Σ_i Π_d N(x_d; c_id, σ²)
double directly(const Array& x, std::size_t row, const Array& centres, double sigma) {
  const std::size_t D = x.shape()[1];
  double total = 0;
  for (std::size_t i = 0; i < centres.shape()[0]; ++i) {
    double squares = 0;
    for (std::size_t d = 0; d < D; ++d) {
      squares += std::pow(static_cast<double>(x(row, d)) - static_cast<double>(centres(i, d)), 2);
    }
    total += std::exp(-squares / (2 * sigma * sigma));
  }
  return std::log(total / static_cast<double>(centres.shape()[0])) -
         0.5 * static_cast<double>(D) * std::log(2 * std::acos(-1.0) * sigma * sigma);
}

}  // namespace

TEST_CASE("parzen: ln p is that of the mixture, over more rows than are computed at a time") {
  Rng rng(1);
  const Array centres = rng.uniform({37, 5}), x = rng.uniform({600, 5}, -1, 2);
  const ParzenWindow window(centres);
  for (const double sigma : {0.15, 0.5, 3.0}) {
    const std::vector<double> log_p = window.log_prob(x, sigma);
    REQUIRE(log_p.size() == 600);
    for (std::size_t i = 0; i < 600; i += 7) {
      const double expected = directly(x, i, centres, sigma);
      CHECK(log_p[i] == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("parzen: narrow windows, and clusters far from each other") {
  Rng rng(2);
  for (const std::size_t D : {1, 16}) {
    Array centres = rng.normal({90, D}, 0, Real(0.02)), x = rng.normal({40, D}, 0, Real(0.02));
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t i = 0; i < 90; ++i) centres(i, d) += static_cast<Real>(i % 3 * 300);
      for (std::size_t i = 0; i < 40; ++i) x(i, d) += static_cast<Real>(i % 3 * 300);
    }
    const ParzenWindow window(centres);
    for (const double sigma : {0.01, 0.5, 30.0, 1000.0}) {
      const std::vector<double> log_p = window.log_prob(x, sigma);
      for (std::size_t i = 0; i < 40; ++i) {
        const double expected = directly(x, i, centres, sigma);
        if (std::isfinite(expected)) CHECK(log_p[i] == doctest::Approx(expected).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("parzen: a density that integrates to 1") {
  Array centres = empty({3, 1});
  centres(0, 0) = -1;
  centres(1, 0) = Real(0.5);
  centres(2, 0) = 2;
  Array grid = empty({4000, 1});
  for (std::size_t i = 0; i < 4000; ++i)
    grid(i, 0) = static_cast<Real>(-10 + 0.005 * (static_cast<double>(i) + 0.5));
  double total = 0;
  for (const double log_p : ParzenWindow(centres).log_prob(grid, 0.4)) {
    total += 0.005 * std::exp(log_p);
  }
  CHECK(total == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("parzen: far points have a finite, low density") {
  const std::vector<double> log_p =
      ParzenWindow(zeros({3, 2})).log_prob(Array{{1000, 0}, {0, 0}}, 0.1);
  CHECK(log_p[0] == doctest::Approx(-0.5 * 1e6 / 0.01 - std::log(2 * std::acos(-1.0) * 0.01)));
}

TEST_CASE("parzen: σ is chosen by the mean of ln p") {
  Rng rng(2);
  const Array centres = rng.normal({300, 4}), x = rng.normal({200, 4});
  const ParzenWindow window(centres);
  const std::vector<double> sigmas = geometric_steps(0.1, 2, 12);
  CHECK(sigmas.front() == doctest::Approx(0.1));
  CHECK(sigmas.back() == doctest::Approx(2));
  CHECK(sigmas[4] / sigmas[3] == doctest::Approx(sigmas[9] / sigmas[8]));
  const std::vector<double> far = geometric_steps(1e-300, 1e300, 3);  // whose ratio overflows
  CHECK(far.front() == doctest::Approx(1e-300).scale(0));
  CHECK(far[1] == doctest::Approx(1));
  CHECK(far.back() == doctest::Approx(1e300).scale(0));
  double best = -std::numeric_limits<double>::infinity(), expected = 0;
  for (const double sigma : sigmas) {
    double total = 0;
    for (std::size_t i = 0; i < 200; ++i) total += directly(x, i, centres, sigma);
    if (total > best) {
      best = total;
      expected = sigma;
    }
  }
  CHECK(window.best_sigma(x, sigmas) == expected);
  CHECK(expected > 0.1);
  CHECK(expected < 2);
}
