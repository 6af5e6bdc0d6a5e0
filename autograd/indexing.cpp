// Selection by index: forward copies, backward adds up what was copied several times.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "autograd/kernels/reduction.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::Span3;

[[noreturn]] void refuse(const std::string& message) {
  throw std::invalid_argument(message);
}

// Each index checked once, forward; kept as offsets for the way back.
std::vector<std::size_t> checked(const char* operation, const IndexArray& index, std::size_t limit,
                                 const std::string& what) {
  const std::int64_t* const p = index.data();
  std::vector<std::size_t> result(index.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (p[i] < 0 || static_cast<std::size_t>(p[i]) >= limit) {
      const Shape shape(index.shape().begin(), index.shape().end());
      Shape position(shape.size(), 0);
      std::size_t rest = i;
      for (std::size_t axis = shape.size(); axis > 0; --axis) {
        position[axis - 1] = rest % shape[axis - 1];
        rest /= shape[axis - 1];
      }
      refuse(std::string(operation) + ": index " + std::to_string(p[i]) + " at " +
             to_string(position) + " of " + to_string(shape) + " is outside 0 … " +
             std::to_string(static_cast<std::ptrdiff_t>(limit) - 1) + ", " + what);
    }
    result[i] = static_cast<std::size_t>(p[i]);
  }
  return result;
}

}  // namespace

// dx[…, index[i…], …] += dy[i…]
Tensor gather(const Tensor& x, std::ptrdiff_t axis, const IndexArray& index) {
  const std::size_t a = normalised_axes("gather", {axis}, x.shape())[0];
  const Shape shape(index.shape().begin(), index.shape().end());
  Shape expected = x.shape();
  if (shape.size() == expected.size()) expected[a] = shape[a];
  if (shape != expected) {
    refuse("gather: the index must have the shape of x but for axis " + std::to_string(a) +
           ", got x " + to_string(x.shape()) + " and index " + to_string(shape));
  }
  const Span3 from = detail::span_around(x.shape(), a), to = detail::span_around(shape, a);
  std::vector<std::size_t> place = checked(
      "gather", index, from.reduced, "axis " + std::to_string(a) + " of x " + to_string(x.shape()));
  for (std::size_t o = 0, i = 0; o < to.outer; ++o) {
    for (std::size_t r = 0; r < to.reduced; ++r) {
      for (std::size_t k = 0; k < to.inner; ++k, ++i) {
        place[i] = (o * from.reduced + place[i]) * from.inner + k;
      }
    }
  }
  Array y = empty(shape);
  for (std::size_t i = 0; i < place.size(); ++i) y.data()[i] = x.value().data()[place[i]];
  const auto backward = [place = std::move(place)](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      detail::scatter_sums(out.grad().data(), place, 1, dx.size(), beta, dx.data());
    });
  };
  return record("gather", std::move(y), backward, x);
}

// dtable[index[i]] += dy[i]
Tensor embedding(const Tensor& table, const IndexArray& index) {
  if (table.ndim() != 2) {
    refuse("embedding: the table has two axes (rows, width), got " + to_string(table.shape()));
  }
  const std::size_t width = table.size(1);
  std::vector<std::size_t> rows = checked("embedding", index, table.size(0),
                                          "the rows of the table " + to_string(table.shape()));
  Shape shape(index.shape().begin(), index.shape().end());
  shape.push_back(width);
  Array y = empty(shape, "embedding");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Real* const row = table.value().data() + rows[i] * width;
    std::copy(row, row + width, y.data() + i * width);
  }
  const auto backward = [rows = std::move(rows), width](Node& out, Node& table) {
    table.accumulate_with([&](Array& gradient, Real beta) {
      detail::scatter_sums(out.grad().data(), rows, width, gradient.shape()[0], beta,
                           gradient.data());
    });
  };
  return record("embedding", std::move(y), backward, table);
}

}  // namespace nabla
