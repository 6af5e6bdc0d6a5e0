// The network that looks at a noisy image and says what in it is noise: a U-Net.
//   Ho, Jain, Abbeel 2020, "Denoising Diffusion Probabilistic Models", arXiv:2006.11239, App. B;
//   Ronneberger, Fischer, Brox 2015, "U-Net", arXiv:1505.04597.
//
//   28 × 28, C    conv · block ──────────────────────── join · block · norm, SiLU, conv → ε
//                          ↓                              ↑
//   14 × 14, 2C            conv · block ──────── join · block · double, conv
//                                   ↓              ↑
//    7 ×  7, 2C                     conv · block · attention · double, conv
//
// The paper's network, but smaller: two halvings, one block at a level, two blocks less at the
// bottom. At 7 × 7 every pixel has seen the whole image; what the joins carry over, channels beside
// channels, puts the details back in place.
//
// Legend: B batch, h × w pixels, C base channels, E = 4 C numbers that say which time it is.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/random.hpp"
#include "autograd/tensor.hpp"
#include "nn/attention.hpp"
#include "nn/conv.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"
#include "nn/norm.hpp"

namespace nabla::models {

/// h = conv(silu(norm(x))) + what the time says, y = conv(silu(norm(h))) + x: the block of a
/// residual network (He et al. 2016, arXiv:1512.03385) that knows the time. Where x has another
/// number of channels than y, a 1 × 1 convolution takes it there.
class ResidualBlock : public nn::Module {
 public:
  /// `times` is E. The second convolution starts at 0: the block begins as the identity.
  ResidualBlock(std::size_t in, std::size_t out, std::size_t times, Rng& rng);

  /// x (B, h, w, in), time (B, E) → (B, h, w, out)
  Tensor operator()(const Tensor& x, const Tensor& time) const;

 private:
  nn::GroupNorm norm1_, norm2_;
  nn::Linear time_;
  nn::Conv2d conv1_, conv2_;
  std::vector<nn::Conv2d> skip_;  // none, or one
};

struct UNetOptions {
  std::size_t height = 28, width = 28;  ///< multiples of 4
  std::size_t channels = 1;             ///< of the image
  std::size_t base = 32;                ///< C, a multiple of 8
  std::size_t classes = 0;              ///< K > 0: it may be told the class of the image
};

class UNet : public nn::Module {
 public:
  /// Throws std::invalid_argument on sizes that are no such multiples.
  UNet(const UNetOptions& options, Rng& rng);

  /// x (B, h · w · channels), one image a row; t (B,), from 0 to about 1000; classes (B,), −1 where
  /// the class is not told, and of any content without classes → (B, h · w · channels). Throws
  /// std::invalid_argument on other shapes and classes.
  Tensor operator()(const Tensor& x, const Array& t, const IndexArray& classes) const;

 private:
  Tensor time_and_class(const Array& t, const IndexArray& classes) const;  // (B, E)

  UNetOptions options_;
  nn::MLP time_;
  std::vector<nn::Embedding> class_;  // none, or one of K + 1 rows: the last for "not told"
  nn::Conv2d in_;
  ResidualBlock full_;
  nn::Conv2d to_half_;
  ResidualBlock half_;
  nn::Conv2d to_quarter_;
  ResidualBlock quarter_;
  nn::SelfAttention2d attention_;
  nn::Conv2d back_to_half_;
  ResidualBlock joined_half_;
  nn::Conv2d back_to_full_;
  ResidualBlock joined_full_;
  nn::GroupNorm norm_;
  nn::Conv2d out_;
};

}  // namespace nabla::models
