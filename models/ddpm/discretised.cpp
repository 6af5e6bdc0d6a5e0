#include "models/ddpm/discretised.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "autograd/ops.hpp"

namespace nabla::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// ln φ(a)
double log_density(double a) {
  return -0.5 * a * a - 0.5 * std::log(2 * std::acos(-1.0));
}

// φ(a) / Q(a), Q the standard normal's upper tail; the asymptotic series where erfc() underflows.
double hazard(double a) {
  if (a < 20) return std::exp(log_density(a)) / (0.5 * std::erfc(a / std::sqrt(2.0)));
  const double square = a * a;
  return a / (1 + (-1 + (3 - 15 / square) / square) / square);
}

struct Cell {
  double low, high;  // in standard deviations from the mean
};

// Of Φ(high) − Φ(low): its logarithm, and (φ(low) − φ(high)) / (Φ(high) − Φ(low)), the derivative
// of that in the mean.
struct Mass {
  double log, slope;
};

Mass mass_of(const Cell& cell) {
  const auto [a, b] = cell;
  if (a + b < 0) {  // into the tail where differences do not cancel
    const Mass mirrored = mass_of({-b, -a});
    return {mirrored.log, -mirrored.slope};
  }
  if (a <= 0) {
    const double log =
        std::log1p(-0.5 * (std::erfc(b / std::sqrt(2.0)) + std::erfc(-a / std::sqrt(2.0))));
    return {log, std::exp(log_density(a) - log) - std::exp(log_density(b) - log)};
  }
  if (a == infinity) return {-infinity, infinity};
  // With Q = φ / h: ln Q(b) / Q(a), as a difference of what may be large only where b is near a.
  const double of_a = hazard(a), of_b = hazard(b);
  const double ratio = b == infinity ? -infinity : -0.5 * (b - a) * (b + a) + std::log(of_a / of_b);
  const double share = -std::expm1(ratio);  // 1 − Q(b) / Q(a)
  return {log_density(a) - std::log(of_a) + std::log(share),
          (of_a - (b == infinity ? 0 : of_b * std::exp(ratio))) / share};
}

Cell cell_of(double x, double mean, double std_dev, double half_width) {
  return {x < -1 + half_width ? -infinity : (x - half_width - mean) / std_dev,
          x > 1 - half_width ? infinity : (x + half_width - mean) / std_dev};
}

}  // namespace

Tensor discretised_gaussian_log_prob(const Array& x, const Tensor& mean, const Array& std_dev,
                                     std::size_t levels) {
  if (levels < 2) {
    throw std::invalid_argument("discretised_gaussian_log_prob: 2 levels or more, got " +
                                std::to_string(levels));
  }
  if (x.shape() != mean.shape() || std_dev.shape() != mean.shape()) {
    throw std::invalid_argument("discretised_gaussian_log_prob: x " + to_string(x.shape()) +
                                ", mean " + to_string(mean.shape()) + " and std_dev " +
                                to_string(std_dev.shape()) + " must have one shape");
  }
  for (const Real sigma : std_dev) {
    check_number(sigma > 0 && std::isfinite(sigma), "discretised_gaussian_log_prob", "std_dev",
                 sigma, "finite and > 0");
  }
  const double half_width = 1.0 / static_cast<double>(levels - 1);
  Array log_prob = empty(x.shape());
  Array slope = empty(x.shape());  // d ln P / dμ = (φ(low) − φ(high)) / (σ P)
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(x.size());
#pragma omp parallel for schedule(static) if (size > 1000)
  for (std::ptrdiff_t i = 0; i < size; ++i) {
    const double sigma = static_cast<double>(std_dev.data()[i]);
    const Cell cell = cell_of(static_cast<double>(x.data()[i]),
                              static_cast<double>(mean.value().data()[i]), sigma, half_width);
    const Mass mass = mass_of(cell);
    log_prob.data()[i] = static_cast<Real>(mass.log);
    slope.data()[i] = static_cast<Real>(mass.slope / sigma);
  }
  // The slope needs x and σ: kept as an array of the graph rather than computed again.
  const auto backward = [](Node& out, Node& mean, Node& slope) {
    mean.accumulate(out.grad() * slope.value);
  };
  return record("discretised_gaussian_log_prob", std::move(log_prob), backward, mean,
                Tensor(std::move(slope)));
}

}  // namespace nabla::models
