// The game of two networks, as GAN and AAE play it, and its losses.
//   Goodfellow et al. 2014, "Generative Adversarial Nets", arXiv:1406.2661                      [G]
//
//   V(D, G) = E_p[ln D(x)] + E_z[ln(1 − D(G(z)))],   min over G of max over D          [G, eq. 1]
//   D*(x)   = p(x) / (p(x) + q(x)) for G fixed, q the law of G(z)                       [G, eq. 2]
//   V(D*)   = 2 JSD(p ‖ q) − ln 4                                                 [G, Theorem 1]
//
// D is given by its logits l: D = σ(l), so that ln D = ln σ(l) and ln(1 − D) = ln σ(−l), which are
// finite for any logit. Logits are (B,) or of any other shape; real and fake need not be equally
// many.
#pragma once

#include <string>

#include "autograd/tensor.hpp"

namespace nabla::nn {

/// V on a batch, one number in nats: the discriminator makes it large. −ln 4 = −1.386 where it
/// cannot tell the two apart, 0 at most.
Tensor game_value(const Tensor& real_logits, const Tensor& fake_logits);

/// What the generator minimises.
///   minimax         E_z[ln(1 − D(G(z)))]: its part of V. The gradient vanishes where D is sure.
///   non_saturating  −E_z[ln D(G(z))]: the same fixed point, a strong gradient there  [G, §3]
enum class GeneratorLoss { minimax, non_saturating };

/// "minimax" or "non-saturating". Throws std::invalid_argument on another word.
GeneratorLoss generator_loss_named(const std::string& name);

Tensor generator_loss(const Tensor& fake_logits, GeneratorLoss which);

/// The share of examples that D takes for real, from 0 to 1: those with D(x) > ½. Of none: 0.
double share_called_real(const Tensor& logits);

}  // namespace nabla::nn
