#include "datasets/rows.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace nabla::datasets {
namespace {

// Divided and not looked up in a table: vector units divide sixteen bytes' worth at once, and give
// the same bits as the division of a number that was Real from the start.
void to_real(const std::uint8_t* from, std::size_t n, Real unit, Real* to) {
  if (unit == 1) {
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<Real>(from[i]);
  } else {
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<Real>(from[i]) / unit;
  }
}

// copy(i) for every row i of a result, by several threads if it is large.
template <class Copy>
void for_each_row(std::size_t rows, std::size_t columns, const Copy& copy) {
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows);
#pragma omp parallel for schedule(static) if (rows * columns >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < count; ++i) copy(static_cast<std::size_t>(i));
}

// Smallest and largest of n numbers, and whether all are 0 or `one`.
template <class T>
void widen(const T* p, std::size_t n, T one, T& least, T& most, bool& binary) {
  T low = least, high = most;
  int others = 0;
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(n);
#pragma omp parallel for simd reduction(min : low) reduction(max : high) reduction(| : others)
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    low = std::min(low, p[i]);
    high = std::max(high, p[i]);
    others |= p[i] != 0 && p[i] != one ? 1 : 0;
  }
  least = low;
  most = high;
  binary = others == 0;
}

}  // namespace

Rows::Rows(Array x) {
  if (x.dimension() != 2) {
    throw std::invalid_argument("Rows: expected (n, D), got " + to_string(x.shape()));
  }
  rows_ = x.shape()[0];
  columns_ = x.shape()[1];
  reals_ = std::make_shared<const Array>(std::move(x));
}

Rows::Rows(Bytes bytes, std::size_t rows, std::size_t columns, std::uint8_t unit)
    : rows_(rows), columns_(columns), unit_(unit) {
  if (bytes.size() != rows * columns || unit == 0) {
    throw std::invalid_argument("Rows: " + std::to_string(bytes.size()) + " bytes in units of " +
                                std::to_string(unit) + " for " + to_string(shape()));
  }
  bytes_ = std::make_shared<const Bytes>(std::move(bytes));
}

Rows Rows::with_unit(std::uint8_t unit) const {
  if (unit == 0) throw std::invalid_argument("Rows::with_unit: 0");
  Rows result = *this;
  if (bytes_) result.unit_ = unit;
  return result;
}

ValueRange Rows::value_range() const {
  ValueRange range{std::numeric_limits<Real>::infinity(), -std::numeric_limits<Real>::infinity(),
                   true};
  if (rows_ * columns_ == 0) return range;
  if (!bytes_) {
    widen(reals_->data(), reals_->size(), Real(1), range.low, range.high, range.binary);
    return range;
  }
  std::uint8_t low = 255, high = 0;
  widen(bytes_->data(), bytes_->size(), unit_, low, high, range.binary);
  to_real(&low, 1, unit_, &range.low);
  to_real(&high, 1, unit_, &range.high);
  return range;
}

void Rows::copy_row(std::size_t r, Real* out) const {
  if (bytes_) {
    to_real(bytes_->data() + r * columns_, columns_, unit_, out);
  } else if (reals_) {
    std::copy_n(reals_->data() + r * columns_, columns_, out);
  }
}

void Rows::check_rows(const char* operation, const std::vector<std::size_t>& rows) const {
  for (const std::size_t row : rows) {
    if (row >= rows_) {
      throw std::invalid_argument(std::string(operation) + ": no row " + std::to_string(row) +
                                  " in " + to_string(shape()));
    }
  }
}

Array Rows::take(const std::vector<std::size_t>& rows) const {
  check_rows("Rows::take", rows);
  Array result = nabla::empty({rows.size(), columns_});
  for_each_row(rows.size(), columns_,
               [&](std::size_t i) { copy_row(rows[i], result.data() + i * columns_); });
  return result;
}

Array Rows::range(std::size_t from, std::size_t count) const {
  if (count > rows_ || from > rows_ - count) {
    throw std::invalid_argument("Rows::range: " + std::to_string(count) + " rows from " +
                                std::to_string(from) + " on are not in " + to_string(shape()));
  }
  Array result = nabla::empty({count, columns_});
  for_each_row(count, columns_,
               [&](std::size_t i) { copy_row(from + i, result.data() + i * columns_); });
  return result;
}

Array Rows::first(std::size_t count) const {
  return range(0, std::min(count, rows_));
}

Rows Rows::subset(const std::vector<std::size_t>& rows) const {
  check_rows("Rows::subset", rows);
  if (!bytes_) return Rows(take(rows));
  Bytes bytes(rows.size() * columns_);
  for_each_row(rows.size(), columns_, [&](std::size_t i) {
    std::copy_n(bytes_->data() + rows[i] * columns_, columns_, bytes.data() + i * columns_);
  });
  return Rows(std::move(bytes), rows.size(), columns_, unit_);
}

Rows Rows::take_columns(std::size_t from, std::size_t count) const {
  if (count > columns_ || from > columns_ - count) {
    throw std::invalid_argument("Rows::take_columns: " + std::to_string(count) + " columns from " +
                                std::to_string(from) + " on are not in " + to_string(shape()));
  }
  if (count == columns_) return *this;
  const auto copy = [&](const auto* all, auto* part) {
    for_each_row(rows_, count, [&](std::size_t r) {
      std::copy_n(all + r * columns_ + from, count, part + r * count);
    });
  };
  if (bytes_) {
    Bytes bytes(rows_ * count);
    copy(bytes_->data(), bytes.data());
    return Rows(std::move(bytes), rows_, count, unit_);
  }
  Array reals = nabla::empty({rows_, count});
  copy(reals_->data(), reals.data());
  return Rows(std::move(reals));
}

}  // namespace nabla::datasets
