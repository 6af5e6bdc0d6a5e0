// How far two distributions are from each other: from probabilities, from log-densities, and from
// samples alone. All sums in double, distances too: equal points are 0 apart.
//
// Samples are (n, D) and (m, D), n and m as they come. Throws std::invalid_argument on shapes that
// do not fit and on values that are not finite.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/random.hpp"

namespace nabla::models {

// Of discrete distributions: probabilities p_i, q_i, each ≥ 0 and summing to 1 (to 1e-6) ----------

/// KL(p ‖ q) = Σ p_i ln(p_i / q_i) in nats, with 0 ln 0 = 0: +∞ if some q_i = 0 < p_i. Not
/// symmetric: KL(p ‖ q) is large where q misses what p has, KL(q ‖ p) where q has what p lacks.
double kl_divergence(const std::vector<double>& p, const std::vector<double>& q);

/// ½ KL(p ‖ m) + ½ KL(q ‖ m), m = ½ (p + q): symmetric, from 0 to ln 2 (Lin 1991).
double js_divergence(const std::vector<double>& p, const std::vector<double>& q);

// From log-densities --------------------------------------------------------------------------

struct Estimate {
  double value, standard_error;
};

/// The mean of independent values, and s / √n with s their standard deviation (÷ n − 1): NaN for
/// one value. Throws std::invalid_argument for none.
Estimate mean_of(const std::vector<double>& values);

/// KL(p ‖ q) ≈ mean of ln p(x_i) − ln q(x_i) over draws x_i ~ p. Unbiased: it may be negative. One
/// ln q = −∞ makes it +∞; every ln p must be finite, as x_i came from p.
Estimate kl_from_log_densities(const std::vector<double>& log_p, const std::vector<double>& log_q);

// From samples -------------------------------------------------------------------------------

/// W₁ = ∫ |F(t) − G(t)| dt of the two empirical distribution functions: exact, O(n ln n). Any shape
/// of x and y, whose elements are the samples.
double wasserstein1(const Array& x, const Array& y);

/// Mean of W₁ over projections on random directions, uniform on the sphere (Rabin et al. 2011).
/// For D = 1 it is wasserstein1(). A shift by δ gives |δ| E|cos θ| (D = 2: |δ| · 2/π), so it is not
/// to be compared across D.
double sliced_wasserstein1(const Array& x, const Array& y, std::size_t projections, Rng& rng);

/// A kernel k(x, y) of the squared distance r² = ‖x − y‖²: the sum over `scales` s of
///   gaussian               exp(−r² / (2 s²))
///   inverse_multiquadratic s / (s + r²)         (Tolstikhin et al. 2018, §4: s are their C)
struct Kernel {
  enum class Form { gaussian, inverse_multiquadratic } form;
  std::vector<double> scales;

  static Kernel gaussian(double bandwidth);
  static Kernel inverse_multiquadratic(std::vector<double> C);
  double operator()(double squared_distance) const;
};

/// The median of ‖x_i − x_j‖ over pairs i < j: a usual bandwidth (Gretton et al. 2012, §8). Where
/// their number is even, the mean of the two in the middle. Of more than 1000 rows, over 1000 of
/// them at even steps. Throws if it is 0.
double median_distance(const Array& x);

/// MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y) by the U-statistic, which leaves out pairs of a
/// sample with itself (Gretton et al. 2012, eq. 3): unbiased, so that near 0 it is as often
/// negative as positive. n, m ≥ 2.
double mmd2_unbiased(const Array& x, const Array& y, const Kernel& kernel);
/// The V-statistic, which has these pairs in (ibid., eq. 5): never negative, and too large by
/// O(1/n).
double mmd2_biased(const Array& x, const Array& y, const Kernel& kernel);

/// 2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖ by the V-statistic, ≥ 0 (Székely & Rizzo 2013). In one
/// dimension it is 2 ∫ (F − G)² dt.
double energy_distance(const Array& x, const Array& y);

/// Of the two normals with the samples' means and covariances (÷ n − 1):
///   |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)
/// the square of W₂ between them (Dowson & Landau 1982, eq. 4). In the features of one particular
/// network it is the FID (Heusel et al. 2017, eq. 6); in others it is not to be set beside that. It
/// is biased: too large by O(1/n) for samples of one law, so compare only at equal n. 0 only says
/// that two moments agree. n, m ≥ 2; fewer rows than columns are fine. O(n D² + D³). frechet.cpp
double frechet_distance(const Array& x, const Array& y);

}  // namespace nabla::models
