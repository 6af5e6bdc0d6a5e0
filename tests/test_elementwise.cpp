// Uses of arithmetic and choices that tests/table does not have.
#include "reference.hpp"

using namespace nabla;
using namespace nabla::testing;

TEST_CASE("a tensor combined with itself gets both gradients") {
  const Array x = points({3, 4}, Real(0.5), 3);
  check_gradients([](const std::vector<Tensor>& v) { return v[0] * v[0] + v[0] / v[0]; }, {x});
  check_gradients([](const std::vector<Tensor>& v) { return v[0] - v[0] * v[0]; }, {x});
  CHECK(gradient([](const Tensor& v) { return maximum(v, v); }, x) == ones({3, 4}));
}

TEST_CASE("the condition of where, and what is not chosen") {
  const Tensor a(full({2, 3}, 1)), b(full({}, -1));
  Array condition{0, 2, -1};  // not const: xt::where would be the better overload
  CHECK(where(condition, a, b).value() == Array{{-1, 1, 1}, {-1, 1, 1}});
  CHECK(where(full({4, 1, 1}, 1), a, b).shape() == Shape{4, 2, 3});
  // What is not chosen may be infinite: its gradient is 0 and not NaN.
  Tensor x = parameter(Array{0, 4});
  where(Array{0, 1}, sqrt(x), Tensor(zeros({2}))).backward(Array{0, 1});
  CHECK(x.grad().data()[1] == doctest::Approx(0.25));
}

TEST_CASE("a clamp to one number") {
  CHECK(clamp(Tensor(Array{-2, 5}), 1, 1).value() == Array{1, 1});
}
