// Samples of a diffusion: from noise x_T back to data x_0.
//   Ho, Jain & Abbeel 2020, arXiv:2006.11239, Algorithm 2: ancestral                      [DDPM]
//   Song, Meng & Ermon 2021, arXiv:2010.02502: DDIM                                       [DDIM]
//   Ho & Salimans 2022, arXiv:2207.12598: classifier-free guidance                          [HS]
//
//   DDIM: x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ + σ z, s the time before t,        [DDIM, eq. 12]
//         σ² = η² (1 − ᾱ_s)/(1 − ᾱ_t) (1 − ᾱ_t/ᾱ_s)                              [DDIM, eq. 16]
//   η = 1 is ancestral sampling with the variance β̃; with η = 0 the start decides all, and x_0 can
//   be followed back to the noise it would come from [DDIM, §4.3].
//
//   ε̃ = (1 + w) ε(x, c) − w ε(x, ∅)                                                   [HS, eq. 6]
//
// Nothing is recorded for gradients.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "models/ddpm/diffusion.hpp"

namespace nabla::models {

struct SamplerOptions {
  bool ddim = false;      ///< else ancestral
  double eta = 0;         ///< η of DDIM, from 0 to 1
  std::size_t steps = 0;  ///< S, times at even steps of T, the last of them T; 0: all T
};

/// Called with x at the start and after each step, and the time it is at, 0 to 1000 as networks see
/// it. For films, progress and Ctrl-C: what it throws ends the sampling.
using Watch = std::function<void(double time, const Array& x)>;

/// From x_T (B, D), drawn from N(0, I), to x_0 (B, D); classes (B,), −1 for none. Random numbers
/// are taken for every step but the last, and none for η = 0. Throws std::invalid_argument on
/// shapes that do not fit, η outside [0, 1] or more steps than T.
Array sample(const Diffusion& diffusion, const Denoiser& network, const Array& x_T,
             const IndexArray& classes, const SamplerOptions& options, Rng& rng,
             const Watch& watch = {});

/// The noise that DDIM with η = 0 would make x_0 from, up to the error of the steps: the same
/// equation, from each time to the next later one.
Array ddim_encode(const Diffusion& diffusion, const Denoiser& network, const Array& x0,
                  const IndexArray& classes, std::size_t steps = 0);

/// A network whose predictions are (1 + w) of those for the class less w of those without; for w =
/// 0 the network itself. As all predictions are affine in ε with the same coefficients, and the
/// weights sum to 1, what it says may be ε, x_0 or v.
Denoiser guided(Denoiser network, double w);

/// Between rows of a and b along great circles, s = 0 … 1: sin((1 − s)θ)/sin θ a + sin(sθ)/sin θ b,
/// θ the angle between them. Keeps noise as long as noise is. Rows in line are mixed linearly.
Array slerp(const Array& a, const Array& b, double s);

}  // namespace nabla::models
