#include "nn/linear.hpp"

#include <cmath>
#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla::nn {
namespace {

Array first_bias(std::size_t in, std::size_t out, Rng& rng, const LinearOptions& options) {
  if (options.init || in == 0 || out == 0) return zeros({out});
  const Real bound = static_cast<Real>(1 / std::sqrt(static_cast<double>(in)));
  return rng.uniform({out}, -bound, bound);
}

}  // namespace

Linear::Linear(std::size_t in, std::size_t out, Rng& rng, const LinearOptions& options) {
  check_shape("Linear", {in, out});
  const Initialiser init = options.init ? options.init : init::fan_in_uniform();
  weight_ = parameter("weight", init({in, out}, rng));
  if (options.bias) bias_ = parameter("bias", first_bias(in, out, rng, options));
}

Tensor Linear::operator()(const Tensor& x) const {
  return bias_.defined() ? linear(x, weight_, bias_) : linear(x, weight_);
}

Tensor Linear::operator()(const Tensor& x, const Activation& then) const {
  if (!then.slope() || !bias_.defined()) return then((*this)(x));
  return linear_relu(x, weight_, bias_, *then.slope());
}

MLP::MLP(const std::vector<std::size_t>& sizes, Rng& rng, Activation hidden, Activation output,
         const LinearOptions& options)
    : hidden_(std::move(hidden)), output_(std::move(output)) {
  if (sizes.size() < 2) {
    throw std::invalid_argument("MLP: needs at least two sizes (in, …, out), got " +
                                std::to_string(sizes.size()));
  }
  std::vector<std::pair<std::string, Module>> list;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    layers_.emplace_back(sizes[i], sizes[i + 1], rng, options);
    list.emplace_back(std::to_string(i), layers_.back());
  }
  children(list);
}

Tensor MLP::operator()(const Tensor& x) const {
  Tensor h = x;
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) h = layers_[i](h, hidden_);
  return layers_.back()(h, output_);
}

}  // namespace nabla::nn
