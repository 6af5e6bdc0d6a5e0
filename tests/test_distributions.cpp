// Distributions: they normalise, their samples follow them, and their divergences agree with
// quadrature and Monte Carlo; tests/table has values and gradients.
#include <cmath>
#include <doctest/doctest.h>

#include "nn/distributions.hpp"
#include "nn/mixture.hpp"

using namespace nabla;
using namespace nabla::nn;

namespace {

constexpr bool is_float = sizeof(Real) == 4;
constexpr double exact = is_float ? 2e-5 : 1e-9;

double value(const Tensor& x, std::size_t i = 0) {
  return static_cast<double>(x.value().data()[i]);
}

Array grid(double low, double high, std::size_t count) {
  Array x = empty({count});
  for (std::size_t i = 0; i < count; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    x(i) = static_cast<Real>(low + (high - low) * share);
  }
  return x;
}

// ∫ f over [low, high] from f at the middles of equal cells.
template <class F>
double integral(double low, double high, std::size_t count, F f) {
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += f(i);
  return total * (high - low) / static_cast<double>(count);
}

double mean_of(const Array& a, int power = 1) {
  double total = 0;
  for (const Real x : a) total += std::pow(static_cast<double>(x), power);
  return total / static_cast<double>(a.size());
}

// Mean within five standard errors of the expected one.
void check_mean(const Array& sample, double expected) {
  const double mean = mean_of(sample);
  const double variance = std::max(mean_of(sample, 2) - mean * mean, 0.0);
  CHECK(std::abs(mean - expected) <
        5 * std::sqrt(variance / static_cast<double>(sample.size())) + 1e-6);
}

Normal normal(double mean, double log_std) {
  return Normal::from_log_std(Tensor(Array{static_cast<Real>(mean)}),
                              Tensor(Array{static_cast<Real>(log_std)}));
}

}  // namespace

TEST_CASE("Bernoulli: extreme logits stay finite and exact") {
  const Bernoulli p{Tensor(Array{10000, -10000, 10000, 40})};
  const Bernoulli q{Tensor(Array{-10000, -10000, 10000, 41})};
  const Tensor log_prob = p.log_prob(Array{0, 0, 1, 0});
  CHECK(value(log_prob, 0) == -10000);
  CHECK(value(log_prob, 1) == 0);
  CHECK(value(log_prob, 2) == 0);
  CHECK(value(log_prob, 3) == -40);
  CHECK(value(p.entropy(), 0) == 0);
  CHECK(value(p.entropy(), 1) == 0);
  CHECK(value(p.entropy(), 3) == doctest::Approx(41 * std::exp(-40.0)));  // relative, not absolute
  const Tensor kl = kl_divergence(p, q);
  CHECK(value(kl, 0) == 10000);
  CHECK(value(kl, 1) == 0);
  CHECK(value(kl, 2) == 0);
  CHECK(std::abs(value(kl, 3)) < 1e-15);
}

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

const Real inf = std::numeric_limits<Real>::infinity();

}  // namespace

TEST_CASE("Bernoulli: divergences from what is sure keep their digits") {
  const auto kl = [](Real p, Real q) {
    return value(kl_divergence(Bernoulli(Tensor(Array{p})), Bernoulli(Tensor(Array{q}))));
  };
  CHECK(kl(-inf, -30) == doctest::Approx(std::exp(-30.0)));
  CHECK(kl(inf, 30) == doctest::Approx(std::exp(-30.0)));
}

TEST_CASE("Normal: σ that is not a number of the precision any more") {
  const double half_log_2pi = 0.9189385332046727;
  for (const double log_std : {-89.0, -100.0, -120.0, -800.0, -1e4, 89.0, 120.0, 1e4}) {
    CAPTURE(log_std);
    Tensor x = parameter(Array{3}), mean = parameter(Array{3});
    Tensor s = parameter(Array{static_cast<Real>(log_std)});
    const Tensor at_mean = Normal::from_log_std(mean, s).log_prob(x);
    at_mean.backward(ones({1}));
    CHECK(value(at_mean) == doctest::Approx(-log_std - half_log_2pi));
    CHECK(x.grad()(0) == 0);
    CHECK(mean.grad()(0) == 0);
    CHECK(s.grad()(0) == -1);
    CHECK(value(kl_divergence(normal(3, log_std), normal(3, log_std))) == 0);
    if (log_std < -500) {
      CHECK(value(normal(0, log_std).log_prob(Tensor(Array{1}))) == -infinite);
    }
    CHECK(value(normal(0, log_std).log_prob(Tensor(Array{inf}))) == -infinite);
    CHECK(value(kl_to_standard_normal(normal(0, log_std))) > 0);
  }
  // z = 1 at the smallest scales that have a number: x − μ = σ = e⁻⁸⁵.
  const double tiny = std::exp(-85.0);
  CHECK(value(normal(0, -85).log_prob(Tensor(Array{static_cast<Real>(tiny)}))) ==
        doctest::Approx(85 - 0.5 - half_log_2pi).epsilon(1e-5));
  CHECK(value(kl_to_standard_normal(normal(0, infinite))) == infinite);
  CHECK(value(kl_to_standard_normal(normal(0, -infinite))) == infinite);
  // Scales that are nearly equal: ½ (e^2d − 1 − 2d) ≈ d².
  CHECK(value(kl_to_standard_normal(normal(0, 1e-4))) ==
        doctest::Approx(1.00006667e-8).epsilon(1e-5));
}

TEST_CASE("Bernoulli: samples") {
  Rng rng(1);
  const Array l{-2, 0, 3};
  const Bernoulli p{broadcast_to(Tensor(l), {40000, 3})};
  const Array x = p.sample(rng);
  for (std::size_t i = 0; i < 3; ++i) {
    const double s = 1 / (1 + std::exp(-static_cast<double>(l(i))));
    double mean = 0;
    for (std::size_t r = 0; r < 40000; ++r) mean += static_cast<double>(x(r, i)) / 40000;
    CHECK(std::abs(mean - s) < 5 * std::sqrt(s * (1 - s) / 40000));
  }
}

TEST_CASE("Categorical: samples, also of certain and impossible classes") {
  Rng rng(3);
  const std::size_t n = 50000;
  const Array l{0, 1, -1, -10000, 2};
  const IndexArray x = Categorical{broadcast_to(Tensor(l), {n, 5})}.sample(rng);
  REQUIRE(x.shape()[0] == n);
  double counts[5] = {}, total = 0;
  for (const std::int64_t k : x) ++counts[k];
  for (const Real v : l) total += std::exp(static_cast<double>(v));
  CHECK(counts[3] == 0);
  for (const std::size_t k : {0, 1, 2, 4}) {
    const double p = std::exp(static_cast<double>(l(k))) / total, size = static_cast<double>(n);
    CHECK(std::abs(counts[k] / size - p) < 5 * std::sqrt(p * (1 - p) / size));
  }
  const Categorical sure{Tensor(Array{{-10000, 10000, 0}, {5, -10000, -10000}})};
  const IndexArray picked = sure.sample(rng);
  CHECK(picked(0) == 1);
  CHECK(picked(1) == 0);
  CHECK(value(sure.entropy(), 0) == 0);
  CHECK(value(sure.log_prob(IndexArray{0, 0}), 0) == -20000);
  CHECK(Categorical{Tensor(zeros({1}))}.sample(rng)() == 0);
  CHECK(Categorical{Tensor(zeros({0, 3}))}.sample(rng).size() == 0);
}

TEST_CASE("Normal: integrates to one, has its entropy, matches the formula") {
  const std::size_t n = 4000;
  const double low = -10, high = 12;
  const Array x = grid(low, high, n);
  const Normal p = normal(1, 0.25);
  const Tensor log_prob = p.log_prob(x);
  const auto density = [&](std::size_t i) { return std::exp(value(log_prob, i)); };
  CHECK(integral(low, high, n, density) == doctest::Approx(1).epsilon(exact));
  CHECK(integral(low, high, n, [&](std::size_t i) { return -density(i) * value(log_prob, i); }) ==
        doctest::Approx(value(p.entropy())).epsilon(exact));
  const double pi = std::acos(-1.0), sigma = std::exp(0.25);
  CHECK(value(p.log_prob(Array{3})) ==
        doctest::Approx(-0.5 * std::pow(2 / sigma, 2) - std::log(sigma * std::sqrt(2 * pi)))
            .epsilon(exact));
  CHECK(value(p.std_dev()) == doctest::Approx(sigma).epsilon(exact));
  // The scale by its two names.
  const Normal by_var = Normal::from_log_var(Tensor(Array{1}), Tensor(Array{Real(0.5)}));
  CHECK(value(by_var.log_prob(Array{3})) == doctest::Approx(value(p.log_prob(Array{3}))));
  CHECK(value(by_var.std_dev()) == doctest::Approx(sigma).epsilon(exact));
}

TEST_CASE("Normal: divergences against quadrature and Monte Carlo") {
  const std::size_t n = 4000;
  const double low = -15, high = 15;
  const Array x = grid(low, high, n);
  const Normal p = normal(0.7, -0.3), q = normal(-0.5, 0.4), standard = normal(0, 0);
  const auto by_quadrature = [&](const Normal& a, const Normal& b) {
    const Tensor la = a.log_prob(x), lb = b.log_prob(x);
    return integral(low, high, n, [&](std::size_t i) {
      return std::exp(value(la, i)) * (value(la, i) - value(lb, i));
    });
  };
  CHECK(value(kl_divergence(p, q)) == doctest::Approx(by_quadrature(p, q)).epsilon(exact));
  CHECK(value(kl_divergence(q, p)) == doctest::Approx(by_quadrature(q, p)).epsilon(exact));
  CHECK(value(kl_to_standard_normal(p)) ==
        doctest::Approx(by_quadrature(p, standard)).epsilon(exact));
  CHECK(value(kl_to_standard_normal(p)) ==
        doctest::Approx(value(kl_divergence(p, standard))).epsilon(exact));
  CHECK(value(kl_divergence(p, p)) == 0);
  CHECK(value(kl_to_standard_normal(standard)) == 0);
  // Nearly equal ones: ½ (e^2d − 1 − 2d) with d = 1e-3 is 1e-6 (1 + ⅔ 1e-3).
  CHECK(value(kl_to_standard_normal(normal(0, 1e-3))) ==
        doctest::Approx(1.000667e-6).epsilon(is_float ? 1e-3 : 1e-6));

  Rng rng(4);
  const Normal wide =
      Normal::from_log_std(Tensor(full({200000}, Real(0.7))), Tensor(full({200000}, Real(-0.3))));
  const Array z = wide.sample(rng);
  check_mean(compute(wide.log_prob(z).value() - q.log_prob(z).value()), value(kl_divergence(p, q)));
  check_mean(compute(-wide.log_prob(z).value()), value(p.entropy()));
}

TEST_CASE("Normal: samples and their gradients") {
  Rng rng(5), again(5);
  Array two = empty({2, 1});
  two(0, 0) = -1;
  two(1, 0) = 2;
  const Tensor mean = parameter(two), log_std = parameter(Array{0, 1, -1});
  const Normal p = Normal::from_log_std(mean, log_std);
  const Array x = p.sample(rng);
  const Tensor z = p.rsample(again);
  CHECK(x.shape() == Shape{2, 3});
  CHECK(xt::allclose(x, z.value()));
  CHECK(p.entropy().shape() == Shape{2, 3});
  sum(z).backward();
  CHECK(mean.grad() == full({2, 1}, 3));  // dz/dμ = 1
  // dz/dln σ = z − μ
  const double expected = value(z, 1) - (-1) + value(z, 4) - 2;
  CHECK(static_cast<double>(log_std.grad()(1)) == doctest::Approx(expected).epsilon(1e-4));

  const Array many =
      Normal::from_log_std(Tensor(full({100000}, 3)), Tensor(full({}, Real(0.5)))).sample(rng);
  check_mean(many, 3);
  check_mean(compute(xt::square(many - 3)), std::exp(1.0));
}

TEST_CASE("mixture of normals: integrates to one, is the weighted sum, K = 1 is a normal") {
  const std::size_t n = 6000;
  const double low = -20, high = 20;
  const Array x = grid(low, high, n);
  const Array l{{Real(0.5), -1, 0}}, m{{-2, 0, 3}}, s{{Real(-0.5), 0, Real(0.5)}};
  const MixtureOfNormals p{Tensor(l), Tensor(m), Tensor(s)};
  const Tensor log_prob = p.log_prob(x);
  REQUIRE(log_prob.shape() == Shape{n});
  CHECK(integral(low, high, n, [&](std::size_t i) { return std::exp(value(log_prob, i)); }) ==
        doctest::Approx(1).epsilon(exact));
  double weight[3], total = 0, mean = 0, second = 0;
  for (std::size_t k = 0; k < 3; ++k) total += weight[k] = std::exp(static_cast<double>(l(0, k)));
  for (const std::size_t i : {0, 2500, 3000, 3500, 5999}) {
    double density = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double sigma = std::exp(static_cast<double>(s(0, k)));
      const double z = static_cast<double>(x(i) - m(0, k)) / sigma;
      density +=
          weight[k] / total * std::exp(-0.5 * z * z) / sigma / std::sqrt(2 * std::acos(-1.0));
    }
    CHECK(value(log_prob, i) == doctest::Approx(std::log(density)).epsilon(exact));
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double mu = static_cast<double>(m(0, k));
    mean += weight[k] / total * mu;
    second += weight[k] / total * (mu * mu + std::exp(2 * static_cast<double>(s(0, k))));
  }
  CHECK(value(p.mean()) == doctest::Approx(mean).epsilon(exact));

  Rng rng(7);
  const auto wide = [](const Array& a) { return broadcast_to(Tensor(a), {100000, 3}); };
  const Array sample = MixtureOfNormals(wide(l), wide(m), wide(s)).sample(rng);
  REQUIRE(sample.shape() == Shape{100000});
  check_mean(sample, mean);
  check_mean(compute(xt::square(sample)), second);

  const MixtureOfNormals single(Tensor(Array{5}), Tensor(Array{1}), Tensor(Array{Real(0.25)}));
  CHECK(value(single.log_prob(Array{3})) ==
        doctest::Approx(value(normal(1, 0.25).log_prob(Array{3}))).epsilon(exact));
}
