// The Gaussian Parzen window: a density laid over a sample, as a score for models that have none.
//   Breuleux, Bengio & Vincent 2011, "Quickly generating representative samples from an
//   RBM-derived process", Neural Computation 23(8);  Goodfellow et al. 2014, arXiv:1406.2661,
//   §5
//
//   p̂(x) = (1/n) Σ_i N(x; c_i, σ² I),   c_1 … c_n drawn from the model, σ chosen on validation data
//
// It says little in many dimensions. n windows cannot tell a density over hundreds of pixels: the
// training data themselves score lower than centres by k-means, which are no samples of anything
// (Theis, van den Oord & Bethge 2016, arXiv:1511.01844, Table 1). It does not rank models.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::models {

class ParzenWindow {
 public:
  /// Centres (n, D). Throws std::invalid_argument if there are none, or one is not finite.
  explicit ParzenWindow(Array centres);

  /// ln p̂ of each row of x (m, D), in nats, summed in double. Throws std::invalid_argument on
  /// another D, a number that is not finite, or σ ≤ 0.
  std::vector<double> log_prob(const Array& x, double sigma) const;

  /// Of some σ the one under which x has the greatest mean ln p̂. Throws as log_prob does, and where
  /// there is nothing to choose from.
  double best_sigma(const Array& x, const std::vector<double>& sigmas) const;

 private:
  // f(row, squared distances of the centres that count under sigma)
  template <class F>
  void for_each_row(const Array& x, double sigma, const F& f) const;
  void check(const Array& x, double sigma) const;
  double log_prob_of(const std::vector<double>& squared_distances, double sigma) const;

  Array centres_;
  std::vector<double> origin_;   // their mean
  Array relative_;               // centres − origin
  std::vector<double> squares_;  // and their squared lengths
};

/// `count` numbers from low to high, each the same multiple of the one before. Throws
/// std::invalid_argument unless 0 < low < high < ∞ and count ≥ 2.
std::vector<double> geometric_steps(double low, double high, std::size_t count);

}  // namespace nabla::models
