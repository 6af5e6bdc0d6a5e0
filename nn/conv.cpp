#include "nn/conv.hpp"

#include <cmath>

namespace nabla::nn {
namespace {

Array first_weight(const char* layer, std::size_t in, std::size_t out, std::size_t kernel, Rng& rng,
                   const Conv2dOptions& options) {
  check_shape(layer, {kernel, kernel, in, out});
  const Initialiser init = options.init ? options.init : init::fan_in_uniform();
  return init({kernel, kernel, in, out}, rng);
}

Array first_bias(const Tensor& weight, Rng& rng, const Conv2dOptions& options) {
  const Shape shape{weight.size(3)};
  const std::size_t fan_in = fans(weight.shape()).in;
  if (options.init || !options.bias || fan_in == 0) return zeros(shape);
  const Real bound = static_cast<Real>(1 / std::sqrt(static_cast<double>(fan_in)));
  return rng.uniform(shape, -bound, bound);
}

}  // namespace

Conv2d::Conv2d(std::size_t in, std::size_t out, std::size_t kernel, Rng& rng,
               const Conv2dOptions& options)
    : options_{options.stride, options.padding} {
  weight_ = parameter("weight", first_weight("Conv2d", in, out, kernel, rng, options));
  Array bias = first_bias(weight_, rng, options);
  bias_ = options.bias ? parameter("bias", std::move(bias)) : Tensor(std::move(bias));
}

Tensor Conv2d::operator()(const Tensor& x) const {
  return conv2d(x, weight_, bias_, options_);
}

Tensor Conv2d::operator()(const Tensor& x, const Tensor& per_image) const {
  return conv2d(x, weight_, bias_ + per_image, options_);
}

Tensor Conv2d::add(const Tensor& x, const Tensor& residual) const {
  return conv2d_add(x, weight_, bias_, residual, options_);
}

ConvTranspose2d::ConvTranspose2d(std::size_t in, std::size_t out, std::size_t kernel, Rng& rng,
                                 const Conv2dOptions& options)
    : options_{options.stride, options.padding} {
  weight_ = parameter("weight", first_weight("ConvTranspose2d", in, out, kernel, rng, options));
  Array bias = first_bias(weight_, rng, options);
  bias_ = options.bias ? parameter("bias", std::move(bias)) : Tensor(std::move(bias));
}

Tensor ConvTranspose2d::operator()(const Tensor& x) const {
  return conv_transpose2d(x, weight_, bias_, options_);
}

}  // namespace nabla::nn
