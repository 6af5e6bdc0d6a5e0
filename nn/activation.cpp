#include "nn/activation.hpp"

#include <map>
#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla::nn {

Activation::Activation(const std::string& name) {
  using Function = Tensor (*)(const Tensor&);
  static const std::map<std::string, Function> known = {
      {"elu", [](const Tensor& x) { return elu(x); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }},
      {"identity", [](const Tensor& x) { return x; }},
      {"leaky_relu", [](const Tensor& x) { return nabla::leaky_relu(x); }},
      {"relu", [](const Tensor& x) { return relu(x); }},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
      {"silu", [](const Tensor& x) { return silu(x); }},
      {"softplus", [](const Tensor& x) { return softplus(x); }},
      {"tanh", [](const Tensor& x) { return tanh(x); }},
  };
  const auto found = known.find(name);
  if (found != known.end()) {
    function_ = found->second;
    if (name == "relu") slope_ = Real(0);
    if (name == "leaky_relu") slope_ = Real(0.01);
    return;
  }
  std::string names;
  for (const auto& entry : known) names += (names.empty() ? "" : ", ") + entry.first;
  throw std::invalid_argument("activation: \"" + name + "\" is none of " + names);
}

Activation Activation::leaky_relu(Real slope) {
  Activation result([slope](const Tensor& x) { return nabla::leaky_relu(x, slope); });
  if (slope >= 0 && slope <= 1) result.slope_ = slope;
  return result;
}

}  // namespace nabla::nn
