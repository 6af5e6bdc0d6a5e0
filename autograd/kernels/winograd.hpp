// 3 × 3 convolutions of stride 1 in a quarter of the multiplications, but for tiles that reach over
// the edge. Internal: conv2d() in ops.hpp is the door.
//   Winograd 1980, Arithmetic Complexity of Computations; Lavin & Gray 2016, arXiv:1509.09308,
//   F(4 × 4, 3 × 3).
//
//   y = Aᵀ ((G w Gᵀ) ⊙ (Bᵀ x B)) A        a tile of 4 × 4 pixels y from 6 × 6 pixels x
//
// ⊙ is a product of numbers for one channel. For C channels in and O out it is, at each of the 36
// positions, a matrix product (tiles, C) × (C, O).
#pragma once

#include "autograd/kernels/patches.hpp"

namespace nabla::detail {

/// True for 3 × 3 kernels of stride 1, padding up to 2 and enough channels on both sides.
bool suits_winograd(const ConvShape& shape);

/// What is computed from a tile is right to some 1e-6 of its largest number, also where that is not
/// in the window of an output. So tiles with a number beyond this, an infinity or NaN are computed
/// by the plain sum instead. Weights are for the caller to check.
constexpr Real moderate = 2048;
bool are_moderate(const Real* numbers, std::size_t count);

/// y = conv(x, w) + bias + residual: x (B, h, w, C), weight (3, 3, C, O), y (B, h', w', O), and
/// residual like y, or null. The bias is (O,) or, bias_per_image, (B, O). y may be the residual.
void winograd_forward(const ConvShape& shape, const Real* x, const Real* weight, const Real* bias,
                      bool bias_per_image, const Real* residual, Real* y);

/// dx = beta dx + the gradient for x, of the gradient dy for y. dx may be uninitialised at beta 0.
void winograd_input_gradient(const ConvShape& shape, const Real* dy, const Real* weight, Real beta,
                             Real* dx);

/// dw = beta dw + the gradient for the weight.
void winograd_weight_gradient(const ConvShape& shape, const Real* x, const Real* dy, Real beta,
                              Real* dw);

}  // namespace nabla::detail
