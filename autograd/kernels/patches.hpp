// Convolution as a product of matrices: the windows ("patches") of images as rows of a matrix
// (im2col).
#pragma once

#include <cstddef>

#include "autograd/kernels/conv_shape.hpp"

namespace nabla::detail {

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
