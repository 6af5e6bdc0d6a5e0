// Mode coverage: samplers whose figures are known.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "datasets/toy.hpp"
#include "models/coverage.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

TEST_CASE("coverage: a perfect sampler") {
  for (const char* name : {"ring8", "grid25"}) {
    const datasets::Toy toy(name);
    Rng rng(1);
    constexpr std::size_t n = 100000;
    const Coverage c = mode_coverage(toy.sample(n, rng).points, toy.modes(), toy.std_dev());
    const std::size_t K = toy.modes().shape()[0];
    CHECK(c.modes == K);
    CHECK(c.high_quality == doctest::Approx(1 - std::exp(-4.5)).epsilon(0.002));  // 98.89 %
    // Twice n KL is χ² with K − 1 degrees of freedom, nearly.
    const double k = static_cast<double>(K - 1);
    CHECK(std::abs(2 * n * c.reverse_kl - k) < 4 * std::sqrt(2 * k));
    CHECK(c.reverse_kl > 0);
  }
}

TEST_CASE("coverage: by hand") {
  const Array modes{{0, 0}, {10, 0}, {0, 10}, {10, 10}};
  // Two at the first mode, one at the second; one 3.1 σ from the third, one nowhere.
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Array samples{{0, 0}, {Real(0.2), 0}, {10, Real(-0.29)}, {Real(0.31), 10}, {nan, 0}};
  const Coverage c = mode_coverage(samples, modes, 0.1);
  CHECK(c.modes == 2);
  CHECK(c.counts == std::vector<std::size_t>{2, 1, 0, 0});
  CHECK(c.high_quality == doctest::Approx(3.0 / 5));
  CHECK(c.reverse_kl ==
        doctest::Approx(2. / 3 * std::log(4 * 2. / 3) + 1. / 3 * std::log(4 * 1. / 3)));
}

TEST_CASE("coverage: one mode only, and none") {
  const datasets::Toy toy("ring8");
  Array one = empty({50, 2});
  for (std::size_t i = 0; i < 50; ++i) {
    one(i, 0) = toy.modes()(3, 0);
    one(i, 1) = toy.modes()(3, 1);
  }
  const Coverage collapsed = mode_coverage(one, toy.modes(), toy.std_dev());
  CHECK(collapsed.modes == 1);
  CHECK(collapsed.high_quality == 1);
  CHECK(collapsed.reverse_kl == doctest::Approx(std::log(8.0)));

  const Coverage none = mode_coverage(zeros({5, 2}), toy.modes(), toy.std_dev());
  CHECK(none.modes == 0);
  CHECK(none.high_quality == 0);
  CHECK(std::isnan(none.reverse_kl));
}

TEST_CASE("coverage: errors") {
  CHECK(message_of([] {
          mode_coverage(ones({4, 3}), ones({2, 2}), 1);
        }) == "mode_coverage: samples (n, D) and modes (K, D), got (4, 3) and (2, 2)");
  CHECK(message_of([] {
          mode_coverage(ones({4, 2}), ones({2, 2}), 0);
        }) == "mode_coverage: sigma must be above 0");
  CHECK_THROWS_AS(mode_coverage(empty({0, 2}), ones({2, 2}), 1), std::invalid_argument);
  CHECK_THROWS_AS(mode_coverage(ones({4, 2}), empty({0, 2}), 1), std::invalid_argument);
}
