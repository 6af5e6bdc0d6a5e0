#include "nn/attention.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "autograd/ops.hpp"

namespace nabla::nn {
namespace {

LinearOptions output_options(const AttentionOptions& options) {
  return {true, options.zero_output ? init::zeros() : nullptr};
}

std::ptrdiff_t as_size(std::size_t n) {
  return static_cast<std::ptrdiff_t>(n);
}

}  // namespace

SelfAttention2d::SelfAttention2d(std::size_t channels, std::size_t heads, std::size_t groups,
                                 Rng& rng, const AttentionOptions& options)
    : channels_(channels),
      heads_(heads),
      norm_(groups, channels),
      qkv_(channels, 3 * channels, rng),
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
  const std::size_t of_head = channels_ / heads_;
  const std::ptrdiff_t B = as_size(x.size(0)), N = as_size(x.size(1) * x.size(2));
  const std::ptrdiff_t H = as_size(heads_), d = as_size(of_head);
  const std::vector<Tensor> parts = split(qkv_(norm_(x)), {channels_, channels_, channels_}, -1);
  const auto by_head = [&](const Tensor& t, const Axes& order) {
    return permute(reshape(t, {B, N, H, d}), order);
  };
  const Real scale = 1 / std::sqrt(static_cast<Real>(of_head));
  const Tensor q = by_head(parts[0] * scale, {0, 2, 1, 3});  // (B, H, N, d)
  const Tensor k = by_head(parts[1], {0, 2, 3, 1});          // (B, H, d, N)
  const Tensor v = by_head(parts[2], {0, 2, 1, 3});
  const Tensor seen = permute(matmul(softmax(matmul(q, k)), v), {0, 2, 1, 3});  // (B, N, H, d)
  const std::vector<std::ptrdiff_t> shape(x.shape().begin(), x.shape().end());
  return x + output_(reshape(seen, shape));
}

}  // namespace nabla::nn
