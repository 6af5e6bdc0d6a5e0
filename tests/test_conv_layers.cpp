// Layers for images: what they register, their modes, and attention against whole arrays;
// tests/table has what they compute.
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "nn/attention.hpp"
#include "nn/conv.hpp"
#include "nn/embedding.hpp"
#include "nn/norm.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::nn;
using namespace nabla::testing;

namespace {

double difference(const Array& a, const Array& b) {
  REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(static_cast<double>(a.data()[i] - b.data()[i]));
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  return worst;
}
constexpr double tolerance = is_double ? 1e-12 : 1e-5;

// Every parameter gets a gradient of Σ w ⊙ f() that is not 0 throughout.
template <class F>
void check_reaches(const Module& layer, const F& f) {
  const Tensor y = f();
  sum(y * Tensor(points(y.shape(), -1, 2))).backward();
  check_gradient_reaches(layer);
  layer.clear_grad();
}

// And the right one.
template <class F>
void check_layer(const Module& layer, const F& f) {
  check_parameter_gradients(layer, [&] {
    const Tensor y = f();
    return sum(y * Tensor(points(y.shape(), -1, 2)));
  });
  check_reaches(layer, f);
}

const std::vector<std::string> weight_and_bias{"weight", "bias"}, gain_and_shift{"gain", "shift"};

}  // namespace

TEST_CASE("Conv2d and ConvTranspose2d register their weight and bias, and gradients reach them") {
  Rng rng(1);
  const Conv2d layer(3, 4, 3, rng, {2, 1});
  CHECK(names(layer) == weight_and_bias);
  CHECK(layer.weight().shape() == Shape{3, 3, 3, 4});
  CHECK(layer.parameter_count() == 3 * 3 * 3 * 4 + 4);
  const Tensor x(points({2, 5, 4, 3}, -1, 1));
  check_reaches(layer, [&] { return layer(x); });
  check_reaches(layer, [&] { return layer(x, Tensor(points({2, 4}, -1, 1))); });
  check_reaches(layer, [&] { return layer.add(x, layer(x)); });
  const ConvTranspose2d up(3, 4, 4, rng, {2, 1});
  CHECK(names(up) == weight_and_bias);
  CHECK(up.parameter_count() == 4 * 4 * 3 * 4 + 4);
  check_reaches(up, [&] { return up(x); });
}

TEST_CASE("Conv2d's first values, with and without a bias") {
  Rng rng(2);
  const Conv2d plain(25, 40, 4, rng);
  for (const Tensor& tensor : plain.parameters()) {
    const Real largest = xt::amax(xt::abs(tensor.value()))();
    CHECK(largest <= Real(0.05));  // 1/√400
    CHECK(largest > Real(0.045));
  }
  const Conv2d zero(3, 4, 1, rng, {1, 0, true, init::zeros()});
  CHECK(zero.weight().value() == zeros({1, 1, 3, 4}));
  CHECK(zero.bias().value() == zeros({4}));
  const Conv2d bare(3, 4, 1, rng, {1, 0, false});
  CHECK(names(bare) == std::vector<std::string>{"weight"});
  CHECK(bare(Tensor(zeros({2, 3, 3, 3}))).value() == zeros({2, 3, 3, 4}));
  check_layer(bare, [&] { return bare(Tensor(points({2, 3, 3, 3}, -1, 1))); });
  const ConvTranspose2d up(3, 4, 2, rng, {2, 0, false});
  CHECK(names(up) == std::vector<std::string>{"weight"});
  CHECK(up(Tensor(zeros({1, 2, 2, 3}))).value() == zeros({1, 4, 4, 4}));
}

TEST_CASE("GroupNorm and LayerNorm start with a gain of 1 and a shift of 0") {
  const GroupNorm group(2, 6);
  const LayerNorm layer(6);
  const Tensor x(points({2, 3, 4, 6}, -2, 3)), gain(ones({6})), shift(zeros({6}));
  for (const Module& module : std::vector<Module>{group, layer}) {
    CHECK(names(module) == gain_and_shift);
    CHECK(module.parameter_count() == 12);
  }
  CHECK(group(x).value() == group_norm(x, gain, shift, 2).value());
  CHECK(layer(x).value() == layer_norm(x, gain, shift).value());
  check_reaches(group, [&] { return group(x); });
  check_reaches(group, [&] { return group.silu(x); });
  check_reaches(layer, [&] { return layer(x); });
}

TEST_CASE("BatchNorm: the batch's moments in training, their averages in evaluation") {
  const BatchNorm layer(3, {Real(0.25), Real(1e-3)});
  CHECK(names(layer) == gain_and_shift);
  const Tensor x(points({2, 3, 4, 3}, -2, 3)), gain(ones({3})), shift(zeros({3}));
  CHECK(layer.statistics().mean() == zeros({3}));
  CHECK(layer.statistics().variance() == ones({3}));
  CHECK(layer(x).value() == batch_norm(x, gain, shift, Real(1e-3)).value());
  const Tensor mu = mean(x, {0, 1, 2});
  const Tensor variance = sum(square(x - mu), {0, 1, 2}) / Real(23);
  const Array expected_mean = (mu * Real(0.25)).value();
  const Array expected_variance = (variance * Real(0.25) + Real(0.75)).value();
  CHECK(difference(layer.statistics().mean(), expected_mean) < tolerance);
  CHECK(difference(layer.statistics().variance(), expected_variance) < tolerance);
  check_layer(layer, [&] { return layer(x); });  // which moves the averages

  const BatchNorm copy = layer;
  copy.eval();
  const NamedArrays saved = layer.statistics().state();
  layer.statistics().load({{"mean", expected_mean}, {"variance", expected_variance}});
  const Tensor by_hand =
      (x - Tensor(expected_mean)) / sqrt(Tensor(expected_variance) + Real(1e-3)) * gain + shift;
  CHECK(difference(layer(x).value(), by_hand.value()) < tolerance);
  CHECK(copy.statistics().mean() == expected_mean);  // shared, and not moved in evaluation
  check_layer(layer, [&] { return layer(x); });

  // They are part of the model.
  NamedArrays model = layer.state();
  CHECK(model.size() == 4);
  CHECK(model.at("statistics.mean") == expected_mean);
  CHECK(model.at("statistics.variance") == expected_variance);
  const BatchNorm other(3, {Real(0.25), Real(1e-3)});
  other.load(model);
  other.eval();
  CHECK(other(x).value() == layer(x).value());
  model.at("statistics.variance")(0) = -1;
  CHECK_THROWS_AS(other.load(model), std::invalid_argument);

  layer.train();
  layer(Tensor(ones({1, 3})));  // one number a channel: nothing divided by 0
  CHECK(all_finite(layer.statistics().variance()));
  layer.statistics().load(saved);
  CHECK(layer.statistics().mean() == saved.at("mean"));
  for (const Real wrong : {Real(-1), std::numeric_limits<Real>::quiet_NaN()}) {
    CHECK_THROWS_WITH_AS(
        layer.statistics().load({{"mean", ones({3})}, {"variance", Array{1, wrong, 1}}}),
        "RunningStatistics: load: a variance is below 0 or NaN", std::invalid_argument);
  }
  CHECK(layer.statistics().mean() == saved.at("mean"));
  CHECK(layer.statistics().variance() == saved.at("variance"));
}

TEST_CASE("SelfAttention2d registers its norm and two products, and gradients reach them") {
  Rng rng(4);
  const std::size_t C = 6;
  const SelfAttention2d layer(C, 2, 3, rng, {false});
  CHECK(names(layer) == std::vector<std::string>{"norm.gain", "norm.shift", "qkv.weight",
                                                 "qkv.bias", "output.weight", "output.bias"});
  CHECK(layer.parameter_count() == 2 * C + C * 3 * C + 3 * C + C * C + C);
  const Tensor x(points({2, 2, 3, C}, -1, 2));
  check_reaches(layer, [&] { return square(layer(x)); });
}

TEST_CASE("SelfAttention2d against operations on whole arrays, values and gradients") {
  struct Case {
    std::size_t batch, height, width, channels, heads;
  };
  Rng rng(6);
  for (const Case& c : {Case{3, 7, 7, 32, 1}, Case{2, 18, 17, 12, 4}, Case{1, 1, 1, 2, 2},
                        Case{2, 1, 2, 1, 1}, Case{1, 20, 20, 16, 1}}) {
    CAPTURE(c.channels);
    const std::size_t C = c.channels;
    const SelfAttention2d layer(C, c.heads, 1, rng, {false});
    const std::ptrdiff_t B = std::ptrdiff_t(c.batch), N = std::ptrdiff_t(c.height * c.width);
    const std::ptrdiff_t H = std::ptrdiff_t(c.heads), d = std::ptrdiff_t(C) / H;
    const auto whole = [&](const Tensor& x) {
      const std::vector<Tensor> p = layer.parameters();
      const Tensor qkv = linear(group_norm(x, p[0], p[1], 1), p[2] * Real(2), p[3]);
      const std::vector<Tensor> parts = split(qkv, {C, C, C}, -1);
      const auto by_head = [&](std::size_t i, const Axes& order) {
        return permute(reshape(parts[i], {B, N, H, d}), order);
      };
      const Tensor scores = matmul(by_head(0, {0, 2, 1, 3}), by_head(1, {0, 2, 3, 1}));
      const Tensor weights = softmax(scores / std::sqrt(static_cast<Real>(d)));
      const Tensor seen = permute(matmul(weights, by_head(2, {0, 2, 1, 3})), {0, 2, 1, 3});
      return x + linear(reshape(seen, {B, std::ptrdiff_t(c.height), std::ptrdiff_t(c.width),
                                       std::ptrdiff_t(C)}),
                        p[4], p[5]);
    };
    const Array x = points({c.batch, c.height, c.width, C}, -1, 2);
    const Array seed = points(x.shape(), -1, 1);
    const auto results = [&](const auto& f) {
      const Tensor t = parameter(x);
      const Tensor y = f(t);
      for (int i = 0; i < 2; ++i) y.backward(seed, true);
      std::vector<Array> list{y.value(), t.grad()};
      for (const Tensor& p : layer.parameters()) list.push_back(p.grad());
      layer.clear_grad();
      return list;
    };
    const std::vector<Array> expected = results(whole);
    Tensor weight = layer.parameters()[2];  // the same factor of 2, for sharper weights
    weight.mutable_value() *= 2;
    const std::vector<Array> got = results(layer);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      const Real factor = i == 4 ? 2 : 1;
      const Real scale = 1 + xt::amax(xt::abs(expected[i]))();
      CHECK(difference((Tensor(got[i]) * (factor / scale)).value(),
                       (Tensor(expected[i]) / scale).value()) < tolerance);
    }
  }
}

TEST_CASE("SelfAttention2d starts as the identity") {
  Rng rng(5);
  const SelfAttention2d layer(4, 1, 2, rng);
  const Tensor x(points({3, 3, 3, 4}, -1, 2));
  CHECK(layer(x).value() == x.value());
}

TEST_CASE("layers refuse numbers that make no sense") {
  CHECK(message_of([] {
          BatchNorm(4, {Real(1.5), 0});
        }) == "BatchNorm: momentum must be in [0, 1], got 1.5");
  CHECK_THROWS_AS(RunningStatistics(4).update(zeros({3}), zeros({4}), 0), std::invalid_argument);
  for (const std::size_t n : {std::size_t{1} << 40, std::size_t{1} << 61, std::size_t{1} << 62,
                              std::size_t{1} << 63, ~std::size_t{0}}) {
    CAPTURE(n);
    CHECK_THROWS_AS(fans({n, n, 2, 2}), std::invalid_argument);
  }
  CHECK_THROWS_AS(init::xavier_uniform(std::numeric_limits<Real>::quiet_NaN()),
                  std::invalid_argument);
  CHECK_THROWS_AS(init::orthogonal(0), std::invalid_argument);
}
