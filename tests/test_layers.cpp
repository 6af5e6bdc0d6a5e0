// Layers: what they compute, what they register, and their gradients.
#include <cmath>
#include <doctest/doctest.h>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"
#include "nn/dropout.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::nn;
using nabla::testing::names;

namespace {

double difference(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(a.data()[i] - b.data()[i])));
  }
  return worst;
}

}  // namespace

TEST_CASE("Linear is x W + b for any leading axes") {
  Rng rng(1);
  const Linear layer(3, 2, rng);
  CHECK(names(layer) == std::vector<std::string>{"weight", "bias"});
  CHECK(layer.parameter_count() == 8);
  const Array x = rng.normal({2, 4, 3});
  const Tensor y = layer(Tensor(x));
  REQUIRE(y.shape() == Shape{2, 4, 2});
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t o = 0; o < 2; ++o) {
      double expected = static_cast<double>(layer.bias().value()(o));
      for (std::size_t k = 0; k < 3; ++k) {
        expected += static_cast<double>(x.data()[3 * i + k] * layer.weight().value()(k, o));
      }
      CHECK(static_cast<double>(y.value().data()[2 * i + o]) == doctest::Approx(expected));
    }
  }
  CHECK_THROWS_AS(layer(Tensor(ones({2, 4}))), std::invalid_argument);
}

TEST_CASE("Linear's first values, with and without a bias") {
  Rng rng(2);
  const Linear plain(400, 300, rng);
  for (const Tensor& tensor : plain.parameters()) {
    const Real largest = xt::amax(xt::abs(tensor.value()))();
    CHECK(largest <= Real(0.05));  // 1/√400
    CHECK(largest > Real(0.049));
  }
  const Linear he(400, 300, rng, {true, init::he_normal()});
  CHECK(he.bias().value() == zeros({300}));
  CHECK(xt::amax(xt::abs(he.weight().value()))() > Real(0.2));  // σ is 0.07
  const Linear bare(4, 3, rng, {false});
  CHECK_FALSE(bare.bias().defined());
  CHECK(names(bare) == std::vector<std::string>{"weight"});
  CHECK(bare(Tensor(zeros({5, 4}))).value() == zeros({5, 3}));
  CHECK(Linear(0, 3, rng)(Tensor(ones({2, 0}))).shape() == Shape{2, 3});
}

TEST_CASE("activations by name and as functions") {
  const Tensor x(Array{-2, 0, Real(0.5)});
  const auto same = [&](const Activation& a, const Tensor& expected) {
    CHECK(difference(a(x).value(), expected.value()) < 1e-6);
  };
  same("elu", elu(x));
  same("gelu", gelu(x));
  same("identity", x);
  same("leaky_relu", leaky_relu(x));
  same("relu", relu(x));
  same("sigmoid", sigmoid(x));
  same("silu", silu(x));
  same("softplus", softplus(x));
  same(std::string("tanh"), nabla::tanh(x));
  same(relu, relu(x));
  same([](const Tensor& t) { return t * 2; }, x * 2);
  same(Activation::leaky_relu(Real(0.2)), leaky_relu(x, Real(0.2)));
  same(Activation::leaky_relu(2), leaky_relu(x, 2));  // by itself only: it is no max(x, s x)
  CHECK(Activation("relu").slope() == Real(0));
  CHECK(Activation::leaky_relu(Real(0.2)).slope() == Real(0.2));
  CHECK_FALSE(Activation::leaky_relu(2).slope().has_value());
  CHECK_FALSE(Activation("tanh").slope().has_value());
  CHECK_THROWS_WITH(Activation("rule"),
                    "activation: \"rule\" is none of elu, gelu, identity, leaky_relu, relu, "
                    "sigmoid, silu, softplus, tanh");
}

TEST_CASE("MLP: sizes, names, and where the activations stand") {
  Rng rng(3);
  const MLP mlp({4, 5, 6, 2}, rng, "tanh", "sigmoid");
  CHECK(names(mlp) ==
        std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"});
  CHECK(mlp.parameter_count() == 4 * 5 + 5 + 5 * 6 + 6 + 6 * 2 + 2);
  CHECK(mlp.layers()[1].weight().label() == "1.weight");
  const Tensor x(rng.normal({7, 4}));
  const std::vector<Linear>& l = mlp.layers();
  const Tensor expected = sigmoid(l[2](nabla::tanh(l[1](nabla::tanh(l[0](x))))));
  CHECK(difference(mlp(x).value(), expected.value()) < 1e-6);

  const MLP leaky({4, 5, 2}, rng, "leaky_relu", "relu");  // in one pass with the product
  const std::vector<Linear>& m = leaky.layers();
  CHECK(difference(leaky(x).value(), relu(m[1](leaky_relu(m[0](x)))).value()) < 1e-6);

  const MLP single({4, 3}, rng);
  CHECK(difference(single(x).value(), single.layers()[0](x).value()) < 1e-6);
  const MLP functions(
      {4, 5, 3}, rng, [](const Tensor& t) { return square(t); }, relu);
  CHECK(functions(x).shape() == Shape{7, 3});
  CHECK_THROWS_WITH(MLP({4}, rng), "MLP: needs at least two sizes (in, …, out), got 1");
  CHECK_THROWS_AS(MLP({4, 3}, rng, "nothing"), std::invalid_argument);
}

TEST_CASE("every parameter of an MLP gets a gradient, the right one") {
  Rng rng(4);
  const MLP mlp({3, 5, 4, 2}, rng, "silu");
  const Array x = rng.normal({6, 3});
  const std::vector<Tensor> parameters = mlp.parameters();
  std::vector<Array> values;
  for (const Tensor& p : parameters) values.push_back(p.value());
  // The same network from tensors that the checker may move.
  const auto network = [&](const std::vector<Tensor>& p) {
    Tensor h = silu(linear(Tensor(x), p[0], p[1]));
    h = silu(linear(h, p[2], p[3]));
    return linear(h, p[4], p[5]);
  };
  CHECK(difference(mlp(Tensor(x)).value(), network(parameters).value()) < 1e-6);
  const GradcheckResult result = gradcheck(network, values);
  CHECK_MESSAGE(result, result.message);
  sum(square(mlp(Tensor(x)))).backward();
  for (const auto& parameter : mlp.named_parameters()) {
    REQUIRE_MESSAGE(parameter.second.has_grad(), parameter.first);
    CHECK_MESSAGE(xt::amax(xt::abs(parameter.second.grad()))() > 0, parameter.first);
  }
  mlp.clear_grad();
  CHECK_FALSE(parameters[0].has_grad());
}

TEST_CASE("a layer copied or moved after registration is still the registered one") {
  Rng rng(5);
  std::vector<MLP> kept;
  {
    MLP mlp({2, 3, 1}, rng);
    kept.push_back(std::move(mlp));
  }
  const MLP copy = kept[0];
  copy.named_parameters()[0].second.node().value.fill(0);
  CHECK(kept[0].layers()[0].weight().value() == zeros({2, 3}));
}

TEST_CASE("Embedding looks rows up, and their gradients add up") {
  Rng rng(6);
  const Embedding table(5, 3, rng);
  CHECK(table.parameter_count() == 15);
  const IndexArray index{{4, 0}, {4, 1}};
  const Tensor rows = table(index);
  REQUIRE(rows.shape() == Shape{2, 2, 3});
  CHECK(rows.value()(1, 0, 2) == table.weight().value()(4, 2));
  sum(rows).backward();
  CHECK(table.weight().grad()(4, 1) == 2);
  CHECK(table.weight().grad()(1, 1) == 1);
  CHECK(table.weight().grad()(2, 1) == 0);
  CHECK_THROWS_AS(table(IndexArray{5}), std::invalid_argument);
  const Embedding zero(5, 3, rng, init::zeros());
  CHECK(zero.weight().value() == zeros({5, 3}));
}

TEST_CASE("Dropout: in training zeros and scale, in evaluation nothing") {
  const Dropout dropout(Real(0.25));
  Rng rng(7);
  Tensor x = parameter(full({1000, 100}, 3));
  const Tensor y = dropout(x, rng);
  std::size_t zero = 0;
  bool others = true;
  for (const Real v : y.value()) {
    zero += v == 0 ? 1 : 0;
    others = others && (v == 0 || v == 4);
  }
  CHECK(others);
  CHECK(std::abs(static_cast<double>(zero) / 1e5 - 0.25) < 5 * std::sqrt(0.25 * 0.75 / 1e5));
  sum(y).backward();
  CHECK(difference(x.grad(), compute(y.value() / 3)) < 1e-6);  // the same mask
  CHECK(difference(dropout(x, rng).value(), y.value()) > 0);   // another one

  const std::uint64_t used = rng.state().counter;
  dropout.eval();
  CHECK(&dropout(x, rng).node() == &x.node());
  dropout.train();
  CHECK(&Dropout(0)(x, rng).node() == &x.node());
  CHECK(rng.state().counter == used);

  const GradcheckResult result = gradcheck(
      [&](const std::vector<Tensor>& inputs) {
        Rng fixed(8);
        return dropout(inputs[0], fixed);
      },
      {ones({4, 5})});
  CHECK_MESSAGE(result, result.message);
  CHECK_THROWS_WITH(Dropout(1), "dropout: probability must be in [0, 1), got 1");
  CHECK_THROWS_AS(Dropout(Real(-0.1)), std::invalid_argument);
}

TEST_CASE("the mode of a whole model reaches its Dropout, copies included") {
  struct Model : Module {
    Dropout dropout{Real(0.5)};
    Model() { children({{"dropout", dropout}}); }
  };
  const Model model;
  const Dropout copy = model.dropout;
  model.eval();
  CHECK_FALSE(copy.training());
  model.train();
  CHECK(copy.training());
}
