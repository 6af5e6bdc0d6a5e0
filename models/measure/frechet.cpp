#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "autograd/kernels/gemm.hpp"
#include "autograd/xtensor.hpp"
#include "models/measure/metrics.hpp"

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

// Mean and covariance (÷ n − 1) of a sample, the latter as Rᵀ R with R of min(n, D) rows: the
// covariance itself would have eigenvalues of rounding noise where it has not full rank, and their
// roots are no longer small.
struct Moments {
  std::vector<double> mean;
  Matrix root;  // R

  double trace() const { return xt::sum(root * root)(); }
};

Moments moments(const Array& x) {
  const std::size_t n = x.shape()[0], D = x.shape()[1];
  Moments result{std::vector<double>(D, 0.0), Matrix(std::vector<std::size_t>{n, D})};
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.mean[i % D] += static_cast<double>(x.data()[i]) / static_cast<double>(n);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(n - 1));
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.root.data()[i] = (static_cast<double>(x.data()[i]) - result.mean[i % D]) * scale;
  }
  if (n > D) result.root = std::get<1>(xt::linalg::qr(result.root, xt::linalg::qrmode::r));
  return result;
}

}  // namespace

// With Σ₁ = R₁ᵀ R₁ and Σ₂ = R₂ᵀ R₂ the eigenvalues of Σ₁ Σ₂ are the squares of the singular values
// of R₁ R₂ᵀ, whose sum is therefore tr (Σ₁ Σ₂)^½.
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
    if (!all_finite(*samples)) {
      throw std::invalid_argument("frechet_distance: a sample is not finite");
    }
  }
  const detail::OpenblasCall call;
  const Moments a = moments(x), b = moments(y);
  const Matrix transposed = xt::transpose(b.root);
  const Matrix product = xt::linalg::dot(a.root, transposed);
  const Matrix singular_values = std::get<1>(xt::linalg::svd(product, false, false));
  const double trace_of_root = xt::sum(singular_values)();
  const double shapes = a.trace() + b.trace() - 2 * trace_of_root;
  double shift = 0;
  for (std::size_t d = 0; d < a.mean.size(); ++d) {
    shift += (a.mean[d] - b.mean[d]) * (a.mean[d] - b.mean[d]);
  }
  return std::max(0.0, shapes) + shift;  // what is below 0 is rounding
}

}  // namespace nabla::models
