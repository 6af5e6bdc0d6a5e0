#include "models/ddpm/discretised.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "autograd/ops.hpp"

namespace nabla::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// ln Q(a), the standard normal's upper tail; the asymptotic series where erfc() underflows.
double log_upper_tail(double a) {
  if (a < 20) return std::log(0.5 * std::erfc(a / std::sqrt(2.0)));
  if (a == infinity) return -infinity;
  const double square = a * a;
  return -0.5 * square - std::log(a * std::sqrt(2 * std::acos(-1.0))) +
         std::log1p((-1 + (3 - 15 / square) / square) / square);
}

// ln φ(a)
double log_density(double a) {
  return -0.5 * a * a - 0.5 * std::log(2 * std::acos(-1.0));
}

// ln(Φ(b) − Φ(a)) for a < b
double log_mass(double a, double b) {
  if (a + b < 0) return log_mass(-b, -a);  // into the tail where differences do not cancel
  if (a <= 0) {
    return std::log1p(-0.5 * (std::erfc(b / std::sqrt(2.0)) + std::erfc(-a / std::sqrt(2.0))));
  }
  const double log_a = log_upper_tail(a);
  return log_a + std::log(-std::expm1(log_upper_tail(b) - log_a));
}

struct Cell {
  double low, high;  // in standard deviations from the mean
};

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
  const double half_width = 1.0 / static_cast<double>(levels - 1);
  Array log_prob = empty(x.shape());
  Array slope = empty(x.shape());  // d ln P / dμ = (φ(low) − φ(high)) / (σ P)
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(x.size());
#pragma omp parallel for schedule(static) if (size > 1000)
  for (std::ptrdiff_t i = 0; i < size; ++i) {
    const double sigma = static_cast<double>(std_dev.data()[i]);
    const Cell cell = cell_of(static_cast<double>(x.data()[i]),
                              static_cast<double>(mean.value().data()[i]), sigma, half_width);
    const double value = log_mass(cell.low, cell.high);
    log_prob.data()[i] = static_cast<Real>(value);
    slope.data()[i] = static_cast<Real>(
        (std::exp(log_density(cell.low) - value) - std::exp(log_density(cell.high) - value)) /
        sigma);
  }
  // The slope needs x and σ: kept as an array of the graph rather than computed again.
  const auto backward = [](Node& out, Node& mean, Node& slope) {
    mean.accumulate(out.grad() * slope.value);
  };
  return record("discretised_gaussian_log_prob", std::move(log_prob), backward, mean,
                Tensor(std::move(slope)));
}

}  // namespace nabla::models
