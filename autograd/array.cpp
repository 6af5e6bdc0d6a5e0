#include "autograd/array.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "autograd/reduction.hpp"

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
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
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

Array unbroadcast(const Array& a, const Shape& shape) {
  if (a.shape() == shape) return a;
  const std::size_t added = a.dimension() - shape.size();
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < a.dimension(); ++i) {
    if (i < added || (shape[i - added] == 1 && a.shape()[i] != 1)) axes.push_back(i);
  }
  Array result = detail::sum_axes(a, axes, true);
  result.reshape(shape);
  return result;
}

}  // namespace nabla
