// Distributions whose parameters are tensors: log_prob, entropy and divergences can be
// differentiated in the parameters, and log_prob in x where x is continuous.
//
// Everything is per element, in nats: Normal over (B, Z) gives log_prob of shape (B, Z), and the
// density of a vector is the sum over its axis, said where it is meant: sum(q.log_prob(z), {-1}).
// x broadcasts against the parameters, so K samples of shape (K, B, Z) need no repetition.
//
// What has probability 0 adds 0 to an entropy or a divergence, and a divergence is +∞ where only
// the second distribution excludes something. A scale is usable however small or large ln σ is,
// also where σ itself is 0 or ∞ in Real.
#pragma once

#include "autograd/ops.hpp"
#include "autograd/random.hpp"

namespace nabla::nn {

/// 0 or 1, with P(1) = σ(logits).
class Bernoulli {
 public:
  explicit Bernoulli(Tensor logits) : logits_(std::move(logits)) {}

  const Tensor& logits() const { return logits_; }
  Tensor probs() const { return sigmoid(logits_); }
  /// x ln σ(l) + (1 − x) ln σ(−l), for x in [0, 1]: grey values count as expected log-probability.
  Tensor log_prob(const Array& x) const;
  Tensor entropy() const;  // −Σ p ln p
  Array sample(Rng& rng) const;

 private:
  Tensor logits_;
};

/// One of K classes, with P(k) = softmax(logits)ₖ over the last axis: logits (…, K).
class Categorical {
 public:
  /// Throws std::invalid_argument without an axis of at least one class.
  explicit Categorical(Tensor logits);

  const Tensor& logits() const { return logits_; }
  Tensor probs() const { return softmax(logits_); }
  Tensor log_prob(const IndexArray& classes) const;  ///< classes (…) → (…)
  Tensor entropy() const;                            ///< (…)
  /// One class per row by inversion of the cumulative distribution. Throws std::invalid_argument if
  /// a row has a NaN, or no finite logit.
  IndexArray sample(Rng& rng) const;

 private:
  Tensor logits_;
};

/// Independent normal numbers of mean μ and standard deviation σ = e^log_std.
class Normal {
 public:
  /// Scale as ln σ or as ln σ²: the names keep the two apart. They broadcast with the mean.
  static Normal from_log_std(Tensor mean, Tensor log_std);
  static Normal from_log_var(Tensor mean, const Tensor& log_var);

  const Tensor& mean() const { return mean_; }
  const Tensor& log_std() const { return log_std_; }
  Tensor std_dev() const { return exp(log_std_); }
  Tensor log_prob(const Tensor& x) const;  // −½ ((x − μ)/σ)² − ln σ − ½ ln 2π
  Tensor log_prob(const Array& x) const { return log_prob(constant(x)); }
  Tensor entropy() const;  // ln σ + ½ ln 2πe
  Array sample(Rng& rng) const;
  /// μ + σ ε, ε standard normal, with gradients for μ and σ: the reparameterisation of Kingma &
  /// Welling 2014, §2.4.
  Tensor rsample(Rng& rng) const;

 private:
  Normal(Tensor mean, Tensor log_std);
  Shape shape() const;

  Tensor mean_, log_std_;
};

// KL(p ‖ q) = E_p[ln p − ln q] per element, in closed form; p and q broadcast.
Tensor kl_divergence(const Bernoulli& p, const Bernoulli& q);
Tensor kl_divergence(const Categorical& p, const Categorical& q);  ///< (…), classes must agree
Tensor kl_divergence(const Normal& p, const Normal& q);
/// Against the standard normal: ½ (μ² + σ² − 1 − ln σ²). Kingma & Welling 2014, appendix B.
Tensor kl_to_standard_normal(const Normal& p);

}  // namespace nabla::nn
