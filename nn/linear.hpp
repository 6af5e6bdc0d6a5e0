// Linear, and several of them with activations between: MLP.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/random.hpp"
#include "nn/activation.hpp"
#include "nn/init.hpp"
#include "nn/module.hpp"

namespace nabla::nn {

struct LinearOptions {
  bool bias = true;
  /// Of the weight; the bias then starts at 0. Without one both are uniform in ±1/√in, for the
  /// reasons given at init::fan_in_uniform.
  Initialiser init = nullptr;
};

/// y = x W + b: x (…, in) → (…, out). Parameters "weight" (in, out) and "bias" (out,).
class Linear : public Module {
 public:
  Linear(std::size_t in, std::size_t out, Rng& rng, const LinearOptions& options = {});

  Tensor operator()(const Tensor& x) const;
  /// then(x W + b), in one pass for relu and leaky_relu.
  Tensor operator()(const Tensor& x, const Activation& then) const;

  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  ///< undefined without one

 private:
  Tensor weight_, bias_;
};

/// Linear layers of the given sizes, (…, sizes.front()) → (…, sizes.back()), with an activation
/// between each two and another, by default none, behind the last. Children "0", "1", …
///
///   MLP encoder({784, 256, 40}, rng, "relu");
class MLP : public Module {
 public:
  /// Throws std::invalid_argument for fewer than two sizes.
  MLP(const std::vector<std::size_t>& sizes, Rng& rng, Activation hidden = "relu",
      Activation output = "identity", const LinearOptions& options = {});

  Tensor operator()(const Tensor& x) const;

  const std::vector<Linear>& layers() const { return layers_; }

 private:
  std::vector<Linear> layers_;
  Activation hidden_, output_;
};

}  // namespace nabla::nn
