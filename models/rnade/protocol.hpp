// What the published tables of RNADE take besides the model: folds, and a Gaussian to compare with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::models {

/// Rows of one fold, each list in rising order of its place in `order`.
struct Fold {
  std::vector<std::size_t> train, valid, test;
};

/// Cross-validation over the rows `order` (a permutation; a file's own order is 0 … n − 1): fold k
/// of `folds`, counted from 0, tests the k-th stretch of ⌊n / folds⌋ rows, the last fold also the
/// rest. Of the other rows a tenth, drawn by (seed, k), validates. Throws std::invalid_argument
/// unless 2 ≤ folds, k < folds and each part gets a row.
Fold fold_of(const std::vector<std::size_t>& order, std::size_t folds, std::size_t k,
             std::uint64_t seed);

/// 0 … n − 1, or the same shuffled by seed.
std::vector<std::size_t> row_order(std::size_t n, bool shuffled, std::uint64_t seed);

/// N(μ, Σ) with full covariance, all in double.
class FullGaussian {
 public:
  /// The mean and the covariance (÷ n) of x (n, D): maximum likelihood. Throws
  /// std::invalid_argument, with the column, if the covariance is not positive definite.
  static FullGaussian fit(const Array& x);

  /// Mean (D,) and covariance (D, D), row-major. Throws as fit() does.
  FullGaussian(std::vector<double> mean, const std::vector<double>& covariance);

  /// ln p(x), in nats, of each row of x (n, D).
  std::vector<double> log_prob(const Array& x) const;

 private:
  std::vector<double> mean_;
  std::vector<double> L_;  // Σ = L Lᵀ, lower triangular, (D, D)
  double log_scale_ = 0;   // ½ ln |2πΣ|
};

}  // namespace nabla::models
