// What makes the AAE the AAE: a game on codes, in which each step moves only what is its own.
#include <cmath>
#include <doctest/doctest.h>

#include "models/aae/aae.hpp"
#include "models/measure/metrics.hpp"
#include "nn/adversarial.hpp"
#include "nn/optim.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

AaeOptions tiny_options() {
  AaeOptions options;
  options.data = 5;
  options.hidden = {6};
  options.latent = 2;
  options.activation = "tanh";
  options.discriminator = {7, 4};
  return options;
}

std::vector<Array> values_of(const nn::Module& module) {
  std::vector<Array> values;
  for (const Tensor& p : module.parameters()) values.push_back(p.value());
  return values;
}

bool moved(const nn::Module& module, const std::vector<Array>& before) {
  bool all = true, none = true;
  const std::vector<Array> after = values_of(module);
  for (std::size_t i = 0; i < after.size(); ++i) {
    (after[i] == before[i] ? all : none) = false;
  }
  REQUIRE((all || none));  // every parameter, or not one
  return all;
}

// The three steps of train.cpp.
struct Training {
  Aae model;
  nn::Adam reconstruction, discriminator, encoder;

  explicit Training(const Aae& aae, double lr = 1e-3, double of_discriminator = 1e-4,
                    double of_encoder = 3e-4)
      : model(aae),
        reconstruction(aae.encoder_and_decoder(), {lr}),
        discriminator(aae.discriminator().parameters(), {of_discriminator, 0.5}),
        encoder(aae.encoder().parameters(), {of_encoder, 0.5}) {}

  static void descend(nn::Adam& adam, const Tensor& loss) {
    adam.clear_grad();
    loss.backward();
    adam.step();
  }
  void reconstruction_step(const Tensor& x) {
    descend(reconstruction, mean(model.cost(x, model.encode(x))));
  }
  void discriminator_step(const Tensor& codes, const Tensor& draws) {
    descend(discriminator, model.discriminator_loss(codes, draws));
  }
  void encoder_step(const Tensor& codes) {
    const nn::Frozen fixed(model.discriminator());
    descend(encoder, model.encoder_loss(codes));
  }
};

bool has_gradients(const nn::Module& module) {
  for (const Tensor& p : module.parameters()) {
    if (p.has_grad()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("aae: parameters by name and number") {
  Rng rng(1);
  const Aae model(tiny_options(), rng);
  const std::size_t autoencoder = (5 * 6 + 6) + (6 * 2 + 2) + (2 * 6 + 6) + (6 * 5 + 5);
  CHECK(model.parameter_count() == autoencoder + (2 * 7 + 7) + (7 * 4 + 4) + (4 * 1 + 1));
  CHECK(model.discriminate(Tensor(zeros({9, 2}))).shape() == Shape{9, 1});
  CHECK(model.named_parameters().front().first == "encoder.0.weight");
  CHECK(model.named_parameters().back().first == "discriminator.2.bias");
}

TEST_CASE("aae: the losses are those of the game, and their gradients right") {
  Rng rng(2);
  const Aae model(tiny_options(), rng);
  const Tensor x(points({4, 5}, 0, 1)), draws(points({4, 2}, -2, 2));
  const Tensor z = model.encode(x);
  double value = 0, fooled = 0;
  const Array real = model.discriminate(draws).value(), fake = model.discriminate(z).value();
  const auto sigma = [](Real l) { return 1 / (1 + std::exp(-static_cast<double>(l))); };
  for (const Real l : real) value += std::log(sigma(l)) / 4;
  for (const Real l : fake) {
    value += std::log(1 - sigma(l)) / 4;
    fooled -= std::log(sigma(l)) / 4;
  }
  CHECK(model.discriminator_loss(z, draws).item() == doctest::Approx(-value).epsilon(1e-5));
  CHECK(model.encoder_loss(z).item() == doctest::Approx(fooled).epsilon(1e-5));
  check_parameter_gradients(model.discriminator(),
                            [&] { return model.discriminator_loss(z.detach(), draws); });
  check_parameter_gradients(model.encoder(), [&] { return model.encoder_loss(model.encode(x)); });
  const Autoencoder& whole = model;
  check_parameter_gradients(model.decoder(),
                            [&] { return sum(whole.cost(x, model.encode(x).detach())); });
}

TEST_CASE("aae: each of the three steps moves what is its own, and leaves no gradient elsewhere") {
  Rng rng(3);
  const Aae model(tiny_options(), rng);
  Training training(model);
  const Tensor x(points({6, 5}, 0, 1)), draws(rng.normal({6, 2}));
  std::vector<Array> encoder = values_of(model.encoder()), decoder = values_of(model.decoder()),
                     discriminator = values_of(model.discriminator());

  training.reconstruction_step(x);
  CHECK(moved(model.encoder(), encoder));
  CHECK(moved(model.decoder(), decoder));
  CHECK_FALSE(moved(model.discriminator(), discriminator));
  CHECK_FALSE(has_gradients(model.discriminator()));
  check_gradient_reaches(model.encoder());
  check_gradient_reaches(model.decoder());

  model.clear_grad();
  encoder = values_of(model.encoder());
  decoder = values_of(model.decoder());
  const Tensor z = model.encode(x);
  training.discriminator_step(z, draws);
  CHECK(moved(model.discriminator(), discriminator));
  CHECK_FALSE(moved(model.encoder(), encoder));
  CHECK_FALSE(has_gradients(model.encoder()));
  check_gradient_reaches(model.discriminator());

  model.clear_grad();
  discriminator = values_of(model.discriminator());
  training.encoder_step(z);
  CHECK(moved(model.encoder(), encoder));
  CHECK_FALSE(moved(model.decoder(), decoder));
  CHECK_FALSE(moved(model.discriminator(), discriminator));
  CHECK_FALSE(has_gradients(model.discriminator()));
  CHECK_FALSE(has_gradients(model.decoder()));
  check_gradient_reaches(model.encoder());
  for (const Tensor& p : model.discriminator().parameters()) CHECK(p.requires_grad());
}

TEST_CASE("aae: a discriminator that cannot tell has the value −ln 4") {
  Rng rng(4);
  const Aae model(tiny_options(), rng);
  for (Tensor p : model.discriminator().parameters()) p.mutable_value().fill(0);
  const Tensor z(rng.normal({5, 2}));
  CHECK(model.discriminator_loss(z, z).item() == doctest::Approx(std::log(4.0)));
  CHECK(model.encoder_loss(z).item() == doctest::Approx(std::log(2.0)));
}

TEST_CASE("aae: the game alone takes codes to the prior") {
  AaeOptions options = tiny_options();
  options.discriminator = {32};
  options.hidden = {16};
  Rng rng(5);
  const Aae model(options, rng);
  Training training(model, 1e-3, 5e-3, 2e-3);
  const Array held_out = rng.normal({400, 2});
  const Array data = rng.normal({400, 5});
  const Kernel kernel = Kernel::inverse_multiquadratic({4});
  const double before = mmd2_unbiased(model.codes(data), held_out, kernel);
  for (int step = 0; step < 400; ++step) {
    const Tensor z = model.encode(Tensor(rng.normal({64, 5})));
    training.discriminator_step(z, Tensor(rng.normal({64, 2})));
    training.encoder_step(z);
  }
  CHECK(mmd2_unbiased(model.codes(data), held_out, kernel) < 0.25 * before);
}
