// What makes the VAE a VAE, in double and on a model small enough for quadrature: a latent space of
// one dimension, so that every integral over z is a sum over a fine grid.
#include <cmath>
#include <doctest/doctest.h>

#include "models/vae/vae.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

constexpr double ln_2pi = 1.8378770664093454836;

Vae tiny_vae(std::size_t latent = 1) {
  Rng rng(7);
  VaeOptions options;
  options.data = 5;
  options.hidden = {6};
  options.latent = latent;
  options.activation = "tanh";
  return Vae(options, rng);
}

const Array& tiny_data() {
  static const Array x{{1, 0, 1, 1, 0}, {0, 0, 0, 1, 1}, {1, 1, 1, 1, 1}};
  return x;
}

// The grid: z from −12 to 12. The integrands are smooth and vanish at both ends, so that the plain
// sum converges faster than any power of the step.
constexpr std::size_t points = 2401;
constexpr double dz = 0.01;
double grid(std::size_t i) {
  return -12.0 + dz * static_cast<double>(i);
}

// ln p(x|z) on the grid, [example][point], written out from the logits.
std::vector<std::vector<double>> log_likelihood_on_grid(const Vae& vae, const Array& x) {
  const NoGrad no_grad;
  Array z = empty({points, 1});
  for (std::size_t i = 0; i < points; ++i) z(i, 0) = static_cast<Real>(grid(i));
  const Array logits = vae.decode(Tensor(z)).value();
  std::vector<std::vector<double>> result(x.shape()[0], std::vector<double>(points, 0.0));
  for (std::size_t b = 0; b < x.shape()[0]; ++b) {
    for (std::size_t i = 0; i < points; ++i) {
      for (std::size_t d = 0; d < x.shape()[1]; ++d) {
        const double p = 1 / (1 + std::exp(-static_cast<double>(logits(i, d))));
        result[b][i] += x(b, d) > 0.5 ? std::log(p) : std::log(1 - p);
      }
    }
  }
  return result;
}

double log_normal(double z, double mean, double log_var) {
  return -0.5 * (ln_2pi + log_var + (z - mean) * (z - mean) / std::exp(log_var));
}

struct Exact {
  double log_prob, elbo, posterior_divergence;  // ln p(x), ELBO(x), KL(q(z|x) ‖ p(z|x))
};

std::vector<Exact> quadrature(const Vae& vae, const Array& x) {
  const NoGrad no_grad;
  const Posterior q = vae.encode(Tensor(x));
  const std::vector<std::vector<double>> log_likelihood = log_likelihood_on_grid(vae, x);
  std::vector<Exact> result;
  for (std::size_t b = 0; b < x.shape()[0]; ++b) {
    const double mean = q.mean.value()(b, 0), log_var = q.log_var.value()(b, 0);
    double p = 0, elbo = 0;
    for (std::size_t i = 0; i < points; ++i) {
      p += std::exp(log_likelihood[b][i] + log_normal(grid(i), 0, 0)) * dz;
    }
    double divergence = 0;
    for (std::size_t i = 0; i < points; ++i) {
      const double log_q = log_normal(grid(i), mean, log_var);
      const double log_joint = log_likelihood[b][i] + log_normal(grid(i), 0, 0);
      elbo += std::exp(log_q) * (log_joint - log_q) * dz;
      divergence += std::exp(log_q) * (log_q - (log_joint - std::log(p))) * dz;
    }
    result.push_back({std::log(p), elbo, divergence});
  }
  return result;
}

struct Estimate {
  double mean, error;  // and its standard error
};

template <class Draw>
Estimate monte_carlo(std::size_t n, Draw&& draw) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = draw();
    sum += value;
    squares += value * value;
  }
  const double count = static_cast<double>(n), mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean) / count)};
}

// One example, as often as the batch is long.
Array repeated_row(const Array& x, std::size_t row, std::size_t times) {
  Array result = empty({times, x.shape()[1]});
  for (std::size_t i = 0; i < times; ++i) {
    std::copy_n(x.data() + row * x.shape()[1], x.shape()[1], result.data() + i * x.shape()[1]);
  }
  return result;
}

Estimate over_batch(const Array& values) {
  std::size_t next = 0;
  return monte_carlo(values.size(), [&] { return static_cast<double>(values.data()[next++]); });
}

}  // namespace

TEST_CASE("the closed-form KL to the prior is the Monte-Carlo KL") {
  const Posterior q{Tensor(Array{{0.5, -1.5, 0.1}}), Tensor(Array{{-1.0, 0.7, -3.0}})};
  const double exact = static_cast<double>(kl_to_prior(q).value()(0));
  Rng rng(1);
  const std::size_t n = 200000;
  const Array z = reparameterise(q, rng.normal({n, 1, 3})).value();
  std::size_t i = 0;
  const Estimate kl = monte_carlo(n, [&] {
    double term = 0;  // ln q(z) − ln p(z)
    for (std::size_t j = 0; j < 3; ++j) {
      const double zj = z(i, 0, j);
      term += log_normal(zj, q.mean.value()(0, j), q.log_var.value()(0, j)) - log_normal(zj, 0, 0);
    }
    ++i;
    return term;
  });
  CHECK(std::abs(kl.mean - exact) < 4 * kl.error);
  CHECK(kl.error < 0.01);
  const Posterior prior{Tensor(zeros({2, 3})), Tensor(zeros({2, 3}))};
  CHECK(kl_to_prior(prior).value()(0) == doctest::Approx(0));
}

TEST_CASE("ELBO ≤ ln p(x), and the gap is the divergence of q from the true posterior") {
  const Vae vae = tiny_vae();
  for (const Exact& exact : quadrature(vae, tiny_data())) {
    CHECK(exact.elbo < exact.log_prob);
    CHECK(exact.log_prob - exact.elbo == doctest::Approx(exact.posterior_divergence).epsilon(1e-9));
  }
}

TEST_CASE("elbo() estimates the exact ELBO, term by term") {
  const Vae vae = tiny_vae();
  const std::vector<Exact> exact = quadrature(vae, tiny_data());
  const NoGrad no_grad;
  Rng rng(2);
  for (std::size_t b = 0; b < exact.size(); ++b) {
    const Elbo terms = vae.elbo(Tensor(repeated_row(tiny_data(), b, 100000)), rng);
    const Estimate elbo = over_batch(terms.value().value());
    CHECK(std::abs(elbo.mean - exact[b].elbo) < 4 * elbo.error);
    CHECK(elbo.error < 0.005);
    const Array one = repeated_row(tiny_data(), b, 1);
    CHECK(terms.kl.value()(0) == doctest::Approx(kl_to_prior(vae.encode(Tensor(one))).item()));
  }
}

TEST_CASE("the importance bound: K = 1 is the ELBO, it grows with K, and stays below ln p(x)") {
  const Vae vae = tiny_vae();
  const std::vector<Exact> exact = quadrature(vae, tiny_data());
  const NoGrad no_grad;
  Rng rng(3);
  for (std::size_t b = 0; b < exact.size(); ++b) {
    const Tensor x(repeated_row(tiny_data(), b, 40000));
    const Estimate one = over_batch(vae.importance_bound(x, 1, rng).value());
    CHECK(std::abs(one.mean - exact[b].elbo) < 4 * one.error);
    Estimate before = one;
    for (const std::size_t K : {2, 8, 32}) {
      const Estimate bound = over_batch(vae.importance_bound(x, K, rng).value());
      CHECK(bound.mean > before.mean + 2 * (bound.error + before.error));
      CHECK(bound.mean < exact[b].log_prob + 4 * bound.error);
      before = bound;
    }
  }
}

TEST_CASE("log_prob with many samples is ln p(x) from quadrature") {
  const Vae vae = tiny_vae();
  const std::vector<Exact> exact = quadrature(vae, tiny_data());
  Rng rng(4);
  const Array estimate = vae.log_prob(tiny_data(), 100000, rng);  // more than one piece
  for (std::size_t b = 0; b < exact.size(); ++b) {
    CHECK(static_cast<double>(estimate(b)) == doctest::Approx(exact[b].log_prob).epsilon(2e-3));
  }
  CHECK(vae.log_prob(repeated_row(tiny_data(), 0, 5000), 3, rng).size() == 5000);
}

TEST_CASE("the mean of the gradient estimator is the gradient of the exact ELBO") {
  Vae vae = tiny_vae();
  const Array x = repeated_row(tiny_data(), 0, 1);
  constexpr std::size_t batches = 60, batch = 2000;
  Rng rng(5);
  std::vector<std::vector<Array>> gradients;
  for (std::size_t i = 0; i < batches; ++i) {
    vae.clear_grad();
    mean(vae.elbo(Tensor(repeated_row(tiny_data(), 0, batch)), rng).value()).backward();
    gradients.emplace_back();
    for (const Tensor& p : vae.parameters()) gradients.back().push_back(p.grad());
  }
  std::vector<Tensor> parameters = vae.parameters();
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    for (std::size_t e = 0; e < parameters[k].size(); ++e) {
      std::size_t next = 0;
      const Estimate mean =
          monte_carlo(batches, [&] { return static_cast<double>(gradients[next++][k].data()[e]); });
      const Real before = parameters[k].value().data()[e];
      constexpr double h = 1e-4;
      parameters[k].mutable_value().data()[e] = static_cast<Real>(before + h);
      const double above = quadrature(vae, x)[0].elbo;
      parameters[k].mutable_value().data()[e] = static_cast<Real>(before - h);
      const double below = quadrature(vae, x)[0].elbo;
      parameters[k].mutable_value().data()[e] = before;
      const double exact = (above - below) / (2 * h);
      INFO(parameters[k].label(), " ", e);
      CHECK(std::abs(mean.mean - exact) < 5 * mean.error + 1e-6);
      CHECK(mean.error < 0.02);
    }
  }
}

TEST_CASE("gradients of both objectives against differences, and every parameter gets one") {
  const Vae vae = tiny_vae(2);
  CHECK(vae.parameter_count() == (5 * 6 + 6) + 2 * (6 * 2 + 2) + (2 * 6 + 6) + (6 * 5 + 5));
  check_parameter_gradients(vae, [&] {
    Rng rng(6);
    return sum(vae.elbo(Tensor(tiny_data()), rng).value());
  });
  check_parameter_gradients(vae, [&] {
    Rng rng(6);
    return sum(vae.importance_bound(Tensor(tiny_data()), 4, rng));
  });
  Rng rng(6);
  mean(vae.elbo(Tensor(tiny_data()), rng).value()).backward();
  check_gradient_reaches(vae);
}

TEST_CASE("the bound's gradient is the weighted sum of Burda et al., eq. 14") {
  const Vae vae = tiny_vae(2);
  const Tensor x(tiny_data());
  const std::size_t K = 5, B = 3;
  Rng rng(9);
  sum(vae.importance_bound(x, K, rng)).backward();
  std::vector<Array> ours;
  for (const Tensor& p : vae.parameters()) ours.push_back(p.grad());
  vae.clear_grad();
  // The same z_k; w̃_k = w_k / Σ_j w_j as constants, written out.
  rng = Rng(9);
  const Tensor log_w = vae.log_weights(x, vae.encode(x), rng.normal({K, B, 2}));  // (K, B)
  Array normalised = empty({K, B});
  for (std::size_t b = 0; b < B; ++b) {
    double total = 0;
    for (std::size_t k = 0; k < K; ++k) total += std::exp(double(log_w.value()(k, b)));
    for (std::size_t k = 0; k < K; ++k) {
      normalised(k, b) = static_cast<Real>(std::exp(double(log_w.value()(k, b))) / total);
    }
  }
  sum(Tensor(normalised) * log_w).backward();
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Array theirs = vae.parameters()[i].grad();
    for (std::size_t e = 0; e < theirs.size(); ++e) {
      CHECK(ours[i].data()[e] == doctest::Approx(theirs.data()[e]).epsilon(1e-9));
    }
  }
}

TEST_CASE("beta weights the prior term: 0 leaves the likelihood, 1 is the bound") {
  const Vae vae = tiny_vae(2);
  const Tensor x(tiny_data());
  Rng rng(10);
  const Posterior q = vae.encode(x);
  const Array epsilon = rng.normal({4, 3, 2});
  const Array none = vae.log_weights(x, q, epsilon, 0).value();
  const Array whole = vae.log_weights(x, q, epsilon).value();
  const Array half = vae.log_weights(x, q, epsilon, Real(0.5)).value();
  const Array likelihood = vae.log_likelihood(x, reparameterise(q, epsilon)).value();
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t b = 0; b < 3; ++b) {
      double log_ratio = 0;  // ln p(z) − ln q(z|x)
      for (std::size_t z = 0; z < 2; ++z) {
        const double mean = q.mean.value()(b, z), log_var = q.log_var.value()(b, z);
        const double at = mean + std::exp(0.5 * log_var) * epsilon(k, b, z);
        log_ratio += log_normal(at, 0, 0) - log_normal(at, mean, log_var);
      }
      CHECK(none(k, b) == likelihood(k, b));
      CHECK(whole(k, b) - none(k, b) == doctest::Approx(log_ratio).epsilon(1e-9));
      CHECK(half(k, b) - none(k, b) == doctest::Approx(log_ratio / 2).epsilon(1e-9));
    }
  }
}

TEST_CASE("samples and reconstructions are probabilities of the right shape") {
  const Vae vae = tiny_vae(2);
  Rng rng(8);
  const Array samples = vae.sample(9, rng);
  CHECK(samples.shape() == Shape{9, 5});
  const Array reconstructions = vae.reconstruct(tiny_data());
  CHECK(reconstructions.shape() == Shape{3, 5});
  for (const Real p : samples) CHECK((p > 0 && p < 1));
  CHECK_THROWS_WITH_AS(vae.importance_bound(Tensor(tiny_data()), 0, rng),
                       "importance_bound: K must be at least 1", std::invalid_argument);
  CHECK_THROWS_AS(vae.elbo(Tensor(ones({3, 4})), rng), std::invalid_argument);
}
