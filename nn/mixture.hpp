// Mixture of normals on the line, as each conditional of RNADE is (Uria, Murray & Larochelle 2013).
#pragma once

#include "autograd/ops.hpp"
#include "autograd/random.hpp"

namespace nabla::nn {

/// p(x) = Σₖ πₖ N(x; μₖ, σₖ²), π = softmax(logits), σ = e^log_std: three tensors of one shape
/// (…, K), one mixture for each index in front. Its entropy has no closed form.
class MixtureOfNormals {
 public:
  /// Throws std::invalid_argument unless the shapes are equal and K ≥ 1.
  MixtureOfNormals(Tensor logits, Tensor means, Tensor log_std);

  const Tensor& logits() const { return logits_; }
  const Tensor& means() const { return means_; }
  const Tensor& log_std() const { return log_std_; }

  /// ln p(x) for x (…), or anything that broadcasts with it: shape (…). Nats.
  Tensor log_prob(const Tensor& x) const;
  Tensor log_prob(const Array& x) const { return log_prob(constant(x)); }
  Tensor mean() const;  ///< Σₖ πₖ μₖ: shape (…)
  Array sample(Rng& rng) const;

 private:
  Tensor logits_, means_, log_std_;
};

}  // namespace nabla::nn
