// Reductions on bare memory, without a graph.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/threads.hpp"

namespace nabla::detail {

/// A row-major array seen as outer × reduced × inner numbers, of which the middle axis goes away.
struct Span3 {
  std::size_t outer, reduced, inner;
  std::size_t size() const { return outer * reduced * inner; }
  std::size_t results() const { return outer * inner; }
};

/// The array as what lies before, along and behind one axis.
Span3 span_around(const Shape& shape, std::size_t axis);

/// One pass for each group of adjacent axes, the last group first; sizes as they are when the
/// passes are done in this order. `axes` sorted. (2, 3, 4, 5) over {0, 2, 3} gives 6×20×1, 1×2×3.
/// No axes: one pass that leaves everything as it is, 1×1×size.
std::vector<Span3> reduction_passes(const Shape& shape, const std::vector<std::size_t>& axes);

/// The shape that is left: without the axes, or with size 1 there.
Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdims);

/// out[o, i] = Σ_r in[o, r, i]. Added up as a tree whose form depends on the span alone: the error
/// hardly grows with the length, and the result is the same for every number of threads.
void sum_middle(const Real* in, Real* out, Span3 span);

/// out[o, i] = max_r in[o, r, i], or min; NaN if there is one, ∓∞ if there is nothing.
void max_middle(const Real* in, Real* out, Span3 span);
void min_middle(const Real* in, Real* out, Span3 span);

/// out[o, i] = ln Σ_r e^in[o, r, i]; −∞ if all are −∞ or there is nothing.
void logsumexp_middle(const Real* in, Real* out, Span3 span);

/// out = softmax of `in` along the middle axis, of the same size. Where all are −∞, 0 throughout.
void softmax_middle(const Real* in, Real* out, Span3 span);
/// And its logarithm, to full precision however large the numbers. Where all are −∞, −∞ throughout.
void log_softmax_middle(const Real* in, Real* out, Span3 span);

/// out[o, r, i] = Σ_{s ≤ r} in[o, s, i], or Σ_{s ≥ r} when going backward; added up in double.
enum class Direction { forward, backward };
void cumsum_middle(const Real* in, Real* out, Span3 span, Direction direction);

/// out[p] = β out[p] + Σ in[i] over the i with places[i] = p, row by row of `width` numbers; `out`
/// has `rows` of them. Added up in double; β is 0 or 1, and for 0 `out` may be uninitialised.
void scatter_sums(const Real* in, const std::vector<std::size_t>& places, std::size_t width,
                  std::size_t rows, Real beta, Real* out);

/// Reduces by one of the functions above, pass after pass. `axes` sorted.
Array reduce_axes(const Array& a, const std::vector<std::size_t>& axes, bool keepdims,
                  void (*middle)(const Real*, Real*, Span3));

/// Sum over `axes` (sorted).
Array sum_axes(const Array& a, const std::vector<std::size_t>& axes, bool keepdims);

/// The adjoint of sum_axes: target = beta · target + scale · a, where `a`, the result of a
/// reduction of target's shape over `axes`, is repeated along them. Beta is 0 or 1; for 0 the
/// target may be uninitialised.
void expand_axes(const Array& a, const std::vector<std::size_t>& axes, Real scale, Real beta,
                 Array& target);

/// Calls body(start, count, reduced) for each contiguous line of a span; element start + k belongs
/// to the result number reduced(k).
template <class Body>
void for_each_line(Span3 span, const Body& body) {
  const std::size_t n = span.reduced, inner = span.inner;
  if (inner == 1) {
    for_each_job(span.outer, span.size(), [&body, n](std::size_t line) {
      body(line * n, n, [line](std::size_t) { return line; });
    });
  } else {
    for_each_job(span.outer * n, span.size(), [&body, n, inner](std::size_t line) {
      const std::size_t first = line / n * inner;
      body(line * inner, inner, [first](std::size_t k) { return first + k; });
    });
  }
}

}  // namespace nabla::detail
