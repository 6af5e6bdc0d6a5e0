#include "models/discrete/fvsbn.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/gemm.hpp"

namespace nabla::models {
namespace {

// Zero on and above the diagonal.
void clear_upper(Array& a) {
  const std::size_t D = a.shape()[0];
  for (std::size_t i = 0; i < D; ++i) {
    std::fill(a.data() + i * D + i, a.data() + (i + 1) * D, Real(0));
  }
}

Array lower_part(Array a) {
  clear_upper(a);
  return a;
}

// l_bd = b_d + Σ_{j<d} W_dj x_bj. One operation, for the time of it: masked once, no transpose.
//   dW_dj = Σ_b dl_bd x_bj for j < d, else 0;   db_d = Σ_b dl_bd
Tensor lower_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::size_t D = bias.size(), B = x.size(0);
  const Array lower = lower_part(weight.value());
  Array y = empty({B, D});
  for (std::size_t b = 0; b < B; ++b) std::copy_n(bias.value().data(), D, y.data() + b * D);
  gemm(Transpose::no, Transpose::yes, B, D, D, x.value().data(), lower.data(), 1, y.data());
  return record(
      "lower_linear", std::move(y),
      [B, D](Node& out, Node& x, Node& weight, Node& bias) {
        const Real* const dy = out.grad().data();
        x.accumulate_with([&](Array& dx, Real beta) {
          const Array lower = lower_part(weight.value);
          gemm(Transpose::no, Transpose::no, B, D, D, dy, lower.data(), beta, dx.data());
        });
        if (weight.requires_grad()) {
          Array dw = empty({D, D});
          gemm(Transpose::yes, Transpose::no, D, D, B, dy, x.value.data(), 0, dw.data());
          clear_upper(dw);
          weight.accumulate(std::move(dw));
        }
        accumulate_summed(bias, out.grad());
      },
      x, weight, bias);
}

}  // namespace

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
  if (x.ndim() != 2 || x.size(1) != dimensions()) {
    throw std::invalid_argument("Fvsbn: x must have shape (B, " + std::to_string(dimensions()) +
                                "), got " + to_string(x.shape()));
  }
  return lower_linear(x, weight_, bias_);  // b_d + Σ_{j<d} W_dj x_j                   [LM]
}

Tensor Fvsbn::log_prob(const Tensor& x) const {
  check_binary("Fvsbn", x.value(), dimensions());
  return -sum(binary_cross_entropy(logits(x), x), {-1});  // ln p(x) = Σ_d ln p(x_d|x_<d)
}

Array Fvsbn::log_prob(const Array& x) const {
  const NoGrad no_grad;
  return log_prob(Tensor(x)).value();
}

Tensor Fvsbn::penalty() const {
  const std::size_t D = dimensions();
  const Array& w = weight_.value();
  double total = 0;
  for (std::size_t d = 0; d < D; ++d) {
    for (std::size_t j = 0; j < d; ++j)
      total += static_cast<double>(w.data()[d * D + j] * w.data()[d * D + j]);
  }
  return record(
      "penalty", full({}, static_cast<Real>(total / 2)),
      [](Node& out, Node& weight) {
        weight.accumulate(compute(lower_part(weight.value) * out.grad()()));
      },
      weight_);
}

Array Fvsbn::sample(std::size_t n, Rng& rng) const {
  return complete(zeros({n, dimensions()}), 0, rng);
}

Array Fvsbn::complete(const Array& x, std::size_t known, Rng& rng) const {
  const std::size_t D = dimensions();
  check_binary("Fvsbn", x, D);
  if (known > D) throw std::invalid_argument("Fvsbn: more columns are known than there are");
  const Array u = rng.uniform(x.shape());
  Array result = x;
  for (std::size_t b = 0; b < x.shape()[0]; ++b) {
    Real* const row = result.data() + b * D;
    for (std::size_t d = known; d < D; ++d) {
      const Real* const w = weight_.value().data() + d * D;
      double logit = bias_.value()(d);
      for (std::size_t j = 0; j < d; ++j) logit += static_cast<double>(w[j] * row[j]);
      row[d] = static_cast<double>(u(b, d)) < 1 / (1 + std::exp(-logit)) ? 1 : 0;
    }
  }
  return result;
}

}  // namespace nabla::models
