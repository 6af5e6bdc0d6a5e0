#include "models/measure/coverage.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace nabla::models {

Coverage mode_coverage(const Array& samples, const Array& modes, double sigma) {
  if (samples.dimension() != 2 || modes.dimension() != 2 ||
      samples.shape()[1] != modes.shape()[1] || samples.size() == 0 || modes.size() == 0) {
    throw std::invalid_argument("mode_coverage: samples (n, D) and modes (K, D), got " +
                                to_string(samples.shape()) + " and " + to_string(modes.shape()));
  }
  if (!all_finite(modes)) throw std::invalid_argument("mode_coverage: a mode is not finite");
  if (!(sigma > 0)) throw std::invalid_argument("mode_coverage: sigma must be above 0");
  const std::size_t n = samples.shape()[0], K = modes.shape()[0], D = modes.shape()[1];
  Coverage result;
  result.counts.assign(K, 0);
  std::size_t good = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double least = std::numeric_limits<double>::infinity();
    std::size_t nearest = K;  // none, for a sample that is NaN
    for (std::size_t k = 0; k < K; ++k) {
      double squares = 0;
      for (std::size_t d = 0; d < D; ++d) {
        const double difference =
            static_cast<double>(samples(i, d)) - static_cast<double>(modes(k, d));
        squares += difference * difference;
      }
      if (squares < least) {
        least = squares;
        nearest = k;
      }
    }
    if (nearest == K || std::sqrt(least) > 3 * sigma) continue;
    ++good;
    ++result.counts[nearest];
  }
  result.high_quality = static_cast<double>(good) / static_cast<double>(n);
  if (good == 0) result.reverse_kl = std::numeric_limits<double>::quiet_NaN();
  for (const std::size_t count : result.counts) {
    if (count == 0) continue;
    ++result.modes;
    const double share = static_cast<double>(count) / static_cast<double>(good);
    result.reverse_kl += share * std::log(share * static_cast<double>(K));
  }
  return result;
}

}  // namespace nabla::models
