// A density in the unit that papers on images have it in.
#pragma once

#include <cmath>
#include <cstddef>

namespace nabla::models {

/// Of −ln p(x) in nats, x of D dimensions: −log₂ p(x) / D.
inline double bits_per_dim(double nats, std::size_t D) {
  return nats / (static_cast<double>(D) * std::log(2.0));
}

}  // namespace nabla::models
