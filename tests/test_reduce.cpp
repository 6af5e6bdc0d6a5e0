// What reductions do that tests/table does not have: long sums, ties over several axes.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "autograd/ops.hpp"

using namespace nabla;

TEST_CASE("without axes softmax is over the last") {
  const Tensor x(Array{{1, 2, 3}, {4, 6, 5}});
  CHECK(softmax(x).value() == softmax(x, {1}).value());
  CHECK(log_softmax(x).value() == log_softmax(x, {1}).value());
}

TEST_CASE("infinities over several axes, and NaN in a long row") {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  CHECK(logsumexp(Tensor(full({2, 3, 2}, -infinity)), {0, 2}).value()(1) == -infinity);
  Array long_row = zeros({1, 1000});
  long_row(0, 77) = std::numeric_limits<Real>::quiet_NaN();
  const Tensor x(long_row);
  for (const Tensor& y : {sum(x), mean(x), max(x), min(x), logsumexp(x)}) {
    CHECK(std::isnan(y.item()));
  }
  CHECK(std::isnan(softmax(x).value()(0, 0)));
}

TEST_CASE("long running sums and many gradients for one place keep their digits") {
  const std::size_t n = 1'000'000;
  const double step = static_cast<double>(Real(0.1));
  const Tensor x = parameter(full({n}, Real(0.1)));
  const Tensor y = cumsum(x, 0);
  CHECK(y.value()(n - 1) == doctest::Approx(step * static_cast<double>(n)).epsilon(1e-7));
  y.backward(full({n}, Real(0.1)));
  CHECK(x.grad()(0) == doctest::Approx(step * static_cast<double>(n)).epsilon(1e-7));
  const Tensor table = parameter(zeros({3, 2})), row = parameter(zeros({3}));
  const IndexArray index = IndexArray::from_shape({n});
  const IndexArray ones = xt::ones_like(index);
  for (const double times : {1.0, 2.0}) {  // the second time added to what is there
    embedding(table, ones).backward(full({n, 2}, Real(0.1)));
    gather(row, 0, ones).backward(full({n}, Real(0.1)));
    const double expected = times * step * static_cast<double>(n);
    CHECK(table.grad()(1, 1) == doctest::Approx(expected).epsilon(1e-7));
    CHECK(row.grad()(1) == doctest::Approx(expected).epsilon(1e-7));
    CHECK(table.grad()(0, 0) == 0);
    CHECK(row.grad()(2) == 0);
  }
}

TEST_CASE("ties share the gradient of an extreme equally, over all axes at once") {
  Tensor x = parameter(Array{{3, 1, 3}, {0, 3, 2}});
  max(x).backward();
  const Real third = Real(1) / 3;
  CHECK(x.grad() == Array{{third, 0, third}, {0, third, 0}});
  // 3 ties over axes 0 and 2, which are not neighbours: 2 in one row, 1 in the other.
  Tensor y = parameter(Array{{{3, 3}}, {{3, 0}}});
  sum(max(y, {0, 2})).backward();
  CHECK(y.grad() == Array{{{third, third}}, {{third, 0}}});
  Tensor z = parameter(Array{{1, 1}, {2, 5}});
  sum(min(z, {1})).backward();
  CHECK(z.grad() == Array{{Real(0.5), Real(0.5)}, {1, 0}});
}
