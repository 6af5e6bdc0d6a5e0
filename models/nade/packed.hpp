// The weights of NADE as its walks read them: rows in the order of the ordering, padded to whole
// registers. Internal to recursion.cpp and the walks.
#pragma once

#include <cstddef>

#include "autograd/kernels/functions.hpp"
#include "models/nade/recursion.hpp"

namespace nabla::models::nade {

constexpr std::size_t chunk = 64;  // hidden units whose state stays in registers
constexpr std::size_t registers = chunk / simd::lanes;

/// The weights in packed form, with b in the order of the ordering: W and V (D, stride), c
/// (stride,).
struct Packed {
  bool large_W = false, large_V = false;  ///< a number beyond what the way back can take
  Array W, V, b, c;
  std::size_t D, stride;

  Packed(const NadeWeights& weights, const Ordering& o);
  const Real* W_row(std::size_t d) const { return W.data() + d * stride; }
  const Real* V_row(std::size_t d) const { return V.data() + d * stride; }
};

/// target[o_d] = beta target[o_d] + packed[d]
void unpack_rows(const Array& packed, const Ordering& o, Real beta, Array& target);

// Rows of (B, D) with the columns in the order of the ordering, and back.
template <class T>
void columns_to_order(const Real* from, T* to, std::size_t B, const Ordering& o) {
  const std::size_t D = o.size();
#pragma omp parallel for schedule(static) if (B * D >= parallel_threshold)
  for (std::size_t b = 0; b < B; ++b) {
    for (std::size_t d = 0; d < D; ++d) to[b * D + d] = static_cast<T>(from[b * D + o[d]]);
  }
}
template <class T>
void columns_from_order(const T* from, Real* to, std::size_t B, const Ordering& o) {
  const std::size_t D = o.size();
#pragma omp parallel for schedule(static) if (B * D >= parallel_threshold)
  for (std::size_t b = 0; b < B; ++b) {
    for (std::size_t d = 0; d < D; ++d) to[b * D + o[d]] = static_cast<Real>(from[b * D + d]);
  }
}

}  // namespace nabla::models::nade
