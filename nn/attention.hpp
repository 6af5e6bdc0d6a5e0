// Attention between the positions of an image.
#pragma once

#include <cstddef>

#include "autograd/random.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"
#include "nn/norm.hpp"

namespace nabla::nn {

struct AttentionOptions {
  /// The last weight starts at 0, and the layer as the identity.
  bool zero_output = true;
};

/// y = x + W₂ (softmax(q kᵀ / √d) v), where q, k, v = W₁ group_norm(x), for x (B, h, w, C): each of
/// the h w positions looks at all others of its image; the heads do so each with d = C / heads
/// channels of their own. Vaswani et al. 2017, arXiv:1706.03762, eq. 1; as a layer of a U-Net Ho,
/// Jain & Abbeel 2020, arXiv:2006.11239, appendix B. Children "norm", "qkv" and "output".
class SelfAttention2d : public Module {
 public:
  /// Throws std::invalid_argument unless heads and groups divide the channels.
  SelfAttention2d(std::size_t channels, std::size_t heads, std::size_t groups, Rng& rng,
                  const AttentionOptions& options = {});

  Tensor operator()(const Tensor& x) const;

 private:
  std::size_t channels_, heads_;
  GroupNorm norm_;
  Linear qkv_, output_;
};

}  // namespace nabla::nn
