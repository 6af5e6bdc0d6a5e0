// Convolution as a product of matrices: the sizes of one, and the windows ("patches") of images as
// rows of a matrix (im2col). Internal to the operations on images.
#pragma once

#include <cstddef>

#include "autograd/ops.hpp"

namespace nabla::detail {

/// y (batch, out_height, out_width, out) from x (batch, height, width, in) and a weight
/// (kernel_height, kernel_width, in, out).
struct ConvShape {
  std::size_t batch, height, width, in, kernel_height, kernel_width, out, stride, padding,
      out_height, out_width;

  std::size_t out_pixels() const { return out_height * out_width; }
  std::size_t rows() const { return batch * out_pixels(); }  ///< output pixels of all images
  std::size_t patch_size() const { return kernel_height * kernel_width * in; }
  std::size_t image_size() const { return height * width * in; }
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

/// The patches of the output pixels [first, first + count), counted through the whole batch, as
/// rows of `patches`, (count, patch_size), each in the order of the weight's first three axes. What
/// lies outside the image is 0.
void gather_patches(const ConvShape& shape, const Real* x, std::size_t first, std::size_t count,
                    Real* patches);

/// The adjoint: adds the rows of `patches` to the places in dx that they would be gathered from.
void scatter_patches(const ConvShape& shape, const Real* patches, std::size_t first,
                     std::size_t count, Real* dx);

/// dw = β dw + Σ_p parts[p], in this order. The parts of a sum are a matter of the shape alone, so
/// that it has the same bits on any number of threads.
void add_parts(const Array& parts, Real beta, Real* dw);

enum class Kernel { as_is, turned };

/// Weights (kh, kw, in, out) to (kh, kw, out, in), with the kernel turned round or not: W[u,v,c,o]
/// or W[kh − 1 − u, kw − 1 − v, c, o]. Doing it twice changes nothing.
Array exchange_channels(const Real* weight, const Shape& shape, Kernel kernel);

}  // namespace nabla::detail
