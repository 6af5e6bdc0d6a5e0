#include "models/rnade/full_gaussian.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace nabla::models {
namespace {

// Σ = L Lᵀ, column after column: L_jj = √(Σ_jj − Σ_{k<j} L_jk²), and below it
// L_ij = (Σ_ij − Σ_{k<j} L_ik L_jk) / L_jj.
std::vector<double> cholesky(const std::vector<double>& covariance, std::size_t D) {
  std::vector<double> L(D * D, 0.0);
  for (std::size_t j = 0; j < D; ++j) {
    for (std::size_t i = j; i < D; ++i) {
      double rest = covariance[i * D + j];
      for (std::size_t k = 0; k < j; ++k) rest -= L[i * D + k] * L[j * D + k];
      if (i > j) {
        L[i * D + j] = rest / L[j * D + j];
      } else if (rest > 1e-12 * covariance[j * D + j]) {
        L[j * D + j] = std::sqrt(rest);
      } else {
        throw std::invalid_argument(
            "FullGaussian: the covariance is not positive definite: column " + std::to_string(j) +
            " is constant or a combination of those before it");
      }
    }
  }
  return L;
}

}  // namespace

FullGaussian::FullGaussian(std::vector<double> mean, const std::vector<double>& covariance)
    : mean_(std::move(mean)) {
  const std::size_t D = mean_.size();
  if (covariance.size() != D * D) {
    throw std::invalid_argument("FullGaussian: " + std::to_string(D) +
                                " means need a covariance of " + std::to_string(D * D) +
                                " numbers, got " + std::to_string(covariance.size()));
  }
  L_ = cholesky(covariance, D);
  log_scale_ = 0.5 * static_cast<double>(D) * std::log(2 * std::acos(-1.0));
  for (std::size_t d = 0; d < D; ++d)
    log_scale_ += std::log(L_[d * D + d]);  // ½ ln |Σ| = Σ ln L_dd
}

FullGaussian FullGaussian::fit(const Array& x) {
  if (x.dimension() != 2 || x.size() == 0) {
    throw std::invalid_argument("FullGaussian: x must be (n, D), got " + to_string(x.shape()));
  }
  const std::size_t n = x.shape()[0], D = x.shape()[1];
  std::vector<double> mean(D, 0.0), covariance(D * D, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < D; ++i) mean[i] += static_cast<double>(x(r, i));
  }
  for (double& m : mean) m /= static_cast<double>(n);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < D; ++i) {
      const double centred = static_cast<double>(x(r, i)) - mean[i];
      for (std::size_t j = 0; j < D; ++j) {
        covariance[i * D + j] +=
            centred * (static_cast<double>(x(r, j)) - mean[j]) / static_cast<double>(n);
      }
    }
  }
  return FullGaussian(std::move(mean), covariance);
}

// ln p(x) = −½ |z|² − ½ ln |2πΣ| with L z = x − μ, solved from the top
std::vector<double> FullGaussian::log_prob(const Array& x) const {
  const std::size_t D = mean_.size();
  if (x.dimension() != 2 || x.shape()[1] != D) {
    throw std::invalid_argument("FullGaussian: x must be (n, " + std::to_string(D) + "), got " +
                                to_string(x.shape()));
  }
  std::vector<double> result(x.shape()[0]), z(D);
  for (std::size_t r = 0; r < result.size(); ++r) {
    double squares = 0;
    for (std::size_t i = 0; i < D; ++i) {
      z[i] = static_cast<double>(x(r, i)) - mean_[i];
      for (std::size_t k = 0; k < i; ++k) z[i] -= L_[i * D + k] * z[k];
      z[i] /= L_[i * D + i];
      squares += z[i] * z[i];
    }
    result[r] = -0.5 * squares - log_scale_;
  }
  return result;
}

}  // namespace nabla::models
