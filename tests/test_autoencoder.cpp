// What an autoencoder is: two networks and a cost. In its linear form its best error is known.
#include <cmath>
#include <doctest/doctest.h>

#include "models/autoencoder/autoencoder.hpp"
#include "models/measure/codes.hpp"
#include "nn/optim.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

AutoencoderOptions tiny_options(Cost cost = Cost::bernoulli) {
  AutoencoderOptions options;
  options.data = 5;
  options.hidden = {6, 4};
  options.latent = 2;
  options.activation = "tanh";
  options.cost = cost;
  return options;
}

const Array& tiny_data() {
  static const Array x{{1, 0, Real(0.3), 1, 0}, {0, Real(0.5), 0, 1, 1}, {1, 1, 1, Real(0.9), 1}};
  return x;
}

double sigma(double l) {
  return 1 / (1 + std::exp(-l));
}

}  // namespace

TEST_CASE("autoencoder: parameters, shapes, and that each gets a gradient") {
  Rng rng(1);
  const Autoencoder model(tiny_options(), rng);
  CHECK(model.parameter_count() ==
        (5 * 6 + 6) + (6 * 4 + 4) + (4 * 2 + 2) + (2 * 4 + 4) + (4 * 6 + 6) + (6 * 5 + 5));
  const Tensor x(tiny_data());
  const Tensor z = model.encode(x);
  CHECK(z.shape() == Shape{3, 2});
  CHECK(model.decode(z).shape() == Shape{3, 5});
  CHECK(model.cost(x, z).shape() == Shape{3});
  mean(model.cost(x, z)).backward();
  check_gradient_reaches(model);
  AutoencoderOptions big;
  CHECK(Autoencoder(big, rng).parameter_count() ==
        (784 * 400 + 400) + (400 * 8 + 8) + (8 * 400 + 400) + (400 * 784 + 784));
}

TEST_CASE("autoencoder: both costs written out, and their gradients") {
  const Array x = tiny_data();
  const Array l = points({3, 5}, -3, 3);
  const Array bernoulli = reconstruction_cost(Tensor(l), Tensor(x), Cost::bernoulli).value();
  const Array squared = reconstruction_cost(Tensor(l), Tensor(x), Cost::squared).value();
  for (std::size_t b = 0; b < 3; ++b) {
    double nats = 0, squares = 0;
    for (std::size_t d = 0; d < 5; ++d) {
      const double p = sigma(l(b, d)), t = x(b, d);
      nats -= t * std::log(p) + (1 - t) * std::log(1 - p);
      squares += (t - p) * (t - p);
    }
    CHECK(bernoulli(b) == doctest::Approx(nats).epsilon(1e-5));
    CHECK(squared(b) == doctest::Approx(squares).epsilon(1e-5));
  }
  for (const Cost cost : {Cost::bernoulli, Cost::squared}) {
    Rng rng(2);
    const Autoencoder model(tiny_options(cost), rng);
    check_parameter_gradients(model, [&] {
      const Tensor data(tiny_data());
      return sum(model.cost(data, model.encode(data)));
    });
  }
  CHECK(cost_named("squared") == Cost::squared);
  CHECK(cost_named("bernoulli") == Cost::bernoulli);
  CHECK(message_of([] { cost_named("l1"); }) == "reconstruction cost \"l1\": bernoulli or squared");
}

TEST_CASE("autoencoder: codes, images and reconstructions are those of the graph, in pieces too") {
  Rng rng(3);
  const Autoencoder model(tiny_options(), rng);
  const Array x = rng.uniform({2300, 5});  // more than two pieces
  const Array codes = model.codes(x);
  CHECK(codes.shape() == Shape{2300, 2});
  CHECK(sum(abs(Tensor(codes) - model.encode(Tensor(x)))).item() < 1e-2);
  const Array y = model.reconstruct(x);
  CHECK(sum(abs(Tensor(y) - sigmoid(model.decode(model.encode(Tensor(x)))))).item() < 1e-2);
  for (const Real p : y) CHECK_UNARY(p > 0 && p < 1);
  CHECK_THROWS_AS(model.encode(Tensor(ones({3, 4}))), std::invalid_argument);
}

// A linear autoencoder can do no better than to keep the Z directions of greatest variance (Baldi &
// Hornik 1989): what it leaves is the sum of the other eigenvalues of the data's covariance.
TEST_CASE("autoencoder: a linear one, trained, leaves the variance that PCA leaves") {
  // Rows ±a_k v_k with orthonormal v_k: mean 0, and eigenvalues a_k² / 4 exactly.
  const double h = 0.5;
  const double v[4][4] = {{h, h, h, h}, {h, -h, h, -h}, {h, h, -h, -h}, {h, -h, -h, h}};
  const double a[4] = {4, 3, 1, 0.6};
  Array x = empty({8, 4});
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t d = 0; d < 4; ++d) {
      x(2 * k, d) = static_cast<Real>(a[k] * v[k][d]);
      x(2 * k + 1, d) = static_cast<Real>(-a[k] * v[k][d]);
    }
  }
  AutoencoderOptions options;
  options.data = 4;
  options.hidden = {};
  options.latent = 2;
  Rng rng(4);
  const Autoencoder model(options, rng);
  nn::Adam adam(model.parameters(), {0.02});
  const Tensor data(x);
  double error = 0;
  for (int step = 0; step < 1500; ++step) {
    if (step == 1000) adam.set_lr(0.002);
    const Tensor loss = mean(sum(square(model.decode(model.encode(data)) - data), {-1}));
    adam.clear_grad();
    loss.backward();
    adam.step();
    error = static_cast<double>(loss.item());
  }
  const double discarded = (a[2] * a[2] + a[3] * a[3]) / 4;
  CHECK(error == doctest::Approx(discarded).epsilon(1e-3));
  CHECK(error > discarded * (1 - 1e-5));
}

TEST_CASE("autoencoder: the normal fitted to codes has their mean and covariance") {
  Rng rng(5);
  Array codes = rng.normal({4000, 3});
  for (std::size_t r = 0; r < 4000; ++r) {  // a correlation, and a code that is never used
    codes(r, 1) = 2 + codes(r, 0) * 3 + codes(r, 1);
    codes(r, 2) = Real(-1.5);
  }
  const Array z = CodeGaussian(codes).sample(40000, rng);
  double mean = 0, variance = 0, covariance = 0;
  for (std::size_t r = 0; r < 40000; ++r) {
    const double z0 = static_cast<double>(z(r, 0)), z1 = static_cast<double>(z(r, 1));
    mean += z1 / 40000;
    variance += (z1 - 2) * (z1 - 2) / 40000;
    covariance += z0 * (z1 - 2) / 40000;
    REQUIRE(z(r, 2) == doctest::Approx(-1.5));
  }
  CHECK(mean == doctest::Approx(2).epsilon(0.1));
  CHECK(variance == doctest::Approx(10).epsilon(0.1));
  CHECK(covariance == doctest::Approx(3).epsilon(0.1));
  CHECK(message_of([] {
          CodeGaussian(zeros({1, 3}));
        }) == "CodeGaussian: codes must be (n, Z) with n ≥ 2, got (1, 3)");
}

TEST_CASE("autoencoder: draws of codes are codes, each about as often") {
  Rng rng(6);
  const Array codes{{0, 10}, {1, 11}, {2, 12}};
  const Array drawn = draw_rows(codes, 3000, rng);
  std::size_t count[3] = {0, 0, 0};
  for (std::size_t r = 0; r < 3000; ++r) {
    REQUIRE(drawn(r, 1) == drawn(r, 0) + 10);
    ++count[static_cast<std::size_t>(drawn(r, 0))];
  }
  for (const std::size_t c : count) CHECK(std::abs(static_cast<double>(c) - 1000) < 130);
}

TEST_CASE("autoencoder: the mean squared error is over images and pixels") {
  CHECK(mean_squared_error_of(Array{{1, 2}, {3, 4}}, Array{{1, 0}, {3, 8}}) == doctest::Approx(5));
  CHECK(message_of([] {
          mean_squared_error_of(zeros({1, 2}), zeros({2, 1}));
        }) == "mean_squared_error_of: shapes (1, 2) and (2, 1)");
}
