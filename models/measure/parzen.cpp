#include "models/measure/parzen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/kernels/gemm.hpp"

namespace nabla::models {
namespace {

constexpr double ln_2pi = 1.8378770664093454836;
constexpr std::size_t block = 256;  // rows whose distances to all centres are held at a time

// x − origin for rows of x, and their squared lengths.
Array centred(const Real* x, std::size_t rows, const std::vector<double>& origin,
              std::vector<double>& squares) {
  const std::size_t D = origin.size();
  Array result = empty({rows, D});
  squares.assign(rows, 0);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double value = static_cast<double>(x[i]) - origin[i % D];
    result.data()[i] = static_cast<Real>(value);
    squares[i / D] += value * value;
  }
  return result;
}

double squared_distance(const Real* a, const Real* b, std::size_t D) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (std::size_t d = 0; d < D; ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    total += difference * difference;
  }
  return total;
}

void check_rows(const char* what, const Array& x) {
  if (x.dimension() != 2 || x.size() == 0) {
    throw std::invalid_argument(std::string("ParzenWindow: ") + what + " must be (n, D), got " +
                                to_string(x.shape()));
  }
  if (!all_finite(x)) {
    throw std::invalid_argument(std::string("ParzenWindow: a number of the ") + what +
                                " is not finite");
  }
}

}  // namespace

ParzenWindow::ParzenWindow(Array centres) : centres_(std::move(centres)) {
  check_rows("centres", centres_);
  const std::size_t D = centres_.shape()[1];
  origin_.assign(D, 0);
  for (std::size_t i = 0; i < centres_.size(); ++i) {
    origin_[i % D] +=
        static_cast<double>(centres_.data()[i]) / static_cast<double>(centres_.shape()[0]);
  }
  relative_ = centred(centres_.data(), centres_.shape()[0], origin_, squares_);
}

void ParzenWindow::check(const Array& x, double sigma) const {
  check_rows("points", x);
  if (x.shape()[1] != origin_.size()) {
    throw std::invalid_argument("ParzenWindow: points " + to_string(x.shape()) + ", but centres " +
                                to_string(centres_.shape()));
  }
  if (!(sigma > 0)) throw std::invalid_argument("ParzenWindow: sigma must be above 0");
}

// Centres so much farther than the nearest that they add less than e⁻⁴⁰ of its share do not count,
// and these are nearly all. So ‖x − c‖² = ‖x‖² + ‖c‖² − 2 xᵀc by a matrix product in Real, relative
// to the mean of the centres, says which centres may count; their distances are then taken in
// double, by differences. Its error is at most a few roundings for each of the D terms.
template <class F>
void ParzenWindow::for_each_row(const Array& x, double sigma, const F& f) const {
  const std::size_t m = x.shape()[0], n = squares_.size(), D = origin_.size();
  const double reach = 80 * sigma * sigma;
  const double unit =
      static_cast<double>(std::numeric_limits<Real>::epsilon()) * static_cast<double>(D + 8);
  std::vector<double> lengths;
  std::vector<Real> products(std::min(block, m) * n);
  for (std::size_t from = 0; from < m; from += block) {
    const std::size_t rows = std::min(block, m - from);
    const Array points = centred(x.data() + from * D, rows, origin_, lengths);
    gemm(Transpose::no, Transpose::yes, rows, n, D, points.data(), relative_.data(), 0,
         products.data());
    const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows);
#pragma omp parallel for schedule(static)
    for (std::ptrdiff_t r = 0; r < count; ++r) {
      const std::size_t in_block = static_cast<std::size_t>(r), row = from + in_block;
      const Real* const of_row = products.data() + in_block * n;
      double farthest = std::numeric_limits<double>::infinity();
      const auto error = [&](std::size_t i) { return unit * (lengths[in_block] + squares_[i]); };
      const auto about = [&](std::size_t i) {
        return lengths[in_block] + squares_[i] - 2 * static_cast<double>(of_row[i]);
      };
      for (std::size_t i = 0; i < n; ++i) {
        farthest = std::min(farthest, about(i) + error(i) + reach);
      }
      std::vector<double> distances;
      for (std::size_t i = 0; i < n; ++i) {
        if (about(i) - error(i) > farthest) continue;  // not of a NaN, where products overflowed
        distances.push_back(squared_distance(x.data() + row * D, centres_.data() + i * D, D));
      }
      f(row, distances);
    }
  }
}

// ln (1/n) Σ_i e^(−d_i / 2σ²) − D ln(σ √2π), with the d_i that count
double ParzenWindow::log_prob_of(const std::vector<double>& d, double sigma) const {
  const double nearest = *std::min_element(d.begin(), d.end());
  double total = 0;
  for (const double distance : d) total += std::exp((nearest - distance) / (2 * sigma * sigma));
  return std::log(total / static_cast<double>(squares_.size())) - nearest / (2 * sigma * sigma) -
         static_cast<double>(origin_.size()) * (std::log(sigma) + 0.5 * ln_2pi);
}

std::vector<double> ParzenWindow::log_prob(const Array& x, double sigma) const {
  check(x, sigma);
  std::vector<double> result(x.shape()[0]);
  for_each_row(x, sigma, [&](std::size_t row, const std::vector<double>& d) {
    result[row] = log_prob_of(d, sigma);
  });
  return result;
}

double ParzenWindow::best_sigma(const Array& x, const std::vector<double>& sigmas) const {
  if (sigmas.empty()) throw std::invalid_argument("best_sigma: no sigma to choose from");
  for (const double sigma : sigmas) check(x, sigma);
  const std::size_t S = sigmas.size();
  std::vector<double> each(x.shape()[0] * S);  // not added up in parallel: the same bits each time
  const double largest = *std::max_element(sigmas.begin(), sigmas.end());
  for_each_row(x, largest, [&](std::size_t row, const std::vector<double>& d) {
    for (std::size_t s = 0; s < S; ++s) each[row * S + s] = log_prob_of(d, sigmas[s]);
  });
  std::vector<double> totals(S, 0.0);
  for (std::size_t i = 0; i < each.size(); ++i) totals[i % S] += each[i];
  return sigmas[static_cast<std::size_t>(std::max_element(totals.begin(), totals.end()) -
                                         totals.begin())];
}

std::vector<double> geometric_steps(double low, double high, std::size_t count) {
  if (!(low > 0) || !(high > low) || !std::isfinite(high) || count < 2) {
    throw std::invalid_argument("geometric_steps: 0 < low < high < ∞, at least two of them");
  }
  check_shape("geometric_steps", {count});
  const double ratio = high / low;
  std::vector<double> steps(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(count - 1);
    steps[i] = std::isfinite(ratio) ? low * std::pow(ratio, part)
                                    : std::exp((1 - part) * std::log(low) + part * std::log(high));
  }
  return steps;
}

}  // namespace nabla::models
