// Variational autoencoder.
//   Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv:1312.6114        [KW]
//   Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders", arXiv:1509.00519  [BGS]
//
//   p(z)    = N(0, I)                               prior
//   p(x|z)  = Π_d Bernoulli(x_d; σ(f(z)_d))         decoder, f a network         [KW, eq. 11]
//   q(z|x)  = N(z; μ(x), diag σ²(x))                encoder, networks μ, ln σ²   [KW, eq. 12]
//   ELBO(x) = E_q[ln p(x|z)] − KL(q(z|x) ‖ p(z)) ≤ ln p(x)                       [KW, eq. 3]
//   z       = μ + σ ⊙ ε, ε ~ N(0, I)                reparameterisation           [KW, eq. 10]
//   L_K(x)  = E[ln (1/K) Σ_k w_k] ≤ ln p(x), w_k = p(x, z_k) / q(z_k|x), z_k ~ q(z|x)  [BGS, eq. 8]
//   ∇L_K    = E[Σ_k w̃_k ∇ ln w_k], w̃_k = w_k / Σ_j w_j                        [BGS, eqs. 13, 14]
//
// B batch, D dimensions of x, Z of the latent space, K importance samples. All figures in nats.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "autograd/ops.hpp"
#include "autograd/random.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"

namespace nabla::models {

struct VaeOptions {
  std::size_t data = 784;                ///< D
  std::vector<std::size_t> hidden{400};  ///< widths from x to z; the decoder has them reversed
  std::size_t latent = 20;               ///< Z
  std::string activation = "relu";
};

/// q(z|x), one diagonal normal an example.
struct Posterior {
  Tensor mean;     ///< μ, (B, Z)
  Tensor log_var;  ///< ln σ², (B, Z)
};

/// A one-sample estimate of the ELBO of each example, by its two terms.
struct Elbo {
  Tensor reconstruction;  ///< ln p(x|z) at one z ~ q(z|x), (B,)
  Tensor kl;              ///< KL(q(z|x) ‖ p(z)), prior fitting, exact, (B,)
  Tensor value() const { return reconstruction - kl; }  ///< (B,)
};

/// z = μ + σ ⊙ ε: the sample as a differentiable function of μ and ln σ². ε is (…, B, Z).
Tensor reparameterise(const Posterior& q, const Array& epsilon);

/// KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ_z (μ² + σ² − ln σ² − 1), (B,) [KW, appendix B].
Tensor kl_to_prior(const Posterior& q);

class Vae : public nn::Module {
 public:
  Vae(const VaeOptions& options, Rng& rng);

  Posterior encode(const Tensor& x) const;  ///< x (B, D)
  Tensor decode(const Tensor& z) const;     ///< z (…, Z) → logits f(z), (…, D)

  /// ln p(x|z), x (B, D) and z (…, B, Z) → (…, B).
  Tensor log_likelihood(const Tensor& x, const Tensor& z) const;

  /// x (B, D) with values in [0, 1]: binary data gives a bound on ln p(x); for grey values the
  /// Bernoulli "likelihood" is only a score.
  Elbo elbo(const Tensor& x, Rng& rng) const;

  /// ln w_k = ln p(x, z_k) − ln q(z_k|x) at z_k = μ + σ ⊙ ε_k: x (B, D), epsilon (K, B, Z) → (K,
  /// B). `beta` weights ln p(z_k) − ln q(z_k|x); with 1 these are the importance weights.
  Tensor log_weights(const Tensor& x, const Posterior& q, const Array& epsilon,
                     Real beta = 1) const;

  /// One draw of the K-sample bound for each example, (B,). K = 1 is the ELBO (with both of its
  /// terms sampled); it grows with K towards ln p(x). Its gradient by reverse mode is the one of
  /// [BGS, eq. 14]: logsumexp passes each ∇ ln w_k on with the weight w̃_k. With beta ≠ 1 it is an
  /// objective, and no bound.
  Tensor importance_bound(const Tensor& x, std::size_t K, Rng& rng, Real beta = 1) const;

  /// importance_bound for large K without a graph, in pieces of bounded memory: the usual
  /// estimate of ln p(x), (B,). It is a lower bound on average.
  Array log_prob(const Array& x, std::size_t K, Rng& rng) const;

  /// n draws z ~ p(z): the pixels' probabilities, (n, D).
  Array sample(std::size_t n, Rng& rng) const;

  Array codes(const Array& x) const;                 ///< μ(x): (n, D) → (n, Z)
  Array draw_codes(const Array& x, Rng& rng) const;  ///< z ~ q(z|x): (n, D) → (n, Z)
  Array images(const Array& z) const;       ///< the pixels' probabilities: (n, Z) → (n, D)
  Array reconstruct(const Array& x) const;  ///< images at z = μ(x): (n, D) → (n, D)

  std::size_t latent() const { return latent_; }

 private:
  std::size_t latent_;
  nn::MLP encoder_;  // x → h
  nn::Linear mean_, log_var_;
  nn::MLP decoder_;  // z → logits
};

}  // namespace nabla::models
