// Mini-batches: each example once, in an order that is a function of (seed, epoch).
#include <algorithm>
#include <doctest/doctest.h>
#include <set>
#include <stdexcept>

#include "datasets/batches.hpp"

using namespace nabla;
using namespace nabla::datasets;

namespace {

std::vector<std::size_t> joined(const Batches& batches) {
  std::vector<std::size_t> all;
  for (const std::vector<std::size_t>& rows : batches) {
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

}  // namespace

TEST_CASE("each example comes once in an epoch") {
  for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 1000u}) {
    for (const std::size_t size : {1u, 3u, 8u, 2000u}) {
      const Batches batches(n, size, 1, 2);
      CHECK(batches.size() == (n + size - 1) / size);
      std::vector<std::size_t> all = joined(batches);
      std::sort(all.begin(), all.end());
      CHECK(all == joined(Batches::in_order(n, size)));
      for (std::size_t b = 0; b + 1 < batches.size(); ++b) CHECK(batches[b].size() == size);
    }
  }
  const Batches dropped(10, 4, 1, 0, true);
  CHECK(dropped.size() == 2);
  CHECK(joined(dropped).size() == 8);
  CHECK(Batches(3, 4, 1, 0, true).size() == 0);
}

TEST_CASE("the order depends on seed and epoch alone") {
  const std::vector<std::size_t> order = joined(Batches(500, 20, 3, 4));
  CHECK(order == joined(Batches(500, 20, 3, 4)));
  CHECK(order == joined(Batches(500, 17, 3, 4)));
  CHECK(order != joined(Batches(500, 20, 3, 5)));
  CHECK(order != joined(Batches(500, 20, 4, 4)));
  CHECK(order != joined(Batches::in_order(500, 20)));
  // No example is tied to a place: over 2000 epochs each of 5 comes first about 400 times.
  std::vector<int> first(5, 0);
  for (std::uint64_t epoch = 0; epoch < 2000; ++epoch) ++first[Batches(5, 1, 1, epoch)[0][0]];
  for (const int count : first) CHECK(std::abs(count - 400) < 90);  // 5 standard deviations
}

TEST_CASE("streams of different purposes, epochs and examples differ") {
  std::set<std::uint64_t> streams;
  for (const Purpose purpose : {Purpose::shuffle, Purpose::split, Purpose::binarize_once,
                                Purpose::binarize, Purpose::points, Purpose::glyphs}) {
    for (const std::uint64_t epoch : {0u, 1u, (1u << 24) - 1}) {
      for (const std::uint64_t index : {std::uint64_t{0}, (std::uint64_t{1} << 36) - 1}) {
        streams.insert(stream_of(purpose, epoch, index));
      }
    }
  }
  CHECK(streams.size() == 36);
  CHECK(streams.count(0) == 0);  // left to whoever seeds an Rng without a stream
  CHECK_THROWS_AS(stream_of(Purpose::split, 1u << 24), std::invalid_argument);
  CHECK_THROWS_AS(stream_of(Purpose::split, 0, std::uint64_t{1} << 36), std::invalid_argument);
}

TEST_CASE("take_rows copies rows, whatever their number and shape") {
  for (const Shape& shape : {Shape{50, 3}, Shape{50}, Shape{50, 2, 1, 4}, Shape{50, 0},
                             Shape{50, 2000}}) {  // the last one by several threads
    Array x = empty(shape);
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<Real>(i);
    const std::vector<std::size_t> rows{49, 0, 7, 7, 12, 3, 4, 48, 1, 20, 21, 22, 23, 24, 25, 5, 6};
    const Array taken = take_rows(x, rows);
    Shape expected = shape;
    expected[0] = rows.size();
    CHECK(taken.shape() == expected);
    const std::size_t width = x.size() / 50;
    bool equal = true;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      equal = equal && taken.data()[i] == static_cast<Real>(rows[i / width] * width + i % width);
    }
    CHECK(equal);
  }
  const IndexArray labels{5, 6, 7};
  const IndexArray taken = take_rows(labels, {2, 0});
  CHECK(taken == IndexArray{7, 5});
  CHECK(take_rows(zeros({4, 2}), {}).shape() == Shape{0, 2});
  CHECK_THROWS_WITH(take_rows(zeros({4, 2}), {1, 4}), "take_rows: no row 4 in (4, 2)");
  CHECK_THROWS_WITH(take_rows(zeros({}), {0}), "take_rows: an array of shape () has no rows");
  CHECK_THROWS_AS(Batches(4, 0, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(Batches(4, 2, 1, 1)[2], std::invalid_argument);
}

TEST_CASE("columns of a table") {
  const Array x{{1, 2, 3}, {4, 5, 6}};
  CHECK(take_columns(x, 1, 2) == Array{{2, 3}, {5, 6}});
  CHECK(take_columns(x, 0, 3) == x);
  CHECK(take_columns(x, 3, 0).shape() == Shape{2, 0});
  CHECK_THROWS_AS(take_columns(x, 2, 2), std::invalid_argument);
  CHECK_THROWS_AS(take_columns(x, 0, 4), std::invalid_argument);
}

TEST_CASE("the first rows") {
  const Array x{{1, 2}, {3, 4}, {5, 6}};
  CHECK(first_rows(x, 2) == Array{{1, 2}, {3, 4}});
  CHECK(first_rows(x, 9) == x);
  CHECK(first_rows(x, 0).shape() == Shape{0, 2});
  CHECK_THROWS_AS(first_rows(zeros({}), 1), std::invalid_argument);
}
