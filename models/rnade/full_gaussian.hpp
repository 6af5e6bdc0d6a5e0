// One Gaussian with full covariance: what the published tables of RNADE compare it with.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::models {

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
