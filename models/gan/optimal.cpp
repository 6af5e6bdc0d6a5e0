#include "models/gan/optimal.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nabla::models {
namespace {

double sigma(double l) {
  return 1 / (1 + std::exp(-l));
}

// ln σ(l), finite for any l
double log_sigma(double l) {
  return std::min(l, 0.0) - std::log1p(std::exp(-std::abs(l)));
}

// p v, and 0 where p is, though v were −∞
double weighted(double p, double v) {
  return p > 0 ? p * v : 0;
}

}  // namespace

double Normal::log_density(double x) const {
  const double t = (x - mean) / std_dev;
  return -0.5 * t * t - std::log(std_dev) - 0.5 * std::log(2 * std::acos(-1.0));
}

Array Normal::sample(std::size_t n, Rng& rng) const {
  return rng.normal({n, 1}, static_cast<Real>(mean), static_cast<Real>(std_dev));
}

TwoNormals::TwoNormals(Normal p, Normal q, std::size_t cells)
    : p_(p), q_(q), grid_(empty({cells, 1}, "TwoNormals")) {
  const auto fits = [](const Normal& n) {
    return std::isfinite(n.mean) && n.std_dev > 0 && std::isfinite(n.std_dev);
  };
  if (!fits(p) || !fits(q) || cells == 0) {
    throw std::invalid_argument(
        "TwoNormals: finite means, standard deviations above 0, and at least one cell");
  }
  const double low = std::min(p.mean - 10 * p.std_dev, q.mean - 10 * q.std_dev);
  const double high = std::max(p.mean + 10 * p.std_dev, q.mean + 10 * q.std_dev);
  step_ = (high - low) / static_cast<double>(cells);
  for (std::size_t i = 0; i < cells; ++i) {
    grid_(i, 0) = static_cast<Real>(low + (static_cast<double>(i) + 0.5) * step_);
  }
}

double TwoNormals::optimal_logit(double x) const {
  return p_.log_density(x) - q_.log_density(x);  // D* = σ(that) = p / (p + q)     [G, eq. 2]
}

void TwoNormals::check(const Array& logits) const {
  if (logits.shape() != grid_.shape()) {
    throw std::invalid_argument("TwoNormals: logits must be " + to_string(grid_.shape()) +
                                ", got " + to_string(logits.shape()));
  }
}

double TwoNormals::game_value(const Array& logits) const {
  check(logits);
  double total = 0;
  for (std::size_t i = 0; i < grid_.size(); ++i) {
    const double x = static_cast<double>(grid_.data()[i]),
                 l = static_cast<double>(logits.data()[i]);
    total += weighted(std::exp(p_.log_density(x)), log_sigma(l)) +
             weighted(std::exp(q_.log_density(x)), log_sigma(-l));
  }
  return total * step_;
}

double TwoNormals::js_divergence() const {
  double total = 0;  // ½ ∫ p ln(p / m) + q ln(q / m),  m = ½ (p + q)
  for (const Real at : grid_) {
    const double x = static_cast<double>(at);
    const double log_p = p_.log_density(x), log_q = q_.log_density(x);
    const double larger = std::max(log_p, log_q);
    const double log_m =
        larger + std::log(0.5 * (std::exp(log_p - larger) + std::exp(log_q - larger)));
    total += 0.5 * (std::exp(log_p) * (log_p - log_m) + std::exp(log_q) * (log_q - log_m));
  }
  return total * step_;
}

double TwoNormals::optimal_game_value() const {
  return 2 * js_divergence() - std::log(4.0);  // V(D*)                            [G, Theorem 1]
}

double TwoNormals::mean_error(const Array& logits) const {
  check(logits);
  double total = 0;
  for (std::size_t i = 0; i < grid_.size(); ++i) {
    const double x = static_cast<double>(grid_.data()[i]);
    const double both = std::exp(p_.log_density(x)) + std::exp(q_.log_density(x));
    total += 0.5 * both *
             std::abs(sigma(static_cast<double>(logits.data()[i])) - sigma(optimal_logit(x)));
  }
  return total * step_;
}

}  // namespace nabla::models
