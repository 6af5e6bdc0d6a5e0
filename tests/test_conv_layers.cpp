// Layers for images: what they compute, what they register, and their gradients.
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "nn/attention.hpp"
#include "nn/conv.hpp"
#include "nn/embedding.hpp"
#include "nn/norm.hpp"
#include "nn/time_embedding.hpp"
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

// Gradients of all parameters, of Σ w ⊙ f(): correct, and none is 0 throughout.
template <class F>
void check_layer(const Module& layer, const F& f) {
  const auto objective = [&] {
    const Tensor y = f();
    return sum(y * Tensor(points(y.shape(), -1, 2)));
  };
  check_parameter_gradients(layer, objective);
  objective().backward();
  check_gradient_reaches(layer);
  layer.clear_grad();
}

const std::vector<std::string> weight_and_bias{"weight", "bias"}, gain_and_shift{"gain", "shift"};

}  // namespace

TEST_CASE("Conv2d") {
  Rng rng(1);
  const Conv2d layer(3, 4, 3, rng, {2, 1});
  CHECK(names(layer) == weight_and_bias);
  CHECK(layer.weight().shape() == Shape{3, 3, 3, 4});
  CHECK(layer.parameter_count() == 3 * 3 * 3 * 4 + 4);
  const Tensor x(points({2, 5, 4, 3}, -1, 1));
  const Tensor y = conv2d_direct(x, layer.weight(), layer.bias(), {2, 1});
  CHECK(difference(layer(x).value(), y.value()) < tolerance);
  const Tensor per_image(points({2, 4}, -1, 1));
  const Tensor condition = reshape(per_image, {2, 1, 1, 4});
  CHECK(difference(layer(x, per_image).value(), (y + condition).value()) < tolerance);
  const Tensor residual(points(y.shape(), -1, 1));
  CHECK(difference(layer.add(x, residual).value(), (y + residual).value()) < tolerance);
  check_layer(layer, [&] { return layer(x); });
  check_layer(layer, [&] { return layer(x, per_image); });
  check_layer(layer, [&] { return layer.add(x, residual); });
  const Tensor condition_of = parameter(per_image.value());
  sum(layer(x, condition_of)).backward();
  CHECK(difference(condition_of.grad(), full({2, 4}, 3 * 2)) < tolerance);
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
}

TEST_CASE("ConvTranspose2d") {
  Rng rng(3);
  const ConvTranspose2d layer(3, 4, 4, rng, {2, 1});
  CHECK(names(layer) == weight_and_bias);
  CHECK(layer.parameter_count() == 4 * 4 * 3 * 4 + 4);
  const Tensor x(points({2, 3, 2, 3}, -1, 1));
  CHECK(layer(x).shape() == Shape{2, 6, 4, 4});
  const Tensor y = conv_transpose2d(x, layer.weight(), layer.bias(), {2, 1});
  CHECK(layer(x).value() == y.value());
  check_layer(layer, [&] { return layer(x); });
  const ConvTranspose2d bare(3, 4, 2, rng, {2, 0, false});
  CHECK(names(bare) == std::vector<std::string>{"weight"});
  CHECK(bare(Tensor(zeros({1, 2, 2, 3}))).value() == zeros({1, 4, 4, 4}));
}

TEST_CASE("GroupNorm and LayerNorm") {
  const GroupNorm group(2, 6);
  const LayerNorm layer(6);
  const Tensor x(points({2, 3, 4, 6}, -2, 3)), gain(ones({6})), shift(zeros({6}));
  for (const Module& module : std::vector<Module>{group, layer}) {
    CHECK(names(module) == gain_and_shift);
    CHECK(module.parameter_count() == 12);
  }
  CHECK(group(x).value() == group_norm(x, gain, shift, 2).value());
  CHECK(group.silu(x).value() == group_norm_silu(x, gain, shift, 2).value());
  CHECK(layer(x).value() == layer_norm(x, gain, shift).value());
  check_layer(group, [&] { return group(x); });
  check_layer(group, [&] { return group.silu(x); });
  check_layer(layer, [&] { return layer(x); });
  CHECK(message_of([] { GroupNorm(4, 6); }) ==
        "GroupNorm: the groups must divide the channels, got 4 and 6");
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
  CHECK(layer(Tensor(empty({0, 3}))).shape() == Shape{0, 3});
  check_layer(layer, [&] { return layer(x); });

  layer.train();
  layer(Tensor(ones({1, 3})));  // one number a channel: nothing divided by 0
  CHECK(all_finite(layer.statistics().variance()));
  CHECK(message_of([&] {
          layer(Tensor(empty({0, 3})));
        }) == "BatchNorm: an empty batch has no mean, got (0, 3)");
  CHECK(message_of([&] {
          layer(Tensor(ones({2, 4})));
        }) ==
        "BatchNorm: gain and shift must have shape (4,) for the input (2, 4), got (3,) and (3,)");
  layer.statistics().load(saved);
  CHECK(layer.statistics().mean() == saved.at("mean"));
  CHECK(message_of([&] {
          layer.statistics().load({{"mean", zeros({3})}});
        }) == "RunningStatistics: load: missing \"variance\" (3,)");
}

TEST_CASE("SelfAttention2d is its formula, position by position") {
  Rng rng(4);
  const std::size_t C = 6, heads = 2, d = C / heads, N = 6;
  const SelfAttention2d layer(C, heads, 3, rng, {false});
  CHECK(names(layer) == std::vector<std::string>{"norm.gain", "norm.shift", "qkv.weight",
                                                 "qkv.bias", "output.weight", "output.bias"});
  CHECK(layer.parameter_count() == 2 * C + C * 3 * C + 3 * C + C * C + C);
  const Tensor x(points({2, 2, 3, C}, -1, 2));
  const std::vector<Tensor> p = layer.parameters();
  const Array qkv = linear(group_norm(x, p[0], p[1], 3), p[2], p[3]).value();
  Array seen = empty(x.shape());
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t head = 0; head < heads; ++head)
      for (std::size_t i = 0; i < N; ++i) {
        const auto part = [&](std::size_t which, std::size_t position, std::size_t c) {
          return static_cast<double>(
              qkv.data()[(b * N + position) * 3 * C + which * C + head * d + c]);
        };
        std::vector<double> weight(N);
        double total = 0;
        for (std::size_t j = 0; j < N; ++j) {
          double product = 0;
          for (std::size_t c = 0; c < d; ++c) product += part(0, i, c) * part(1, j, c);
          weight[j] = std::exp(product / std::sqrt(static_cast<double>(d)));
          total += weight[j];
        }
        for (std::size_t c = 0; c < d; ++c) {
          double average = 0;
          for (std::size_t j = 0; j < N; ++j) average += weight[j] / total * part(2, j, c);
          seen.data()[(b * N + i) * C + head * d + c] = static_cast<Real>(average);
        }
      }
  const Tensor expected = x + linear(Tensor(seen), p[4], p[5]);
  CHECK(difference(layer(x).value(), expected.value()) < tolerance);
  check_gradients([&](const std::vector<Tensor>& t) { return layer(t[0]); }, {x.value()});

  const auto objective = [&] { return sum(square(layer(x))); };
  check_parameter_gradients(layer, objective);
  objective().backward();
  check_gradient_reaches(layer);
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

TEST_CASE("SelfAttention2d: starts as the identity, one head, nothing, and what does not fit") {
  Rng rng(5);
  const SelfAttention2d layer(4, 1, 2, rng);
  const Tensor x(points({3, 3, 3, 4}, -1, 2));
  CHECK(layer(x).value() == x.value());
  CHECK(layer(Tensor(empty({0, 3, 3, 4}))).shape() == Shape{0, 3, 3, 4});
  CHECK(message_of([&] { SelfAttention2d(4, 3, 2, rng); }) ==
        "SelfAttention2d: the heads must divide the channels, got 3 and 4");
  CHECK(message_of([&] {
          layer(Tensor(ones({3, 3, 4})));
        }) == "SelfAttention2d: the input is (B, h, w, 4), got (3, 3, 4)");
}

TEST_CASE("sinusoidal_embedding") {
  const Array t{0, 1, Real(999.5)};
  const Array e = sinusoidal_embedding(t, 7, 100);
  REQUIRE(e.shape() == Shape{3, 7});
  const double frequencies[] = {1, 0.1, 0.01};
  for (std::size_t b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 3; ++i) {
      const double angle = static_cast<double>(t(b)) * frequencies[i];
      CHECK(static_cast<double>(e(b, i)) == doctest::Approx(std::sin(angle)).epsilon(1e-6));
      CHECK(static_cast<double>(e(b, 3 + i)) == doctest::Approx(std::cos(angle)).epsilon(1e-6));
    }
    CHECK(e(b, 6) == 0);
  }
  CHECK(sinusoidal_embedding(Array{5}, 2)(0, 0) == static_cast<Real>(std::sin(5.0)));
  CHECK(sinusoidal_embedding(Array{5}, 1) == zeros({1, 1}));
  CHECK(sinusoidal_embedding(empty({0}), 8).shape() == Shape{0, 8});
  CHECK(message_of([] {
          sinusoidal_embedding(ones({2, 1}), 8);
        }) == "sinusoidal_embedding: the times have one axis, got (2, 1)");
  CHECK(message_of([] { sinusoidal_embedding(ones({2}), 8, 0.5); }) ==
        "sinusoidal_embedding: longest_period must be finite and ≥ 1, got 0.5");
}

TEST_CASE("layers refuse sizes that no array can have, and numbers that make no sense") {
  Rng rng(1);
  constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
  for (const std::size_t n : {std::size_t{1} << 40, std::size_t{1} << 61, std::size_t{1} << 62,
                              std::size_t{1} << 63, ~std::size_t{0}}) {
    CAPTURE(n);
    CHECK_THROWS_AS(Linear(n, 3, rng), std::invalid_argument);
    CHECK_THROWS_AS(Linear(3, n, rng), std::invalid_argument);
    CHECK_THROWS_AS(Linear(n, n, rng), std::invalid_argument);
    CHECK_THROWS_AS(MLP({2, n, 2}, rng), std::invalid_argument);
    CHECK_THROWS_AS(Embedding(n, 3, rng), std::invalid_argument);
    CHECK_THROWS_AS(Embedding(3, n, rng), std::invalid_argument);
    CHECK_THROWS_AS(Conv2d(n, 3, 3, rng), std::invalid_argument);
    CHECK_THROWS_AS(Conv2d(3, 3, n, rng), std::invalid_argument);
    CHECK_THROWS_AS(ConvTranspose2d(3, n, 3, rng), std::invalid_argument);
    CHECK_THROWS_AS(GroupNorm(1, n), std::invalid_argument);
    CHECK_THROWS_AS(LayerNorm{n}, std::invalid_argument);
    CHECK_THROWS_AS(BatchNorm{n}, std::invalid_argument);
    CHECK_THROWS_AS(SelfAttention2d(n, 1, 1, rng), std::invalid_argument);
    CHECK_THROWS_AS(sinusoidal_embedding(ones({2}), n), std::invalid_argument);
    CHECK_THROWS_AS(fans({n, n, 2, 2}), std::invalid_argument);
  }
  CHECK(message_of([&] { Linear(std::size_t{1} << 62, 3, rng); }) ==
        "Linear: (4611686018427387904, 3) is too large a shape");
  CHECK(message_of([&] { Conv2d(2, 3, ~std::size_t{0}, rng); }) ==
        "Conv2d: (18446744073709551615, 18446744073709551615, 2, 3) is too large a shape");
  CHECK(message_of([] { LayerNorm(4, nan); }) ==
        "LayerNorm: epsilon must be finite and ≥ 0, got nan");
  CHECK_THROWS_AS(GroupNorm(2, 4, Real(-1e-5)), std::invalid_argument);
  CHECK_THROWS_AS(BatchNorm(4, {Real(0.1), -1}), std::invalid_argument);
  CHECK(message_of([] {
          BatchNorm(4, {Real(1.5), 0});
        }) == "BatchNorm: momentum must be in [0, 1], got 1.5");
  CHECK_THROWS_AS(RunningStatistics(4).update(zeros({3}), zeros({4}), 0), std::invalid_argument);
  CHECK_THROWS_AS(init::xavier_uniform(nan), std::invalid_argument);
  CHECK_THROWS_AS(init::orthogonal(0), std::invalid_argument);
}
