#include "nn/dropout.hpp"

namespace nabla::nn {

Dropout::Dropout(Real probability) : probability_(probability) {
  check_number(probability >= 0 && probability < 1, "dropout", "probability", probability,
               "in [0, 1)");
}

Tensor Dropout::operator()(const Tensor& x, Rng& rng) const {
  if (!training() || probability_ == 0) return x;
  const Real keep = 1 - probability_;
  const Array kept = rng.bernoulli(x.shape(), keep);
  const Array scale = compute(kept * (1 / keep));
  return record(
      "dropout", compute(x.value() * scale),
      [scale](Node& out, Node& x) { x.accumulate(out.grad() * scale); }, x);
}

}  // namespace nabla::nn
