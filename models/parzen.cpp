#include "models/parzen.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "autograd/blas.hpp"

namespace nabla::models {
namespace {

constexpr double ln_2pi = 1.8378770664093454836;
constexpr std::size_t block = 256;  // rows whose distances to all centres are held at a time

// x − origin, and the squared lengths of its rows.
Array centred(const Array& x, const std::vector<double>& origin, std::vector<Real>& squares) {
  const std::size_t D = origin.size();
  Array result = empty(x.shape());
  squares.resize(x.shape()[0]);
  for (std::size_t i = 0; i < squares.size(); ++i) {
    double total = 0;
    for (std::size_t d = 0; d < D; ++d) {
      const double value = static_cast<double>(x.data()[i * D + d]) - origin[d];
      result.data()[i * D + d] = static_cast<Real>(value);
      total += value * value;
    }
    squares[i] = static_cast<Real>(total);
  }
  return result;
}

void check_rows(const char* what, const Array& x) {
  if (x.dimension() != 2 || x.size() == 0) {
    throw std::invalid_argument(std::string("ParzenWindow: ") + what + " must be (n, D), got " +
                                to_string(x.shape()));
  }
  if (!std::all_of(x.begin(), x.end(), [](Real v) { return std::isfinite(v); })) {
    throw std::invalid_argument(std::string("ParzenWindow: a number of the ") + what +
                                " is not finite");
  }
}

}  // namespace

ParzenWindow::ParzenWindow(const Array& centres) {
  check_rows("centres", centres);
  const std::size_t D = centres.shape()[1];
  origin_.assign(D, 0);
  for (std::size_t i = 0; i < centres.size(); ++i) {
    origin_[i % D] +=
        static_cast<double>(centres.data()[i]) / static_cast<double>(centres.shape()[0]);
  }
  centres_ = centred(centres, origin_, squares_);
}

void ParzenWindow::check(const Array& x, double sigma) const {
  check_rows("points", x);
  if (x.shape()[1] != origin_.size()) {
    throw std::invalid_argument("ParzenWindow: points " + to_string(x.shape()) + ", but centres " +
                                to_string(centres_.shape()));
  }
  if (!(sigma > 0)) throw std::invalid_argument("ParzenWindow: sigma must be above 0");
}

// ‖x − c‖² = ‖x‖² + ‖c‖² − 2 xᵀc, the products by gemm. What cancels is small, as both are relative
// to the mean of the centres; what it leaves below 0 is clipped.
template <class F>
void ParzenWindow::for_each_row(const Array& x, const F& f) const {
  const std::size_t m = x.shape()[0], n = squares_.size(), D = origin_.size();
  std::vector<Real> lengths;
  const Array points = centred(x, origin_, lengths);
  std::vector<Real> distances(std::min(block, m) * n);
  for (std::size_t from = 0; from < m; from += block) {
    const std::size_t rows = std::min(block, m - from);
    gemm(Transpose::no, Transpose::yes, rows, n, D, points.data() + from * D, centres_.data(), 0,
         distances.data());
    const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows);
#pragma omp parallel for schedule(static)
    for (std::ptrdiff_t r = 0; r < count; ++r) {
      const std::size_t row = from + static_cast<std::size_t>(r);
      Real* const d = distances.data() + static_cast<std::size_t>(r) * n;
      for (std::size_t i = 0; i < n; ++i) {
        d[i] = std::max(Real(0), lengths[row] + squares_[i] - 2 * d[i]);
      }
      f(row, d);
    }
  }
}

// ln (1/n) Σ_i e^(−d_i / 2σ²) − D ln(σ √2π)
double ParzenWindow::log_prob_of(const Real* d, double sigma) const {
  const std::size_t n = squares_.size();
  const Real nearest = *std::min_element(d, d + n);
  const Real scale = static_cast<Real>(1 / (2 * sigma * sigma));
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Real exponent = (d[i] - nearest) * scale;
    if (exponent < 40) total += static_cast<double>(std::exp(-exponent));  // e⁻⁴⁰ adds nothing
  }
  return std::log(total / static_cast<double>(n)) -
         static_cast<double>(nearest) / (2 * sigma * sigma) -
         static_cast<double>(origin_.size()) * (std::log(sigma) + 0.5 * ln_2pi);
}

std::vector<double> ParzenWindow::log_prob(const Array& x, double sigma) const {
  check(x, sigma);
  std::vector<double> result(x.shape()[0]);
  for_each_row(x, [&](std::size_t row, const Real* d) { result[row] = log_prob_of(d, sigma); });
  return result;
}

double ParzenWindow::best_sigma(const Array& x, const std::vector<double>& sigmas) const {
  if (sigmas.empty()) throw std::invalid_argument("best_sigma: no sigma to choose from");
  for (const double sigma : sigmas) check(x, sigma);
  const std::size_t S = sigmas.size();
  std::vector<double> each(x.shape()[0] * S);  // not added up in parallel: the same bits each time
  for_each_row(x, [&](std::size_t row, const Real* d) {
    for (std::size_t s = 0; s < S; ++s) each[row * S + s] = log_prob_of(d, sigmas[s]);
  });
  std::vector<double> totals(S, 0.0);
  for (std::size_t i = 0; i < each.size(); ++i) totals[i % S] += each[i];
  return sigmas[static_cast<std::size_t>(std::max_element(totals.begin(), totals.end()) -
                                         totals.begin())];
}

std::vector<double> geometric_steps(double low, double high, std::size_t count) {
  if (!(low > 0) || !(high > low) || count < 2) {
    throw std::invalid_argument("geometric_steps: 0 < low < high, at least two of them");
  }
  std::vector<double> steps(count);
  for (std::size_t i = 0; i < count; ++i) {
    steps[i] = low * std::pow(high / low, static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return steps;
}

}  // namespace nabla::models
