// Measures of samples of known laws against closed forms; tests/table has them against plain loops.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "models/measure/metrics.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::models;
using nabla::testing::is_double;

namespace {

const double ln2 = std::log(2.0), pi = std::acos(-1.0);
constexpr double infinity = std::numeric_limits<double>::infinity();

Array shifted(const Array& x, std::size_t column, double by) {
  Array y = x;
  for (std::size_t r = 0; r < y.shape()[0]; ++r) y(r, column) += static_cast<Real>(by);
  return y;
}

// The plain double loop of the U-statistic.
double mmd2_by_loops(const Array& x, const Array& y, const Kernel& kernel) {
  const auto k = [&](const Array& a, std::size_t i, const Array& b, std::size_t j) {
    double squares = 0;
    for (std::size_t d = 0; d < a.shape()[1]; ++d) {
      squares += std::pow(static_cast<double>(a(i, d)) - static_cast<double>(b(j, d)), 2);
    }
    return kernel(squares);
  };
  const std::size_t n = x.shape()[0], m = y.shape()[0];
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) xx += i == j ? 0 : k(x, i, x, j);
    for (std::size_t j = 0; j < m; ++j) xy += k(x, i, y, j);
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) yy += i == j ? 0 : k(y, i, y, j);
  }
  const double dn = static_cast<double>(n), dm = static_cast<double>(m);
  return xx / (dn * (dn - 1)) + yy / (dm * (dm - 1)) - 2 * xy / (dn * dm);
}

// Samples whose mean is exactly μ and whose covariance (÷ n − 1) exactly diag(v): for each column
// the pair μ ± √(v (n − 1) / 2), the other columns at their means.
Array exact_moments(const std::vector<double>& mean, const std::vector<double>& variance) {
  const std::size_t D = mean.size(), n = 2 * D;
  Array x = empty({n, D});
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t d = 0; d < D; ++d) {
      const double step = std::sqrt(variance[d] * static_cast<double>(n - 1) / 2);
      x(r, d) = static_cast<Real>(mean[d] + (r / 2 != d ? 0 : r % 2 == 0 ? step : -step));
    }
  }
  return x;
}

}  // namespace

TEST_CASE("divergences of the least and the largest probabilities") {
  constexpr double least = 5e-324;
  CHECK(js_divergence({least, 1}, {0, 1}) < 1e-300);
  CHECK(js_divergence({least, 1}, {1, least}) == doctest::Approx(ln2).epsilon(1e-14));
  CHECK(js_divergence({1, 0}, {least, 1}) == doctest::Approx(ln2).epsilon(1e-14));
  CHECK(js_divergence({0, 1}, {0, 1}) == 0);
  CHECK(kl_divergence({1, 0}, {least, 1}) == doctest::Approx(-std::log(least)).epsilon(1e-14));
  CHECK(kl_divergence({least, 1}, {1, 0}) == std::numeric_limits<double>::infinity());
  CHECK(kl_divergence({0, 1}, {0, 1}) == 0);
}

TEST_CASE("KL of two normals from log-densities at draws, both ways") {
  // KL(N(0, 1) ‖ N(1, 2²)) = ln 2 + (1 + 1)/8 − ½; the other way ln ½ + (4 + 1)/2 − ½.
  const auto log_normal = [](double x, double mean, double std_dev) {
    return -0.5 * std::pow((x - mean) / std_dev, 2) - std::log(std_dev);
  };
  Rng rng(1);
  const Array noise = rng.normal({100000});
  std::vector<double> p, q, p_at_q, q_at_q;
  for (const Real z : noise) {
    const double x = static_cast<double>(z), y = 1 + 2 * x;
    p.push_back(log_normal(x, 0, 1));
    q.push_back(log_normal(x, 1, 2));
    p_at_q.push_back(log_normal(y, 0, 1));
    q_at_q.push_back(log_normal(y, 1, 2));
  }
  const Estimate forward = kl_from_log_densities(p, q);
  const Estimate backward = kl_from_log_densities(q_at_q, p_at_q);
  CHECK(std::abs(forward.value - (ln2 + 0.25 - 0.5)) < 4 * forward.standard_error);
  CHECK(std::abs(backward.value - (-ln2 + 2.5 - 0.5)) < 4 * backward.standard_error);
  CHECK(forward.standard_error < 0.01);
  CHECK(backward.value > forward.value + 0.5);
  CHECK(kl_from_log_densities({-1, -2}, {-1, -infinity}).value == infinity);
}

TEST_CASE("Wasserstein-1 of quantiles has the closed forms of the laws") {
  // Midpoint quantiles of U(0, 1) and of U(1, 4): ∫ |1 + 3u − u| du = 2, linear so exact.
  constexpr std::size_t n = 1000, m = 700;
  Array x = empty({n}), y = empty({m}), z = empty({n});
  for (std::size_t i = 0; i < n; ++i) {
    const double u = (static_cast<double>(i) + 0.5) / n;
    x(i) = static_cast<Real>(u);
    // Logistic quantiles ln(u / (1 − u)), scaled by 2: W₁ to the unscaled law is E|L| = 2 ln 2.
    z(i) = static_cast<Real>(std::log(u / (1 - u)));
  }
  for (std::size_t i = 0; i < m; ++i) {
    y(i) = static_cast<Real>(1 + 3 * (static_cast<double>(i) + 0.5) / m);
  }
  CHECK(wasserstein1(x, y) == doctest::Approx(2).epsilon(1e-5));
  CHECK(wasserstein1(z, compute(z * Real(2))) == doctest::Approx(2 * ln2).epsilon(2e-3));
  Rng rng(3);  // N(0, 1) and N(1.5, 1): |μ₁ − μ₂|
  CHECK(std::abs(wasserstein1(rng.normal({20000}), rng.normal({30000}, Real(1.5))) - 1.5) < 0.04);
}

TEST_CASE("sliced Wasserstein-1 of a shift is its length times the mean |cos|") {
  Rng rng(4);
  const Array x = rng.normal({200, 2});
  const Array y = shifted(shifted(x, 0, 3), 1, 4);
  // |cos θ| has mean 2/π and variance ½ − 4/π²
  constexpr std::size_t projections = 4000;
  const double error = 5 * std::sqrt((0.5 - 4 / (pi * pi)) / projections);
  CHECK(std::abs(sliced_wasserstein1(x, y, projections, rng) - 5 * 2 / pi) < 4 * error);
  // D = 3: E|cos θ| = ½, its variance 1/3 − 1/4
  const Array u = rng.normal({100, 3});
  const double error3 = 2 * std::sqrt((1.0 / 3 - 0.25) / projections);
  CHECK(std::abs(sliced_wasserstein1(u, shifted(u, 2, 2), projections, rng) - 1) < 4 * error3);
  const Array line = rng.normal({50, 1});
  CHECK(sliced_wasserstein1(line, shifted(line, 0, 2), 3, rng) == doctest::Approx(2).epsilon(1e-5));
  CHECK(sliced_wasserstein1(x, x, 10, rng) == 0);
}

TEST_CASE("MMD² is the plain double loop") {
  Rng rng(5);
  for (const std::size_t D : {2, 20}) {
    const Array x = rng.normal({1100, D}), y = rng.normal({130, D}, Real(0.2), Real(1.3));
    for (const Kernel& kernel :
         {Kernel::gaussian(std::sqrt(static_cast<double>(D))),
          Kernel::inverse_multiquadratic({0.5, 2.0 * static_cast<double>(D)})}) {
      const double expected = mmd2_by_loops(x, y, kernel);
      CHECK(std::abs(mmd2_unbiased(x, y, kernel) - expected) < 1e-12);
      CHECK(std::abs(mmd2_unbiased(y, x, kernel) - expected) < 1e-12);
      CHECK(mmd2_biased(x, y, kernel) > expected);
    }
  }
  // Far from the origin |x|² + |y|² − 2xᵀy would lose its digits.
  const Array x = rng.normal({60, 10}), y = rng.normal({50, 10}, Real(0.5));
  const Kernel kernel = Kernel::gaussian(3);
  const Array far_x = compute(x + Real(1000)), far_y = compute(y + Real(1000));
  CHECK(std::abs(mmd2_unbiased(far_x, far_y, kernel) - mmd2_by_loops(far_x, far_y, kernel)) <
        1e-14);
  Array backwards = x;  // the same points, so narrow a kernel that each is alone
  for (std::size_t i = 0; i < x.size(); ++i) backwards(i / 10, i % 10) = x(59 - i / 10, i % 10);
  CHECK(mmd2_biased(x, backwards, Kernel::gaussian(0.001)) == 0);
  CHECK(mmd2_biased(x, x, kernel) == 0);
  for (const double bandwidth : {-1.0, 0.0, 1e-200, 1e200, std::nan("")}) {
    CHECK_THROWS_AS(Kernel::gaussian(bandwidth), std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(Kernel::gaussian(1e-200),
                       "Kernel::gaussian: bandwidth must be above 0, and its square neither 0 nor "
                       "∞, got 1e-200",
                       std::invalid_argument);
}

TEST_CASE("MMD² of two normals has a closed form under a Gaussian kernel") {
  // E k of N(a, σ²) and N(b, τ²) is s/√(s² + σ² + τ²) · exp(−(a − b)²/2(s² + σ² + τ²)), per
  // dimension.
  const auto expected_kernel = [](double s, double delta, double variances) {
    const double v = s * s + variances;
    return s / std::sqrt(v) * std::exp(-delta * delta / (2 * v));
  };
  constexpr double s = 1.2, delta = 0.8, tau = 1.5;
  const double expected = expected_kernel(s, 0, 2) + expected_kernel(s, 0, 2 * tau * tau) -
                          2 * expected_kernel(s, delta, 1 + tau * tau);
  Rng rng(6);
  constexpr int trials = 40;
  double mean = 0, squares = 0, null_mean = 0, null_squares = 0;
  int negative = 0;
  for (int t = 0; t < trials; ++t) {
    const Array x = rng.normal({300, 1});
    const Array y = rng.normal({200, 1}, Real(delta), Real(tau)), z = rng.normal({200, 1});
    const double value = mmd2_unbiased(x, y, Kernel::gaussian(s));
    const double null_value = mmd2_unbiased(x, z, Kernel::gaussian(s));
    mean += value / trials;
    squares += value * value / trials;
    null_mean += null_value / trials;
    null_squares += null_value * null_value / trials;
    negative += null_value < 0 ? 1 : 0;
    CHECK(mmd2_biased(x, z, Kernel::gaussian(s)) >= 0);
  }
  const double error = std::sqrt((squares - mean * mean) / trials);
  CHECK(std::abs(mean - expected) < 4 * error);
  CHECK(error < 0.1 * expected);
  // Two samples of one law: 0 on average, and below 0 about as often as above.
  CHECK(std::abs(null_mean) < 4 * std::sqrt((null_squares - null_mean * null_mean) / trials));
  CHECK(std::abs(null_mean) < 0.05 * expected);
  CHECK(negative > 5);
  CHECK(negative < 36);
}

TEST_CASE("the median distance: equal pairs, and of a law") {
  Array four = zeros({4, 1});
  four(3, 0) = 1;
  CHECK(median_distance(four) == 0.5);  // 0, 0, 0, 1, 1, 1
  Rng rng(7);  // differences of standard normals are N(0, 2): median √2 · 0.6745
  CHECK(median_distance(rng.normal({3000, 1})) == doctest::Approx(0.9539).epsilon(0.05));
}

TEST_CASE("energy distance: 0 between equal samples, and it grows with a shift") {
  Rng rng(8);
  const Array a = rng.normal({400, 12}), b = rng.normal({500, 12});
  CHECK(energy_distance(a, a) == 0);
  CHECK(energy_distance(a, shifted(b, 0, 1)) > energy_distance(a, b));
  CHECK(energy_distance(a, b) > 0);
}

TEST_CASE("Fréchet distance: closed form for diagonal covariances, also without full rank") {
  const std::vector<double> mean{1, -2, 0.5}, other{0, 1, 0.5}, v{4, 1, 0.25}, w{1, 9, 0.25};
  const Array x = exact_moments(mean, v), y = exact_moments(other, w);
  // Σ_d (μ − ν)² + (√v − √w)²
  const double tolerance = is_double ? 1e-10 : 1e-4;
  CHECK(std::abs(frechet_distance(x, y) - (1 + 9 + 1 + 4)) < tolerance);
  CHECK(std::abs(frechet_distance(y, x) - (1 + 9 + 1 + 4)) < tolerance);
  CHECK(frechet_distance(x, x) < 1e-13);
  CHECK(frechet_distance(x, shifted(x, 1, 3)) == doctest::Approx(9).epsilon(1e-4));
  // A column that never varies, in one of them and in both.
  const Array flat = exact_moments(mean, {4, 0, 0.25});
  CHECK(std::abs(frechet_distance(x, flat) - 1) < tolerance);
  CHECK(frechet_distance(flat, shifted(flat, 1, 2)) == doctest::Approx(4).epsilon(1e-4));
}

TEST_CASE("Fréchet distance: of any covariances it is that after a rotation of both") {
  Rng rng(10);
  const Array x = exact_moments({1, -2, 0.5}, {4, 1, 0.25});
  const Array y = exact_moments({0, 1, 0.5}, {1, 9, 0.25});
  const double c = std::cos(0.7), s = std::sin(0.7);
  const auto rotated = [&](const Array& points) {  // in the plane of columns 0 and 1, then 1 and 2
    Array result = points;
    for (std::size_t r = 0; r < points.shape()[0]; ++r) {
      for (std::size_t d = 0; d < 2; ++d) {
        const double a = static_cast<double>(result(r, d));
        const double b = static_cast<double>(result(r, d + 1));
        result(r, d) = static_cast<Real>(c * a - s * b);
        result(r, d + 1) = static_cast<Real>(s * a + c * b);
      }
    }
    return result;
  };
  CHECK(frechet_distance(rotated(x), rotated(y)) == doctest::Approx(15).epsilon(1e-4));
  // Not commuting: rotate one only. In two dimensions tr (Σ₁Σ₂)^½ = √(tr Σ₁Σ₂ + 2 √|Σ₁Σ₂|).
  const Array p = exact_moments({0, 0}, {4, 1}), q0 = exact_moments({0, 0}, {9, 1});
  Array q = q0;
  for (std::size_t r = 0; r < 4; ++r) {
    q(r, 0) =
        static_cast<Real>(c * static_cast<double>(q0(r, 0)) - s * static_cast<double>(q0(r, 1)));
    q(r, 1) =
        static_cast<Real>(s * static_cast<double>(q0(r, 0)) + c * static_cast<double>(q0(r, 1)));
  }
  const double trace = 4 * (9 * c * c + s * s) + (9 * s * s + c * c);
  const double expected = 5 + 10 - 2 * std::sqrt(trace + 2 * std::sqrt(4.0 * 9.0));
  CHECK(frechet_distance(p, q) == doctest::Approx(expected).epsilon(1e-4));
  CHECK(frechet_distance(q, p) == doctest::Approx(expected).epsilon(1e-4));
}

TEST_CASE("Fréchet distance: fewer samples than columns, and what it says of samples of one law") {
  Rng rng(11);
  const Array few = rng.normal({5, 20}), others = rng.normal({7, 20});
  const double distance = frechet_distance(few, others);
  CHECK(distance > 0);
  CHECK(distance == doctest::Approx(frechet_distance(others, few)).epsilon(1e-12));
  CHECK(frechet_distance(few, few) < 1e-12);
  // Only a small shift is left, also where columns depend on each other and rows repeat.
  const Array wide = rng.normal({20, 64}), tall = rng.normal({200, 6});
  Array repeated = empty({200, 9});
  for (std::size_t r = 0; r < 200; ++r) {
    for (std::size_t d = 0; d < 9; ++d) repeated(r, d) = d == 8 ? Real(3) : tall(r % 50, d / 2);
  }
  for (const Array& x : {wide, tall, repeated}) {
    const Array rounded = compute(xt::round(x * Real(1 << 8)) / Real(1 << 8));  // exact sums
    const Array y = compute(rounded + Real(1) / (1 << 14));
    const double expected = static_cast<double>(x.shape()[1]) * std::pow(2.0, -28);
    CHECK(frechet_distance(rounded, y) == doctest::Approx(expected).epsilon(1e-5));
  }
  // Too large by O(1/n), and towards 0 with n.
  const double small = frechet_distance(rng.normal({100, 8}), rng.normal({100, 8}));
  const double large = frechet_distance(rng.normal({5000, 8}), rng.normal({5000, 8}));
  CHECK(large < 0.1 * small);
  CHECK(large < 0.02);
  CHECK(frechet_distance(rng.normal({3000, 8}), rng.normal({3000, 8}, Real(0.5))) ==
        doctest::Approx(8 * 0.25).epsilon(0.15));
}
