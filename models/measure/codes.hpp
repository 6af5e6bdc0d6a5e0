// What is measured of models with codes: of codes beside the prior N(0, I), and of reconstructions.
#pragma once

#include <cstddef>

#include "autograd/random.hpp"
#include "models/measure/metrics.hpp"

namespace nabla::models {

/// k for codes of Z dimensions and the prior N(0, σ² I): inverse multiquadratic, C = s · 2 Z σ²
/// with s = 0.1 … 10. 2 Z σ² is E‖ζ − ζ′‖² of two draws of the prior (Tolstikhin et al. 2018, §4).
Kernel prior_kernel(std::size_t latent, double sigma = 1);

/// mmd2_unbiased() of codes (n, Z) and as many draws of N(0, I), by prior_kernel(Z).
double mmd2_to_prior(const Array& codes, Rng& rng);

/// (1/D) |x − y|², the mean over all examples and columns: of reconstructions, comparable between
/// models whatever they were trained with. Shapes must be equal.
double mean_squared_error_of(const Array& x, const Array& y);

/// n rows of x, each time any of them: draws of the empirical distribution. (n, D)
Array draw_rows(const Array& x, std::size_t n, Rng& rng);

}  // namespace nabla::models
