// Dropout: in training a part of the numbers, another at each call, is 0.
#pragma once

#include "autograd/random.hpp"
#include "nn/module.hpp"

namespace nabla::nn {

/// Each element is multiplied by 0 with the given probability p, the others are divided by 1 − p,
/// so that the mean stays and evaluation mode changes nothing ("inverted"). Srivastava et al. 2014,
/// §10.
class Dropout : public Module {
 public:
  /// Throws std::invalid_argument unless 0 ≤ p < 1.
  explicit Dropout(Real probability);

  /// In evaluation mode, and for p = 0, x itself; the Rng is not used then.
  Tensor operator()(const Tensor& x, Rng& rng) const;

 private:
  Real probability_;
};

}  // namespace nabla::nn
