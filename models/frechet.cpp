#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "autograd/xtensor.hpp"
#include "models/metrics.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // false, as in autograd/xtensor.hpp
#endif
#include <xtensor-blas/xlinalg.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace nabla::models {
namespace {

using Matrix = xt::xarray<double, xt::layout_type::row_major>;

struct Moments {
  Matrix mean;        // (D,)
  Matrix covariance;  // (D, D), ÷ n − 1
};

Moments moments(const Array& x) {
  const std::size_t n = x.shape()[0], D = x.shape()[1];
  Matrix points(std::vector<std::size_t>{n, D});
  std::copy(x.begin(), x.end(), points.begin());
  Moments result;
  result.mean = xt::zeros<double>({D});
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t d = 0; d < D; ++d) result.mean(d) += points(r, d) / static_cast<double>(n);
  }
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t d = 0; d < D; ++d) points(r, d) -= result.mean(d);
  }
  const Matrix other = xt::transpose(points);
  result.covariance = xt::linalg::dot(other, points);
  result.covariance /= static_cast<double>(n - 1);
  return result;
}

}  // namespace

// The eigenvalues of Σ₁ Σ₂ are those of the symmetric Bᵀ Σ₂ B for any B with B Bᵀ = Σ₁. Here
// B = V Λ^½ of Σ₁ = V Λ Vᵀ, so that a covariance without full rank does no harm.
double frechet_distance(const Array& x, const Array& y) {
  if (x.dimension() != 2 || y.dimension() != 2 || x.shape()[1] != y.shape()[1] ||
      x.shape()[1] == 0) {
    throw std::invalid_argument("frechet_distance: samples must be (n, D) and (m, D), got " +
                                to_string(x.shape()) + " and " + to_string(y.shape()));
  }
  if (std::min(x.shape()[0], y.shape()[0]) < 2) {
    throw std::invalid_argument("frechet_distance: needs at least 2 samples of each, got " +
                                to_string(x.shape()) + " and " + to_string(y.shape()));
  }
  for (const Array* const samples : {&x, &y}) {
    if (!std::all_of(samples->begin(), samples->end(), [](Real v) { return std::isfinite(v); })) {
      throw std::invalid_argument("frechet_distance: a sample is not finite");
    }
  }
  const Moments a = moments(x), b = moments(y);
  const std::size_t D = x.shape()[1];
  const auto [eigenvalues, V] = xt::linalg::eigh(a.covariance);  // ascending; columns of V
  Matrix B(std::vector<std::size_t>{D, D});
  for (std::size_t i = 0; i < D; ++i) {
    for (std::size_t j = 0; j < D; ++j)
      B(i, j) = V(i, j) * std::sqrt(std::max(0.0, eigenvalues(j)));
  }
  const Matrix transposed = xt::transpose(B);
  const Matrix half = xt::linalg::dot(transposed, b.covariance);
  const Matrix product = xt::linalg::dot(half, B);
  double trace_of_root = 0;  // tr (Σ₁ Σ₂)^½
  for (const double value : xt::linalg::eigvalsh(product)) {
    trace_of_root += std::sqrt(std::max(0.0, value));
  }
  double result = -2 * trace_of_root;
  for (std::size_t d = 0; d < D; ++d) {
    const double shift = a.mean(d) - b.mean(d);
    result += shift * shift + a.covariance(d, d) + b.covariance(d, d);
  }
  return std::max(0.0, result);  // what is below 0 is rounding
}

}  // namespace nabla::models
