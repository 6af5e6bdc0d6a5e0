// RNADE: the real-valued neural autoregressive density estimator.
//   Uria, Murray & Larochelle 2013, "RNADE: The real-valued neural autoregressive
//   density-estimator", arXiv:1306.0186                                                    [UML]
//
//   p(x)          = Π_d p(x_d | x_{<d})                            chain rule         [UML, §2]
//   p(x_d | x_<d) = Σ_k π_{d,k} N(x_d; μ_{d,k}, σ²_{d,k})          a mixture          [UML, §3]
//   a_1 = c,  a_{d+1} = a_d + x_d W_{·,d}                          shared features    [UML, §2]
//   h_d = ReLU(ρ_d a_d)                                            [UML, §3]
//   π_d = softmax(V_dᵅ h_d + b_dᵅ)                                 weights            [UML, §3]
//   μ_d = V_dᵘ h_d + b_dᵘ                                          means              [UML, §3]
//   σ_d = exp(V_dˢ h_d + b_dˢ) + floor                             deviations         [UML, §3]
//
// The floor is not in the paper (0 gives its formula): where data are rounded a component can
// shrink onto one of the values, and the density grows without limit; see README.md.
//
// B batch, D columns of x, H hidden units, K components. All figures in nats.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/ops.hpp"
#include "autograd/random.hpp"
#include "nn/mixture.hpp"
#include "nn/module.hpp"

namespace nabla::models {

struct RnadeOptions {
  std::size_t data = 2;         ///< D
  std::size_t hidden = 50;      ///< H
  std::size_t components = 10;  ///< K
  double sigma_floor = 0;       ///< added to every σ, in the units of x
  /// Multiplies the gradient of each mean by its σ, as the paper does: the step no longer explodes
  /// where a component is narrow. What backward() leaves is then not the gradient of the
  /// likelihood.
  bool scale_mean_gradient = true;
};

/// x with its gradient multiplied by `scale`, elementwise; `scale` gets none.
Tensor scale_gradient(const Tensor& x, const Tensor& scale);

class Rnade : public nn::Module {
 public:
  /// Throws std::invalid_argument unless all sizes are at least 1 and the floor is ≥ 0 and finite.
  Rnade(const RnadeOptions& options, Rng& rng);

  /// The D conditionals of each example, shape (D, B, K): entry d depends on columns < d alone.
  nn::MixtureOfNormals conditionals(const Tensor& x) const;  ///< x (B, D)

  /// ln p(x): (B, D) → (B,). Throws std::invalid_argument on another shape, and on a value that is
  /// not finite with its row and column.
  Tensor log_prob(const Tensor& x) const;
  /// The same without a graph, in pieces of bounded memory.
  Array log_prob(const Array& x) const;

  /// n draws from p(x), column after column: (n, D).
  Array sample(std::size_t n, Rng& rng) const;
  /// x (n, D) with the columns that are not `known` drawn given those that are: exactly, if the
  /// known ones are the first ones, as p(x) goes from the first to the last. Throws
  /// std::invalid_argument for others, on another shape, and on a known value that is not finite.
  Array complete(Array x, const std::vector<bool>& known, Rng& rng) const;

  const RnadeOptions& options() const { return options_; }

 private:
  // From a_d (…, B, H) and the parameters of d (or of all d, in front): π, μ, σ of shape (…, B, K).
  nn::MixtureOfNormals mixture(const Tensor& a, const Tensor& rho, const Tensor& V,
                               const Tensor& b) const;
  // Columns from `first` on drawn, given those before it.
  Array draw(Array x, std::size_t first, Rng& rng) const;
  void check(const Array& x) const;

  RnadeOptions options_;
  Tensor W_;    // (D − 1, H): x_D is an input of nothing; absent for D = 1
  Tensor c_;    // (H,)
  Tensor rho_;  // (D, 1, 1)
  Tensor V_;    // (D, H, 3K): Vᵅ, Vᵘ, Vˢ side by side
  Tensor b_;    // (D, 1, 3K)
};

}  // namespace nabla::models
