#include "models/measure/codes.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace nabla::models {

Kernel prior_kernel(std::size_t latent, double sigma) {
  std::vector<double> C{0.1, 0.2, 0.5, 1, 2, 5, 10};
  for (double& scale : C) scale *= 2 * static_cast<double>(latent) * sigma * sigma;
  return Kernel::inverse_multiquadratic(C);
}

double mmd2_to_prior(const Array& codes, Rng& rng) {
  return mmd2_unbiased(codes, rng.normal(codes.shape()), prior_kernel(codes.shape()[1]));
}

double mean_squared_error_of(const Array& x, const Array& y) {
  if (x.shape() != y.shape()) {
    throw std::invalid_argument("mean_squared_error_of: shapes " + to_string(x.shape()) + " and " +
                                to_string(y.shape()));
  }
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double difference = static_cast<double>(x.data()[i]) - static_cast<double>(y.data()[i]);
    total += difference * difference;
  }
  return total / static_cast<double>(x.size());
}

Array draw_rows(const Array& x, std::size_t n, Rng& rng) {
  const std::size_t D = x.shape()[1];
  const IndexArray rows = rng.integers({n}, 0, static_cast<std::int64_t>(x.shape()[0]));
  Array drawn = empty({n, D});
  for (std::size_t i = 0; i < n; ++i) {
    std::copy_n(x.data() + static_cast<std::size_t>(rows(i)) * D, D, drawn.data() + i * D);
  }
  return drawn;
}

}  // namespace nabla::models
