#include "models/ddpm/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace nabla::models {
namespace {

// √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ at the time s of the schedule
Array at_time(const NoiseSchedule& q, std::size_t s, const Array& x0, const Array& noise,
              double left = 1) {
  const Real root = static_cast<Real>(q.mean_coefficient[s]);
  const Real rest = static_cast<Real>(std::sqrt(q.variance[s] * left));
  return compute(root * x0 + rest * noise);
}

// ε̂ that takes x̂_0 to x at time t
Array noise_between(const NoiseSchedule& q, std::size_t t, const Array& x, const Array& x0) {
  const Real root = static_cast<Real>(q.mean_coefficient[t]);
  const Real scale = static_cast<Real>(1 / std::sqrt(q.variance[t]));
  return compute((x - root * x0) * scale);
}

Array ddim_step(const Diffusion& diffusion, const Denoiser& network, const Array& x, std::size_t t,
                const IndexArray& classes, double eta, Rng& rng) {
  const NoiseSchedule& q = diffusion.schedule();
  const IndexArray times = same_time(x.shape()[0], t);
  Array x0 = diffusion.p_mean_variance(network, x, times, classes).x0;
  if (t == 1) return x0;
  // σ² = η² β̃_t = (1 − ᾱ_s) η² β_t / (1 − ᾱ_t): a share of what there is at s   [DDIM, eq. 16]
  const double share = eta * eta * q.beta[t] / q.variance[t];
  Array next = at_time(q, t - 1, x0, noise_between(q, t, x, x0), std::max(0.0, 1 - share));
  if (eta == 0) return next;
  const Real sigma = static_cast<Real>(eta * std::sqrt(q.posterior_variance[t]));
  return compute(next + sigma * rng.normal(x.shape()));
}

}  // namespace

Array sample(const Diffusion& diffusion, const Denoiser& network, const Array& x_T,
             const IndexArray& classes, const SamplerOptions& options, Rng& rng,
             const Watch& watch) {
  if (!(options.eta >= 0 && options.eta <= 1)) {
    throw std::invalid_argument("sample: η must be from 0 to 1, got " +
                                std::to_string(options.eta));
  }
  const NoGrad no_grad;
  const std::size_t T = diffusion.steps();
  const Diffusion chosen =
      options.steps == 0 || options.steps == T ? diffusion : diffusion.strided(options.steps);
  const NoiseSchedule& q = chosen.schedule();
  Array x = x_T;
  if (watch) watch(q.time[q.steps()], x);
  for (std::size_t t = q.steps(); t > 0; --t) {
    if (options.ddim) {
      x = ddim_step(chosen, network, x, t, classes, options.eta, rng);
    } else {
      x = chosen.p_sample(network, x, same_time(x.shape()[0], t), classes, rng);
    }
    if (watch) watch(q.time[t - 1], x);
  }
  return x;
}

Array ddim_encode(const Diffusion& diffusion, const Denoiser& network, const Array& x0,
                  const IndexArray& classes, std::size_t steps) {
  const NoGrad no_grad;
  const Diffusion chosen = steps == 0 ? diffusion : diffusion.strided(steps);
  const NoiseSchedule& q = chosen.schedule();
  Array x = x0;
  for (std::size_t t = 0; t < q.steps(); ++t) {
    // The network knows no time 0: there it is asked as at the first time, for ε̂ alone.
    const IndexArray times = same_time(x.shape()[0], std::max<std::size_t>(t, 1));
    const Tensor output = chosen.ask(network, x, times, classes);
    const Array noise = chosen.predict_noise(x, times, output).value();
    const Array x0_hat = t == 0 ? x0 : chosen.predict_x0(x, times, output).value();
    x = at_time(q, t + 1, x0_hat, noise);
  }
  return x;
}

Denoiser guided(Denoiser network, double w) {
  if (w == 0) return network;
  return [network = std::move(network), w](const Tensor& x, const Array& time,
                                           const IndexArray& classes) {
    const Tensor told = network(x, time, classes);
    const Tensor untold = network(x, time, no_classes(classes.size()));
    return told * static_cast<Real>(1 + w) - untold * static_cast<Real>(w);
  };
}

Array slerp(const Array& a, const Array& b, double s) {
  if (a.shape() != b.shape() || a.dimension() != 2) {
    throw std::invalid_argument("slerp: two arrays (B, D) of one shape, got " +
                                to_string(a.shape()) + " and " + to_string(b.shape()));
  }
  const std::size_t B = a.shape()[0], D = a.shape()[1];
  Array result = empty(a.shape());
  for (std::size_t r = 0; r < B; ++r) {
    const Real *p = a.data() + r * D, *q = b.data() + r * D;
    double pp = 0, qq = 0, pq = 0;
    for (std::size_t d = 0; d < D; ++d) {
      pp += static_cast<double>(p[d]) * static_cast<double>(p[d]);
      qq += static_cast<double>(q[d]) * static_cast<double>(q[d]);
      pq += static_cast<double>(p[d]) * static_cast<double>(q[d]);
    }
    const double length = std::sqrt(pp * qq);
    const double angle = length == 0 ? 0 : std::acos(std::clamp(pq / length, -1.0, 1.0));
    const double sine = std::sin(angle);
    const bool in_line = sine < 1e-6;
    const Real of_a = static_cast<Real>(in_line ? 1 - s : std::sin((1 - s) * angle) / sine);
    const Real of_b = static_cast<Real>(in_line ? s : std::sin(s * angle) / sine);
    for (std::size_t d = 0; d < D; ++d) result.data()[r * D + d] = of_a * p[d] + of_b * q[d];
  }
  return result;
}

}  // namespace nabla::models
