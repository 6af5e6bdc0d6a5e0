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
// each with an optimiser of its own: the sizes of e's two gradients have nothing to do with each
// other.
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

  /// How the game stands, on the codes of x (n, D) and as many draws of the prior.
  struct Game {
    double value;                                 ///< V, in nats
    double codes_called_real, draws_called_real;  ///< shares, 0 to 1
  };
  Game game(const Array& x, Rng rng) const;

  const nn::MLP& discriminator() const { return discriminator_; }
  std::vector<Tensor> encoder_and_decoder() const;  ///< their parameters

 private:
  nn::MLP discriminator_;
};

}  // namespace nabla::models
