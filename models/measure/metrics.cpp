#include "models/measure/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "autograd/threads.hpp"

namespace nabla::models {
namespace {

void check_probabilities(const std::string& operation, const std::vector<double>& p) {
  double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!(p[i] >= 0) || !std::isfinite(p[i])) {
      throw std::invalid_argument(operation + ": probability " + std::to_string(i) + " is " +
                                  std::to_string(p[i]));
    }
    total += p[i];
  }
  if (std::abs(total - 1) > 1e-6) {
    throw std::invalid_argument(operation + ": the probabilities sum to " + std::to_string(total));
  }
}

void check_pair(const std::string& operation, const std::vector<double>& p,
                const std::vector<double>& q) {
  if (p.size() != q.size()) {
    throw std::invalid_argument(operation + ": " + std::to_string(p.size()) + " and " +
                                std::to_string(q.size()) + " outcomes");
  }
  check_probabilities(operation, p);
  check_probabilities(operation, q);
}

double kl(const std::vector<double>& p, const std::vector<double>& q) {
  double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    const double ratio = p[i] / q[i];  // +∞ where q is 0, and where it overflows
    const bool overflows = std::isinf(ratio) && q[i] > 0;
    total += p[i] * (overflows ? std::log(p[i]) - std::log(q[i]) : std::log(ratio));
  }
  return total;
}

void check_finite(const std::string& operation, const Array& x) {
  if (all_finite(x)) return;
  throw std::invalid_argument(operation + ": a sample is not finite");
}

void check_samples(const std::string& operation, const Array& x, const Array& y,
                   std::size_t least) {
  if (x.dimension() != 2 || y.dimension() != 2 || x.shape()[1] != y.shape()[1]) {
    throw std::invalid_argument(operation + ": samples must be (n, D) and (m, D), got " +
                                to_string(x.shape()) + " and " + to_string(y.shape()));
  }
  if (std::min(x.shape()[0], y.shape()[0]) < least || x.shape()[1] == 0) {
    throw std::invalid_argument(operation + ": needs at least " + std::to_string(least) +
                                " samples of each, got " + to_string(x.shape()) + " and " +
                                to_string(y.shape()));
  }
  check_finite(operation, x);
  check_finite(operation, y);
}

// ∫ |F − G| over the merged points: between two neighbours both functions are constant.
double wasserstein1_of(std::vector<double> x, std::vector<double> y) {
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  const double n = static_cast<double>(x.size()), m = static_cast<double>(y.size());
  double total = 0, t = std::min(x[0], y[0]);
  std::size_t i = 0, j = 0;
  while (i < x.size() || j < y.size()) {
    const bool from_x = j == y.size() || (i < x.size() && x[i] <= y[j]);
    const double next = from_x ? x[i] : y[j];
    total += std::abs(static_cast<double>(i) / n - static_cast<double>(j) / m) * (next - t);
    t = next;
    ++(from_x ? i : j);
  }
  return total;
}

std::vector<double> as_doubles(const Array& x) {
  return std::vector<double>(x.begin(), x.end());
}

double squared_distance(const double* a, const double* b, std::size_t D) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (std::size_t d = 0; d < D; ++d) total += (a[d] - b[d]) * (a[d] - b[d]);
  return total;
}

// Σ f(‖x_i − y_j‖²) over all pairs, or over i ≠ j where `same` says that y is x. By differences, so
// that nothing cancels and equal points are 0 apart: ‖x‖² + ‖y‖² − 2 xᵀy by a matrix product would
// be some times as fast, but a √ or a narrow kernel magnifies what it leaves. Each row of x has a
// sum of its own, and these are added in order: the bits do not depend on the threads.
template <class F>
double sum_over_pairs(const Array& x, const Array& y, bool same, const F& f) {
  constexpr std::size_t together = 16, numbers = 1u << 14;  // rows of x; of y, in the first cache
  const std::size_t n = x.shape()[0], m = y.shape()[0], D = x.shape()[1];
  const std::vector<double> a = as_doubles(x), b = as_doubles(y);
  const std::size_t step = std::max<std::size_t>(1, numbers / D);
  std::vector<double> sums(n);
  detail::for_each_job((n + together - 1) / together, n * m, [&](std::size_t job) {
    const std::size_t first = job * together, last = std::min(n, first + together);
    for (std::size_t from = 0; from < m; from += step) {
      const std::size_t to = std::min(m, from + step);
      for (std::size_t i = first; i < last; ++i) {
        double total = 0;
        for (std::size_t j = from; j < to; ++j) {
          if (same && i == j) continue;
          total += f(squared_distance(a.data() + i * D, b.data() + j * D, D));
        }
        sums[i] += total;
      }
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace

double kl_divergence(const std::vector<double>& p, const std::vector<double>& q) {
  check_pair("kl_divergence", p, q);
  return kl(p, q);
}

double js_divergence(const std::vector<double>& p, const std::vector<double>& q) {
  check_pair("js_divergence", p, q);
  double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double both = p[i] + q[i];  // ½ of it could be rounded to 0
    if (p[i] > 0) total += p[i] * std::log(2 * p[i] / both);
    if (q[i] > 0) total += q[i] * std::log(2 * q[i] / both);
  }
  return std::clamp(total / 2, 0.0, std::log(2.0));  // what lies outside is rounding
}

Estimate mean_of(const std::vector<double>& values) {
  if (values.empty()) throw std::invalid_argument("mean_of: no values");
  const double n = static_cast<double>(values.size());
  double total = 0, squares = 0;
  for (const double v : values) total += v;
  const double mean = total / n;
  if (values.size() == 1) return {mean, std::numeric_limits<double>::quiet_NaN()};
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / (n - 1) / n)};
}

Estimate kl_from_log_densities(const std::vector<double>& log_p, const std::vector<double>& log_q) {
  if (log_p.size() != log_q.size() || log_p.empty()) {
    throw std::invalid_argument("kl_from_log_densities: " + std::to_string(log_p.size()) + " and " +
                                std::to_string(log_q.size()) + " values");
  }
  const double n = static_cast<double>(log_p.size());
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < log_p.size(); ++i) {
    if (!std::isfinite(log_p[i]) || std::isnan(log_q[i])) {
      throw std::invalid_argument("kl_from_log_densities: value " + std::to_string(i) +
                                  " is ln p " + std::to_string(log_p[i]) + ", ln q " +
                                  std::to_string(log_q[i]));
    }
    mean += (log_p[i] - log_q[i]) / n;
  }
  if (std::isinf(mean)) return {mean, std::numeric_limits<double>::quiet_NaN()};
  for (std::size_t i = 0; i < log_p.size(); ++i) {
    squares += std::pow(log_p[i] - log_q[i] - mean, 2);
  }
  return {mean,
          n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN()};
}

double wasserstein1(const Array& x, const Array& y) {
  if (x.size() == 0 || y.size() == 0) {
    throw std::invalid_argument("wasserstein1: no samples, got " + to_string(x.shape()) + " and " +
                                to_string(y.shape()));
  }
  check_finite("wasserstein1", x);
  check_finite("wasserstein1", y);
  return wasserstein1_of(as_doubles(x), as_doubles(y));
}

double sliced_wasserstein1(const Array& x, const Array& y, std::size_t projections, Rng& rng) {
  check_samples("sliced_wasserstein1", x, y, 1);
  if (projections == 0) {
    throw std::invalid_argument("sliced_wasserstein1: projections must be at least 1");
  }
  const std::size_t D = x.shape()[1];
  if (D == 1) return wasserstein1(x, y);
  double total = 0;
  for (std::size_t k = 0; k < projections; ++k) {
    const Array direction = rng.normal({D});  // normals of equal variance point everywhere alike
    double norm = 0;
    for (const Real v : direction) norm += static_cast<double>(v) * static_cast<double>(v);
    norm = std::sqrt(norm);
    std::vector<double> unit(D);
    for (std::size_t d = 0; d < D; ++d) unit[d] = static_cast<double>(direction.data()[d]) / norm;
    const auto project = [&](const Array& points) {
      std::vector<double> result(points.shape()[0], 0.0);
      const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(result.size());
#pragma omp parallel for schedule(static) if (points.size() > parallel_threshold)
      for (std::ptrdiff_t row = 0; row < rows; ++row) {
        const std::size_t r = static_cast<std::size_t>(row);
        const Real* const point = points.data() + r * D;
        for (std::size_t d = 0; d < D; ++d) {
          result[r] += static_cast<double>(point[d]) * unit[d];
        }
      }
      return result;
    };
    total += wasserstein1_of(project(x), project(y));
  }
  return total / static_cast<double>(projections);
}

Kernel Kernel::gaussian(double bandwidth) {
  const double square = bandwidth * bandwidth;
  check_number(bandwidth > 0 && square > 0 && std::isfinite(square), "Kernel::gaussian",
               "bandwidth", bandwidth, "above 0, and its square neither 0 nor ∞");
  return {Form::gaussian, {bandwidth}};
}

Kernel Kernel::inverse_multiquadratic(std::vector<double> C) {
  const bool fit = !C.empty() && std::all_of(C.begin(), C.end(),
                                             [](double c) { return c > 0 && std::isfinite(c); });
  if (!fit) throw std::invalid_argument("Kernel: needs scales C, each above 0");
  return {Form::inverse_multiquadratic, std::move(C)};
}

double Kernel::operator()(double squared_distance) const {
  double total = 0;
  for (const double s : scales) {
    total += form == Form::gaussian ? std::exp(-squared_distance / (2 * s * s))
                                    : s / (s + squared_distance);
  }
  return total;
}

double median_distance(const Array& x) {
  check_samples("median_distance", x, x, 2);
  constexpr std::size_t most = 1000;
  const std::size_t rows = x.shape()[0], n = std::min(rows, most), D = x.shape()[1];
  const std::vector<double> points = as_doubles(x);
  std::vector<double> distances;
  distances.reserve(n * (n - 1) / 2);
  for (std::size_t i = 0; i < n; ++i) {
    const double* const a = points.data() + i * rows / n * D;
    for (std::size_t j = 0; j < i; ++j) {
      distances.push_back(std::sqrt(squared_distance(a, points.data() + j * rows / n * D, D)));
    }
  }
  const auto upper = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), upper, distances.end());
  const bool odd = distances.size() % 2 == 1;
  const double lower = odd ? *upper : *std::max_element(distances.begin(), upper);
  const double median = lower + (*upper - lower) / 2;
  if (median == 0) {
    throw std::invalid_argument("median_distance: half of the pairs are equal, choose a bandwidth");
  }
  return median;
}

double mmd2_unbiased(const Array& x, const Array& y, const Kernel& kernel) {
  check_samples("mmd2_unbiased", x, y, 2);
  const double n = static_cast<double>(x.shape()[0]), m = static_cast<double>(y.shape()[0]);
  return sum_over_pairs(x, x, true, kernel) / (n * (n - 1)) +
         sum_over_pairs(y, y, true, kernel) / (m * (m - 1)) -
         2 * sum_over_pairs(x, y, false, kernel) / (n * m);
}

double mmd2_biased(const Array& x, const Array& y, const Kernel& kernel) {
  check_samples("mmd2_biased", x, y, 1);
  const double n = static_cast<double>(x.shape()[0]), m = static_cast<double>(y.shape()[0]);
  // A sample with itself is k(0), exactly: left out of the sums and added here.
  const double squared = (sum_over_pairs(x, x, true, kernel) + n * kernel(0)) / (n * n) +
                         (sum_over_pairs(y, y, true, kernel) + m * kernel(0)) / (m * m) -
                         2 * sum_over_pairs(x, y, false, kernel) / (n * m);
  return std::max(0.0, squared);  // what is below 0 is rounding
}

double energy_distance(const Array& x, const Array& y) {
  check_samples("energy_distance", x, y, 1);
  const double n = static_cast<double>(x.shape()[0]), m = static_cast<double>(y.shape()[0]);
  const auto distance = [](double squares) { return std::sqrt(squares); };
  const double total = 2 * sum_over_pairs(x, y, false, distance) / (n * m) -
                       sum_over_pairs(x, x, true, distance) / (n * n) -
                       sum_over_pairs(y, y, true, distance) / (m * m);
  return std::max(0.0, total);  // what is below 0 is rounding
}

}  // namespace nabla::models
