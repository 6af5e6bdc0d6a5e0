// The best discriminator there is, where both densities are known: two normals on the line.
//
//   D*(x) = p(x) / (p(x) + q(x)) = σ(ln p(x) − ln q(x))                                 [G, eq. 2]
//   V(D*) = 2 JSD(p ‖ q) − ln 4                                                    [G, Theorem 1]
//   V(D) = ∫ p ln D + q ln(1 − D) dx,   V(D*) − V(D) = ∫ (p + q) KL(D* ‖ D) dx ≥ 0
//
// [G] is Goodfellow et al. 2014, arXiv:1406.2661; KL is that of two coins. All integrals by the sum
// over a fine grid, in double.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/random.hpp"

namespace nabla::models {

struct Normal {
  double mean = 0, std_dev = 1;

  double log_density(double x) const;
  Array sample(std::size_t n, Rng& rng) const;  ///< (n, 1)
};

class TwoNormals {
 public:
  /// The grid has `cells` points and covers ten standard deviations around both means.
  TwoNormals(Normal p, Normal q, std::size_t cells = 4000);

  const Normal& p() const { return p_; }
  const Normal& q() const { return q_; }
  const Array& grid() const { return grid_; }  ///< x, (cells, 1)

  double optimal_logit(double x) const;  ///< of D*
  /// V(D) in nats for D given by its logits on the grid, (cells, 1). Throws std::invalid_argument
  /// on another shape.
  double game_value(const Array& logits) const;
  double optimal_game_value() const;  ///< 2 JSD − ln 4
  double js_divergence() const;       ///< in nats, 0 to ln 2
  /// ½ ∫ (p + q) |D − D*| dx: how far D is from D* where there is anything to see.
  double mean_error(const Array& logits) const;

 private:
  void check(const Array& logits) const;

  Normal p_, q_;
  Array grid_;
  double step_;
};

}  // namespace nabla::models
