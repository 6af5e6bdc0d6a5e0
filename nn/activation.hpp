// Activation: the function between two layers, by name or as a function.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>

#include "autograd/tensor.hpp"

namespace nabla::nn {

/// Made from a name ("relu", as the command line has it) or from anything that maps a Tensor to a
/// Tensor of the same shape; wherever an Activation is wanted either may stand.
class Activation {
 public:
  /// "elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh". Throws
  /// std::invalid_argument with this list on any other name.
  Activation(const std::string& name);
  Activation(const char* name) : Activation(std::string(name)) {}
  template <class F, std::enable_if_t<std::is_invocable_r_v<Tensor, F, const Tensor&> &&
                                          !std::is_same_v<std::decay_t<F>, Activation>,
                                      int> = 0>
  Activation(F function) : function_(std::move(function)) {}

  /// leaky_relu with another slope than by name; slope() tells it from 0 to 1.
  static Activation leaky_relu(Real slope);

  Tensor operator()(const Tensor& x) const { return function_(x); }

  /// s where the function is max(x, s x): Linear then applies it in the same pass.
  std::optional<Real> slope() const { return slope_; }

 private:
  std::optional<Real> slope_;
  std::function<Tensor(const Tensor&)> function_;
};

}  // namespace nabla::nn
