// Mini-batches: which examples, in which order, and their rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::datasets {

/// What random numbers of a data set are for. Each purpose, epoch and example has a stream of its
/// own, so that one can be drawn again without the others: resuming needs no saved state.
enum class Purpose : std::uint64_t { shuffle = 1, split, binarize_once, binarize, points, glyphs };

/// The stream for Rng(seed, stream). Throws std::invalid_argument from epoch 2²⁴ or index 2³⁶ on.
std::uint64_t stream_of(Purpose purpose, std::uint64_t epoch = 0, std::uint64_t index = 0);

/// Goes through list[0], list[1], …, which are made on the way: for `for` loops.
template <class List>
class IndexIterator {
 public:
  IndexIterator(const List& list, std::size_t i) : list_(&list), i_(i) {}
  auto operator*() const { return (*list_)[i_]; }
  IndexIterator& operator++() {
    ++i_;
    return *this;
  }
  bool operator!=(const IndexIterator& other) const { return i_ != other.i_; }

 private:
  const List* list_;
  std::size_t i_;
};

/// The examples 0 … n − 1 in batches, each example once, in an order that depends on (seed, epoch)
/// alone:
///
///   for (const std::vector<std::size_t>& rows : Batches(n, 128, seed, epoch)) {
///     const Array x = data.train.take(rows);
class Batches {
 public:
  /// The last batch is smaller if batch_size does not divide n, or left out with drop_last.
  /// Throws std::invalid_argument if batch_size is 0.
  Batches(std::size_t n, std::size_t batch_size, std::uint64_t seed, std::uint64_t epoch,
          bool drop_last = false);
  /// In file order, for evaluation.
  static Batches in_order(std::size_t n, std::size_t batch_size);

  std::size_t size() const;                                  ///< number of batches
  std::vector<std::size_t> operator[](std::size_t i) const;  ///< the examples of batch i

  IndexIterator<Batches> begin() const { return {*this, 0}; }
  IndexIterator<Batches> end() const { return {*this, size()}; }

 private:
  Batches(std::vector<std::size_t> order, std::size_t batch_size, bool drop_last);

  std::vector<std::size_t> order_;
  std::size_t batch_size_;
  bool drop_last_;
};

/// Rows of x along its first axis: (N, …) and B indices give (B, …). An index may come twice.
/// Throws std::invalid_argument on an index outside.
Array take_rows(const Array& x, const std::vector<std::size_t>& rows);
IndexArray take_rows(const IndexArray& x, const std::vector<std::size_t>& rows);

/// The first `count` rows of x (N, …), or all if there are fewer.
Array first_rows(const Array& x, std::size_t count);

/// Columns [from, from + count) of x (N, D): (N, count). Throws std::invalid_argument beyond D.
Array take_columns(const Array& x, std::size_t from, std::size_t count);

}  // namespace nabla::datasets
