// group_norm_silu against its two steps; tests/table has values and gradients.
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::testing;

TEST_CASE("group_norm_silu is silu of group_norm") {
  const Tensor x(points({4, 9, 7, 40}, -5, 2)), gain(points({40}, -9, 9)),
      shift(points({40}, 0, 1));
  const Array apart = silu(group_norm(x, gain, shift, 5)).value();
  const Array together = group_norm_silu(x, gain, shift, 5).value();
  CHECK(error_in_eps(
            together, [&](std::size_t i) { return static_cast<long double>(apart.data()[i]); },
            1e-3L) < 8);
}
