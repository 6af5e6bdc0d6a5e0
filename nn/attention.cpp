#include "nn/attention.hpp"

#include <stdexcept>
#include <string>

#include "autograd/ops.hpp"

namespace nabla::nn {
namespace {

LinearOptions output_options(const AttentionOptions& options) {
  return {true, options.zero_output ? init::zeros() : nullptr};
}

}  // namespace

SelfAttention2d::SelfAttention2d(std::size_t channels, std::size_t heads, std::size_t groups,
                                 Rng& rng, const AttentionOptions& options)
    : channels_(channels),
      heads_(heads),
      norm_(groups, channels),
      qkv_(channels, multiply_sizes(3, channels), rng),
      output_(channels, channels, rng, output_options(options)) {
  if (heads == 0 || channels % heads != 0) {
    throw std::invalid_argument("SelfAttention2d: the heads must divide the channels, got " +
                                std::to_string(heads) + " and " + std::to_string(channels));
  }
  children({{"norm", norm_}, {"qkv", qkv_}, {"output", output_}});
}

Tensor SelfAttention2d::operator()(const Tensor& x) const {
  if (x.ndim() != 4 || x.size(3) != channels_) {
    throw std::invalid_argument("SelfAttention2d: the input is (B, h, w, " +
                                std::to_string(channels_) + "), got " + to_string(x.shape()));
  }
  return x + output_(attention(qkv_(norm_(x)), heads_));
}

}  // namespace nabla::nn
