#include "autograd/broadcast.hpp"

#include <algorithm>

namespace nabla::detail {
namespace {

// Writes the part of an array that lies below `axis`, repeated to `shape`, and returns where it
// ends. `own` is the array's shape, with as many axes as `shape`. What is broadcast is written once
// and then copied.
Real* repeat(const Real* source, const Shape& own, const Shape& shape, std::size_t axis,
             Real* target) {
  if (axis == shape.size()) {
    *target = *source;
    return target + 1;
  }
  if (own[axis] == 1) {
    const Real* const end = repeat(source, own, shape, axis + 1, target);
    const std::size_t block = static_cast<std::size_t>(end - target);
    if (block == 1) return std::fill_n(target, shape[axis], *source);
    for (std::size_t i = 1; i < shape[axis]; ++i) std::copy_n(target, block, target + i * block);
    return target + shape[axis] * block;
  }
  std::size_t block = 1;
  for (std::size_t i = axis + 1; i < own.size(); ++i) block *= own[i];
  for (std::size_t i = 0; i < own[axis]; ++i) {
    target = repeat(source + i * block, own, shape, axis + 1, target);
  }
  return target;
}

}  // namespace

const Array& spread_operands(const Array& a, const Shape& shape, std::deque<Array>& room) {
  if (a.shape() == shape || size_of(shape) == 0) return a;
  Shape own(shape.size(), 1);
  std::copy_backward(a.shape().begin(), a.shape().end(), own.end());
  Array& whole = room.emplace_back(shape);
  repeat(a.data(), own, shape, 0, whole.data());
  return whole;
}

const Array& spread(const Array& a, const Shape& shape, std::optional<Array>&& room) {
  if (a.shape() == shape || size_of(shape) == 0) return a;
  if (a.dimension() > 0 && a.shape().back() == shape.back() && shape.back() > 1) return a;
  Shape own(shape.size(), 1);
  std::copy_backward(a.shape().begin(), a.shape().end(), own.end());
  room.emplace(shape);
  repeat(a.data(), own, shape, 0, room->data());
  return *room;
}

}  // namespace nabla::detail
