// Mode coverage: samplers whose figures are known.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "autograd/random.hpp"
#include "models/coverage.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

Array ring() {
  Array modes = empty({8, 2});
  for (std::size_t k = 0; k < 8; ++k) {
    const double angle = std::acos(-1.0) * static_cast<double>(k) / 4;
    modes(k, 0) = static_cast<Real>(std::cos(angle));
    modes(k, 1) = static_cast<Real>(std::sin(angle));
  }
  return modes;
}

Array square() {
  Array modes = empty({25, 2});
  for (std::size_t k = 0; k < 25; ++k) {
    modes(k, 0) = static_cast<Real>(2 * static_cast<int>(k / 5) - 4);
    modes(k, 1) = static_cast<Real>(2 * static_cast<int>(k % 5) - 4);
  }
  return modes;
}

// n draws from round normals at the modes, all equally likely.
Array draws(const Array& modes, double sigma, std::size_t n, Rng& rng) {
  Array x = rng.normal({n, 2}, 0, static_cast<Real>(sigma));
  const IndexArray chosen = rng.integers({n}, 0, static_cast<std::int64_t>(modes.shape()[0]));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t d = 0; d < 2; ++d) {
      x(i, d) += modes(static_cast<std::size_t>(chosen(i)), d);
    }
  }
  return x;
}

}  // namespace

TEST_CASE("coverage: a perfect sampler") {
  for (const bool is_ring : {true, false}) {
    const Array modes = is_ring ? ring() : square();
    const double sigma = is_ring ? 0.01 : 0.05;
    Rng rng(1);
    constexpr std::size_t n = 100000;
    const Coverage c = mode_coverage(draws(modes, sigma, n, rng), modes, sigma);
    const std::size_t K = modes.shape()[0];
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
  const Array modes = ring();
  Array one = empty({50, 2});
  for (std::size_t i = 0; i < 50; ++i) {
    one(i, 0) = modes(3, 0);
    one(i, 1) = modes(3, 1);
  }
  const Coverage collapsed = mode_coverage(one, modes, 0.01);
  CHECK(collapsed.modes == 1);
  CHECK(collapsed.high_quality == 1);
  CHECK(collapsed.reverse_kl == doctest::Approx(std::log(8.0)));

  const Coverage none = mode_coverage(zeros({5, 2}), modes, 0.01);
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
