// How much noise at which time: the tables of a diffusion, in double.
//   Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models", arXiv:2006.11239  [DDPM]
//   Nichol & Dhariwal 2021, "Improved DDPM", arXiv:2102.09672                              [ND]
//   Song, Meng & Ermon 2021, "Denoising Diffusion Implicit Models", arXiv:2010.02502       [DDIM]
//
//   q(x_t | x_{t−1})      = N(√α_t x_{t−1}, β_t I),  α_t = 1 − β_t                [DDPM, eq. 2]
//   q(x_t | x_0)          = N(√ᾱ_t x_0, (1 − ᾱ_t) I),  ᾱ_t = Π_{s ≤ t} α_s        [DDPM, eq. 4]
//   q(x_{t−1} | x_t, x_0) = N(μ̃_t, β̃_t I)                                     [DDPM, eqs. 6, 7]
//   μ̃_t = √ᾱ_{t−1} β_t / (1 − ᾱ_t) x_0 + √α_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t) x_t
//   β̃_t = (1 − ᾱ_{t−1}) / (1 − ᾱ_t) β_t
//
// T steps, t = 1 … T; position 0 of every table is the data: ᾱ_0 = 1.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace nabla::models {

struct NoiseSchedule {
  /// β from 1e-4 to 0.02 in equal steps for T = 1000 [DDPM, §4]; for another T times 1000 / T, so
  /// that the end is as noisy, and at most 0.999. Throws std::invalid_argument for T = 0, as all
  /// do.
  static NoiseSchedule linear(std::size_t T);
  /// ᾱ_t = f(t) / f(0), f(t) = cos²((t/T + s) / (1 + s) · π/2), s = 0.008, β_t ≤ 0.999
  /// [ND, eq. 17].
  static NoiseSchedule cosine(std::size_t T);
  /// "linear" or "cosine"; throws std::invalid_argument on another name.
  static NoiseSchedule named(const std::string& name, std::size_t T);
  /// From β_1 … β_T, each in (0, 1); throws std::invalid_argument.
  explicit NoiseSchedule(const std::vector<double>& betas);

  /// The same diffusion, looked at only at S of its times, ⌊T i / S⌋ for i = 1 … S: step i goes
  /// from the one to the next, with the β that all steps in between have together. Throws
  /// std::invalid_argument unless 1 ≤ S ≤ T.
  NoiseSchedule strided(std::size_t S) const;

  std::size_t steps() const { return beta.size() - 1; }  ///< T

  /// t in units of a diffusion of 1000 steps, 1000 t / T: what networks are told. It is the same
  /// number for the same noise, whatever T, and in a strided schedule.
  std::vector<double> time;

  // q(x_t | x_{t−1})
  std::vector<double> beta, alpha;
  // q(x_t | x_0)
  std::vector<double> alpha_bar, mean_coefficient, variance;  // ᾱ, √ᾱ, 1 − ᾱ without cancellation
  // q(x_{t−1} | x_t, x_0); at t = 1 it is x_0 itself
  std::vector<double> posterior_x0, posterior_xt, posterior_variance;
  /// ln β̃_t, at t = 1, where that is −∞, as at t = 2 (T = 1: ln β_1): as the authors' code has it.
  std::vector<double> posterior_log_variance;

 private:
  void fill_posterior();
};

}  // namespace nabla::models
