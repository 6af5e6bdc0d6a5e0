// Rows of numbers with channels last, register by register: what normalisations share. Internal.
//
// A block is rows × channels in memory. It is walked by columns, as wide as a register: constants
// that belong to a channel stay in registers, and sums over the rows too.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "autograd/kernels/functions.hpp"

namespace nabla::detail {

/// A column of a full register, or, at the end, of fewer channels: the other lanes are 0.
struct WholeColumn {
  simd::Vector load(const Real* p) const { return simd::load(p); }
  void store(Real* p, const simd::Vector& v) const { simd::store(p, v); }
  Real sum(const simd::Vector& v) const { return simd::sum_lanes(v); }
};
struct PartOfColumn {
  std::size_t channels;

  simd::Vector load(const Real* p) const { return simd::load_part(p, channels); }
  void store(Real* p, const simd::Vector& v) const { simd::store_part(p, v, channels); }
  Real sum(const simd::Vector& v) const {
    Real room[simd::lanes], total = 0;
    simd::store(room, v);
    for (std::size_t c = 0; c < channels; ++c) total += room[c];
    return total;
  }
};

/// Calls body(c, column) for the first channel of each column.
template <class Body>
void for_each_column(std::size_t channels, const Body& body) {
  std::size_t c = 0;
  for (; c + simd::lanes <= channels; c += simd::lanes) body(c, WholeColumn{});
  if constexpr (simd::lanes > 1) {  // one lane leaves no rest, which g++ from 14 on does not see
    if (c < channels) body(c, PartOfColumn{channels - c});
  }
}

template <std::size_t K>
using Vectors = std::array<simd::Vector, K>;

/// The sums of K quantities over rows [begin, end), term(r) being those of a row. Four sums side by
/// side hide the time of an addition; long ones are added as a tree, for precision.
template <std::size_t K, class Term>
Vectors<K> sum_rows(std::size_t begin, std::size_t end, const Term& term) {
  constexpr std::size_t chains = 4, longest = 1024;
  if (end - begin > longest) {
    const std::size_t middle = begin + (end - begin) / 2 / chains * chains;
    Vectors<K> sums = sum_rows<K>(begin, middle, term);
    const Vectors<K> rest = sum_rows<K>(middle, end, term);
#pragma GCC unroll 4
    for (std::size_t k = 0; k < K; ++k) sums[k] = sums[k] + rest[k];
    return sums;
  }
  simd::Vector sums[chains][K];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < chains; ++i) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < K; ++k) sums[i][k] = simd::Vector(Real(0));
  }
  std::size_t r = begin;
  for (; r + chains <= end; r += chains) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < chains; ++i) {
      const Vectors<K> terms = term(r + i);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < K; ++k) sums[i][k] = sums[i][k] + terms[k];
    }
  }
  for (; r < end; ++r) {
    const Vectors<K> terms = term(r);
#pragma GCC unroll 4
    for (std::size_t k = 0; k < K; ++k) sums[0][k] = sums[0][k] + terms[k];
  }
  Vectors<K> total;
#pragma GCC unroll 4
  for (std::size_t k = 0; k < K; ++k) {
    total[k] = (sums[0][k] + sums[1][k]) + (sums[2][k] + sums[3][k]);
  }
  return total;
}

/// Sums of K quantities along one row: term(c, column) gives those of a column.
template <std::size_t K, class Term>
std::array<double, K> sum_along(std::size_t channels, const Term& term) {
  const std::size_t columns = channels / simd::lanes;
  const auto whole = [&](std::size_t i) { return term(i * simd::lanes, WholeColumn{}); };
  const Vectors<K> sums = sum_rows<K>(0, columns, whole);
  std::array<double, K> totals;
  for (std::size_t k = 0; k < K; ++k) totals[k] = static_cast<double>(simd::sum_lanes(sums[k]));
  if constexpr (simd::lanes > 1) {
    if (const std::size_t c = columns * simd::lanes; c < channels) {
      const PartOfColumn column{channels - c};
      const Vectors<K> rest = term(c, column);
      for (std::size_t k = 0; k < K; ++k) totals[k] += static_cast<double>(column.sum(rest[k]));
    }
  }
  return totals;
}

/// A value z and its activation, z σ(z) or z itself.
template <bool with_silu>
simd::Vector activated(const simd::Vector& z) {
  return with_silu ? simd::silu(z) : z;
}

/// dy times the derivative of that: σ + z σ (1 − σ).
template <bool with_silu>
simd::Vector through_activation(const simd::Vector& dy, const simd::Vector& z) {
  return with_silu ? simd::Vector(dy * simd::silu_slope(z)) : dy;
}

/// A map for each channel, z = scale (x − centre) + offset; arrays of channels.
struct ChannelMap {
  const Real* centre;
  const Real* scale;
  const Real* offset;
};

/// A block of `rows` rows.
struct Block {
  std::size_t rows, channels;

  /// sums[c] = Σ x
  void sum(const Real* x, Real* sums) const {
    for_each_column(channels, [&](std::size_t c, const auto& column) {
      const Vectors<1> total = sum_rows<1>(
          0, rows, [&](std::size_t r) { return Vectors<1>{column.load(x + r * channels + c)}; });
      column.store(sums + c, total[0]);
    });
  }

  /// first[c] = Σ (x − centre), second[c] = Σ (x − centre)²
  void sum_deviations(const Real* x, const Real* centre, Real* first, Real* second) const {
    for_each_column(channels, [&](std::size_t c, const auto& column) {
      const simd::Vector middle = column.load(centre + c);
      const Vectors<2> total = sum_rows<2>(0, rows, [&](std::size_t r) {
        const simd::Vector d = column.load(x + r * channels + c) - middle;
        return Vectors<2>{d, d * d};
      });
      column.store(first + c, total[0]);
      column.store(second + c, total[1]);
    });
  }

  /// y = z or silu(z)
  template <bool with_silu>
  void apply(const ChannelMap& map, const Real* x, Real* y) const {
    for_each_column(channels, [&](std::size_t c, const auto& column) {
      const simd::Vector middle = column.load(map.centre + c), scale = column.load(map.scale + c);
      const simd::Vector offset = column.load(map.offset + c);
      for (std::size_t at = c; at < rows * channels; at += channels) {
        const simd::Vector z = simd::multiply_add(scale, column.load(x + at) - middle, offset);
        column.store(y + at, activated<with_silu>(z));
      }
    });
  }

  /// dz from dy, and first[c] = Σ dz, second[c] = Σ dz (x − centre). dz is written unless null.
  template <bool with_silu>
  void sum_gradients(const ChannelMap& map, const Real* x, const Real* dy, Real* dz, Real* first,
                     Real* second) const {
    for_each_column(channels, [&](std::size_t c, const auto& column) {
      const simd::Vector middle = column.load(map.centre + c), scale = column.load(map.scale + c);
      const simd::Vector offset = column.load(map.offset + c);
      const Vectors<2> total = sum_rows<2>(0, rows, [&](std::size_t r) {
        const std::size_t at = r * channels + c;
        const simd::Vector d = column.load(x + at) - middle;
        const simd::Vector g = through_activation<with_silu>(column.load(dy + at),
                                                             simd::multiply_add(scale, d, offset));
        if (dz != nullptr) column.store(dz + at, g);
        return Vectors<2>{g, g * d};
      });
      column.store(first + c, total[0]);
      column.store(second + c, total[1]);
    });
  }

  /// dx = β dx + of_dz dz + of_x (x − centre) + constant, with β 0 or 1; dz may be dx.
  struct Gradient {
    const Real* centre;
    const Real* of_dz;
    const Real* of_x;
    const Real* constant;
  };
  void gradient(const Gradient& map, const Real* x, const Real* dz, Real beta, Real* dx) const {
    for_each_column(channels, [&](std::size_t c, const auto& column) {
      const simd::Vector middle = column.load(map.centre + c), of_dz = column.load(map.of_dz + c);
      const simd::Vector of_x = column.load(map.of_x + c), constant = column.load(map.constant + c);
      for (std::size_t at = c; at < rows * channels; at += channels) {
        const simd::Vector d = column.load(x + at) - middle;
        simd::Vector g = simd::multiply_add(of_x, d, constant);
        g = simd::multiply_add(of_dz, column.load(dz + at), g);
        column.store(dx + at, beta == 0 ? g : simd::Vector(g + column.load(dx + at)));
      }
    });
  }
};

}  // namespace nabla::detail
