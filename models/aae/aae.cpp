#include "models/aae/aae.hpp"

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

Aae::Game Aae::game(const Array& x, Rng rng) const {
  const NoGrad no_grad;
  const Tensor codes(this->codes(x)), draws(rng.normal(codes.shape()));
  const Tensor fake = discriminate(codes), real = discriminate(draws);
  return {nn::game_value(real, fake).item(), nn::share_called_real(fake),
          nn::share_called_real(real)};
}

std::vector<Tensor> Aae::encoder_and_decoder() const {
  std::vector<Tensor> all = encoder().parameters();
  for (const Tensor& p : decoder().parameters()) all.push_back(p);
  return all;
}

}  // namespace nabla::models
