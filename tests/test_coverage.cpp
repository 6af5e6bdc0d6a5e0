// Mode coverage of a perfect sampler; tests/table counts by hand.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "autograd/random.hpp"
#include "models/measure/coverage.hpp"
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
