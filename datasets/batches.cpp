#include "datasets/batches.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

#include "autograd/array.hpp"
#include "autograd/random.hpp"

namespace nabla::datasets {

std::uint64_t stream_of(Purpose purpose, std::uint64_t epoch, std::uint64_t index) {
  if (epoch >> 24 != 0 || index >> 36 != 0) {
    throw std::invalid_argument("stream_of: epoch " + std::to_string(epoch) + " or index " +
                                std::to_string(index) + " is too large");
  }
  return static_cast<std::uint64_t>(purpose) << 60 | epoch << 36 | index;
}

Batches::Batches(std::vector<std::size_t> order, std::size_t batch_size, bool drop_last)
    : order_(std::move(order)), batch_size_(batch_size), drop_last_(drop_last) {
  if (batch_size == 0) throw std::invalid_argument("Batches: a batch has at least one example");
}

Batches::Batches(std::size_t n, std::size_t batch_size, std::uint64_t seed, std::uint64_t epoch,
                 bool drop_last)
    : Batches(Rng(seed, stream_of(Purpose::shuffle, epoch)).permutation(n), batch_size, drop_last) {
}

Batches Batches::in_order(std::size_t n, std::size_t batch_size) {
  check_shape("Batches::in_order", {n});
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return Batches(std::move(order), batch_size, false);
}

std::size_t Batches::size() const {
  return order_.size() / batch_size_ + (!drop_last_ && order_.size() % batch_size_ != 0 ? 1 : 0);
}

std::vector<std::size_t> Batches::operator[](std::size_t i) const {
  if (i >= size()) throw std::invalid_argument("Batches: no batch " + std::to_string(i));
  const std::size_t first = i * batch_size_;
  const std::size_t last = first + std::min(order_.size() - first, batch_size_);
  const auto at = [&](std::size_t k) { return order_.begin() + static_cast<std::ptrdiff_t>(k); };
  return std::vector<std::size_t>(at(first), at(last));
}

namespace {

template <class A>
A take(const A& x, const std::vector<std::size_t>& rows) {
  typename A::shape_type shape = x.shape();
  if (shape.empty()) throw std::invalid_argument("take_rows: an array of shape () has no rows");
  for (const std::size_t row : rows) {
    if (row >= shape[0]) {
      throw std::invalid_argument("take_rows: no row " + std::to_string(row) + " in " +
                                  to_string(Shape(shape.begin(), shape.end())));
    }
  }
  const std::size_t width = shape[0] == 0 ? 0 : x.size() / shape[0];
  shape[0] = rows.size();
  A result(shape);
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows.size());
#pragma omp parallel for schedule(static) if (rows.size() * width >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const std::size_t to = static_cast<std::size_t>(i);
    std::copy_n(x.data() + rows[to] * width, width, result.data() + to * width);
  }
  return result;
}

}  // namespace

Array take_rows(const Array& x, const std::vector<std::size_t>& rows) {
  return take(x, rows);
}
IndexArray take_rows(const IndexArray& x, const std::vector<std::size_t>& rows) {
  return take(x, rows);
}

Array first_rows(const Array& x, std::size_t count) {
  Shape shape = x.shape();
  if (shape.empty()) throw std::invalid_argument("first_rows: an array of shape () has no rows");
  shape[0] = std::min(shape[0], count);
  Array result = empty(shape);
  std::copy_n(x.data(), result.size(), result.data());
  return result;
}

Array take_columns(const Array& x, std::size_t from, std::size_t count) {
  if (x.dimension() != 2 || count > x.shape()[1] || from > x.shape()[1] - count) {
    throw std::invalid_argument("take_columns: " + std::to_string(count) + " columns from " +
                                std::to_string(from) + " on are not in " + to_string(x.shape()));
  }
  Array result = empty({x.shape()[0], count});
  for (std::size_t r = 0; r < x.shape()[0]; ++r) {
    std::copy_n(x.data() + r * x.shape()[1] + from, count, result.data() + r * count);
  }
  return result;
}

}  // namespace nabla::datasets
