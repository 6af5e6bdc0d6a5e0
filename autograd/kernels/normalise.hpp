// Normalisations: x̂ = (x − μ) / √(σ² + ε), y = gain x̂ + shift, gain and shift one number for each
// channel, the last axis.
//
// With r = 1 / √(σ² + ε), dz the gradient of y, and means over the n numbers that share μ and σ:
//   d gain = Σ dz x̂, d shift = Σ dz
//   dx = r (gain dz − mean(gain dz) − x̂ mean(gain dz x̂))
//
// What goes back writes dx = β dx + the gradient, unless dx is null; β is 0 or 1, and for 0 dx may
// be uninitialised.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/kernels/moments.hpp"

namespace nabla::detail {

struct AffineGradients {
  Array gain, shift;  // (C,)
};

// By the moments of each channel ------------------------------------------------------------------

void normalise_channels(const Array& x, const Real* gain, const Real* shift, double epsilon,
                        const std::vector<Moments>& moments, Real* y);
AffineGradients normalise_channels_back(const Array& x, const Real* gain, const Real* shift,
                                        double epsilon, const std::vector<Moments>& moments,
                                        const Real* dy, Real beta, Real* dx);

// By those of each row, which are returned --------------------------------------------------------

std::vector<Moments> normalise_rows(const Array& x, const Real* gain, const Real* shift,
                                    double epsilon, Real* y);
AffineGradients normalise_rows_back(const Array& x, const Real* gain, double epsilon,
                                    const std::vector<Moments>& moments, const Real* dy, Real beta,
                                    Real* dx);

// By those of the groups of channels of each image, which are returned; if so wished z = silu(y) in
// place of y
// ----------------------------------------------------------------------------------------

struct Groups {
  std::size_t images, pixels, channels, groups;
  double epsilon;

  std::size_t image_size() const { return pixels * channels; }
  std::size_t width() const { return channels / groups; }  // channels of a group
  double count() const { return static_cast<double>(pixels * width()); }
};

template <bool with_silu>
std::vector<Moments> normalise_groups(const Groups& groups, const Real* x, const Real* gain,
                                      const Real* shift, Real* y);
template <bool with_silu>
AffineGradients normalise_groups_back(const Groups& groups, const std::vector<Moments>& moments,
                                      const Real* x, const Real* gain, const Real* shift,
                                      const Real* dy, Real beta, Real* dx);

}  // namespace nabla::detail
