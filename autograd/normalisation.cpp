// Normalisation over the batch and over the last axis; that over groups is in group_norm.cpp.
#include "autograd/normalisation.hpp"

#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla {
namespace detail {

void check_epsilon(const char* operation, Real epsilon) {
  check_number(std::isfinite(epsilon) && epsilon >= 0, operation, "epsilon", epsilon,
               "finite and ≥ 0");
}

void check_affine(const char* operation, const Tensor& x, const Tensor& gain, const Tensor& shift,
                  std::size_t least_axes) {
  if (x.ndim() < least_axes) {
    throw std::invalid_argument(std::string(operation) + ": the input needs at least " +
                                std::to_string(least_axes) + (least_axes == 1 ? " axis" : " axes") +
                                ", got " + to_string(x.shape()));
  }
  const Shape channels{x.size(-1)};
  if (gain.shape() == channels && shift.shape() == channels) return;
  throw std::invalid_argument(std::string(operation) + ": gain and shift must have shape " +
                              to_string(channels) + " for the input " + to_string(x.shape()) +
                              ", got " + to_string(gain.shape()) + " and " +
                              to_string(shift.shape()));
}

void accumulate_sums(const Array& parts, Node& target) {
  if (!target.requires_grad()) return;
  Array sums = empty(target.value.shape());
  sum_middle(parts.data(), sums.data(), {1, parts.shape()[0], parts.shape()[1]});
  target.accumulate(std::move(sums));
}

}  // namespace detail

// Batch normalisation ---------------------------------------------------------------------------

namespace {

using detail::BackwardMap;
using detail::Block;
using detail::Channel;
using detail::ForwardMap;
using detail::Moments;
using detail::RowBlocks;

// Σ over the blocks, in order and in double.
double column_sum(const Array& parts, std::size_t c) {
  double total = 0;
  for (std::size_t i = 0; i < parts.shape()[0]; ++i) total += static_cast<double>(parts(i, c));
  return total;
}

void batch_norm_backward(const std::vector<Moments>& moments, double epsilon, Node& out, Node& x,
                         Node& gain, Node& shift) {
  const RowBlocks batch(x.value);
  const double count = static_cast<double>(batch.rows);
  const auto channel = [&](std::size_t c) { return Channel(moments[c], epsilon, gain.value(c)); };
  ForwardMap map(batch.channels);
  for (std::size_t c = 0; c < batch.channels; ++c) map.set(c, channel(c), shift.value(c));
  Array first = empty({batch.blocks(), batch.channels});
  Array second = empty({batch.blocks(), batch.channels});
  const Real* const dy = out.grad().data();
  batch.for_each_block([&, rows = map.get()](std::size_t i, const Block& block, std::size_t at) {
    block.sum_gradients<false>(rows, x.value.data() + at, dy + at, nullptr,
                               first.data() + i * batch.channels,
                               second.data() + i * batch.channels);
  });
  BackwardMap back(batch.channels);
  Array of_gain = empty({batch.channels}), of_shift = empty({batch.channels});
  for (std::size_t c = 0; c < batch.channels; ++c) {
    const Channel of_c = channel(c);
    const double sum = column_sum(first, c);
    const double normalised = of_c.sum_normalised(sum, column_sum(second, c));
    back.set(c, of_c, of_c.gain * sum / count, of_c.gain * normalised / count);
    of_shift(c) = static_cast<Real>(sum);
    of_gain(c) = static_cast<Real>(normalised);
  }
  x.accumulate_with([&](Array& dx, Real beta) {
    batch.for_each_block([&, rows = back.get()](std::size_t, const Block& block, std::size_t at) {
      block.gradient(rows, x.value.data() + at, dy + at, beta, dx.data() + at);
    });
  });
  gain.accumulate(std::move(of_gain));
  shift.accumulate(std::move(of_shift));
}

}  // namespace

std::vector<Moments> detail::channel_moments(const char* operation, const Array& x) {
  if (x.size() == 0) {
    throw std::invalid_argument(std::string(operation) + ": an empty batch has no mean, got " +
                                to_string(x.shape()));
  }
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
    moments.push_back(detail::moments_of(static_cast<double>(near(c)), column_sum(first, c),
                                         column_sum(second, c), count));
  }
  return moments;
}

Tensor detail::batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon,
                          std::vector<Moments> moments) {
  const RowBlocks batch(x.value());
  const double e = static_cast<double>(epsilon);
  ForwardMap map(batch.channels);
  for (std::size_t c = 0; c < batch.channels; ++c) {
    map.set(c, Channel(moments[c], e, gain.value()(c)), shift.value()(c));
  }
  Array y = empty(x.shape());
  batch.for_each_block([&, rows = map.get()](std::size_t, const Block& block, std::size_t at) {
    block.apply<false>(rows, x.value().data() + at, y.data() + at);
  });
  auto backward = [e, moments = std::move(moments)](Node& out, Node& x, Node& gain, Node& shift) {
    batch_norm_backward(moments, e, out, x, gain, shift);
  };
  return record("batch_norm", std::move(y), std::move(backward), x, gain, shift);
}

Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon) {
  detail::check_affine("batch_norm", x, gain, shift, 2);
  detail::check_epsilon("batch_norm", epsilon);
  return detail::batch_norm(x, gain, shift, epsilon,
                            detail::channel_moments("batch_norm", x.value()));
}

// Layer normalisation ---------------------------------------------------------------------------

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
  using detail::Vectors;
  const double count = static_cast<double>(channels);
  const double sum = detail::sum_along<1>(channels, [&](std::size_t c, const auto& column) {
    return Vectors<1>{column.load(x + c)};
  })[0];
  const Real near = static_cast<Real>(sum / count);
  const std::array<double, 2> sums =
      detail::sum_along<2>(channels, [&](std::size_t c, const auto& column) {
        const simd::Vector d = column.load(x + c) - simd::Vector(near);
        return Vectors<2>{d, d * d};
      });
  return detail::moments_of(static_cast<double>(near), sums[0], sums[1], count);
}

// One row of dx; adds the row's share to d gain and d shift.
void row_backward(std::size_t channels, const RowMap& map, const Real* x, const Real* gain,
                  const Real* dy, Real beta, Real* dx, Real* of_gain, Real* of_shift) {
  using detail::Vectors;
  const std::array<double, 2> sums =
      detail::sum_along<2>(channels, [&](std::size_t c, const auto& column) {
        const simd::Vector g = column.load(dy + c), normalised = map(column.load(x + c));
        const simd::Vector product = g * normalised, of_x = g * column.load(gain + c);
        column.store(of_gain + c, column.load(of_gain + c) + product);
        column.store(of_shift + c, column.load(of_shift + c) + g);
        return Vectors<2>{of_x, of_x * normalised};
      });
  if (dx == nullptr) return;
  const simd::Vector mean(static_cast<Real>(sums[0] / static_cast<double>(channels)));
  const simd::Vector slope(static_cast<Real>(sums[1] / static_cast<double>(channels)));
  detail::for_each_column(channels, [&](std::size_t c, const auto& column) {
    const simd::Vector g = column.load(dy + c) * column.load(gain + c) - mean;
    const simd::Vector d = simd::Vector(map.scale) * (g - slope * map(column.load(x + c)));
    column.store(dx + c, beta == 0 ? d : simd::Vector(d + column.load(dx + c)));
  });
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon) {
  detail::check_affine("layer_norm", x, gain, shift, 1);
  detail::check_epsilon("layer_norm", epsilon);
  const double e = static_cast<double>(epsilon);
  const RowBlocks batch(x.value());
  const std::size_t C = batch.channels;
  std::vector<Moments> moments(C == 0 ? 0 : batch.rows);
  Array y = empty(x.shape());
  batch.for_each_block([&](std::size_t, const Block& block, std::size_t at) {
    for (std::size_t row = 0; row < block.rows; ++row, at += C) {
      const Real* const from = x.value().data() + at;
      const RowMap map(moments[at / C] = row_moments(C, from), e);
      detail::for_each_column(C, [&](std::size_t c, const auto& column) {
        column.store(y.data() + at + c, simd::multiply_add(map(column.load(from + c)),
                                                           column.load(gain.value().data() + c),
                                                           column.load(shift.value().data() + c)));
      });
    }
  });
  auto backward = [e, moments = std::move(moments)](Node& out, Node& x, Node& gain, Node& shift) {
    const RowBlocks batch(x.value);
    const std::size_t C = batch.channels;
    Array of_gain = zeros({batch.blocks(), C}), of_shift = of_gain;
    detail::with_gradient_of(x, [&](Real* dx, Real beta) {
      batch.for_each_block([&](std::size_t i, const Block& block, std::size_t at) {
        constexpr std::size_t most = 64;  // rows that are added up before the sums go to double
        std::vector<double> sums(2 * C);
        for (std::size_t row = 0; row < block.rows;) {
          Array part = zeros({2, C});
          for (const std::size_t end = std::min(block.rows, row + most); row < end;
               ++row, at += C) {
            row_backward(C, RowMap(moments[at / C], e), x.value.data() + at, gain.value.data(),
                         out.grad().data() + at, beta, dx == nullptr ? nullptr : dx + at,
                         part.data(), part.data() + C);
          }
          for (std::size_t c = 0; c < 2 * C; ++c) sums[c] += static_cast<double>(part.data()[c]);
        }
        for (std::size_t c = 0; c < C; ++c) {
          of_gain(i, c) = static_cast<Real>(sums[c]);
          of_shift(i, c) = static_cast<Real>(sums[C + c]);
        }
      });
    });
    detail::accumulate_sums(of_gain, gain);
    detail::accumulate_sums(of_shift, shift);
  };
  return record("layer_norm", std::move(y), std::move(backward), x, gain, shift);
}

}  // namespace nabla
