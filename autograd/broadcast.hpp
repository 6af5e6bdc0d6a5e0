// Broadcasting in operations of several tensors: internal to the operations.
#pragma once

#include <optional>

#include "autograd/node.hpp"

namespace nabla::detail {

/// `a` as an operand of an expression of the broadcast `shape`: itself, or written out into `room`,
/// which lives until the end of the caller's statement.
///
/// evaluate_into() does the same for any expression; here it is done once for an operand that is
/// read in several, or by a plain loop.
const Array& spread(const Array& a, const Shape& shape, std::optional<Array>&& room = {});

/// node's gradient += g, summed over the axes along which the node was broadcast. Nothing is
/// evaluated when no gradient is wanted.
template <class E>
void accumulate_summed(Node& node, const E& g) {
  if (node.requires_grad()) node.accumulate(unbroadcast(g, node.value.shape()));
}

}  // namespace nabla::detail
