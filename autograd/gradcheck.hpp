// Gradients by backward() against central differences, for nabla's operations and for yours:
//
//   GradcheckResult r = gradcheck([](const std::vector<Tensor>& x) { return my_op(x[0], x[1]); },
//                                 {a, b});
//   if (!r) std::cerr << r.message;
//
// In the library with Real = double the default tolerance of 1e-6 holds for every smooth operation;
// in single precision differences are only good to about 1e-2.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/tensor.hpp"

namespace nabla {

struct GradcheckOptions {
  double step = sizeof(Real) == 8 ? 1e-5 : 1e-2;       ///< h in (f(x + h) − f(x − h)) / 2h
  double tolerance = sizeof(Real) == 8 ? 1e-6 : 2e-2;  ///< on |a − n| / max(1, |a|, |n|)
  std::uint64_t seed = 1;                              ///< of the weights that reduce f to a number
};

struct GradcheckResult {
  bool passed = true;
  double largest_error = 0;  ///< relative, over all elements of all inputs
  std::string message;       ///< which element of which input disagrees, with both values
  explicit operator bool() const { return passed; }
};

/// Compares the gradients of Σ w ⊙ f(inputs), w random and fixed, element by element. A second
/// backward into the same inputs checks that gradients add up. f must be deterministic: give it a
/// fresh Rng of one seed on each call. Inputs must keep away from kinks by more than the step.
GradcheckResult gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                          const std::vector<Array>& inputs, GradcheckOptions options = {});

}  // namespace nabla
