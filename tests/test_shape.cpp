// Operations that only move numbers, against index arithmetic done element by element.
#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <stdexcept>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"

using namespace nabla;

namespace {

using Index = std::vector<std::size_t>;

// 0, 1, 2, … so that each element says where it came from. Exact in float below 2²⁴.
Array counted(const Shape& shape) {
  Array a = empty(shape);
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = static_cast<Real>(i);
  return a;
}

std::size_t flat(const Shape& shape, const Index& at) {
  std::size_t i = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) i = i * shape[d] + at[d];
  return i;
}

Index coordinates(const Shape& shape, std::size_t i) {
  Index at(shape.size());
  for (std::size_t d = shape.size(); d > 0; --d) {
    at[d - 1] = i % shape[d - 1];
    i /= shape[d - 1];
  }
  return at;
}

// Does y hold what `source` says for each of its positions? One check per array keeps this fast.
bool holds(const Array& y, const std::function<Real(const Index&)>& source) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y.data()[i] != source(coordinates(y.shape(), i))) return false;
  }
  return true;
}

void check_permute(const Shape& shape, const Axes& order) {
  CAPTURE(to_string(shape));
  const Array x = counted(shape);
  const Array y = permute(Tensor(x), order).value();
  REQUIRE(y.dimension() == shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    CHECK(y.shape()[i] == shape[std::size_t(order[i])]);
  }
  CHECK(holds(y, [&](const Index& at) {
    Index from(at.size());
    for (std::size_t i = 0; i < at.size(); ++i) from[std::size_t(order[i])] = at[i];
    return x.data()[flat(shape, from)];
  }));
  // The gradient goes back to where the number came from; a second one is added.
  Tensor p = parameter(x);
  permute(p, order).backward(y);
  CHECK(p.grad() == x);
  permute(p, order).backward(y);
  CHECK(p.grad() == compute(x + x));
}

}  // namespace

TEST_CASE("reshape keeps the order and finds the open size") {
  const Tensor x(counted({2, 6}));
  CHECK(reshape(x, {3, 4}).value()(2, 3) == 11);
  CHECK(reshape(x, {-1}).shape() == Shape{12});
  CHECK(reshape(x, {2, -1, 3}).shape() == Shape{2, 2, 3});
  CHECK(reshape(Tensor(Real(5)), {1, 1}).shape() == Shape{1, 1});
  CHECK(reshape(Tensor(counted({1})), {}).shape() == Shape{});
  CHECK(reshape(Tensor(zeros({0, 3})), {5, 0}).shape() == Shape{5, 0});
  CHECK(reshape(Tensor(zeros({0, 3})), {-1, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_WITH_AS(reshape(x, {5, 2}),
                       "reshape: (2, 6) to (5, 2): the numbers of elements differ",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(reshape(x, {5, -1}),
                       "reshape: (2, 6) to (5, -1): no size fits in place of -1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(reshape(x, {-1, -1}), "reshape: (2, 6) to (-1, -1): only one size may be -1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(reshape(x, {-2, 6}), "reshape: (2, 6) to (-2, 6): a size is negative",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(reshape(Tensor(zeros({0, 3})), {0, -1}),
                       "reshape: (0, 3) to (0, -1): no size fits in place of -1",
                       std::invalid_argument);
}

TEST_CASE("permute moves every element to its place") {
  for (const Shape& shape : {Shape{2, 3}, Shape{1, 5}, Shape{16, 16}, Shape{17, 33}, Shape{40, 3},
                             Shape{3, 40}, Shape{0, 4}, Shape{250, 200}}) {
    check_permute(shape, {1, 0});
    check_permute(shape, {0, 1});
  }
  Axes order{0, 1, 2, 3};
  do {
    check_permute({2, 3, 1, 5}, order);
    check_permute({3, 18, 2, 20}, order);
    check_permute({8, 20, 12, 20}, order);  // large enough for threads
  } while (std::next_permutation(order.begin(), order.end()));
  check_permute({}, {});
  check_permute({7}, {0});
  CHECK(permute(Tensor(counted({2, 3, 4})), {-1, 0, 1}).shape() == Shape{4, 2, 3});
}

TEST_CASE("transpose exchanges the last two axes") {
  const Array y = transpose(Tensor(counted({2, 3, 4}))).value();
  CHECK(y.shape() == Shape{2, 4, 3});
  CHECK(y(1, 3, 2) == 12 + 2 * 4 + 3);
  CHECK_THROWS_WITH_AS(transpose(Tensor(zeros({3}))), "transpose: needs at least 2 axes, got (3,)",
                       std::invalid_argument);
}

TEST_CASE("permute refuses what is no order") {
  const Tensor x(zeros({2, 3}));
  CHECK_THROWS_WITH_AS(permute(x, {0}), "permute: 2 axes are to be ordered, got (0,) for (2, 3)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(permute(x, {0, 2}), "permute: no axis 2 in (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(permute(x, {1, -1}), "permute: an axis is given twice for (2, 3)",
                       std::invalid_argument);
}

TEST_CASE("broadcast_to repeats") {
  struct Case {
    Shape from, to;
  };
  for (const Case& c : {Case{{3}, {2, 3}}, Case{{2, 1}, {2, 3}}, Case{{}, {2, 2}},
                        Case{{1, 3, 1}, {4, 2, 3, 5}}, Case{{2, 3}, {2, 3}}, Case{{1}, {0}},
                        Case{{2, 1, 4}, {2, 3, 4}}, Case{{1, 64}, {700, 64}}}) {
    CAPTURE(to_string(c.from));
    const Array x = counted(c.from);
    const Array y = broadcast_to(Tensor(x), c.to).value();
    CHECK(y.shape() == c.to);
    CHECK(holds(y, [&](const Index& at) {
      Index own(at.end() - std::ptrdiff_t(c.from.size()), at.end());
      for (std::size_t i = 0; i < own.size(); ++i) own[i] = c.from[i] == 1 ? 0 : own[i];
      return x.data()[flat(c.from, own)];
    }));
  }
  CHECK_THROWS_WITH_AS(broadcast_to(Tensor(zeros({2})), {2, 3}),
                       "broadcast_to: (2,) does not broadcast to (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(broadcast_to(Tensor(zeros({2, 3})), {3}),
                       "broadcast_to: (2, 3) does not broadcast to (3,)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(broadcast_to(Tensor(zeros({2, 3})), {1, 3}),
                       "broadcast_to: (2, 3) does not broadcast to (1, 3)", std::invalid_argument);
}

TEST_CASE("slice follows Python") {
  const Array line = counted({6});
  const auto sliced = [&](std::ptrdiff_t start, std::ptrdiff_t stop, std::ptrdiff_t step = 1) {
    const Array y = slice(Tensor(line), 0, start, stop, step).value();
    return std::vector<Real>(y.begin(), y.end());
  };
  using Numbers = std::vector<Real>;
  CHECK(sliced(1, 4) == Numbers{1, 2, 3});
  CHECK(sliced(-2, end) == Numbers{4, 5});
  CHECK(sliced(0, -4) == Numbers{0, 1});
  CHECK(sliced(-100, 100) == Numbers{0, 1, 2, 3, 4, 5});
  CHECK(sliced(0, end, 2) == Numbers{0, 2, 4});
  CHECK(sliced(1, 6, 3) == Numbers{1, 4});
  CHECK(sliced(5, end, 100) == Numbers{5});
  CHECK(sliced(4, 2).empty());
  CHECK(sliced(100, end).empty());
  CHECK(sliced(2, end, end) == Numbers{2});
  const Array x = counted({3, 4, 5});
  for (const std::ptrdiff_t axis : {0, 1, 2}) {
    CHECK(holds(slice(Tensor(x), axis, 1, 3).value(), [&](Index at) {
      at[std::size_t(axis)] += 1;
      return x.data()[flat({3, 4, 5}, at)];
    }));
    CHECK(holds(slice(Tensor(x), axis - 3, 0, end, 2).value(), [&](Index at) {
      at[std::size_t(axis)] *= 2;
      return x.data()[flat({3, 4, 5}, at)];
    }));
  }
  CHECK_THROWS_WITH_AS(slice(Tensor(x), 3, 0), "slice: no axis 3 in (3, 4, 5)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(slice(Tensor(x), 0, 0, 2, 0), "slice: step 0 is below 1, for (3, 4, 5)",
                       std::invalid_argument);
}

TEST_CASE("concat, stack and split are each other's inverse") {
  const Array x = counted({4, 6, 3});
  for (const std::ptrdiff_t axis : {0, 1, 2, -1}) {
    const std::size_t n = Tensor(x).size(axis);
    const std::vector<Tensor> parts = split(Tensor(x), {1, 0, n - 1}, axis);
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].value() == slice(Tensor(x), axis, 0, 1).value());
    CHECK(parts[1].size(axis) == 0);
    CHECK(concat(parts, axis).value() == x);
  }
  for (const std::ptrdiff_t axis : {0, 1, 2, 3, -1}) {
    const Tensor a(x), b(compute(x + 100));
    const Array y = stack({a, b}, axis).value();
    const std::size_t place = std::size_t(axis < 0 ? axis + 4 : axis);
    CHECK(y.shape()[place] == 2);
    CHECK(holds(y, [&](Index at) {
      const Real offset = at[place] == 1 ? 100 : 0;
      at.erase(at.begin() + std::ptrdiff_t(place));
      return x.data()[flat({4, 6, 3}, at)] + offset;
    }));
  }
  CHECK(stack({Tensor(Real(1)), Tensor(Real(2))}).value() == Array{1, 2});
  CHECK_THROWS_WITH_AS(concat({}, 0), "concat: there is nothing to join", std::invalid_argument);
  CHECK_THROWS_WITH_AS(stack({}), "stack: there is nothing to join", std::invalid_argument);
  const Tensor a(zeros({2, 3})), b(zeros({2, 4})), c(zeros({2}));
  CHECK_THROWS_WITH_AS(concat({a, b}, 0),
                       "concat: shapes must agree but for axis 0, got (2, 3), (2, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(concat({a, c}, 1),
                       "concat: shapes must agree but for axis 1, got (2, 3), (2,)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(concat({a}, 2), "concat: no axis 2 in (2, 3)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(stack({a, b}), "stack: shapes must be equal, got (2, 3), (2, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(stack({a, a}, 3), "stack: no axis 3 in a stack of (2, 3)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(split(a, {1, 1}, 1),
                       "split: sizes (1, 1) add up to 2, but axis 1 of (2, 3) has 3",
                       std::invalid_argument);
}

TEST_CASE("pad puts a margin around") {
  const Array x = counted({2, 3});
  const Array expected{{9, 0, 1, 2, 9, 9}, {9, 3, 4, 5, 9, 9}};
  CHECK(pad(Tensor(x), 1, 1, 2, 9).value() == expected);
  CHECK(pad(Tensor(x), 0, 0, 1).value() == Array{{0, 1, 2}, {3, 4, 5}, {0, 0, 0}});
  CHECK(pad(Tensor(zeros({0, 2})), 0, 1, 0, 7).value() == Array{{7, 7}});
  CHECK_THROWS_WITH_AS(pad(Tensor(x), 2, 1, 1), "pad: no axis 2 in (2, 3)", std::invalid_argument);
}

TEST_CASE("sizes never wrap around") {
  const std::size_t sizes[] = {std::size_t{1} << 40, std::size_t{1} << 61, std::size_t{1} << 62,
                               std::size_t{1} << 63, ~std::size_t{0} - 1,  ~std::size_t{0}};
  const Tensor x(counted({3}));
  for (const std::size_t n : sizes) {
    CAPTURE(n);
    CHECK_THROWS_AS(pad(x, 0, n, 0), std::invalid_argument);
    CHECK_THROWS_AS(pad(x, 0, 0, n), std::invalid_argument);
    CHECK_THROWS_AS(pad(x, 0, n, 0 - n), std::invalid_argument);
    CHECK_THROWS_AS(pad(Tensor(empty({0, 2})), 1, n, 0 - n), std::invalid_argument);
    CHECK_THROWS_AS(split(x, {n, 3 - n}, 0), std::invalid_argument);
    CHECK_THROWS_AS(split(x, {4, n}, 0), std::invalid_argument);
    CHECK_THROWS_AS(broadcast_to(x, {n, 3}), std::invalid_argument);
    CHECK_THROWS_AS(empty({n}), std::invalid_argument);
    CHECK_THROWS_AS(full({n, n}, 1), std::invalid_argument);
  }
  CHECK_THROWS_WITH(pad(x, 0, std::size_t{1} << 61, 0),
                    "pad: (2305843009213693955,) is too large a shape");
  CHECK_THROWS_WITH(split(x, {4, ~std::size_t{0}}, 0),
                    "split: sizes (4, 18446744073709551615) add up to 18446744073709551615, but "
                    "axis 0 of (3,) has 3");
  constexpr std::ptrdiff_t large = std::ptrdiff_t{1} << 32, larger = std::ptrdiff_t{1} << 62;
  CHECK_THROWS_WITH(reshape(Tensor(empty({0})), {large, large}),
                    "reshape: (0,) to (4294967296, 4294967296): the numbers of elements differ");
  CHECK_THROWS_WITH(reshape(Tensor(empty({0})), {large, large, 0}),
                    "reshape: (4294967296, 4294967296, 0) is too large a shape");
  CHECK_THROWS_AS(reshape(Tensor(zeros({4})), {larger + 1, 4}), std::invalid_argument);
  CHECK_THROWS_AS(reshape(Tensor(zeros({4})), {larger, 4, -1}), std::invalid_argument);
  CHECK_THROWS_AS(broadcast_to(Tensor(zeros({1})), {1u << 31, 1u << 31, 1u << 31}),
                  std::invalid_argument);
  // An axis of size 0 does not make room for others; two such arrays may each have a shape.
  CHECK_THROWS_AS(empty({std::size_t{1} << 62, 0, 4}), std::invalid_argument);
  const Tensor tall(empty({std::size_t{1} << 40, 1, 0})), wide(empty({1, std::size_t{1} << 40, 0}));
  CHECK_THROWS_AS(tall + wide, std::invalid_argument);
  // Steps beyond all memory are steps that are not taken.
  CHECK(slice(x, 0, 1, nabla::end, std::numeric_limits<std::ptrdiff_t>::max()).value() == Array{1});
  CHECK(slice(x, 0, std::numeric_limits<std::ptrdiff_t>::min(), nabla::end).value() == x.value());
}

TEST_CASE("gather picks along an axis") {
  const Array x = counted({3, 4});
  const IndexArray rows{{2, 0, 1, 1}};
  CHECK(gather(Tensor(x), 0, rows).value() == Array{{8, 1, 6, 7}});
  const IndexArray columns{{3, 3}, {0, 1}, {2, 0}};
  CHECK(gather(Tensor(x), 1, columns).value() == Array{{3, 3}, {4, 5}, {10, 8}});
  const Array cube = counted({2, 3, 2});
  const IndexArray middle{{{2, 0}}, {{1, 1}}};
  CHECK(gather(Tensor(cube), 1, middle).value() == Array{{{4, 1}}, {{8, 9}}});
  // Taken twice, its gradient comes twice.
  Tensor p = parameter(x);
  gather(p, 1, columns).backward(Array{{1, 10}, {100, 1000}, {2, 3}});
  CHECK(p.grad() == Array{{0, 0, 0, 11}, {100, 1000, 0, 0}, {3, 0, 2, 0}});
  const IndexArray outside{{0, 1}, {2, 4}, {0, 0}};
  CHECK_THROWS_WITH_AS(gather(Tensor(x), 1, outside),
                       "gather: index 4 at (1, 1) of (3, 2) is outside 0 … 3, axis 1 of x (3, 4)",
                       std::invalid_argument);
  const IndexArray negative{{0, -1, 0, 0}};
  CHECK_THROWS_WITH_AS(gather(Tensor(x), 0, negative),
                       "gather: index -1 at (0, 1) of (1, 4) is outside 0 … 2, axis 0 of x (3, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(gather(Tensor(x), 1, rows),
                       "gather: the index must have the shape of x but for axis 1, got x (3, 4) "
                       "and index (1, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(gather(Tensor(x), 2, rows), "gather: no axis 2 in (3, 4)",
                       std::invalid_argument);
}

TEST_CASE("embedding looks rows up") {
  const Array table = counted({4, 3});
  const IndexArray index{{1, 3}, {1, 0}};
  Tensor p = parameter(table);
  const Tensor y = embedding(p, index);
  CHECK(y.shape() == Shape{2, 2, 3});
  CHECK(y.value()(0, 1, 2) == 11);
  CHECK(y.value()(1, 0, 1) == 4);
  y.backward(ones({2, 2, 3}));
  CHECK(p.grad() == Array{{1, 1, 1}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}});
  const IndexArray none = IndexArray::from_shape({0});
  CHECK(embedding(p, none).shape() == Shape{0, 3});
  const IndexArray outside{0, 4};
  CHECK_THROWS_WITH_AS(
      embedding(p, outside),
      "embedding: index 4 at (1,) of (2,) is outside 0 … 3, the rows of the table (4, 3)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(embedding(Tensor(zeros({3})), index),
                       "embedding: the table has two axes (rows, width), got (3,)",
                       std::invalid_argument);
}

#ifdef NABLA_DOUBLE
TEST_CASE("gradients agree with central differences") {
  using Inputs = std::vector<Tensor>;
  const auto check = [](const char* name, const std::function<Tensor(const Inputs&)>& f,
                        const std::vector<Array>& inputs) {
    CAPTURE(name);
    const GradcheckResult r = gradcheck(f, inputs);
    CHECK_MESSAGE(r.passed, r.message);
  };
  const Array x = counted({2, 3, 4});
  check("reshape", [](const Inputs& x) { return reshape(x[0], {4, -1}); }, {x});
  check("transpose", [](const Inputs& x) { return transpose(x[0]); }, {x});
  check("permute", [](const Inputs& x) { return permute(x[0], {2, 0, 1}); }, {x});
  check("permute", [](const Inputs& x) { return permute(x[0], {1, 0}); }, {counted({18, 35})});
  check("broadcast_to",
        [](const Inputs& x) {
          return broadcast_to(x[0], {3, 2, 4, 2});
        },
        {counted({2, 1, 2})});
  for (const std::ptrdiff_t axis : {0, 1, 2}) {
    check("slice", [axis](const Inputs& x) { return slice(x[0], axis, 0, end, 2); }, {x});
    check("slice", [axis](const Inputs& x) { return slice(x[0], axis, 1); }, {x});
    check("pad", [axis](const Inputs& x) { return pad(x[0], axis, 2, 1, 5); }, {x});
    check("concat", [axis](const Inputs& x) { return concat({x[0], x[1], x[0]}, axis); }, {x, x});
    check("stack", [axis](const Inputs& x) { return stack({x[0], x[1]}, axis); }, {x, x});
    check("split",
          [axis](const Inputs& x) {
            const std::vector<Tensor> parts = split(x[0], {1, x[0].size(axis) - 1}, axis);
            return concat({parts[1], parts[0], parts[1]}, axis);
          },
          {x});
  }
  const IndexArray index{{{2, 0, 0, 1}, {1, 1, 0, 2}}, {{0, 0, 0, 0}, {2, 2, 2, 2}}};
  check("gather", [&](const Inputs& x) { return gather(x[0], 1, index); }, {x});
  check("embedding", [&](const Inputs& x) { return embedding(x[0], index); }, {counted({3, 2})});
}
#endif
