// Adversarial autoencoder.
//   Makhzani, Shlens, Jaitly, Goodfellow & Frey 2016, "Adversarial Autoencoders",
//   arXiv:1511.05644                                                                     [M]
//   Goodfellow et al. 2014, "Generative Adversarial Nets", arXiv:1406.2661                [G]
//
//   p(z) = N(0, I)                             prior
//   q(z) = the law of e(x), x ~ data           aggregated posterior            [M, eq. 1]
//   D(z) = σ(l(z))                             discriminator: was z drawn from the prior?
//
// Three steps on each batch [M, §2]:
//   1. reconstruction   min over e, f of E[c(x, σ(f(e(x))))]
//   2. discriminator    max over D of V = E_p[ln D(z)] + E_x[ln(1 − D(e(x)))]      [G, eq. 1]
//   3. encoder          min over e of −E_x[ln D(e(x))]: it plays the generator     [G, §3]
//
// D is best at p(z) / (p(z) + q(z)); where the codes have become the prior that is ½ everywhere,
// and V is −ln 4.
//
// Here e is deterministic, the first of the paper's three kinds of q(z|x): all randomness of q(z)
// is that of the data.
//
// B batch, D dimensions of x, Z of the code.
#pragma once

#include "models/autoencoder/autoencoder.hpp"
#include "nn/optim.hpp"

namespace nabla::models {

struct AaeOptions : AutoencoderOptions {
  std::vector<std::size_t> discriminator{64, 64};  ///< its hidden widths, with leaky ReLUs
};

class Aae : public Autoencoder {
 public:
  Aae(const AaeOptions& options, Rng& rng);

  Tensor discriminate(const Tensor& z) const;  ///< z (n, Z) → logits l(z), (n, 1)

  /// −V on codes and draws of the prior, each (n, Z). The codes are taken as they are: no gradient
  /// goes on to the encoder.
  Tensor discriminator_loss(const Tensor& codes, const Tensor& draws) const;
  /// −E ln D(codes). Differentiate it under nn::Frozen(discriminator()).
  Tensor encoder_loss(const Tensor& codes) const;

  const nn::MLP& discriminator() const { return discriminator_; }

 private:
  nn::MLP discriminator_;
};

struct AaeRates {
  double reconstruction = 1e-3, discriminator = 1e-4, encoder = 3e-4;
};

/// The three steps, each with an Adam of its own: e has two, since the sizes of its two gradients
/// have nothing to do with each other. Each step returns its loss before the step.
class AaeTraining {
 public:
  AaeTraining(const Aae& model, const AaeRates& rates);

  Tensor reconstruction_step(const Tensor& x);  ///< x (B, D) → c of each example, (B,)
  /// Codes and draws of the prior, each (n, Z) → −V.
  Tensor discriminator_step(const Tensor& codes, const Tensor& draws);
  /// Codes with the graph that made them → −E ln D.
  Tensor encoder_step(const Tensor& codes);

  /// factor · the rate at the start for reconstruction, factor^¾ for the two steps of the game.
  void scale_rates(double factor);

  // For checkpoints.
  nn::Optimiser& reconstruction() { return reconstruction_; }
  nn::Optimiser& discriminator() { return discriminator_; }
  nn::Optimiser& encoder() { return encoder_; }

 private:
  Aae model_;
  AaeRates rates_;
  nn::Adam reconstruction_, discriminator_, encoder_;
};

}  // namespace nabla::models
