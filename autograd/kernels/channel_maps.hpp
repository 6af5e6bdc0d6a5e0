// What normalising does to each channel, as rows of constants for the blocks of channels.hpp:
// shared by the normalisations of normalise.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "autograd/array.hpp"
#include "autograd/kernels/channels.hpp"
#include "autograd/kernels/moments.hpp"
#include "autograd/kernels/reduction.hpp"

namespace nabla::detail {

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
  ChannelMap get() { return {rows[0], rows[1], rows[2]}; }
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

/// The sum of the parts, (parts, channels), in a fixed order.
inline Array sum_parts(const Array& parts) {
  Array sums = empty({parts.shape()[1]});
  sum_middle(parts.data(), sums.data(), {1, parts.shape()[0], parts.shape()[1]});
  return sums;
}

}  // namespace nabla::detail
