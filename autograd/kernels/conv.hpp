// Convolution: the three maps that its operations are made of. Patches of the image times the
// weight as a matrix: what bounds them is the product; the patches of a block of output pixels stay
// in the cache, and those of a whole batch never lie in memory. For 3 × 3 there is something
// better, in winograd.cpp.
//
// x (batch, height, width, in), W (kernel_height, kernel_width, in, out) and y (batch, out_height,
// out_width, out) as the shape says; dx, dW, dy are gradients. β is 0 or 1; for 0 what is written
// to may be uninitialised.
#pragma once

#include "autograd/kernels/conv_shape.hpp"

namespace nabla::detail {

/// y = x ∗ W + bias + residual. The bias is (out,), or (batch, out) if it is per image; it and the
/// residual may be null, and the residual may be y itself.
void conv_forward(const ConvShape& shape, const Real* x, const Real* weight, const Real* bias,
                  bool bias_per_image, const Real* residual, Real* y);

/// dx = β dx + the adjoint of ∗ W, applied to dy
void conv_input_gradient(const ConvShape& shape, const Real* dy, const Real* weight, Real beta,
                         Real* dx);

/// dW = β dW + Σ_pixels patchᵀ dy
void conv_weight_gradient(const ConvShape& shape, const Real* x, const Real* dy, Real beta,
                          Real* dw);

/// The same in plain loops, as the sums are declared: what the faster ways are held against, and
/// the way for numbers that they cannot take.
void conv_forward_plainly(const ConvShape& shape, const Real* x, const Real* weight,
                          const Real* bias, bool bias_per_image, const Real* residual, Real* y);
void conv_input_gradient_plainly(const ConvShape& shape, const Real* dy, const Real* weight,
                                 Real beta, Real* dx);
void conv_weight_gradient_plainly(const ConvShape& shape, const Real* x, const Real* dy, Real beta,
                                  Real* dw);

}  // namespace nabla::detail
