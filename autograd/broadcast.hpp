// Broadcasting inside operations: operands to the shape of the result, and gradients back to
// theirs.
#pragma once

#include <optional>
#include <type_traits>

#include "autograd/node.hpp"

namespace nabla {

/// `a` as an operand of an expression of the broadcast `shape`: itself, or written out into `room`,
/// which lives until the end of the caller's statement.
///
/// evaluate_into() does the same for any expression; here it is done once for an operand that is
/// read in several, or by a plain loop.
const Array& spread(const Array& a, const Shape& shape, std::optional<Array>&& room = {});

/// Sums `a` over the axes along which `shape` was broadcast to a.shape(): the adjoint of
/// broadcasting. unbroadcast((2, 3), (3,)) sums axis 0; ((2, 3), (2, 1)) sums axis 1.
Array unbroadcast(const Array& a, const Shape& shape);

/// unbroadcast of an expression. Without broadcasting it is only evaluated.
template <class E, std::enable_if_t<!std::is_same_v<std::decay_t<E>, Array>, int> = 0>
Array unbroadcast(const E& expression, const Shape& shape) {
  Array whole = compute(expression);
  if (whole.shape() == shape) return whole;
  return unbroadcast(whole, shape);
}

/// node's gradient += g, summed over the axes along which the node was broadcast. Nothing is
/// evaluated when no gradient is wanted.
template <class E>
void accumulate_summed(Node& node, const E& g) {
  if (node.requires_grad()) node.accumulate(unbroadcast(g, node.value.shape()));
}

}  // namespace nabla
