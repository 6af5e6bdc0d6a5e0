// Examples in memory as their file had them: bytes stay bytes until a batch is made of them, which
// is a quarter of the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::datasets {

/// What numbers of a data set are like.
struct ValueRange {
  Real low, high;  ///< ∞ and −∞ where there are no values
  bool binary;     ///< every value is 0 or 1
};

/// The examples of a split, (n, D), one a row: either bytes, each of which stands for byte / unit,
/// or Reals. They do not change, and copies share them.
class Rows {
 public:
  using Bytes = std::vector<std::uint8_t>;

  /// No rows, of no columns.
  Rows() = default;
  /// x (n, D). Throws std::invalid_argument on another number of axes.
  explicit Rows(Array x);
  /// Row by row. The unit is 255 for grey levels, which become 0 … 1, and 1 for numbers as they
  /// are. Throws std::invalid_argument unless there are rows × columns bytes, or if it is 0.
  Rows(Bytes bytes, std::size_t rows, std::size_t columns, std::uint8_t unit = 1);
  /// The same bytes with another unit; Reals have none and stay as they are.
  Rows with_unit(std::uint8_t unit) const;

  std::size_t size() const { return rows_; }        ///< n
  std::size_t columns() const { return columns_; }  ///< D
  bool empty() const { return rows_ == 0; }
  Shape shape() const { return {rows_, columns_}; }
  bool are_bytes() const { return bytes_ != nullptr; }
  ValueRange value_range() const;

  // Batches, as Real. On all threads where they are large.

  /// (B, D) for B indices; one may come twice. Throws std::invalid_argument on one outside.
  Array take(const std::vector<std::size_t>& rows) const;
  /// Rows [from, from + count): (count, D). Throws std::invalid_argument beyond n.
  Array range(std::size_t from, std::size_t count) const;
  Array first(std::size_t count) const;  ///< the first of them, or all if there are fewer
  Array all() const { return range(0, rows_); }
  /// Row r < n into out[0 … D).
  void copy_row(std::size_t r, Real* out) const;

  // Others of the same kind: what are bytes stay bytes.

  /// Throws std::invalid_argument on an index outside.
  Rows subset(const std::vector<std::size_t>& rows) const;
  /// Columns [from, from + count): (n, count). Throws std::invalid_argument beyond D.
  Rows take_columns(std::size_t from, std::size_t count) const;

 private:
  void check_rows(const char* operation, const std::vector<std::size_t>& rows) const;

  std::size_t rows_ = 0, columns_ = 0;
  std::shared_ptr<const Bytes> bytes_;  // or
  std::shared_ptr<const Array> reals_;  // neither, of no rows and columns
  std::uint8_t unit_ = 1;
};

}  // namespace nabla::datasets
