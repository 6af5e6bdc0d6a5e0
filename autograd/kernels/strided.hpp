// Copies between differently laid out memory: what permute, slice, concat, pad and broadcast_to
// come down to.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::detail {

/// One loop of a copy: how many steps, and how far source and target move at each. A source stride
/// of 0 repeats.
struct Loop {
  std::size_t size;
  std::ptrdiff_t source_stride, target_stride;
};

/// target = source, or target += source, for every combination of the loops, outermost first.
/// Loops of one step are dropped and neighbours that continue each other joined; what is left runs
/// as plain copies of lines where possible, and as a blocked transpose where source and target are
/// contiguous along different loops. No two positions of the target may coincide.
void copy_strided(const Real* source, Real* target, std::vector<Loop> loops,
                  Update update = Update::assign);

/// For target = beta · target + source, beta 0 or 1.
inline Update update_for(Real beta) {
  return beta == 0 ? Update::assign : Update::add;
}

/// Row-major strides: (2, 3, 4) gives 12, 4, 1.
std::vector<std::ptrdiff_t> row_major_strides(const Shape& shape);

}  // namespace nabla::detail
