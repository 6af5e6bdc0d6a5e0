// Fully visible sigmoid belief network: the whole chain rule, each conditional a logistic
// regression on the variables before.
//   Neal 1992, "Connectionist Learning of Belief Networks", Artificial Intelligence 56      [N]
//   Larochelle & Murray 2011, "The Neural Autoregressive Distribution Estimator", AISTATS,
//   where it is the baseline                                                               [LM]
//
//   p(x) = Π_d p(x_d|x_1 … x_{d−1})                                 chain rule
//   p(x_d = 1|x_1 … x_{d−1}) = σ(b_d + Σ_{j<d} W_dj x_j)            logistic       [LM]
//
// D biases and D (D − 1) / 2 weights: D (D + 1) / 2 free parameters. The log-likelihood is concave
// in W and b: there are no other maxima, and it may start at zero.
#pragma once

#include <cstddef>

#include "autograd/ops.hpp"
#include "autograd/random.hpp"
#include "models/discrete/discrete.hpp"
#include "nn/module.hpp"

namespace nabla::models {

/// Parameters "weight" (D, D), of which only what is below the diagonal is ever used, and "bias"
/// (D,). The order is that of the columns.
class Fvsbn : public nn::Module {
 public:
  explicit Fvsbn(std::size_t dimensions);  ///< every p(x_d = 1|…) is ½
  /// W = 0 and p(x_d = 1) as counted: training begins where independence ends. The counts must
  /// have been smoothed.
  void start_from(const Independent& independent);

  Tensor logits(const Tensor& x) const;  ///< ln p(x_d = 1|…) / p(x_d = 0|…), (B, D) → (B, D)
  Tensor log_prob(const Tensor& x) const;  ///< (B, D) → (B,); throws unless x is 0 and 1
  Array log_prob(const Array& x) const;    ///< the same without a graph

  /// ½ Σ_{j<d} W_dj²: with λ in front, −ln of a normal prior of variance 1 / (n λ) on the weights,
  /// an nth of it.
  Tensor penalty() const;

  /// Exact, one dimension after the other: (n, D).
  Array sample(std::size_t n, Rng& rng) const;
  /// The same with the first `known` columns taken from x (B, D).
  Array complete(const Array& x, std::size_t known, Rng& rng) const;

  std::size_t dimensions() const { return bias_.size(); }
  std::size_t free_parameters() const { return dimensions() * (dimensions() + 1) / 2; }
  static const char* formula() { return "D (D + 1) / 2"; }

 private:
  Tensor weight_, bias_;
};

}  // namespace nabla::models
