// Sizes that no array has; tests/table has what operations that move numbers do.
#include <doctest/doctest.h>
#include <limits>
#include <stdexcept>

#include "autograd/ops.hpp"

using namespace nabla;

TEST_CASE("sizes never wrap around") {
  const std::size_t sizes[] = {std::size_t{1} << 40, std::size_t{1} << 61, std::size_t{1} << 62,
                               std::size_t{1} << 63, ~std::size_t{0} - 1,  ~std::size_t{0}};
  for (const std::size_t n : sizes) {
    CAPTURE(n);
    CHECK_THROWS_AS(pad(Tensor(empty({0, 2})), 1, n, 0 - n), std::invalid_argument);
    CHECK_THROWS_AS(empty({n}), std::invalid_argument);
    CHECK_THROWS_AS(full({n, n}, 1), std::invalid_argument);
  }
  CHECK_THROWS_AS(broadcast_to(Tensor(zeros({1})), {1u << 31, 1u << 31, 1u << 31}),
                  std::invalid_argument);
  // An axis of size 0 does not make room for others; two such arrays may each have a shape.
  CHECK_THROWS_AS(empty({std::size_t{1} << 62, 0, 4}), std::invalid_argument);
  const Tensor tall(empty({std::size_t{1} << 40, 1, 0})), wide(empty({1, std::size_t{1} << 40, 0}));
  CHECK_THROWS_AS(tall + wide, std::invalid_argument);
  // Positions beyond all memory are those at the ends.
  const Tensor x(Array{0, 1, 2});
  CHECK(slice(x, 0, std::numeric_limits<std::ptrdiff_t>::min(), nabla::end).value() == x.value());
}

TEST_CASE("what is left out has its default") {
  const Tensor x(Array{{0, 1, 2}, {3, 4, 5}});
  CHECK(pad(x, 0, 0, 1).value() == Array{{0, 1, 2}, {3, 4, 5}, {0, 0, 0}});
  CHECK(slice(x, 0, 1).value() == Array{{3, 4, 5}});
  CHECK(stack({Tensor(Real(1)), Tensor(Real(2))}).value() == Array{1, 2});
}
