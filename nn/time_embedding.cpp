#include "nn/time_embedding.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace nabla::nn {

Array sinusoidal_embedding(const Array& t, std::size_t size, double longest_period) {
  if (t.dimension() != 1) {
    throw std::invalid_argument("sinusoidal_embedding: the times have one axis, got " +
                                to_string(t.shape()));
  }
  check_number(longest_period >= 1 && std::isfinite(longest_period), "sinusoidal_embedding",
               "longest_period", longest_period, "finite and ≥ 1");
  const std::size_t n = size / 2;
  Array result = full({t.size(), size}, 0, "sinusoidal_embedding");
  for (std::size_t i = 0; i < n; ++i) {
    const double position = n == 1 ? 0 : static_cast<double>(i) / static_cast<double>(n - 1);
    const double frequency = std::pow(longest_period, -position);
    for (std::size_t b = 0; b < t.size(); ++b) {
      const double angle = static_cast<double>(t(b)) * frequency;
      result(b, i) = static_cast<Real>(std::sin(angle));
      result(b, n + i) = static_cast<Real>(std::cos(angle));
    }
  }
  return result;
}

}  // namespace nabla::nn
