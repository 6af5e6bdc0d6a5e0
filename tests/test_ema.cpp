// Averages of weights.
#include <cmath>
#include <doctest/doctest.h>

#include "autograd/random.hpp"
#include "nn/ema.hpp"

using namespace nabla;
using nn::EMA;

TEST_CASE("the average follows its definition") {
  Tensor w = parameter(full({3}, 8));
  EMA ema({w}, {0.75});
  w.mutable_value().fill(4);
  ema.update();  // 0.75 · 8 + 0.25 · 4
  CHECK(ema.state().arrays.at("0") == full({3}, 7));
  w.mutable_value().fill(-1);
  ema.update();  // 0.75 · 7 − 0.25
  CHECK(ema.state().arrays.at("0") == full({3}, 5));
  CHECK(ema.state().updates == 2);
  CHECK(w.value() == full({3}, -1));
}

TEST_CASE("after many updates: Σ (1 − d) dⁿ⁻ⁱ wᵢ + dⁿ w₀, large arrays too") {
  Rng rng(1);
  const Array start = rng.normal({200, 200});
  Tensor w = parameter(start);
  EMA ema({w}, {0.9});
  std::vector<double> expected(start.begin(), start.end());
  for (int n = 0; n < 10; ++n) {
    w.mutable_value() = rng.normal({200, 200});
    ema.update();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = 0.9 * expected[i] + 0.1 * static_cast<double>(w.value().data()[i]);
    }
  }
  const Array average = ema.state().arrays.at("0");
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(expected[i] - static_cast<double>(average.data()[i])));
  }
  CHECK(worst < 1e-6);
}

TEST_CASE("warm-up: decay (1 + n) / (10 + n) until that reaches the limit") {
  Tensor w = parameter(zeros({1}));
  EMA ema({w}, {0.2, true});
  double expected = 0;
  for (int n = 0; n < 5; ++n) {
    w.mutable_value().fill(static_cast<Real>(n + 1));
    ema.update();
    const double d = std::min(0.2, (1.0 + n) / (10.0 + n));
    expected = d * expected + (1 - d) * (n + 1);
  }
  CHECK(static_cast<double>(ema.state().arrays.at("0")(0)) == doctest::Approx(expected));
}

TEST_CASE("averages are swapped in for a scope and out again, also past an exception") {
  Tensor w = parameter(full({2}, 1));
  w.set_label("hidden.weight");
  EMA ema({w}, {0.5});
  w.mutable_value().fill(3);
  ema.update();
  {
    const EMA::Average average = ema.average();
    CHECK(w.value() == full({2}, 2));
    CHECK(ema.state().arrays.at("hidden.weight") == full({2}, 2));
    CHECK_THROWS_AS(ema.average(), std::logic_error);
    CHECK_THROWS_AS(ema.update(), std::logic_error);
    CHECK_THROWS_AS(ema.load(ema.state()), std::logic_error);
  }
  CHECK(w.value() == full({2}, 3));
  try {
    const EMA::Average average = ema.average();
    throw 1;
  } catch (int) {
  }
  CHECK(w.value() == full({2}, 3));
  CHECK(ema.state().arrays.at("hidden.weight") == full({2}, 2));
}

TEST_CASE("averages are adopted for good, and not while they are swapped in") {
  Tensor w = parameter(full({2}, 1));
  EMA ema({w}, {0.5});
  w.mutable_value().fill(3);
  ema.update();
  {
    const EMA::Average average = ema.average();
    CHECK_THROWS_WITH_AS(ema.adopt(), "ema: adopt() while the averages are swapped in",
                         std::logic_error);
  }
  CHECK(w.value() == full({2}, 3));
  ema.adopt();
  CHECK(w.value() == full({2}, 2));
  CHECK(ema.state().arrays.at("0") == full({2}, 2));
  w.mutable_value().fill(7);  // their own numbers from here on
  CHECK(ema.state().arrays.at("0") == full({2}, 2));
}

TEST_CASE("state is saved and restored") {
  Tensor w = parameter(full({2}, 1)), v = parameter(full({2}, 1));
  EMA a({w}, {0.999, true}), b({v}, {0.999, true});
  for (int i = 0; i < 4; ++i) {
    w.mutable_value().fill(static_cast<Real>(i));
    a.update();
  }
  b.load(a.state());
  v.mutable_value() = w.value();
  a.update();
  b.update();
  CHECK(a.state().arrays == b.state().arrays);
  CHECK(a.state().updates == b.state().updates);
  CHECK_THROWS_WITH(b.load({{{"0", ones({3})}}, 1}),
                    "ema state: \"0\" has shape (3,), expected (2,)");
}

TEST_CASE("bad arguments; decays of 0 and 1") {
  Tensor w = parameter(ones({1}));
  CHECK_THROWS_WITH(EMA({w}, {1.5}), "ema: decay must be in [0, 1], got 1.5");
  CHECK_THROWS_WITH(EMA({constant(ones({1}))}), "ema: constant (1,) is not a parameter");
  CHECK_THROWS_WITH(EMA({w, w}), "ema: parameter (1,) comes twice");
  EMA copy({w}, {0}), fixed({w}, {1});
  w.mutable_value().fill(5);
  copy.update();
  fixed.update();
  CHECK(copy.state().arrays.at("0") == full({1}, 5));
  CHECK(fixed.state().arrays.at("0") == ones({1}));
}
