// The Gaussian over grey levels against sums and integrals.
#include <cmath>
#include <doctest/doctest.h>

#include "models/ddpm/discretised.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

TEST_CASE("the discretised Gaussian sums to 1, and far away it is finite") {
  for (const std::size_t levels : {2u, 5u, 256u}) {
    for (const double sigma : {0.003, 0.1, 3.0}) {
      Array x = empty({levels, 4}), mean = empty({levels, 4});
      const double means[] = {-1.7, -0.4, 0.123, 1};
      for (std::size_t k = 0; k < levels; ++k) {
        for (std::size_t m = 0; m < 4; ++m) {
          x(k, m) = static_cast<Real>(-1 + 2.0 * double(k) / double(levels - 1));
          mean(k, m) = static_cast<Real>(means[m]);
        }
      }
      const Array log_p = discretised_gaussian_log_prob(
                              x, Tensor(mean), full(x.shape(), static_cast<Real>(sigma)), levels)
                              .value();
      for (std::size_t m = 0; m < 4; ++m) {
        double total = 0;
        for (std::size_t k = 0; k < levels; ++k) {
          CHECK(std::isfinite(log_p(k, m)));
          total += std::exp(static_cast<double>(log_p(k, m)));
        }
        CHECK(total == doctest::Approx(1).epsilon(is_double ? 1e-10 : 1e-5));
      }
    }
  }
}

TEST_CASE("the discretised Gaussian against the integral of the density") {
  const double sigma = 0.05, mean = 0.31, half = 1.0 / 15;
  for (const std::size_t k : {6u, 9u, 10u, 13u}) {  // of 16 levels, inside
    const double x = -1 + 2.0 * double(k) / 15;
    double mass = 0;
    constexpr int pieces = 20000;
    for (int i = 0; i < pieces; ++i) {
      const double u = x - half + 2 * half * (i + 0.5) / pieces;
      mass += std::exp(-0.5 * std::pow((u - mean) / sigma, 2)) * 2 * half / pieces;
    }
    const double expected = std::log(mass / (sigma * std::sqrt(2 * M_PI)));
    const Array at{static_cast<Real>(x)};
    const Tensor log_p = discretised_gaussian_log_prob(at, Tensor(Array{static_cast<Real>(mean)}),
                                                       Array{static_cast<Real>(sigma)}, 16);
    CHECK(log_p.item() == doctest::Approx(expected).epsilon(is_double ? 1e-7 : 1e-4));
  }
}

TEST_CASE("the discretised Gaussian far away and at infinity") {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  // x in the middle of 5 levels, σ = 0.01: the nearest edge of the cell at 0 is ±¼.
  const Array means{Real(-1e6), Real(1e3), Real(1e9), infinity, -infinity};
  Tensor mean = parameter(means);
  const Tensor log_p = discretised_gaussian_log_prob(zeros({5}), mean, full({5}, Real(0.01)), 5);
  sum(log_p).backward();
  for (std::size_t i = 0; i < 3; ++i) {
    const double m = static_cast<double>(means(i)), sigma = static_cast<double>(Real(0.01));
    const double a = (std::abs(m) - 0.25) / sigma;
    CHECK(static_cast<double>(log_p.value()(i)) == doctest::Approx(-0.5 * a * a).epsilon(1e-5));
    CHECK(static_cast<double>(mean.grad()(i)) ==
          doctest::Approx((m < 0 ? 1 : -1) * a / sigma).epsilon(1e-5));
  }
  CHECK(log_p.value()(3) == -infinity);
  CHECK(mean.grad()(3) == -infinity);
  CHECK(log_p.value()(4) == -infinity);
  CHECK(mean.grad()(4) == infinity);
  // The cells at the ends reach to infinity.
  Tensor ends = parameter(Array{infinity, -infinity});
  const Tensor sure = discretised_gaussian_log_prob(Array{1, -1}, ends, ones({2}), 5);
  sum(sure).backward();
  CHECK(sure.value() == Array{0, 0});
  CHECK(ends.grad() == Array{0, 0});
}

TEST_CASE("the discretised Gaussian needs a scale above 0") {
  const Array x = zeros({2, 3});
  CHECK(message_of([&] {
          discretised_gaussian_log_prob(x, Tensor(x), full({2, 3}, -1), 4);
        }) == "discretised_gaussian_log_prob: std_dev must be finite and > 0, got -1");
}
