// Denoising diffusion.
//   Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models", arXiv:2006.11239  [DDPM]
//   Salimans & Ho 2022, "Progressive Distillation", arXiv:2202.00512: velocity             [SH]
//   Kingma et al. 2021, "Variational Diffusion Models", arXiv:2107.00630: spread times      [K]
//
//   q(x_t | x_{t−1})      = N(√α_t x_{t−1}, β_t I)            noise is added            [eq. 2]
//   q(x_t | x_0)          = N(√ᾱ_t x_0, (1 − ᾱ_t) I)          … all at once             [eq. 4]
//   q(x_{t−1} | x_t, x_0) = N(μ̃_t(x_t, x_0), β̃_t I)           the way back, knowing x_0 [eqs. 6, 7]
//   p(x_{t−1} | x_t)      = N(μ̃_t(x_t, x̂_0), σ_t² I)          … guessing it        [eqs. 1, 11]
//   p(x_T)                = N(0, I)
//
//   −ln p(x_0) ≤ L = L_T + Σ_{t ≥ 2} L_{t−1} + L_0                                      [eq. 5]
//   L_T     = KL(q(x_T | x_0) ‖ p(x_T))                       nothing to learn in it
//   L_{t−1} = E KL(q(x_{t−1} | x_t, x_0) ‖ p(x_{t−1} | x_t))  two Gaussians: closed form
//   L_0     = −E ln p(x_0 | x_1)                              eq. 13, or the density itself
//   L_simple = E ‖ε − ε_θ(√ᾱ_t x_0 + √(1 − ᾱ_t) ε, t)‖²       what is trained on        [eq. 14]
//
// Equations are those of [DDPM]; its tables are in noise_schedule.hpp, sampling is in sampler.hpp.
// A network says ε, or x_0, or v = √ᾱ_t ε − √(1 − ᾱ_t) x_0 [SH, appendix D]; at a given x_t each is
// an affine function of each other.
//
// B batch, D dimensions of x, T steps, t = 1 … T. Data (B, D), times (B,), columns (B, 1).
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>

#include "autograd/ops.hpp"
#include "autograd/random.hpp"
#include "models/ddpm/noise_schedule.hpp"

namespace nabla::models {

/// The network: x_t (B, D), times (B,) in units of NoiseSchedule::time, 0 to 1000, and classes (B,)
/// with −1 for "not told" → (B, D).
using Denoiser =
    std::function<Tensor(const Tensor& x_t, const Array& time, const IndexArray& classes)>;

/// What the network says; "noise", "data" or "velocity".
enum class Prediction { noise, data, velocity };
Prediction prediction_named(const std::string& name);

/// σ_t² of p(x_{t−1} | x_t), fixed (§3.2): β_t is best for data of unit variance, β̃_t for a single
/// point; the truth lies between. "beta" or "posterior".
enum class ReverseVariance { beta, posterior };
ReverseVariance reverse_variance_named(const std::string& name);

struct DiffusionOptions {
  Prediction prediction = Prediction::noise;
  ReverseVariance variance = ReverseVariance::posterior;
  /// k grey levels from −1 to 1 of x_0: L_0 is then the one of eq. 13, in nats of probability. With
  /// 0, numbers of any kind: L_0 is a density.
  std::size_t levels = 0;
  /// x̂_0 is clipped to this range for p(x_{t−1} | x_t), in sampling and bound: [−1, 1] for images.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// A Gaussian with independent coordinates for each row.
struct RowGaussian {
  Array mean;      ///< (B, D)
  Array variance;  ///< (B, 1)
};

/// p(x_{t−1} | x_t) and what it was made from.
struct ReverseStep {
  Array mean;          ///< (B, D)
  Array log_variance;  ///< (B, 1), ln σ_t²
  Array x0;            ///< x̂_0, clipped, (B, D)
};

/// L for each example, in nats. Divided by D ln 2 they are bits per dimension.
struct VariationalBound {
  Array prior;    ///< L_T, exact, (B,)
  Array steps;    ///< Σ_{t ≥ 2} L_{t−1}, with one draw of x_t for each time looked at, (B,)
  Array decoder;  ///< L_0, with one draw of x_1, (B,)
  Array total() const;
};

/// B times from 1 … T. Spread, t_i = 1 + ⌊T frac(u + i/B)⌋ with one u for all: each is uniform, and
/// together they cover 1 … T evenly, which takes much of the variance out of a loss [K, §I].
IndexArray draw_times(std::size_t B, std::size_t T, Rng& rng, bool spread = true);

/// The same time for all B rows.
IndexArray same_time(std::size_t B, std::size_t t);

/// Classes (B,), each replaced by −1 with the given probability: a network trained so knows p(x)
/// too, which guidance needs (Ho & Salimans 2022, arXiv:2207.12598, Algorithm 1).
IndexArray drop_classes(const IndexArray& classes, double probability, Rng& rng);
/// −1 for all B rows.
IndexArray no_classes(std::size_t B);

/// The formulas above for one schedule. Holds constants only, no parameters.
class Diffusion {
 public:
  explicit Diffusion(NoiseSchedule schedule, DiffusionOptions options = {});

  const NoiseSchedule& schedule() const { return schedule_; }
  const DiffusionOptions& options() const { return options_; }
  std::size_t steps() const { return schedule_.steps(); }
  /// The same over S of the times: NoiseSchedule::strided().
  Diffusion strided(std::size_t S) const { return Diffusion(schedule_.strided(S), options_); }

  // Below, t outside 1 … T (q_mean_variance, q_sample and predictions: 0 … T) throws
  // std::invalid_argument, as shapes that do not fit do.

  RowGaussian q_mean_variance(const Array& x0, const IndexArray& t) const;  ///< q(x_t | x_0)
  /// x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε.                                                   [eq. 4]
  Array q_sample(const Array& x0, const IndexArray& t, const Array& noise) const;
  /// x_t = √α_t x_{t−1} + √β_t ε.                                                     [eq. 2]
  Array q_step(const Array& before, const IndexArray& t, const Array& noise) const;
  RowGaussian q_posterior(const Array& x0, const Array& x_t, const IndexArray& t) const;

  /// What the network should say about x_t = q_sample(x0, t, noise).
  Array target(const Array& x0, const IndexArray& t, const Array& noise) const;
  /// x̂_0 (not clipped) and ε̂ that follow from what it says.
  Tensor predict_x0(const Array& x_t, const IndexArray& t, const Tensor& output) const;
  Tensor predict_noise(const Array& x_t, const IndexArray& t, const Tensor& output) const;

  /// What the network says at these times of the schedule.
  Tensor ask(const Denoiser& network, const Array& x_t, const IndexArray& t,
             const IndexArray& classes) const;

  ReverseStep p_mean_variance(const Denoiser& network, const Array& x_t, const IndexArray& t,
                              const IndexArray& classes) const;
  /// A draw of x_{t−1}, at t = 1 the mean [Algorithm 2]. If all t are 1 nothing is drawn.
  Array p_sample(const Denoiser& network, const Array& x_t, const IndexArray& t,
                 const IndexArray& classes, Rng& rng) const;

  /// Squared error of what the network says, divided by D, (B,). For noise it is eq. 14; for data
  /// it weights ‖ε − ε̂‖² with 1/SNR, for velocity with 1 + 1/SNR, SNR = ᾱ_t / (1 − ᾱ_t) [SH, §4].
  Tensor loss_simple(const Denoiser& network, const Array& x0, const IndexArray& t,
                     const Array& noise, const IndexArray& classes) const;
  /// T · L_{t−1}, or T · L_0 for t = 1, (B,): for uniform t an unbiased estimate of L − L_T [eq.
  /// 5].
  Tensor loss_bound(const Denoiser& network, const Array& x0, const IndexArray& t,
                    const Array& noise, const IndexArray& classes) const;

  Array prior_term(const Array& x0) const;  ///< L_T, (B,)
  /// L with all T terms; or, for 0 < times < T − 1, with L_0 and that many of the others, one from
  /// each of as many parts of 2 … T, weighted so that the mean is the same. The parts are shorter
  /// at small t, in proportion to their number, as terms are larger there.
  VariationalBound variational_bound(const Denoiser& network, const Array& x0,
                                     const IndexArray& classes, Rng& rng,
                                     std::size_t times = 0) const;

 private:
  // x̂_0 or ε̂ = of_x · x_t + of_output · output
  struct Affine {
    double of_x, of_output;
  };
  Affine x0_from(std::size_t t) const;
  Affine noise_from(std::size_t t) const;
  double reverse_log_variance(std::size_t t) const;
  Tensor bound_term(const Tensor& x0_hat, const Array& x0, const IndexArray& t) const;
  Tensor decoder_term(const Tensor& x0_hat, const Array& x0) const;
  Tensor clipped(const Tensor& x0_hat) const;

  NoiseSchedule schedule_;
  DiffusionOptions options_;
};

}  // namespace nabla::models
