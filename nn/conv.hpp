// Convolutions of images, channels last.
#pragma once

#include <cstddef>

#include "autograd/ops.hpp"
#include "autograd/random.hpp"
#include "nn/init.hpp"
#include "nn/module.hpp"

namespace nabla::nn {

struct Conv2dOptions {
  std::size_t stride = 1, padding = 0;
  bool bias = true;
  /// Of the weight; the bias then starts at 0. Without one both are uniform in ±1/√(k k in), as
  /// Linear's are.
  Initialiser init = nullptr;
};

/// y = x ∗ W + b with a kernel of k × k: x (B, h, w, in) → (B, h', w', out), see conv2d. Parameters
/// "weight" (k, k, in, out) and "bias" (out,).
class Conv2d : public Module {
 public:
  Conv2d(std::size_t in, std::size_t out, std::size_t kernel, Rng& rng,
         const Conv2dOptions& options = {});

  Tensor operator()(const Tensor& x) const;
  /// With another bias for each image besides, (B, out): a condition such as a time step.
  Tensor operator()(const Tensor& x, const Tensor& per_image) const;
  /// y + residual, in one pass.
  Tensor add(const Tensor& x, const Tensor& residual) const;

  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  ///< without one a constant of zeros

 private:
  Tensor weight_, bias_;
  ConvOptions options_;
};

/// The transposed convolution, which enlarges: x (B, h, w, in) → (B, h', w', out), see
/// conv_transpose2d. Parameters "weight" (k, k, in, out) and "bias" (out,), which start as
/// Conv2d's.
class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(std::size_t in, std::size_t out, std::size_t kernel, Rng& rng,
                  const Conv2dOptions& options = {});

  Tensor operator()(const Tensor& x) const;

  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  ///< without one a constant of zeros

 private:
  Tensor weight_, bias_;
  ConvOptions options_;
};

}  // namespace nabla::nn
