// Wasserstein autoencoder with an MMD penalty, WAE-MMD.
//   Tolstikhin, Bousquet, Gelly & Schölkopf 2018, "Wasserstein Auto-Encoders",
//   arXiv:1711.01558                                                                     [T]
//   Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, "A Kernel Two-Sample Test", JMLR 13   [Gr]
//
//   p(z) = N(0, I)                                   prior
//   q(z) = the law of e(x), x ~ data                 all codes together
//   min over e, f of E[c(x, σ(f(e(x))))] + λ MMD²(q, p)                              [T, eq. 4]
//   MMD²(q, p) = E k(z, z′) + E k(ζ, ζ′) − 2 E k(z, ζ),  z ~ q, ζ ~ p           [Gr, Lemma 6]
//   k(z, ζ) = Σ_s C_s / (C_s + |z − ζ|²),  C_s = s · 2 Z σ²                            [T, §4]
//
// If q(z) = p(z), the first term alone bounds the optimal transport distance between the decoder's
// images of z ~ p(z) and the data [T, Theorem 1]. The VAE asks each q(z|x) to be near the prior,
// which they can be only by saying nothing of x; here that is asked of all codes together.
//
// k is positive definite (inverse multiquadratic). [T] gives s = 1 and chose this kernel for its
// heavy tails: codes far out still feel a pull. The sum over s = 0.1 … 10 is from the authors' own
// program (github.com/tolstikhin/wae).
//
// B batch, D dimensions of x, Z of the code.
#pragma once

#include "models/autoencoder/autoencoder.hpp"
#include "models/measure/metrics.hpp"

namespace nabla::models {

/// models::mmd2_unbiased as an operation: codes (n, Z) and draws (m, Z) → one number, with a
/// gradient for both. The U-statistic [Gr, eq. 3]: unbiased, so around 0 it is negative as often as
/// not. n, m ≥ 2; throws std::invalid_argument on other shapes and on a kernel that is not an
/// inverse multiquadratic.
Tensor mmd2_unbiased(const Tensor& codes, const Tensor& draws, const Kernel& kernel);

/// The two terms of [T, eq. 4] on one batch.
struct WaeTerms {
  Tensor cost;  ///< c(x, y) of each example, (B,)
  Tensor mmd2;  ///< of the codes against as many draws of the prior, one number
  /// mean of c + λ MMD²
  Tensor value(double lambda) const { return mean(cost) + mmd2 * static_cast<Real>(lambda); }
};

/// An autoencoder whose codes are drawn to the prior. The encoder is deterministic.
class Wae : public Autoencoder {
 public:
  Wae(const AutoencoderOptions& options, Rng& rng);

  /// x (B, D); the draws of the prior are from rng.
  WaeTerms objective(const Tensor& x, Rng& rng) const;

  const Kernel& kernel() const { return kernel_; }

 private:
  Kernel kernel_;
};

}  // namespace nabla::models
