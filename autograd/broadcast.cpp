#include "autograd/broadcast.hpp"

#include <vector>

#include "autograd/kernels/reduction.hpp"

namespace nabla {

const Array& spread(const Array& a, const Shape& shape, std::optional<Array>&& room) {
  if (a.shape() == shape || size_of(shape) == 0) return a;
  if (a.dimension() > 0 && a.shape().back() == shape.back() && shape.back() > 1) return a;
  return room.emplace(detail::repeated(a, shape));
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
