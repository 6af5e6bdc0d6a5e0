#include "models/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "autograd/blas.hpp"

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
    if (p[i] > 0) total += p[i] * std::log(p[i] / q[i]);  // +∞ where q is 0
  }
  return total;
}

void check_finite(const std::string& operation, const Array& x) {
  if (std::all_of(x.begin(), x.end(), [](Real v) { return std::isfinite(v); })) return;
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

// Σ f(‖x_i − y_j‖²) over all pairs, or over i ≠ j where `same` says that y is x. ‖x − y‖² is
// ‖x‖² + ‖y‖² − 2 xᵀy with the products by gemm, block by block: no more than 1024² of them are
// held at a time. The mean of x is taken from both first, so that little cancels; what still does
// is clipped at 0. Where D is small a plain loop is as fast and exact.
constexpr std::size_t block = 1024;
constexpr std::size_t plain_up_to = 8;  // D

template <class F>
double sum_over_pairs(const Array& x, const Array& y, bool same, const F& f) {
  const std::size_t n = x.shape()[0], m = y.shape()[0], D = x.shape()[1];
  double total = 0;
  if (D <= plain_up_to) {
    const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(n);
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      const Real* const a = x.data() + static_cast<std::size_t>(i) * D;
      for (std::size_t j = 0; j < m; ++j) {
        if (same && static_cast<std::size_t>(i) == j) continue;
        double squares = 0;
        for (std::size_t d = 0; d < D; ++d) {
          const double difference =
              static_cast<double>(a[d]) - static_cast<double>(y.data()[j * D + d]);
          squares += difference * difference;
        }
        total += f(squares);
      }
    }
    return total;
  }

  std::vector<double> centre(D, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    centre[i % D] += static_cast<double>(x.data()[i]) / static_cast<double>(n);
  }
  const auto centred = [&](const Array& points, std::vector<double>& squares) {
    Array result = empty(points.shape());
    squares.assign(points.shape()[0], 0.0);
    for (std::size_t i = 0; i < points.size(); ++i) {
      result.data()[i] = static_cast<Real>(static_cast<double>(points.data()[i]) - centre[i % D]);
      squares[i / D] +=
          static_cast<double>(result.data()[i]) * static_cast<double>(result.data()[i]);
    }
    return result;
  };
  std::vector<double> xx, yy;
  const Array a = centred(x, xx), b = centred(y, yy);
  std::vector<Real> products(std::min(n, block) * std::min(m, block));
  for (std::size_t i0 = 0; i0 < n; i0 += block) {
    const std::size_t rows = std::min(block, n - i0);
    for (std::size_t j0 = 0; j0 < m; j0 += block) {
      const std::size_t columns = std::min(block, m - j0);
      gemm(Transpose::no, Transpose::yes, rows, columns, D, a.data() + i0 * D, b.data() + j0 * D, 0,
           products.data());
      const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows);
#pragma omp parallel for schedule(static) reduction(+ : total)
      for (std::ptrdiff_t r = 0; r < count; ++r) {
        const std::size_t i = i0 + static_cast<std::size_t>(r);
        for (std::size_t c = 0; c < columns; ++c) {
          const std::size_t j = j0 + c;
          if (same && i == j) continue;
          const double product =
              static_cast<double>(products[static_cast<std::size_t>(r) * columns + c]);
          total += f(std::max(0.0, xx[i] + yy[j] - 2 * product));
        }
      }
    }
  }
  return total;
}

std::vector<double> as_doubles(const Array& x) {
  return std::vector<double>(x.begin(), x.end());
}

}  // namespace

double kl_divergence(const std::vector<double>& p, const std::vector<double>& q) {
  check_pair("kl_divergence", p, q);
  return kl(p, q);
}

double js_divergence(const std::vector<double>& p, const std::vector<double>& q) {
  check_pair("js_divergence", p, q);
  std::vector<double> m(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) m[i] = 0.5 * (p[i] + q[i]);
  return 0.5 * (kl(p, m) + kl(q, m));
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
  if (!(bandwidth > 0) || !std::isfinite(bandwidth)) {
    throw std::invalid_argument("Kernel: the bandwidth must be above 0, got " +
                                std::to_string(bandwidth));
  }
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
  std::vector<double> distances;
  distances.reserve(n * (n - 1) / 2);
  for (std::size_t i = 0; i < n; ++i) {
    const Real* const a = x.data() + i * rows / n * D;
    for (std::size_t j = 0; j < i; ++j) {
      const Real* const b = x.data() + j * rows / n * D;
      double squares = 0;
      for (std::size_t d = 0; d < D; ++d) {
        squares += std::pow(static_cast<double>(a[d]) - static_cast<double>(b[d]), 2);
      }
      distances.push_back(std::sqrt(squares));
    }
  }
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  if (*middle == 0) {
    throw std::invalid_argument("median_distance: half of the pairs are equal, choose a bandwidth");
  }
  return *middle;
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
  return (sum_over_pairs(x, x, true, kernel) + n * kernel(0)) / (n * n) +
         (sum_over_pairs(y, y, true, kernel) + m * kernel(0)) / (m * m) -
         2 * sum_over_pairs(x, y, false, kernel) / (n * m);
}

double energy_distance(const Array& x, const Array& y) {
  check_samples("energy_distance", x, y, 1);
  const double n = static_cast<double>(x.shape()[0]), m = static_cast<double>(y.shape()[0]);
  const auto distance = [](double squares) { return std::sqrt(squares); };
  return 2 * sum_over_pairs(x, y, false, distance) / (n * m) -
         sum_over_pairs(x, x, true, distance) / (n * n) -
         sum_over_pairs(y, y, true, distance) / (m * m);
}

}  // namespace nabla::models
