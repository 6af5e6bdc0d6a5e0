// Diffusion's densities and bound against the algebra of Gaussians, and against data whose best
// network is known.
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include "models/ddpm/diffusion.hpp"
#include "models/measure/bits_per_dim.hpp"
#include "tests/diffusion.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

constexpr double tolerance = is_double ? 1e-12 : 2e-6;

IndexArray times(std::initializer_list<std::int64_t> list) {
  IndexArray t(IndexArray::shape_type{list.size()});
  std::copy(list.begin(), list.end(), t.data());
  return t;
}

Array column(const std::vector<double>& values) {
  Array result = empty({values.size(), 1});
  for (std::size_t i = 0; i < values.size(); ++i) result(i, 0) = static_cast<Real>(values[i]);
  return result;
}

Diffusion small_diffusion(Prediction prediction = Prediction::noise, std::size_t T = 12) {
  DiffusionOptions options;
  options.prediction = prediction;
  return Diffusion(NoiseSchedule::cosine(T), options);
}

}  // namespace

TEST_CASE("q composed step by step is the closed form") {
  for (const char* name : {"linear", "cosine"}) {
    for (const std::size_t T : {1u, 2u, 7u, 200u, 1000u}) {
      const NoiseSchedule q = NoiseSchedule::named(name, T);
      REQUIRE(q.steps() == T);
      // x_t = √α_t x_{t−1} + √β_t ε: a mean times √α_t, a variance times α_t, plus β_t
      long double mean = 1, variance = 0;
      for (std::size_t t = 1; t <= T; ++t) {
        mean *= std::sqrt(1 - static_cast<long double>(q.beta[t]));
        variance = variance * (1 - static_cast<long double>(q.beta[t])) + q.beta[t];
        INFO(name, " ", T, " ", t);
        CHECK(std::abs(static_cast<double>(mean) - q.mean_coefficient[t]) < 1e-12);
        CHECK(std::abs(static_cast<double>(variance / q.variance[t] - 1)) < 1e-12);
        CHECK(std::abs(q.alpha_bar[t] + q.variance[t] - 1) < 1e-12);
        CHECK(q.variance[t] > q.variance[t - 1]);
        CHECK((q.beta[t] > 0 && q.beta[t] <= 0.999));
      }
    }
  }
}

TEST_CASE("schedules have the values of their papers") {
  const NoiseSchedule linear = NoiseSchedule::linear(1000), cosine = NoiseSchedule::cosine(1000);
  CHECK(linear.beta[1] == doctest::Approx(1e-4));
  CHECK(linear.beta[1000] == doctest::Approx(0.02));
  CHECK(linear.alpha_bar[1000] == doctest::Approx(4.0358e-5).epsilon(1e-3));
  CHECK(NoiseSchedule::linear(100).beta[1] == doctest::Approx(1e-3));
  CHECK(NoiseSchedule::linear(100).beta[100] == doctest::Approx(0.2));
  const auto f = [](double t) { return std::pow(std::cos((t + 0.008) / 1.008 * M_PI / 2), 2); };
  for (const std::size_t t : {1u, 10u, 500u, 990u}) {
    CHECK(cosine.alpha_bar[t] == doctest::Approx(f(t / 1000.0) / f(0)).epsilon(1e-10));
  }
  CHECK(cosine.beta[1000] == 0.999);
  CHECK(cosine.time[1] == 1);
  CHECK(NoiseSchedule::cosine(200).time[200] == 1000);
}

TEST_CASE("a strided schedule is the same diffusion at fewer times") {
  const NoiseSchedule all = NoiseSchedule::linear(50), some = all.strided(7);
  for (std::size_t i = 1, before = 0; i <= 7; ++i) {
    const std::size_t t = 50 * i / 7;
    CHECK(some.time[i] == all.time[t]);
    CHECK(some.alpha_bar[i] == all.alpha_bar[t]);
    CHECK(some.beta[i] == doctest::Approx(1 - all.alpha_bar[t] / all.alpha_bar[before]));
    CHECK(std::abs(some.beta[i] + some.alpha[i] - 1) < 1e-12);
    before = t;
  }
  CHECK(some.time[7] == 1000);
  const NoiseSchedule same = all.strided(50);
  CHECK(same.beta == all.beta);
  CHECK(same.posterior_x0 == all.posterior_x0);
  CHECK(same.posterior_xt == all.posterior_xt);
  CHECK(same.posterior_variance == all.posterior_variance);
  CHECK(same.posterior_log_variance == all.posterior_log_variance);
}

TEST_CASE("q_posterior is Bayes' rule on a grid") {
  const Diffusion diffusion = small_diffusion();
  const NoiseSchedule& q = diffusion.schedule();
  const Array x0 = column({0.7, 0.7, -1.2});
  const Array x_t = column({0.4, -1.5, 0.1});
  const IndexArray t = times({2, 6, 11});
  const RowGaussian posterior = diffusion.q_posterior(x0, x_t, t);
  for (std::size_t b = 0; b < 3; ++b) {
    const std::size_t at = static_cast<std::size_t>(t(b));
    // q(x_{t−1} | x_0) q(x_t | x_{t−1}) over x_{t−1}
    double total = 0, first = 0, second = 0;
    for (double y = -8; y < 8; y += 1e-3) {
      const double a = y - q.mean_coefficient[at - 1] * x0(b, 0);
      const double c = x_t(b, 0) - std::sqrt(q.alpha[at]) * y;
      const double p = std::exp(-0.5 * (a * a / q.variance[at - 1] + c * c / q.beta[at]));
      total += p;
      first += p * y;
      second += p * y * y;
    }
    const double mean = first / total;
    CHECK(posterior.mean(b, 0) == doctest::Approx(mean).epsilon(is_double ? 1e-8 : 1e-5));
    CHECK(posterior.variance(b, 0) ==
          doctest::Approx(second / total - mean * mean).epsilon(is_double ? 1e-8 : 1e-5));
  }
  const RowGaussian first = diffusion.q_posterior(x0, x_t, same_time(3, 1));
  CHECK(first.mean == x0);  // x_1 says nothing more once x_0 is known
  CHECK(first.variance == zeros({3, 1}));
}

TEST_CASE("q_sample and q_step are equations 4 and 2, row by row") {
  const Diffusion diffusion = small_diffusion();
  const NoiseSchedule& q = diffusion.schedule();
  const Array x = points({4, 3}, -1, 1), noise = points({4, 3}, -2, 2);
  const IndexArray t = times({1, 5, 12, 3});
  const Array x_t = diffusion.q_sample(x, t, noise), next = diffusion.q_step(x, t, noise);
  const RowGaussian marginal = diffusion.q_mean_variance(x, t);
  for (std::size_t b = 0; b < 4; ++b) {
    const std::size_t at = static_cast<std::size_t>(t(b));
    for (std::size_t d = 0; d < 3; ++d) {
      const double mean = std::sqrt(q.alpha_bar[at]) * x(b, d);
      CHECK(std::abs(marginal.mean(b, d) - mean) < tolerance);
      CHECK(std::abs(x_t(b, d) - (mean + std::sqrt(1 - q.alpha_bar[at]) * noise(b, d))) <
            tolerance);
      CHECK(std::abs(next(b, d) - (std::sqrt(1 - q.beta[at]) * x(b, d) +
                                   std::sqrt(q.beta[at]) * noise(b, d))) < tolerance);
    }
  }
  CHECK(diffusion.q_sample(empty({0, 3}), times({}), empty({0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("ε, x_0 and v say the same") {
  Rng rng(1);
  const Array x0 = rng.normal({5, 2}), noise = rng.normal({5, 2});
  const IndexArray t = times({1, 2, 4, 7, 10});
  for (const Prediction prediction : {Prediction::noise, Prediction::data, Prediction::velocity}) {
    const Diffusion diffusion = small_diffusion(prediction);
    const Array x_t = diffusion.q_sample(x0, t, noise);
    const Tensor output(diffusion.target(x0, t, noise));
    const double allowed = 50 * tolerance;  // ε from x_0 divides by √(1 − ᾱ_1), x_0 from ε by √ᾱ
    CHECK(largest_difference(diffusion.predict_x0(x_t, t, output).value(), x0) < allowed);
    CHECK(largest_difference(diffusion.predict_noise(x_t, t, output).value(), noise) < allowed);
  }
  CHECK(prediction_named("velocity") == Prediction::velocity);
  CHECK(reverse_variance_named("beta") == ReverseVariance::beta);
}

TEST_CASE("times: uniform, and spread over the batch evenly") {
  Rng rng(2);
  const IndexArray spread = draw_times(100, 10, rng);
  std::vector<int> counts(11, 0);
  for (const std::int64_t t : spread) ++counts.at(static_cast<std::size_t>(t));
  CHECK(counts[0] == 0);
  for (int t = 1; t <= 10; ++t) CHECK(std::abs(counts[static_cast<std::size_t>(t)] - 10) <= 1);
  std::vector<int> first(5, 0), plain(5, 0);
  for (int i = 0; i < 4000; ++i) ++first.at(static_cast<std::size_t>(draw_times(3, 4, rng)(0)));
  for (const std::int64_t t : draw_times(4000, 4, rng, false)) {
    ++plain.at(static_cast<std::size_t>(t));
  }
  for (std::size_t t = 1; t <= 4; ++t) {
    CHECK(std::abs(first[t] - 1000) < 130);  // 4.7 standard deviations
    CHECK(std::abs(plain[t] - 1000) < 130);
  }
}

TEST_CASE("every term of the bound is the divergence of the two densities it names") {
  // A wrong network, so that nothing cancels: it says 0.3 of what it sees.
  const Denoiser network = [](const Tensor& x, const Array&, const IndexArray&) {
    return x * Real(0.3);
  };
  const Array x0 = reshape(Tensor(column({0.5, -0.8})), {1, 2}).value();
  for (const ReverseVariance variance : {ReverseVariance::beta, ReverseVariance::posterior}) {
    DiffusionOptions options;
    options.variance = variance;
    const Diffusion diffusion(NoiseSchedule::linear(9), options);
    const NoiseSchedule& q = diffusion.schedule();
    for (const std::size_t t : {1u, 2u, 5u, 9u}) {
      const Array noise = reshape(Tensor(column({0.2, 1.1})), {1, 2}).value();
      const IndexArray at = same_time(1, t);
      const Array x_t = diffusion.q_sample(x0, at, noise);
      const ReverseStep p = diffusion.p_mean_variance(network, x_t, at, no_classes(1));
      const double s2 = variance == ReverseVariance::beta
                            ? q.beta[t]
                            : q.posterior_variance[std::max<std::size_t>(t, 2)];
      CHECK(p.log_variance(0, 0) == doctest::Approx(std::log(s2)));
      const RowGaussian back = diffusion.q_posterior(x0, x_t, at);
      double expected = 0;
      for (std::size_t d = 0; d < 2; ++d) {
        const double gap = back.mean(0, d) - p.mean(0, d), v = back.variance(0, 0);
        expected += t == 1 ? 0.5 * (std::log(2 * M_PI * s2) + gap * gap / s2)
                           : 0.5 * (v / s2 - 1 - std::log(v / s2) + gap * gap / s2);
      }
      const double loss = diffusion.loss_bound(network, x0, at, noise, no_classes(1)).item();
      CHECK(loss / 9 == doctest::Approx(expected).epsilon(is_double ? 1e-10 : 1e-4));
    }
  }
}

TEST_CASE("the bound for T = 1 is its closed form") {
  const Diffusion diffusion(NoiseSchedule({0.4}));
  const LineMixture zero{{0}, {1}, 1e-9};  // x̂_0 = 0 whatever x_1
  const Array x0 = column({0.5, -2});
  Rng rng(3);
  const VariationalBound bound =
      diffusion.variational_bound(zero.best_network(diffusion), x0, no_classes(2), rng);
  for (std::size_t b = 0; b < 2; ++b) {
    const double square = std::pow(static_cast<double>(x0(b, 0)), 2);
    CHECK(bound.prior(b) == doctest::Approx(0.5 * (0.6 * square + 0.4 - 1 - std::log(0.4))));
    CHECK(bound.steps(b) == 0);
    CHECK(bound.decoder(b) ==
          doctest::Approx(0.5 * (std::log(2 * M_PI * 0.4) + square / 0.4)).epsilon(1e-5));
    CHECK(bound.total()(b) == doctest::Approx(bound.prior(b) + bound.decoder(b)));
  }
  CHECK(bits_per_dim(784 * std::log(2.0) * 3, 784) == doctest::Approx(3));
}

// Where 1 − ᾱ_t is far below the data's variance the true reverse variance is β_t: with it the gap
// vanishes as T grows. β̃_t is half of it or less at the first steps, whatever T, which costs
// about half a nat for each dimension.
TEST_CASE("with the best network the bound closes in on the entropy, from above") {
  const LineMixture normal{{0.3}, {1}, 0.6};
  const LineMixture mixture{{-1, 0.2, 1.3}, {0.3, 0.5, 0.2}, 0.2};
  for (const LineMixture& data : {normal, mixture}) {
    double gap_before = INFINITY;
    for (const std::size_t T : {4u, 20u, 200u}) {
      Rng rng(4);
      const Array x0 = data.sample(4000, 2, rng);
      // Less what each point is more likely than others: the sampling error of the entropy cancels
      Array surprise = zeros({4000});
      for (std::size_t i = 0; i < x0.size(); ++i) {
        surprise(i / 2) -= static_cast<Real>(std::log(data.density(double(x0.data()[i]))));
      }
      CHECK(std::abs(mean_of_all(surprise) - 2 * data.entropy()) < 0.1);
      const auto gaps = [&](ReverseVariance variance) {
        DiffusionOptions options;
        options.variance = variance;
        const Diffusion diffusion(NoiseSchedule::cosine(T), options);
        const VariationalBound bound =
            diffusion.variational_bound(data.best_network(diffusion), x0, no_classes(4000), rng);
        for (const Real term : bound.prior) CHECK(term >= 0);
        for (const Real term : bound.steps) CHECK(term >= 0);
        return compute(bound.total() - surprise);
      };
      const Array at_beta = gaps(ReverseVariance::beta);
      const double gap = mean_of_all(at_beta), error = std::sqrt(variance_of_all(at_beta) / 4000);
      INFO(T, " ", gap, " ± ", error);
      CHECK(gap > (T == 4 ? 0.1 : -4 * error));
      CHECK(gap < gap_before);
      CHECK(mean_of_all(gaps(ReverseVariance::posterior)) > gap);
      CHECK(error < 0.03);
      if (T == 200) CHECK(gap < 0.02 + 4 * error);
      gap_before = gap;
    }
  }
}

TEST_CASE("some of the times give the bound of all on average") {
  const LineMixture data{{-1, 1}, {0.5, 0.5}, 0.3};
  DiffusionOptions options;
  options.variance = ReverseVariance::beta;
  const Diffusion diffusion(NoiseSchedule::linear(40), options);
  const Denoiser network = data.best_network(diffusion);
  Rng rng(5);
  const Array x0 = full({20000, 1}, Real(0.8));
  const IndexArray classes = no_classes(20000);
  const VariationalBound all = diffusion.variational_bound(network, x0, classes, rng);
  const VariationalBound some = diffusion.variational_bound(network, x0, classes, rng, 4);
  const double error = std::sqrt(variance_of_all(some.steps) / 20000);
  CHECK(std::abs(mean_of_all(some.steps) - mean_of_all(all.steps)) < 5 * error);
  CHECK(error < 0.03);
  // … and loss_bound at uniform times is the rest of it.
  const IndexArray t = draw_times(20000, 40, rng);
  const Array draws = diffusion.loss_bound(network, x0, t, rng.normal({20000, 1}), classes).value();
  const double expected = mean_of_all(all.total()) - mean_of_all(all.prior);
  CHECK(std::abs(mean_of_all(draws) - expected) <
        5 * std::sqrt(variance_of_all(draws) / 20000) + 0.01);
}

TEST_CASE("the bound in grey levels is that of probabilities: never below 0") {
  DiffusionOptions options;
  options.levels = 5;
  options.low = -1;
  options.high = 1;
  const Diffusion diffusion(NoiseSchedule::cosine(30), options);
  const LineMixture level{{-1, 0.5}, {0.25, 0.75}, 1e-3};
  Rng rng(6);
  Array x0 = level.sample(1000, 1, rng);
  for (Real& x : x0) x = x < 0 ? Real(-1) : Real(0.5);
  const VariationalBound bound =
      diffusion.variational_bound(level.best_network(diffusion), x0, no_classes(1000), rng);
  const double entropy = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  CHECK(mean_of_all(bound.total()) > entropy - 0.06);
  CHECK(mean_of_all(bound.total()) < entropy + 0.2);
  for (const Real term : bound.decoder) CHECK(term >= 0);
}

TEST_CASE("gradients of both losses against differences, with every term in the batch") {
  const Array x0{{Real(-1), Real(0.5)}, {0, Real(-0.5)}, {1, 0}};
  const Array noise = points({3, 2}, -1, 1);
  const IndexArray t = times({1, 3, 12});
  for (const std::size_t levels : {0u, 5u}) {
    DiffusionOptions options;
    options.prediction = Prediction::velocity;
    options.levels = levels;
    const Diffusion diffusion(NoiseSchedule::cosine(12), options);
    const auto loss = [&](const std::vector<Tensor>& in) {
      const Denoiser network = [&](const Tensor& x, const Array&, const IndexArray&) {
        return x * in[0] + in[1];
      };
      return sum(diffusion.loss_bound(network, x0, t, noise, no_classes(3))) +
             sum(diffusion.loss_simple(network, x0, t, noise, no_classes(3)));
    };
    check_gradients(loss, {Array{Real(0.2), Real(-0.3)}, Array{Real(0.1), Real(0.4)}});
  }
}

TEST_CASE("classes are dropped at the given rate") {
  Rng rng(7);
  const IndexArray classes = same_time(10000, 3);
  const IndexArray some = drop_classes(classes, 0.2, rng);
  const auto dropped = std::count(some.begin(), some.end(), -1);
  CHECK(std::abs(static_cast<double>(dropped) - 2000) < 200);
  CHECK(std::count(some.begin(), some.end(), 3) == 10000 - dropped);
  CHECK(drop_classes(classes, 0, rng) == classes);
  CHECK(drop_classes(classes, 1, rng) == no_classes(10000));
}

TEST_CASE("what diffusion says about wrong use") {
  const Diffusion diffusion = small_diffusion();
  const Array x = zeros({2, 3});
  CHECK(message_of([&] { NoiseSchedule::linear(0); }) ==
        "NoiseSchedule::linear: a diffusion has 1 step or more");
  CHECK(message_of([&] {
          NoiseSchedule({0.5, 1});
        }) == "NoiseSchedule: every β must be above 0 and below 1, got 1.000000");
  CHECK(message_of([&] { NoiseSchedule::named("sine", 3); }) ==
        "no noise schedule is called 'sine'; there are linear and cosine");
  CHECK(message_of([&] { diffusion.schedule().strided(13); }) ==
        "strided: 13 of 12 times; at least 1, and at most all");
  CHECK(message_of([&] { diffusion.q_sample(x, times({1}), x); }) ==
        "q_sample: x is (B, D) and t (B,), got (2, 3) and (1,)");
  CHECK(message_of([&] {
          diffusion.q_sample(x, times({1, 13}), x);
        }) == "q_sample: t must be from 0 to 12, got 13");
  CHECK(message_of([&] {
          diffusion.q_step(x, times({0, 1}), x);
        }) == "q_step: t must be from 1 to 12, got 0");
  CHECK(message_of([&] {
          diffusion.q_posterior(x, zeros({2, 2}), times({1, 1}));
        }) == "q_posterior: shapes must be equal, got (2, 3) and (2, 2)");
  CHECK(message_of([&] { prediction_named("score"); }) ==
        "prediction is none of noise, data, velocity: 'score'");
}
