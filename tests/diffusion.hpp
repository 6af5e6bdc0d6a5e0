// What the tests of diffusion share: data for which the best network is known in closed form.
#pragma once

#include <cmath>
#include <vector>

#include "models/ddpm/diffusion.hpp"

namespace nabla::testing {

/// Σ_k weight_k N(x; mean_k, S²) on the line, each coordinate of x by itself.
struct LineMixture {
  std::vector<double> means{0}, weights{1};
  double std_dev = 1;  ///< S

  /// −E ln p for one coordinate, by the trapezoidal rule over a range beyond which nothing is left.
  double entropy() const {
    double total = 0;
    constexpr double low = -12, high = 12, step = 1e-3;
    for (double x = low; x < high; x += step) {
      const double p = density(x);
      if (p > 1e-300) total -= p * std::log(p) * step;
    }
    return total;
  }
  double density(double x) const {
    double p = 0;
    for (std::size_t k = 0; k < means.size(); ++k) p += weights[k] * normal(x, means[k], std_dev);
    return p;
  }
  /// E[x_0 | x_t = x]: mean of the modes' posterior means, weighted with each mode's share of x_t.
  double posterior_mean(double x, double alpha_bar) const {
    const double root = std::sqrt(alpha_bar), S2 = std_dev * std_dev;
    const double spread = alpha_bar * S2 + 1 - alpha_bar;
    double total = 0, result = 0;
    for (std::size_t k = 0; k < means.size(); ++k) {
      const double share = weights[k] * normal(x, root * means[k], std::sqrt(spread));
      total += share;
      result += share * (means[k] + root * S2 / spread * (x - root * means[k]));
    }
    return total > 0 ? result / total : x;
  }
  /// n draws, (n, D)
  Array sample(std::size_t n, std::size_t D, Rng& rng) const {
    Array x = rng.normal({n, D}, 0, static_cast<Real>(std_dev));
    const Array u = rng.uniform({n, D});
    for (std::size_t i = 0; i < x.size(); ++i) {
      double below = 0;
      std::size_t k = 0;
      while (k + 1 < means.size() && u.data()[i] >= below + weights[k]) below += weights[k++];
      x.data()[i] += static_cast<Real>(means[k]);
    }
    return x;
  }

  /// The network that nothing beats, in the parametrisation of `diffusion`.
  models::Denoiser best_network(const models::Diffusion& diffusion) const {
    const models::Prediction prediction = diffusion.options().prediction;
    const models::NoiseSchedule q = diffusion.schedule();
    return [*this, prediction, q](const Tensor& x, const Array& time, const IndexArray&) {
      const double T = static_cast<double>(q.steps());
      const std::size_t D = x.shape()[1];
      Array output = empty(x.shape());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double at = static_cast<double>(time.data()[i / D]) / 1000 * T;
        const std::size_t t = static_cast<std::size_t>(std::lround(at));
        const double x_t = static_cast<double>(x.value().data()[i]);
        const double x0 = posterior_mean(x_t, q.alpha_bar[t]);
        const double root = std::sqrt(q.alpha_bar[t]), rest = std::sqrt(q.variance[t]);
        const double noise = (x_t - root * x0) / rest;
        output.data()[i] =
            static_cast<Real>(prediction == models::Prediction::noise  ? noise
                              : prediction == models::Prediction::data ? x0
                                                                       : root * noise - rest * x0);
      }
      return Tensor(output);
    };
  }

 private:
  static double normal(double x, double mean, double s) {
    return std::exp(-0.5 * (x - mean) * (x - mean) / (s * s)) / (s * std::sqrt(2 * M_PI));
  }
};

inline double mean_of_all(const Array& x) {
  double total = 0;
  for (const Real value : x) total += static_cast<double>(value);
  return total / static_cast<double>(x.size());
}

/// ÷ n
inline double variance_of_all(const Array& x) {
  const double m = mean_of_all(x);
  double total = 0;
  for (const Real value : x) total += (static_cast<double>(value) - m) * (value - m);
  return total / static_cast<double>(x.size());
}

inline double largest_difference(const Array& a, const Array& b) {
  double worst = a.shape() == b.shape() ? 0 : INFINITY;
  for (std::size_t i = 0; worst != INFINITY && i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a.data()[i] - b.data()[i])));
  }
  return worst;
}

}  // namespace nabla::testing
