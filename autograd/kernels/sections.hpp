// A part of an array along one axis, packed or where it lies: what slice, concat and pad come down
// to.
#pragma once

#include <cstddef>

#include "autograd/array.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/kernels/strided.hpp"

namespace nabla::detail {

/// A run of `count` positions along the middle axis of an array: from `start` on, every `step`.
struct Section {
  Span3 span;
  std::size_t start, count, step;
};

/// packed = section of `whole`, or +=; the packed side holds nothing else.
void unpack(const Real* whole, Real* packed, const Section& section, Update update);
/// section of `whole` = packed, or +=
void pack(const Real* packed, Real* whole, const Section& section, Update update);

}  // namespace nabla::detail
