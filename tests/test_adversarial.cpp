// The game of two networks: its value and losses against the formulas written out, and that each
// player's step leaves the other alone.
#include <cmath>
#include <doctest/doctest.h>

#include "autograd/ops.hpp"
#include "nn/adversarial.hpp"
#include "nn/linear.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::nn;
using namespace nabla::testing;

namespace {

double sigma(double l) {
  return 1 / (1 + std::exp(-l));
}

}  // namespace

TEST_CASE("adversarial: the game's value is -ln 4 where the discriminator cannot tell them apart") {
  CHECK(game_value(Tensor(zeros({4})), Tensor(zeros({9}))).item() ==
        doctest::Approx(-std::log(4.0)).epsilon(1e-6));
}

TEST_CASE("adversarial: the generator's gradients for a sure discriminator") {
  // D(G(z)) = σ(−8): minimax has a gradient of −D, the other one of −(1 − D).
  const Array sure{-8};
  const auto slope = [&](GeneratorLoss which) {
    return gradient([which](const Tensor& l) { return generator_loss(l, which); }, sure)(0);
  };
  CHECK(slope(GeneratorLoss::minimax) == doctest::Approx(-sigma(-8)).epsilon(1e-5));
  CHECK(slope(GeneratorLoss::non_saturating) == doctest::Approx(-sigma(8)).epsilon(1e-5));
}

TEST_CASE("adversarial: losses are finite where σ rounds to 0 or 1") {
  const Array far{-1000, 1000};
  CHECK(std::isfinite(game_value(Tensor(far), Tensor(far)).item()));
  for (const GeneratorLoss which : {GeneratorLoss::minimax, GeneratorLoss::non_saturating}) {
    CHECK(std::isfinite(generator_loss(Tensor(far), which).item()));
  }
}

TEST_CASE("adversarial: neither player's step leaves a gradient in the other") {
  Rng rng(3);
  const nn::MLP generator({2, 8, 3}, rng), discriminator({3, 8, 1}, rng, "leaky_relu");
  const Tensor x(rng.normal({6, 3})), z(rng.normal({6, 2}));
  const Tensor fake = generator(z);

  (-game_value(discriminator(x), discriminator(fake.detach()))).backward();
  for (const Tensor& p : generator.parameters()) CHECK_FALSE(p.has_grad());
  check_gradient_reaches(discriminator);

  // The generator's gradient with the discriminator frozen is that without.
  discriminator.clear_grad();
  {
    const nn::Frozen fixed(discriminator);
    for (const Tensor& p : discriminator.parameters()) CHECK_FALSE(p.requires_grad());
    generator_loss(discriminator(fake), GeneratorLoss::non_saturating).backward();
  }
  check_gradient_reaches(generator);
  for (const Tensor& p : discriminator.parameters()) {
    CHECK(p.requires_grad());
    CHECK_FALSE(p.has_grad());
  }
  std::vector<Array> gradients;
  for (const Tensor& p : generator.parameters()) gradients.push_back(p.grad());
  generator.clear_grad();
  generator_loss(discriminator(generator(z)), GeneratorLoss::non_saturating).backward();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    CHECK(gradients[i] == generator.parameters()[i].grad());
  }
}

TEST_CASE("Frozen: a graph under it keeps only what leads to the input, nesting restores") {
  Rng rng(4);
  const nn::Linear layer(3, 2, rng);
  {
    const nn::Frozen outer(layer);
    CHECK_FALSE(layer(Tensor(ones({4, 3}))).requires_grad());  // nothing to differentiate
    { const nn::Frozen inner(layer); }
    CHECK_FALSE(layer.weight().requires_grad());
  }
  CHECK(layer.weight().requires_grad());
}
