// Broadcasting in operations of several tensors: internal to the operations.
#pragma once

#include <optional>

#include "autograd/node.hpp"

namespace nabla::detail {

/// `a` as an operand of an expression of the broadcast `shape`: itself, or written out into `room`,
/// which lives until the end of the caller's statement.
///
/// xtensor broadcasts (N,) to (B, N) at full speed. Where the last axis is repeated, as in (B, 1)
/// or
/// (), it reads one number at a time: 300 µs for 128×784 floats, against 20 µs when the operand is
/// written out first.
const Array& spread(const Array& a, const Shape& shape, std::optional<Array>&& room = {});

/// node's gradient += g, summed over the axes along which the node was broadcast. Nothing is
/// evaluated when no gradient is wanted.
template <class E>
void accumulate_summed(Node& node, const E& g) {
  if (node.requires_grad()) node.accumulate(unbroadcast(g, node.value.shape()));
}

}  // namespace nabla::detail
