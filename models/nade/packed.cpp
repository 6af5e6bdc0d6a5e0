#include "models/nade/packed.hpp"

#include <algorithm>
#include <cmath>

namespace nabla::models::nade {
namespace {

std::size_t chunks_of(std::size_t H) {
  return (H + chunk - 1) / chunk;
}

// Length of a row in packed form: whole chunks, and a cache line more, as rows whose distance is a
// power of two would share a few places of the cache.
std::size_t padded(std::size_t H) {
  return chunks_of(H) * chunk + 16;
}

// On the way back a_d is a_{d+1} − W_d: what a larger weight has swallowed does not come back.
constexpr Real largest_weight = 1024;

// (D, H) with the rows in the order of the ordering, each padded with zeros. Sets `large` if there
// is a weight beyond that.
Array pack_rows(const Array& m, const Ordering& o, bool& large) {
  const std::size_t H = m.shape()[1], stride = padded(H);
  Array packed = empty({o.size(), stride});
  int others = 0;
#pragma omp parallel for schedule(static) reduction(| : others) if (m.size() >= parallel_threshold)
  for (std::size_t d = 0; d < o.size(); ++d) {
    Real* const row = packed.data() + d * stride;
    std::fill(std::copy_n(m.data() + o[d] * H, H, row), row + stride, Real(0));
    for (std::size_t k = 0; k < stride; ++k) others |= std::abs(row[k]) <= largest_weight ? 0 : 1;
  }
  large = others != 0;
  return packed;
}

}  // namespace

Packed::Packed(const NadeWeights& weights, const Ordering& o)
    : W(pack_rows(weights.W.value(), o, large_W)),
      V(pack_rows(weights.V.value(), o, large_V)),
      b(empty({o.size()})),
      c(zeros({padded(weights.c.size())})),
      D(o.size()),
      stride(c.size()) {
  for (std::size_t d = 0; d < D; ++d) b.data()[d] = weights.b.value().data()[o[d]];
  std::copy_n(weights.c.value().data(), weights.c.size(), c.data());
}

void unpack_rows(const Array& packed, const Ordering& o, Real beta, Array& target) {
  const std::size_t H = target.shape()[1], stride = packed.shape()[1];
#pragma omp parallel for schedule(static) if (target.size() >= parallel_threshold)
  for (std::size_t d = 0; d < o.size(); ++d) {
    const Real* const from = packed.data() + d * stride;
    Real* const to = target.data() + o[d] * H;
    if (beta == 0) {
      std::copy_n(from, H, to);
    } else {
      for (std::size_t k = 0; k < H; ++k) to[k] += from[k];
    }
  }
}

}  // namespace nabla::models::nade
