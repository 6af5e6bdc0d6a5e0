// The network for points: its size, what it depends on, its gradients.
#include <doctest/doctest.h>

#include "models/ddpm/mlp.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

DenoisingMlpOptions small(std::size_t classes) {
  DenoisingMlpOptions options;
  options.data = 3;
  options.width = 6;
  options.blocks = 2;
  options.classes = classes;
  options.waves = 1;
  return options;
}

IndexArray told(std::initializer_list<std::int64_t> list) {
  IndexArray classes(IndexArray::shape_type{list.size()});
  std::copy(list.begin(), list.end(), classes.data());
  return classes;
}

}  // namespace

TEST_CASE("sizes, and nothing else that is a parameter") {
  Rng rng(1);
  const DenoisingMlp net(small(2), rng);
  const std::size_t square = 6 * 6 + 6;
  CHECK(net.parameter_count() == 2 * square + 3 * 6 + (9 * 6 + 6) + 2 * 3 * square + (6 * 3 + 3));
  const Tensor y = net(Tensor(points({4, 3}, -1, 1)), Array{0, 1, 500, 1000}, told({0, 1, -1, 0}));
  CHECK(y.shape() == Shape{4, 3});
  CHECK(net(Tensor(empty({0, 3})), empty({0}), told({})).shape() == Shape{0, 3});
}

TEST_CASE("each row by itself: its x, its time, its class") {
  Rng rng(2);
  const DenoisingMlp net(small(2), rng);
  const Array x = points({1, 3}, -1, 1);
  const auto at = [&](Real time, std::int64_t label) {
    return net(Tensor(x), Array{time}, told({label})).value();
  };
  CHECK(at(10, 0) != at(11, 0));
  CHECK(at(10, 0) != at(10, 1));
  CHECK(at(10, 0) != at(10, -1));
  const Tensor two(concat({Tensor(points({1, 3}, 2, 3)), Tensor(x)}, 0).value());
  const Array both = net(two, Array{700, 10}, told({-1, 1})).value(), one = at(10, 1);
  for (std::size_t d = 0; d < 3; ++d) {
    CHECK(both(1, d) == doctest::Approx(one(0, d)).epsilon(is_double ? 1e-12 : 1e-5));
  }
  CHECK(message_of([&] { at(10, 2); }) ==
        "DenoisingMlp: the class must be from 0 to 1, or -1 for not told, got 2");
}

TEST_CASE("gradients against differences, and every parameter gets one") {
  Rng rng(3);
  for (const std::size_t classes : {0u, 2u}) {
    const DenoisingMlp net(small(classes), rng);
    const auto objective = [&] {
      return mean(
          square(net(Tensor(points({3, 3}, -1, 1)), Array{1, 300, 1000}, told({0, 1, -1}))));
    };
    check_parameter_gradients(net, objective);
    objective().backward();
    check_gradient_reaches(net);
  }
}
