// How an array is laid out for a reduction: internal to the operations.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::detail {

/// A row-major array seen as outer × reduced × inner numbers, of which the middle axis goes away.
struct Span3 {
  std::size_t outer, reduced, inner;
};

/// One pass for each group of adjacent axes, the last group first; sizes as they are when the
/// passes are done in this order. `axes` sorted. (2, 3, 4, 5) over {0, 2, 3} gives 6×20×1, 1×2×3.
std::vector<Span3> reduction_passes(const Shape& shape, const std::vector<std::size_t>& axes);

/// The shape that is left: without the axes, or with size 1 there.
Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdims);

/// out[o, i] = Σ_r in[o, r, i].
void sum_middle(const Real* in, Real* out, Span3 span);

/// Sum over `axes` (sorted).
Array sum_axes(const Array& a, const std::vector<std::size_t>& axes, bool keepdims);

}  // namespace nabla::detail
