// Masked autoencoder for distribution estimation, for binary data.
//   Germain, Gregor, Murray & Larochelle 2015, "MADE: Masked Autoencoder for Distribution
//   Estimation", ICML, arXiv:1502.03509                                                      [G]
//
//   p(x)       = Π_d p(x_d | x_<d)                      chain rule, in some ordering   [G, eq. 3]
//   h^l(x)     = ReLU((W^l ∘ M^l)ᵀ h^{l−1} + b^l)       h⁰ = x                         [G, eq. 9]
//   logit_d    = ((V ∘ M^V)ᵀ h^L + c)_d                                                [G, eq. 10]
//   m⁰(d)      = place of d in the ordering, 1 … D;  m^l(k) from {min m^{l−1}, …, D − 1}  [G, §4.2]
//   M^l_{k',k} = 1 if m^l(k) ≥ m^{l−1}(k'), else 0      unit k sees inputs up to m^l(k) [G, eq. 12]
//   M^V_{k,d}  = 1 if m⁰(d) > m^L(k), else 0            output d what comes before d    [G, eq. 13]
//   p̄(x)       = (1/M) Σ_m p_m(x)                       over masks with the same weights [G, §6.2]
//
// One pass gives all D conditionals, where NADE needs D steps; a sample takes D passes.
// B examples, D dimensions, H units of a hidden layer, L hidden layers. Log-densities in nats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "autograd/random.hpp"
#include "nn/module.hpp"

namespace nabla::models {

struct MadeOptions {
  std::size_t data = 784;                ///< D
  std::vector<std::size_t> hidden{500};  ///< H of each of the L layers
  std::size_t masks = 1;                 ///< M sets of masks, used in turn
  bool shuffle = false;                  ///< an ordering of its own for each set, else as they come
  std::uint64_t mask_seed = 1;           ///< of masks and orderings
};

class Made : public nn::Module {
 public:
  /// Throws std::invalid_argument without a hidden layer, and unless all sizes are at least 1.
  Made(const MadeOptions& options, Rng& rng);

  /// Logits of p(x_d = 1 | what comes before d) under the m-th masks: (B, D) → (B, D).
  Tensor logits(const Tensor& x, std::size_t m = 0) const;
  /// ln p_m(x), exact: x (B, D), 0 or 1, → (B,).
  Tensor log_prob(const Tensor& x, std::size_t m = 0) const;
  /// ln p̄(x), exact: the mean of the densities over all masks, without a graph. (B,)
  Array log_prob_of_mean(const Array& x) const;

  /// n exact draws from p̄: (n, D).
  Array sample(std::size_t n, Rng& rng) const;
  /// Exact draws from p_0 given the first `known` dimensions of its ordering, from x (B, D).
  Array complete(const Array& x, std::size_t known, Rng& rng) const;

  /// Dimensions in the order in which the m-th masks take them.
  const std::vector<std::size_t>& ordering(std::size_t m = 0) const { return orderings_.at(m); }
  std::size_t masks() const { return orderings_.size(); }

 private:
  void draw_masks(std::size_t m);
  // Draws x_{o_d} for d = known … D − 1 into x.
  void draw_rest(Array& x, std::size_t m, std::size_t known, Rng& rng) const;

  MadeOptions options_;
  std::vector<std::vector<std::size_t>> orderings_;  // o of each set
  std::vector<std::vector<Tensor>> masks_;           // M^1, …, M^L, M^V of each set
  std::vector<Tensor> weights_, biases_;             // W^1, …, W^L, V and b^1, …, b^L, c
};

}  // namespace nabla::models
