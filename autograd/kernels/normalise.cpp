// Normalisation over the batch and over the last axis; that over groups is in normalise_groups.cpp.
#include "autograd/kernels/normalise.hpp"

#include "autograd/kernels/channel_maps.hpp"

namespace nabla::detail {

// Of channels -------------------------------------------------------------------------------------

namespace {

// Σ over the blocks, in order and in double.
double column_sum(const Array& parts, std::size_t c) {
  double total = 0;
  for (std::size_t i = 0; i < parts.shape()[0]; ++i) total += static_cast<double>(parts(i, c));
  return total;
}

}  // namespace

std::vector<Moments> channel_moments(const Array& x) {
  const RowBlocks batch(x);
  const double count = static_cast<double>(batch.rows);
  Array first = empty({batch.blocks(), batch.channels});
  Array second = empty({batch.blocks(), batch.channels});
  batch.for_each_block([&](std::size_t i, const Block& block, std::size_t at) {
    block.sum(x.data() + at, first.data() + i * batch.channels);
  });
  Array near = empty({batch.channels});
  for (std::size_t c = 0; c < batch.channels; ++c) {
    near(c) = static_cast<Real>(column_sum(first, c) / count);
  }
  batch.for_each_block([&](std::size_t i, const Block& block, std::size_t at) {
    block.sum_deviations(x.data() + at, near.data(), first.data() + i * batch.channels,
                         second.data() + i * batch.channels);
  });
  std::vector<Moments> moments;
  for (std::size_t c = 0; c < batch.channels; ++c) {
    moments.push_back(moments_of(static_cast<double>(near(c)), column_sum(first, c),
                                 column_sum(second, c), count));
  }
  return moments;
}

void normalise_channels(const Array& x, const Real* gain, const Real* shift, double epsilon,
                        const std::vector<Moments>& moments, Real* y) {
  const RowBlocks batch(x);
  ForwardMap map(batch.channels);
  for (std::size_t c = 0; c < batch.channels; ++c) {
    map.set(c, Channel(moments[c], epsilon, gain[c]), shift[c]);
  }
  batch.for_each_block([&, rows = map.get()](std::size_t, const Block& block, std::size_t at) {
    block.apply<false>(rows, x.data() + at, y + at);
  });
}

AffineGradients normalise_channels_back(const Array& x, const Real* gain, const Real* shift,
                                        double epsilon, const std::vector<Moments>& moments,
                                        const Real* dy, Real beta, Real* dx) {
  const RowBlocks batch(x);
  const double count = static_cast<double>(batch.rows);
  const auto channel = [&](std::size_t c) { return Channel(moments[c], epsilon, gain[c]); };
  ForwardMap map(batch.channels);
  for (std::size_t c = 0; c < batch.channels; ++c) map.set(c, channel(c), shift[c]);
  Array first = empty({batch.blocks(), batch.channels});
  Array second = empty({batch.blocks(), batch.channels});
  batch.for_each_block([&, rows = map.get()](std::size_t i, const Block& block, std::size_t at) {
    block.sum_gradients<false>(rows, x.data() + at, dy + at, nullptr,
                               first.data() + i * batch.channels,
                               second.data() + i * batch.channels);
  });
  BackwardMap back(batch.channels);
  AffineGradients sums{empty({batch.channels}), empty({batch.channels})};
  for (std::size_t c = 0; c < batch.channels; ++c) {
    const Channel of_c = channel(c);
    const double sum = column_sum(first, c);
    const double normalised = of_c.sum_normalised(sum, column_sum(second, c));
    back.set(c, of_c, of_c.gain * sum / count, of_c.gain * normalised / count);
    sums.shift(c) = static_cast<Real>(sum);
    sums.gain(c) = static_cast<Real>(normalised);
  }
  if (dx == nullptr) return sums;
  batch.for_each_block([&, rows = back.get()](std::size_t, const Block& block, std::size_t at) {
    block.gradient(rows, x.data() + at, dy + at, beta, dx + at);
  });
  return sums;
}

// Of rows -----------------------------------------------------------------------------------------

namespace {

// x̂ = scale x + … of a row, in the form scale (x − centre) − rest.
struct RowMap {
  Real centre, scale, rest;

  RowMap(const Moments& moments, double epsilon) {
    const Channel row(moments, epsilon, 1);
    centre = static_cast<Real>(row.centre);
    scale = static_cast<Real>(row.r);
    rest = static_cast<Real>(row.rest * row.r);
  }
  simd::Vector operator()(const simd::Vector& x) const {
    return simd::multiply_add(simd::Vector(scale), x - simd::Vector(centre), -simd::Vector(rest));
  }
};

Moments row_moments(std::size_t channels, const Real* x) {
  const double count = static_cast<double>(channels);
  const double sum = sum_along<1>(channels, [&](std::size_t c, const auto& column) {
    return Vectors<1>{column.load(x + c)};
  })[0];
  const Real near = static_cast<Real>(sum / count);
  const std::array<double, 2> sums = sum_along<2>(channels, [&](std::size_t c, const auto& column) {
    const simd::Vector d = column.load(x + c) - simd::Vector(near);
    return Vectors<2>{d, d * d};
  });
  return moments_of(static_cast<double>(near), sums[0], sums[1], count);
}

// One row of dx; adds the row's share to d gain and d shift.
void row_backward(std::size_t channels, const RowMap& map, const Real* x, const Real* gain,
                  const Real* dy, Real beta, Real* dx, Real* of_gain, Real* of_shift) {
  const std::array<double, 2> sums = sum_along<2>(channels, [&](std::size_t c, const auto& column) {
    const simd::Vector g = column.load(dy + c), normalised = map(column.load(x + c));
    const simd::Vector product = g * normalised, of_x = g * column.load(gain + c);
    column.store(of_gain + c, column.load(of_gain + c) + product);
    column.store(of_shift + c, column.load(of_shift + c) + g);
    return Vectors<2>{of_x, of_x * normalised};
  });
  if (dx == nullptr) return;
  const simd::Vector mean(static_cast<Real>(sums[0] / static_cast<double>(channels)));
  const simd::Vector slope(static_cast<Real>(sums[1] / static_cast<double>(channels)));
  for_each_column(channels, [&](std::size_t c, const auto& column) {
    const simd::Vector g = column.load(dy + c) * column.load(gain + c) - mean;
    const simd::Vector d = simd::Vector(map.scale) * (g - slope * map(column.load(x + c)));
    column.store(dx + c, beta == 0 ? d : simd::Vector(d + column.load(dx + c)));
  });
}

}  // namespace

std::vector<Moments> normalise_rows(const Array& x, const Real* gain, const Real* shift,
                                    double epsilon, Real* y) {
  const RowBlocks batch(x);
  const std::size_t C = batch.channels;
  std::vector<Moments> moments(C == 0 ? 0 : batch.rows);
  batch.for_each_block([&](std::size_t, const Block& block, std::size_t at) {
    for (std::size_t row = 0; row < block.rows; ++row, at += C) {
      const Real* const from = x.data() + at;
      const RowMap map(moments[at / C] = row_moments(C, from), epsilon);
      for_each_column(C, [&](std::size_t c, const auto& column) {
        column.store(y + at + c, simd::multiply_add(map(column.load(from + c)),
                                                    column.load(gain + c), column.load(shift + c)));
      });
    }
  });
  return moments;
}

AffineGradients normalise_rows_back(const Array& x, const Real* gain, double epsilon,
                                    const std::vector<Moments>& moments, const Real* dy, Real beta,
                                    Real* dx) {
  const RowBlocks batch(x);
  const std::size_t C = batch.channels;
  Array of_gain = zeros({batch.blocks(), C}), of_shift = of_gain;
  batch.for_each_block([&](std::size_t i, const Block& block, std::size_t at) {
    constexpr std::size_t most = 64;  // rows that are added up before the sums go to double
    std::vector<double> sums(2 * C);
    for (std::size_t row = 0; row < block.rows;) {
      Array part = zeros({2, C});
      for (const std::size_t end = std::min(block.rows, row + most); row < end; ++row, at += C) {
        row_backward(C, RowMap(moments[at / C], epsilon), x.data() + at, gain, dy + at, beta,
                     dx == nullptr ? nullptr : dx + at, part.data(), part.data() + C);
      }
      for (std::size_t c = 0; c < 2 * C; ++c) sums[c] += static_cast<double>(part.data()[c]);
    }
    for (std::size_t c = 0; c < C; ++c) {
      of_gain(i, c) = static_cast<Real>(sums[c]);
      of_shift(i, c) = static_cast<Real>(sums[C + c]);
    }
  });
  return {sum_parts(of_gain), sum_parts(of_shift)};
}

}  // namespace nabla::detail
