// Rows: examples as their file had them, and the same numbers as if they had been Real throughout.
#include <doctest/doctest.h>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "datasets/batches.hpp"
#include "datasets/rows.hpp"
#include "datasets/transform.hpp"

using namespace nabla;
using namespace nabla::datasets;

namespace {

// n rows of 256 bytes, every value in each.
Rows::Bytes bytes_of(std::size_t n) {
  Rows::Bytes bytes(n * 256);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
  }
  return bytes;
}

// The same as Reals, divided one by one.
Array reals_of(std::size_t n, Real unit) {
  Array x = empty({n, 256});
  const Rows::Bytes bytes = bytes_of(n);
  for (std::size_t i = 0; i < x.size(); ++i) {
    volatile Real value = static_cast<Real>(bytes[i]);  // one division, nothing vectorised
    value = value / unit;
    x.data()[i] = value;
  }
  return x;
}

}  // namespace

TEST_CASE("rows of bytes and of Reals give the same numbers") {
  for (const std::uint8_t unit : {std::uint8_t{1}, std::uint8_t{255}}) {
    const std::size_t n = 300;  // a batch of all is made by several threads
    const Array x = reals_of(n, unit);
    const Rows bytes(bytes_of(n), n, 256, unit), reals(x);
    CHECK(bytes.are_bytes());
    CHECK_FALSE(reals.are_bytes());
    std::vector<std::size_t> some{299, 0, 7, 7, 12}, many(n);
    std::iota(many.rbegin(), many.rend(), std::size_t{0});
    for (const Rows* rows : {&bytes, &reals}) {
      CHECK(rows->shape() == Shape{n, 256});
      CHECK(rows->size() == n);
      CHECK(rows->columns() == 256);
      CHECK_FALSE(rows->empty());
      CHECK(rows->all() == x);
      CHECK(rows->take(some) == take_rows(x, some));
      CHECK(rows->take(many) == take_rows(x, many));
      CHECK(rows->take({}).shape() == Shape{0, 256});
      CHECK(rows->take({5}) == take_rows(x, {5}));
      CHECK(rows->range(10, 3) == take_rows(x, {10, 11, 12}));
      CHECK(rows->range(n, 0).shape() == Shape{0, 256});
      CHECK(rows->first(2) == first_rows(x, 2));
      CHECK(rows->first(1000) == x);
      const Rows subset = rows->subset(some), columns = rows->take_columns(250, 3);
      CHECK(subset.are_bytes() == rows->are_bytes());
      CHECK(subset.all() == take_rows(x, some));
      CHECK(columns.are_bytes() == rows->are_bytes());
      CHECK(columns.all() == take_columns(x, 250, 3));
      const ValueRange range = rows->value_range();
      CHECK(range.low == 0);
      CHECK(range.high == Real(255) / unit);
      CHECK_FALSE(range.binary);
    }
  }
}

TEST_CASE("rows: none, indices outside, and what does not fit") {
  const Rows none;
  CHECK(none.empty());
  CHECK(none.columns() == 0);
  CHECK(none.all().shape() == Shape{0, 0});
  CHECK(none.take({}).shape() == Shape{0, 0});
  CHECK(none.value_range().binary);
  CHECK(none.value_range().low == std::numeric_limits<Real>::infinity());
  const Rows no_rows(zeros({0, 3}));
  CHECK(no_rows.first(4).shape() == Shape{0, 3});
  CHECK(no_rows.subset({}).shape() == Shape{0, 3});
  CHECK(no_rows.take_columns(1, 2).shape() == Shape{0, 2});

  for (const Rows& rows : {Rows(Rows::Bytes(8), 4, 2), Rows(zeros({4, 2}))}) {
    CHECK_THROWS_WITH(rows.take({1, 4}), "Rows::take: no row 4 in (4, 2)");
    CHECK_THROWS_WITH(rows.subset({4}), "Rows::subset: no row 4 in (4, 2)");
    CHECK_THROWS_WITH(rows.range(3, 2), "Rows::range: 2 rows from 3 on are not in (4, 2)");
    CHECK_THROWS_AS(rows.take_columns(2, 1), std::invalid_argument);
  }
  CHECK_THROWS_WITH(Rows(Rows::Bytes(7), 4, 2), "Rows: 7 bytes in units of 1 for (4, 2)");
  CHECK_THROWS_AS(Rows(Rows::Bytes(8), 4, 2, 0), std::invalid_argument);
  CHECK_THROWS_WITH(Rows(zeros({4})), "Rows: expected (n, D), got (4,)");
}

TEST_CASE("rows: binary is what becomes 0 and 1") {
  CHECK(Rows(Rows::Bytes{0, 1, 1, 0}, 2, 2).value_range().binary);
  CHECK_FALSE(Rows(Rows::Bytes{0, 1, 1, 0}, 2, 2, 255).value_range().binary);
  CHECK(Rows(Rows::Bytes{0, 255, 255, 0}, 2, 2, 255).value_range().binary);
  CHECK_FALSE(Rows(Rows::Bytes{0, 255, 255, 0}, 2, 2).value_range().binary);
  CHECK(Rows(Rows::Bytes{0, 1}, 1, 2).with_unit(255).all() == Array{{0, Real(1) / 255}});
  CHECK(Rows(Array{{0, 1}}).value_range().binary);
  CHECK_FALSE(Rows(Array{{0, 1, Real(0.5)}}).value_range().binary);
}

TEST_CASE("rows: binarised once, and standardised, as Reals are") {
  const std::size_t n = 300;
  const Array x = reals_of(n, 255);
  const Rows rows(bytes_of(n), n, 256, 255);
  const Rows once = binarize_once(rows, 3);
  CHECK(once.are_bytes());
  CHECK(once.value_range().binary);
  CHECK(once.all() == binarize_once(x, 3));
  CHECK(binarize_once(Rows(x), 3).all() == once.all());
  CHECK_THROWS_WITH(binarize_once(rows.with_unit(1), 3), doctest::Contains("binarize_once: "));
  CHECK_THROWS_WITH(binarize_once(Rows(Rows::Bytes{0, 1, 0, 2}, 2, 2), 3),
                    "binarize_once: 2.000000 in row 1, column 1 of (2, 2) is no probability");
  const Standardizer a = Standardizer::fit(x), b = Standardizer::fit(rows);
  CHECK(a.mean == b.mean);
  CHECK(a.rest == b.rest);
  CHECK(a.std_dev == b.std_dev);
}
