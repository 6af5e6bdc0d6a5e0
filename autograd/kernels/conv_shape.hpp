// The sizes of a convolution, checked once for the operations and all that computes them.
#pragma once

#include <cstddef>

#include "autograd/array.hpp"

namespace nabla {

/// Of a convolution, the same along both axes of an image.
struct ConvOptions {
  std::size_t stride = 1, padding = 0;
};

namespace detail {

/// y (batch, out_height, out_width, out) from x (batch, height, width, in) and a weight
/// (kernel_height, kernel_width, in, out).
struct ConvShape {
  std::size_t batch, height, width, in, kernel_height, kernel_width, out, stride, padding,
      out_height, out_width;

  std::size_t out_pixels() const { return out_height * out_width; }
  std::size_t rows() const { return batch * out_pixels(); }  ///< output pixels of all images
  std::size_t patch_size() const { return kernel_height * kernel_width * in; }
  std::size_t image_size() const { return height * width * in; }
  Shape result() const { return {batch, out_height, out_width, out}; }
  Shape weight() const { return {kernel_height, kernel_width, in, out}; }
  std::size_t multiplications() const { return rows() * patch_size() * out; }
};

/// The sizes of a convolution. Throws std::invalid_argument, with `operation` in front, unless x
/// and weight have 4 axes, their channels agree and the kernel fits into the padded image.
ConvShape conv_shape(const char* operation, const Shape& x, const Shape& weight,
                     const ConvOptions& options);

/// The transposed convolution of x (B, h, w, C) by weight (kh, kw, C, O) as the convolution that it
/// is the adjoint of: from its result, (B, h', w', O), to x. Throws likewise.
ConvShape conv_transpose_shape(const char* operation, const Shape& x, const Shape& weight,
                               const ConvOptions& options);

}  // namespace detail
}  // namespace nabla
