// NADE's way through the dimensions, and back: the inside of nade_logits() and nade_sample().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "autograd/kernels/gemm.hpp"
#include "models/nade/packed.hpp"

namespace nabla::models::nade {

using simd::lanes, simd::load, simd::logistic, simd::multiply_add, simd::store, simd::sum_lanes;
using simd::Vector;

constexpr std::size_t forward_block = 8;  // rows of V that stay in the first cache …
constexpr std::size_t group_size = 64;    // examples whose hidden state stays in the second cache

// l[i] = V_{d+i}·h for `rows` rows: that many sums at once, so that no addition waits for another.
template <std::size_t rows>
void dot_rows(const Real* V, std::size_t stride, const Real* h, Real* l) {
  Vector sums[rows];
  for (std::size_t i = 0; i < rows; ++i) sums[i] = Vector(Real(0));
  for (std::size_t k = 0; k < stride; k += lanes) {
    const Vector x = load(h + k);
    for (std::size_t i = 0; i < rows; ++i) {
      sums[i] = multiply_add(load(V + i * stride + k), x, sums[i]);
    }
  }
  for (std::size_t i = 0; i < rows; ++i) l[i] = sum_lanes(sums[i]);
}

inline void dot_rows(std::size_t rows, const Real* V, std::size_t stride, const Real* h, Real* l) {
  switch (rows) {
    case 1:
      return dot_rows<1>(V, stride, h, l);
    case 2:
      return dot_rows<2>(V, stride, h, l);
    case 3:
      return dot_rows<3>(V, stride, h, l);
    default:
      return dot_rows<4>(V, stride, h, l);
  }
}

inline void logistic_row(const Real* a, Real* h, std::size_t stride) {
  for (std::size_t k = 0; k < stride; k += lanes) store(h + k, logistic(load(a + k)));
}

// a += w, h = σ(a)
inline void take_in(const Real* w, Real* a, Real* h, std::size_t stride) {
  for (std::size_t k = 0; k < stride; k += lanes) {
    const Vector sum = load(a + k) + load(w + k);
    store(a + k, sum);
    store(h + k, logistic(sum));
  }
}

// What a walk through one example sees: x and l in the order of the ordering.
struct Walk {
  std::uint8_t* x;
  Real* l;
  Real* a;
  Real* h;
};

// Dimensions [from, to) of one example. `known` of its inputs are given; at the others
// draw(d, l) decides. Rows of V up to and including the next 1 are multiplied with one h.
template <class Draw>
void walk_forward(const Packed& p, Walk w, std::size_t from, std::size_t to, std::size_t known,
                  const Draw& draw) {
  for (std::size_t d = from; d < to;) {
    std::size_t rows = std::min<std::size_t>(4, to - d);
    for (std::size_t i = 0; i < rows; ++i) {
      if (d + i < known && w.x[d + i] != 0) rows = i + 1;
    }
    dot_rows(rows, p.V_row(d), p.stride, w.h, w.l + d);
    bool changed = false;
    for (const std::size_t end = d + rows; d < end && !changed; ++d) {
      w.l[d] += p.b.data()[d];
      if (d >= known) w.x[d] = draw(d, w.l[d]) ? 1 : 0;
      changed = w.x[d] != 0;
    }
    if (changed && d < p.D) take_in(p.W_row(d - 1), w.a, w.h, p.stride);
  }
}

// All examples, block after block of dimensions. x and l are (B, D) in the order of the ordering, a
// is (B, stride): a_D at the end. draw(b, d, l) is asked for what is not known.
template <class Draw>
void forward(const Packed& p, std::size_t B, std::size_t known, std::vector<std::uint8_t>& x,
             Array& l, Array& a, const Draw& draw) {
  const std::size_t pool = static_cast<std::size_t>(std::max(1, threads()));
  const std::size_t groups = std::max((B + group_size - 1) / group_size, std::min(pool, B));
  Array h = empty(a.shape());
#pragma omp parallel for schedule(dynamic)
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t first = group * B / groups, last = (group + 1) * B / groups;
    for (std::size_t b = first; b < last; ++b) {
      std::copy_n(p.c.data(), p.stride, a.data() + b * p.stride);
      logistic_row(p.c.data(), h.data() + b * p.stride, p.stride);
    }
    for (std::size_t from = 0; from < p.D; from += forward_block) {
      const std::size_t to = std::min(p.D, from + forward_block);
      for (std::size_t b = first; b < last; ++b) {
        const Walk walk{x.data() + b * p.D, l.data() + b * p.D, a.data() + b * p.stride,
                        h.data() + b * p.stride};
        walk_forward(p, walk, from, to, known,
                     [&](std::size_t d, Real logit) { return draw(b, d, logit); });
      }
    }
  }
}

/// Gradients in packed form of Σ g ⊙ l, (D, stride) and (stride,); x and g are (B, D) in the order
/// of the ordering, a is a_D.
void backward(const Packed& p, std::size_t B, const std::vector<std::uint8_t>& x, const Array& g,
              const Array& a, Array& dW, Array& dV, Array& dc);

}  // namespace nabla::models::nade
