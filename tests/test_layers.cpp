// Layers: what they register, how they start and what mode they are in; tests/table has what they
// compute.
#include <cmath>
#include <doctest/doctest.h>

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

TEST_CASE("Linear registers its weight and bias") {
  Rng rng(1);
  const Linear layer(3, 2, rng);
  CHECK(names(layer) == std::vector<std::string>{"weight", "bias"});
  CHECK(layer.parameter_count() == 8);
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

TEST_CASE("activations know their slope, where max(x, slope · x) is all they do") {
  const Tensor x(Array{-2, 0, Real(0.5)});
  CHECK(Activation("relu").slope() == Real(0));
  CHECK(Activation::leaky_relu(Real(0.2)).slope() == Real(0.2));
  CHECK_FALSE(Activation::leaky_relu(2).slope().has_value());  // it is no maximum
  CHECK(Activation::leaky_relu(2)(x).value() == leaky_relu(x, 2).value());
  CHECK_FALSE(Activation("tanh").slope().has_value());
  CHECK_FALSE(Activation(relu).slope().has_value());
}

TEST_CASE("MLP: sizes, names, and where the activations stand") {
  Rng rng(3);
  const MLP mlp({4, 5, 6, 2}, rng, "tanh", "sigmoid");
  CHECK(names(mlp) ==
        std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"});
  CHECK(mlp.parameter_count() == 4 * 5 + 5 + 5 * 6 + 6 + 6 * 2 + 2);
  CHECK(mlp.layers()[1].weight().label() == "1.weight");
  const Tensor x(rng.normal({7, 4}));

  const MLP leaky({4, 5, 2}, rng, "leaky_relu", "relu");  // in one pass with the product
  const std::vector<Linear>& m = leaky.layers();
  CHECK(difference(leaky(x).value(), relu(m[1](leaky_relu(m[0](x)))).value()) < 1e-6);

  const MLP single({4, 3}, rng);
  CHECK(difference(single(x).value(), single.layers()[0](x).value()) < 1e-6);
  const MLP functions(
      {4, 5, 3}, rng, [](const Tensor& t) { return square(t); }, relu);
  CHECK(functions(x).shape() == Shape{7, 3});
}

TEST_CASE("every parameter of an MLP gets a gradient, until it is cleared") {
  Rng rng(4);
  const MLP mlp({3, 5, 4, 2}, rng, "silu");
  sum(square(mlp(Tensor(rng.normal({6, 3}))))).backward();
  for (const auto& parameter : mlp.named_parameters()) {
    REQUIRE_MESSAGE(parameter.second.has_grad(), parameter.first);
    CHECK_MESSAGE(xt::amax(xt::abs(parameter.second.grad()))() > 0, parameter.first);
  }
  mlp.clear_grad();
  CHECK_FALSE(mlp.parameters()[0].has_grad());
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

TEST_CASE("Embedding registers its table, which starts as it is told") {
  Rng rng(6);
  CHECK(Embedding(5, 3, rng).parameter_count() == 15);
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
