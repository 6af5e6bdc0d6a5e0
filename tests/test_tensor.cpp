// The graph: leaves, backward, freeing, and what goes wrong.
#include <doctest/doctest.h>

#include "autograd/ops.hpp"

using namespace nabla;

TEST_CASE("a chain of a million operations runs, differentiates and is destroyed") {
  const std::size_t before = live_nodes();
  {
    Tensor x = parameter(full({1}, Real(0.5)));
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = sigmoid(y);
    CHECK(live_nodes() == before + 1000001);
    y.backward();
    CHECK(x.has_grad());
    CHECK(live_nodes() == before + 2);  // the history is gone, x and y are left
  }
  CHECK(live_nodes() == before);
  {
    Tensor y = parameter(full({1}, Real(0.5)));
    for (int i = 0; i < 1000000; ++i) y = sigmoid(y);
  }  // destroyed without a backward
  CHECK(live_nodes() == before);
}
