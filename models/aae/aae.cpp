#include "models/aae/aae.hpp"

#include <cmath>

#include "nn/adversarial.hpp"

namespace nabla::models {
namespace {

// Z, H₁, …, Hₙ, 1
std::vector<std::size_t> discriminator_sizes(const AaeOptions& options) {
  std::vector<std::size_t> sizes{options.latent};
  sizes.insert(sizes.end(), options.discriminator.begin(), options.discriminator.end());
  sizes.push_back(1);
  return sizes;
}

std::vector<Tensor> both(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// β₁ = ½: the opponent moves, and a long memory of gradients would be of another game.
nn::AdamOptions player(double lr) {
  return {lr, 0.5};
}

}  // namespace

Aae::Aae(const AaeOptions& options, Rng& rng)
    : Autoencoder(options, rng), discriminator_(discriminator_sizes(options), rng, "leaky_relu") {
  children({{"discriminator", discriminator_}});
}

Tensor Aae::discriminate(const Tensor& z) const {
  return discriminator_(z);  // D(z) = σ(l(z))
}

Tensor Aae::discriminator_loss(const Tensor& codes, const Tensor& draws) const {
  return -nn::game_value(discriminate(draws),
                         discriminate(codes.detach()));  // −V        [G, eq. 1]
}

Tensor Aae::encoder_loss(const Tensor& codes) const {
  return nn::generator_loss(discriminate(codes),
                            nn::GeneratorLoss::non_saturating);  // −E ln D   [G, §3]
}

AaeTraining::AaeTraining(const Aae& model, const AaeRates& rates)
    : model_(model),
      rates_(rates),
      reconstruction_(both(model.encoder().parameters(), model.decoder().parameters()),
                      {rates.reconstruction}),
      discriminator_(model.discriminator().parameters(), player(rates.discriminator)),
      encoder_(model.encoder().parameters(), player(rates.encoder)) {}

Tensor AaeTraining::reconstruction_step(const Tensor& x) {
  const Tensor cost = model_.cost(x, model_.encode(x));  // E[c(x, σ(f(e(x))))]
  reconstruction_.clear_grad();
  mean(cost).backward();
  reconstruction_.step();
  return cost;
}

Tensor AaeTraining::discriminator_step(const Tensor& codes, const Tensor& draws) {
  const Tensor loss = model_.discriminator_loss(codes, draws);
  discriminator_.clear_grad();
  loss.backward();
  discriminator_.step();
  return loss;
}

Tensor AaeTraining::encoder_step(const Tensor& codes) {
  const nn::Frozen fixed(model_.discriminator());
  const Tensor loss = model_.encoder_loss(codes);
  encoder_.clear_grad();
  loss.backward();
  encoder_.step();
  return loss;
}

void AaeTraining::scale_rates(double factor) {
  reconstruction_.set_lr(factor * rates_.reconstruction);
  // Where all three fell alike, reconstruction would win in the end: its small steps all point one
  // way, and the codes leave the prior for whatever gives the last detail.
  const double game = std::pow(factor, 0.75);
  discriminator_.set_lr(game * rates_.discriminator);
  encoder_.set_lr(game * rates_.encoder);
}

}  // namespace nabla::models
