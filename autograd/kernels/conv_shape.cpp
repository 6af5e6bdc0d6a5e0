#include "autograd/kernels/conv_shape.hpp"

#include <stdexcept>
#include <string>

namespace nabla::detail {
namespace {

[[noreturn]] void refuse(const char* operation, const std::string& what, const Shape& x,
                         const Shape& weight) {
  throw std::invalid_argument(std::string(operation) + ": " + what + ", got " + to_string(x) +
                              " and " + to_string(weight));
}

void check_axes(const char* operation, const Shape& x, const Shape& weight,
                const ConvOptions& options) {
  if (x.size() != 4) refuse(operation, "the input has 4 axes (B, h, w, C)", x, weight);
  if (weight.size() != 4) {
    refuse(operation, "the weight has 4 axes (kh, kw, in, out)", x, weight);
  }
  if (x[3] != weight[2]) {
    refuse(operation, "the weight's third axis must be the input's channels", x, weight);
  }
  if (weight[0] == 0 || weight[1] == 0) {
    refuse(operation, "the kernel must be at least 1 × 1", x, weight);
  }
  if (options.stride == 0) refuse(operation, "the stride must be at least 1", x, weight);
}

}  // namespace

ConvShape conv_shape(const char* operation, const Shape& x, const Shape& weight,
                     const ConvOptions& options) {
  check_axes(operation, x, weight, options);
  const std::size_t s = options.stride, p = options.padding;
  const std::size_t around = multiply_sizes(2, p);
  const std::size_t height = add_sizes(x[1], around), width = add_sizes(x[2], around);
  if (height == too_large || width == too_large) {
    refuse(operation, "a padding of " + std::to_string(p) + " is too large", x, weight);
  }
  if (height < weight[0] || width < weight[1]) {
    refuse(operation,
           "the kernel must fit into the image with a padding of " + std::to_string(p) + " around",
           x, weight);
  }
  const std::size_t out_height = (height - weight[0]) / s + 1;
  const std::size_t out_width = (width - weight[1]) / s + 1;
  check_shape(operation, {x[0], out_height, out_width, weight[3]});
  return {x[0], x[1], x[2], x[3], weight[0], weight[1], weight[3], s, p, out_height, out_width};
}

ConvShape conv_transpose_shape(const char* operation, const Shape& x, const Shape& weight,
                               const ConvOptions& options) {
  check_axes(operation, x, weight, options);
  const std::size_t s = options.stride, p = options.padding;
  if (x[1] == 0 || x[2] == 0) refuse(operation, "the image must have pixels", x, weight);
  const std::size_t height = add_sizes(multiply_sizes(x[1] - 1, s), weight[0]);
  const std::size_t width = add_sizes(multiply_sizes(x[2] - 1, s), weight[1]);
  if (height == too_large || width == too_large) {
    refuse(operation, "a stride of " + std::to_string(s) + " is too large", x, weight);
  }
  const std::size_t around = multiply_sizes(2, p);
  if (height <= around || width <= around) {
    refuse(operation, "a padding of " + std::to_string(p) + " leaves nothing of the result", x,
           weight);
  }
  check_shape(operation, {x[0], height - around, width - around, weight[3]});
  return {
      x[0], height - around, width - around, weight[3], weight[0], weight[1], weight[2], s, p, x[1],
      x[2]};
}

}  // namespace nabla::detail
