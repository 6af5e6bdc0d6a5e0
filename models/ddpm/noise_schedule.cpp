#include "models/ddpm/noise_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nabla::models {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double largest_beta = 0.999;

void check_steps(const char* name, std::size_t T) {
  if (T == 0) throw std::invalid_argument(std::string(name) + ": a diffusion has 1 step or more");
}

}  // namespace

NoiseSchedule NoiseSchedule::linear(std::size_t T) {
  check_steps("NoiseSchedule::linear", T);
  const double scale = 1000.0 / static_cast<double>(T);
  std::vector<double> betas(T);
  for (std::size_t i = 0; i < T; ++i) {
    const double along = T == 1 ? 1 : static_cast<double>(i) / static_cast<double>(T - 1);
    betas[i] = std::min(scale * (1e-4 + (0.02 - 1e-4) * along), largest_beta);
  }
  return NoiseSchedule(betas);
}

NoiseSchedule NoiseSchedule::cosine(std::size_t T) {
  check_steps("NoiseSchedule::cosine", T);
  constexpr double s = 0.008;
  const auto angle = [&](std::size_t t) {
    return (static_cast<double>(t) / static_cast<double>(T) + s) / (1 + s) * pi / 2;
  };
  std::vector<double> betas(T);
  for (std::size_t t = 1; t <= T; ++t) {
    // 1 − cos²b / cos²a = sin(b − a) sin(b + a) / cos²a, which does not cancel
    const double a = angle(t - 1), b = angle(t), c = std::cos(a);
    betas[t - 1] = std::min(std::sin(b - a) * std::sin(b + a) / (c * c), largest_beta);
  }
  return NoiseSchedule(betas);
}

NoiseSchedule NoiseSchedule::named(const std::string& name, std::size_t T) {
  if (name == "linear") return linear(T);
  if (name == "cosine") return cosine(T);
  throw std::invalid_argument("no noise schedule is called '" + name +
                              "'; there are linear and cosine");
}

NoiseSchedule::NoiseSchedule(const std::vector<double>& betas)
    : time{0}, beta{0}, alpha{1}, alpha_bar{1}, mean_coefficient{1}, variance{0} {
  check_steps("NoiseSchedule", betas.size());
  const double T = static_cast<double>(betas.size());
  for (const double b : betas) {
    if (!(b > 0 && b < 1)) {
      throw std::invalid_argument("NoiseSchedule: every β must be above 0 and below 1, got " +
                                  std::to_string(b));
    }
    time.push_back(1000 * static_cast<double>(time.size()) / T);
    beta.push_back(b);
    alpha.push_back(1 - b);
    alpha_bar.push_back(alpha_bar.back() * (1 - b));
    mean_coefficient.push_back(std::sqrt(alpha_bar.back()));
    variance.push_back((1 - b) * variance.back() + b);  // 1 − ᾱ, as a sum of positive terms
  }
  fill_posterior();
}

NoiseSchedule NoiseSchedule::strided(std::size_t S) const {
  const std::size_t T = steps();
  if (S == 0 || S > T) {
    throw std::invalid_argument("strided: " + std::to_string(S) + " of " + std::to_string(T) +
                                " times; at least 1, and at most all");
  }
  NoiseSchedule result(std::vector<double>(S, 0.5));  // for its size: every entry is set below
  for (std::size_t i = 1, before = 0; i <= S; ++i) {
    const std::size_t t = T * i / S;
    double together = 0;  // β of the steps in between: 1 − ᾱ_t / ᾱ_before without cancellation
    for (std::size_t r = before + 1; r <= t; ++r) together = alpha[r] * together + beta[r];
    result.beta[i] = together;
    result.alpha[i] = t == before + 1 ? alpha[t] : alpha_bar[t] / alpha_bar[before];
    result.time[i] = time[t];
    result.alpha_bar[i] = alpha_bar[t];
    result.mean_coefficient[i] = mean_coefficient[t];
    result.variance[i] = variance[t];
    before = t;
  }
  result.fill_posterior();
  return result;
}

void NoiseSchedule::fill_posterior() {
  const std::size_t T = steps();
  posterior_x0.assign(T + 1, 1);
  posterior_xt.assign(T + 1, 0);
  posterior_variance.assign(T + 1, 0);
  posterior_log_variance.assign(T + 1, 0);
  for (std::size_t t = 1; t <= T; ++t) {  // [DDPM, eq. 7]
    posterior_x0[t] = mean_coefficient[t - 1] * beta[t] / variance[t];
    posterior_xt[t] = std::sqrt(alpha[t]) * variance[t - 1] / variance[t];
    posterior_variance[t] = variance[t - 1] / variance[t] * beta[t];
  }
  for (std::size_t t = 1; t <= T; ++t) {
    const double clipped = t > 1 ? posterior_variance[t] : T > 1 ? posterior_variance[2] : beta[1];
    posterior_log_variance[t] = std::log(clipped);
  }
}

}  // namespace nabla::models
