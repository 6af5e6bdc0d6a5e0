// Mode coverage: does a sample have all that a mixture of known modes has?
//   Srivastava et al. 2017, "VEEGAN", arXiv:1705.07761; Lin et al. 2018, "PacGAN",
//   arXiv:1712.04086, §4.1, whose table models/README.md sets ours beside.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::models {

struct Coverage {
  std::size_t modes = 0;    ///< with at least one sample of high quality
  double high_quality = 0;  ///< share of the samples within 3σ of the nearest mode, 0 to 1
  /// KL(h ‖ uniform) in nats, h the share of each mode among the samples of high quality: from 0 to
  /// ln K. NaN if none is of high quality.
  double reverse_kl = 0;
  std::vector<std::size_t> counts;  ///< samples of high quality at each mode, (K,)
};

/// Of samples (n, D) and the K centres of equally likely round Gaussians, (K, D). A perfect sampler
/// in the plane has 1 − e^(−9/2) = 98.89 % of high quality, and a reverse KL of about
/// (K − 1) / (2 n). Throws std::invalid_argument on shapes that do not fit, no samples, no modes or
/// σ ≤ 0; a sample that is not finite is of low quality.
Coverage mode_coverage(const Array& samples, const Array& modes, double sigma);

}  // namespace nabla::models
