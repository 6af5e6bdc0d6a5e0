// Activations: forward and backward of each in one function.
#include <cmath>

#include "autograd/ops.hpp"

namespace nabla {

// σ(x) = 1 / (1 + e⁻ˣ)            dσ/dx = σ (1 − σ)
Tensor sigmoid(const Tensor& x) {
  Array y = compute(1 / (1 + xt::exp(-x.value())));
  return record(
      "sigmoid", std::move(y),
      [](Node& out, Node& x) { x.accumulate(out.grad() * out.value * (1 - out.value)); }, x);
}

}  // namespace nabla
