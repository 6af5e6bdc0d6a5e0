// The network of a diffusion over points: a residual MLP that is told the time.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/random.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"

namespace nabla::models {

struct DenoisingMlpOptions {
  std::size_t data = 2;     ///< D
  std::size_t width = 128;  ///< H
  std::size_t blocks = 3;
  std::size_t classes = 0;  ///< 0: it is not told any
  /// Each coordinate also enters as sin(2ᵏ x), cos(2ᵏ x) for k < waves: an MLP alone is slow to
  /// learn what varies quickly (Tancik et al. 2020, arXiv:2006.10739). For data of variance 1.
  std::size_t waves = 4;
};

///   e  = W_2 silu(W_1 embedding(t)) + table[class]
///   h  = W x⁺ + b,   x⁺ = x and its waves
///   h ← h + W_b silu(W_a silu(h) + W_e silu(e)),   for each block
///   y  = W silu(h)
/// Children "time_in", "time_out", "class" (where there are any), "in", "block0.time", … , "out".
class DenoisingMlp : public nn::Module {
 public:
  DenoisingMlp(const DenoisingMlpOptions& options, Rng& rng);

  /// A Denoiser: x (B, D), time (B,) from 0 to 1000, classes (B,), −1 for "not told" → (B, D).
  Tensor operator()(const Tensor& x, const Array& time, const IndexArray& classes) const;

 private:
  struct Block : nn::Module {
    Block(std::size_t width, Rng& rng);
    Tensor operator()(const Tensor& h, const Tensor& e) const;
    nn::Linear time, in, out;
  };

  DenoisingMlpOptions options_;
  nn::Linear time_in_, time_out_;
  std::vector<nn::Embedding> class_;  // one, or none
  nn::Linear in_;
  std::vector<Block> blocks_;
  nn::Linear out_;
};

}  // namespace nabla::models
