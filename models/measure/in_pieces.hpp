// A function over many rows, some at a time, so that what it needs in between stays small.
#pragma once

#include <algorithm>
#include <cstddef>

#include "autograd/array.hpp"
#include "datasets/rows.hpp"

namespace nabla::models {

/// f maps rows (m, …) to (m, F), each row by itself; the result is that for all rows of x, (n, F).
template <class F>
Array in_pieces(const Array& x, const F& f, std::size_t rows_at_a_time = 1000) {
  const std::size_t n = x.shape()[0], width = n == 0 ? 0 : x.size() / n;
  check_number(rows_at_a_time > 0, "in_pieces", "rows_at_a_time", 0, "at least 1");
  Array result;
  for (std::size_t from = 0; from < std::max<std::size_t>(1, n); from += rows_at_a_time) {
    Shape shape = x.shape();
    shape[0] = std::min(rows_at_a_time, n - from);
    Array piece = empty(shape);
    std::copy_n(x.data() + from * width, piece.size(), piece.data());
    const Array y = f(piece);
    if (from == 0) result = empty({n, y.shape()[1]});
    std::copy_n(y.data(), y.size(), result.data() + from * y.shape()[1]);
  }
  return result;
}

/// The same of a split, which becomes Real piece by piece.
template <class F>
Array in_pieces(const datasets::Rows& x, const F& f, std::size_t rows_at_a_time = 1000) {
  const std::size_t n = x.size();
  check_number(rows_at_a_time > 0, "in_pieces", "rows_at_a_time", 0, "at least 1");
  Array result;
  for (std::size_t from = 0; from < std::max<std::size_t>(1, n); from += rows_at_a_time) {
    const Array y = f(x.range(from, std::min(rows_at_a_time, n - from)));
    if (from == 0) result = empty({n, y.shape()[1]});
    std::copy_n(y.data(), y.size(), result.data() + from * y.shape()[1]);
  }
  return result;
}

}  // namespace nabla::models
