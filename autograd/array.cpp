#include "autograd/array.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace nabla {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::size_t size_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, multiply_sizes);
}

namespace {

// Bytes of memory, or what can be addressed where the system does not tell.
std::size_t memory_of_machine() {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || bytes <= 0) return std::numeric_limits<std::ptrdiff_t>::max();
  return multiply_sizes(static_cast<std::size_t>(pages), static_cast<std::size_t>(bytes));
}

}  // namespace

bool all_finite(const Real* numbers, std::size_t count) {
  int others = 0;  // no early end: so the loop takes a register at a time
  for (std::size_t i = 0; i < count; ++i) {
    others |= std::abs(numbers[i]) <= std::numeric_limits<Real>::max() ? 0 : 1;
  }
  return others == 0;
}

std::size_t extent_of(const Shape& shape) {
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(double);
  std::size_t numbers = 1;
  for (const std::size_t n : shape) numbers = multiply_sizes(numbers, std::max<std::size_t>(n, 1));
  return numbers > most ? too_large : numbers;
}

void check_shape(const char* operation, const Shape& shape) {
  if (extent_of(shape) == too_large) {
    throw std::invalid_argument(std::string(operation) + ": " + to_string(shape) +
                                " is too large a shape");
  }
  static const std::size_t memory = memory_of_machine();
  if (size_of(shape) > memory / sizeof(Real)) {
    throw std::invalid_argument(std::string(operation) + ": " + to_string(shape) +
                                " is too large a shape for " + std::to_string(memory >> 30) +
                                " GiB of memory");
  }
}

void check_number(bool good, const char* operation, const char* parameter, double value,
                  const char* range) {
  if (good) return;
  std::ostringstream text;
  text << operation << ": " << parameter << " must be " << range << ", got " << value;
  throw std::invalid_argument(text.str());
}

Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const std::size_t ndim = std::max(a.size(), b.size());
  Shape result(ndim, 1);
  for (std::size_t i = 1; i <= ndim; ++i) {  // from the back, where NumPy aligns
    const std::size_t p = i <= a.size() ? a[a.size() - i] : 1;
    const std::size_t q = i <= b.size() ? b[b.size() - i] : 1;
    if (p != q && p != 1 && q != 1) {
      throw std::invalid_argument(std::string(operation) + ": cannot broadcast " + to_string(a) +
                                  " with " + to_string(b));
    }
    result[ndim - i] = p == 1 ? q : p;
  }
  check_shape(operation, result);
  return result;
}

std::vector<std::size_t> normalised_axes(const char* operation, const Axes& axes,
                                         const Shape& shape) {
  const std::ptrdiff_t ndim = static_cast<std::ptrdiff_t>(shape.size());
  std::vector<std::size_t> result;
  for (const std::ptrdiff_t axis : axes) {
    if (axis < -ndim || axis >= ndim) {
      throw std::invalid_argument(std::string(operation) + ": no axis " + std::to_string(axis) +
                                  " in " + to_string(shape));
    }
    result.push_back(static_cast<std::size_t>(axis < 0 ? axis + ndim : axis));
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    throw std::invalid_argument(std::string(operation) + ": an axis is given twice for " +
                                to_string(shape));
  }
  return result;
}

namespace detail {
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

Array repeated(const Array& a, const Shape& shape) {
  Shape own(shape.size(), 1);
  std::copy_backward(a.shape().begin(), a.shape().end(), own.end());
  Array whole(shape);
  repeat(a.data(), own, shape, 0, whole.data());
  return whole;
}

const Array& spread_operands(const Array& a, const Shape& shape, std::deque<Array>& room) {
  if (a.shape() == shape || size_of(shape) == 0) return a;
  return room.emplace_back(repeated(a, shape));
}

}  // namespace detail

}  // namespace nabla
