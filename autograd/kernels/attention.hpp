// Attention of all positions of an image to each other, softmax(q kᵀ / √d) v, in heads.
#pragma once

#include <cstddef>

#include "autograd/array.hpp"

namespace nabla::detail {

/// `images` of `positions`, each of which has q, k and v side by side, `channels` numbers each, cut
/// into `count` heads.
struct Heads {
  std::size_t images, positions, channels, count;

  std::size_t width() const { return channels / count; }  // of a head
};

/// y (images, positions, channels) from qkv (images, positions, 3 channels)
void attention_forward(const Heads& heads, const Real* qkv, Real* y);

/// dqkv = β dqkv + the gradient for qkv, of the gradient dy for y. β is 0 or 1; for 0 dqkv may be
/// uninitialised.
void attention_backward(const Heads& heads, const Real* qkv, const Real* dy, Real beta, Real* dqkv);

}  // namespace nabla::detail
