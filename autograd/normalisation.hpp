// Normalisations: x̂ = (x − μ) / √(σ² + ε), y = gain x̂ + shift. What they share; internal.
//
// The mean is kept to double precision, as a number that Real can hold, the centre, and a small
// rest, and everything is computed from x − centre: data far from 0 lose nothing in single
// precision.
//
// With r = 1 / √(σ² + ε), dz the gradient of y, and means over the n numbers that share μ and σ:
//   d gain = Σ dz x̂, d shift = Σ dz
//   dx = r (gain dz − mean(gain dz) − x̂ mean(gain dz x̂))
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "autograd/kernels/channels.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/tensor.hpp"

namespace nabla::detail {

struct Moments {
  double mean = 0, variance = 0;  // variance divided by n
};

/// Moments from the sums of x − near and (x − near)², where `near` is close to the mean.
inline Moments moments_of(double near, double first, double second, double count) {
  const double rest = first / count;
  return {near + rest, std::max(0.0, second / count - rest * rest)};
}

/// Of each channel, over all axes but the last. Throws std::invalid_argument, with `operation` in
/// front, if there is nothing to average.
std::vector<Moments> channel_moments(const char* operation, const Array& x);

/// batch_norm by the moments of x: for nn::BatchNorm, which keeps them too.
Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon,
                  std::vector<Moments> moments);

/// Throws std::invalid_argument unless gain and shift are (C,), C the last axis of x, of which
/// there must be `least_axes`.
void check_affine(const char* operation, const Tensor& x, const Tensor& gain, const Tensor& shift,
                  std::size_t least_axes);

/// Throws std::invalid_argument unless it is finite and ≥ 0.
void check_epsilon(const char* operation, Real epsilon);

/// Rows of `channels` numbers each, for a while.
class Room {
 public:
  Room(std::size_t rows, std::size_t channels)
      : channels_(channels), numbers_(empty({rows, channels})) {}
  Real* operator[](std::size_t row) { return numbers_.data() + row * channels_; }

 private:
  std::size_t channels_;
  Array numbers_;
};

/// What normalising does to one channel. `mean` = centre + rest.
struct Channel {
  double centre, rest, r, gain;

  Channel(const Moments& moments, double epsilon, Real gain)
      : centre(static_cast<double>(static_cast<Real>(moments.mean))),
        rest(moments.mean - centre),
        r(1 / std::sqrt(moments.variance + epsilon)),
        gain(static_cast<double>(gain)) {}

  // Σ dz x̂ from Σ dz and Σ dz (x − centre)
  double sum_normalised(double first, double second) const { return r * (second - rest * first); }
};

/// The map from x to z = gain x̂ + shift, as three rows of a Room.
struct ForwardMap {
  Room rows;

  explicit ForwardMap(std::size_t channels) : rows(3, channels) {}
  void set(std::size_t c, const Channel& channel, Real shift) {
    const double scale = channel.gain * channel.r;
    rows[0][c] = static_cast<Real>(channel.centre);
    rows[1][c] = static_cast<Real>(scale);
    rows[2][c] = static_cast<Real>(static_cast<double>(shift) - channel.rest * scale);
  }
  detail::ChannelMap get() { return {rows[0], rows[1], rows[2]}; }
};

/// The map from dz and x to dx; the means are those of gain dz and of gain dz x̂.
struct BackwardMap {
  Room rows;

  explicit BackwardMap(std::size_t channels) : rows(4, channels) {}
  void set(std::size_t c, const Channel& channel, double mean_dz, double mean_dz_x) {
    const double of_x = -channel.r * channel.r * mean_dz_x;
    rows[0][c] = static_cast<Real>(channel.centre);
    rows[1][c] = static_cast<Real>(channel.r * channel.gain);
    rows[2][c] = static_cast<Real>(of_x);
    rows[3][c] = static_cast<Real>(-channel.r * mean_dz - channel.rest * of_x);
  }
  Block::Gradient get() { return {rows[0], rows[1], rows[2], rows[3]}; }
};

/// All numbers but for the channels, cut into blocks of rows.
struct RowBlocks {
  std::size_t rows, channels, step;

  explicit RowBlocks(const Array& x)
      : rows(x.size() / std::max<std::size_t>(1, x.shape().back())),
        channels(x.shape().back()),
        step(std::max<std::size_t>(64, (1u << 15) / std::max<std::size_t>(1, channels))) {}

  std::size_t blocks() const { return (rows + step - 1) / step; }

  // Calls job(number of the block, block, where it starts in memory).
  template <class Job>
  void for_each_block(const Job& job) const {
    for_each_job(blocks(), rows * channels, [&](std::size_t i) {
      job(i, Block{std::min(step, rows - i * step), channels}, i * step * channels);
    });
  }
};

/// Calls walk(dx, beta) whether or not a gradient for x is wanted; dx is null if not.
template <class Walk>
void with_gradient_of(Node& x, const Walk& walk) {
  if (!x.requires_grad()) return walk(nullptr, Real(0));
  x.accumulate_with([&](Array& dx, Real beta) { walk(dx.data(), beta); });
}

/// Adds the sums of each part, (parts, channels), in a fixed order.
void accumulate_sums(const Array& parts, Node& target);

}  // namespace nabla::detail
