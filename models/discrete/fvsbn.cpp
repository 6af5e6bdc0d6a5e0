#include "models/discrete/fvsbn.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nabla::models {
namespace {

Array lower_part(const Array& a) {
  const std::size_t D = a.shape()[0];
  Array result = empty(a.shape());
  for (std::size_t i = 0; i < D; ++i) {
    Real* const row = result.data() + i * D;
    std::copy_n(a.data() + i * D, i, row);
    std::fill(row + i, row + D, Real(0));
  }
  return result;
}

}  // namespace

Tensor strictly_lower(const Tensor& matrix) {
  if (matrix.ndim() != 2 || matrix.size(0) != matrix.size(1)) {
    throw std::invalid_argument("strictly_lower: the matrix must be square, got " +
                                to_string(matrix.shape()));
  }
  return record(
      "strictly_lower", lower_part(matrix.value()),
      [](Node& out, Node& matrix) { matrix.accumulate(lower_part(out.grad())); }, matrix);
}

Fvsbn::Fvsbn(std::size_t dimensions) {
  if (dimensions == 0) throw std::invalid_argument("Fvsbn: at least one dimension");
  weight_ = parameter("weight", zeros({dimensions, dimensions}));
  bias_ = parameter("bias", zeros({dimensions}));
}

void Fvsbn::start_from(const Independent& independent) {
  const Array p = independent.probabilities();  // (D, 2)
  if (p.shape()[0] != dimensions()) {
    throw std::invalid_argument("Fvsbn: " + std::to_string(dimensions()) +
                                " dimensions cannot start from " + std::to_string(p.shape()[0]));
  }
  weight_.mutable_value().fill(0);
  Array& bias = bias_.mutable_value();
  for (std::size_t d = 0; d < dimensions(); ++d) bias(d) = std::log(p(d, 0) / (1 - p(d, 0)));
}

Tensor Fvsbn::logits(const Tensor& x) const {
  return linear(x, transpose(strictly_lower(weight_)),
                bias_);  // b_d + Σ_{j<d} W_dj x_j [LM, eq. 2]
}

Tensor Fvsbn::log_prob(const Tensor& x) const {
  check_binary("Fvsbn", x.value(), dimensions());
  return -sum(binary_cross_entropy(logits(x), x), {-1});  // ln p(x) = Σ_d ln p(x_d|x_<d)
}

Array Fvsbn::log_prob(const Array& x) const {
  const NoGrad no_grad;
  return log_prob(Tensor(x)).value();
}

Array Fvsbn::sample(std::size_t n, Rng& rng) const {
  const std::size_t D = dimensions();
  const Array u = rng.uniform({n, D});
  Array result = zeros({n, D});
  for (std::size_t b = 0; b < n; ++b) {
    Real* const row = result.data() + b * D;
    for (std::size_t d = 0; d < D; ++d) {
      const Real* const w = weight_.value().data() + d * D;
      double logit = bias_.value()(d);
      for (std::size_t j = 0; j < d; ++j) logit += static_cast<double>(w[j] * row[j]);
      row[d] = static_cast<double>(u(b, d)) < 1 / (1 + std::exp(-logit)) ? 1 : 0;
    }
  }
  return result;
}

}  // namespace nabla::models
