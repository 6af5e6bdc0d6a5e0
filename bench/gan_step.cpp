// One training step of both players of the GAN 64-256-512-784 / 784-512-256-1, batch 128, Adam: the
// step that bench/peers/gan_step.py times in turn with PyTorch's.
#include "autograd/ops.hpp"
#include "bench/step.hpp"
#include "models/adversarial.hpp"
#include "nn/linear.hpp"
#include "nn/optim.hpp"

using namespace nabla;

int main(int argc, char** argv) {
  Rng rng(1);
  const Tensor x(rng.bernoulli({128, 784}, Real(0.2)));
  const nn::MLP generator({64, 256, 512, 784}, rng, "relu", "sigmoid");
  const nn::MLP discriminator({784, 512, 256, 1}, rng, nn::Activation::leaky_relu(Real(0.2)));
  nn::Adam generator_adam(generator.parameters(), {2e-4, 0.5}),
      discriminator_adam(discriminator.parameters(), {2e-4, 0.5});
  return bench::run(argc, argv, [&] {
    const Tensor fake = generator(Tensor(rng.normal({128, 64})));
    const std::vector<Tensor> logits =
        split(discriminator(concat({x, fake.detach()}, 0)), {128, 128}, 0);
    const Tensor loss_d = -models::game_value(logits[0], logits[1]);
    discriminator_adam.clear_grad();
    loss_d.backward();
    discriminator_adam.step();

    const nn::Frozen fixed(discriminator);
    const Tensor loss_g =
        models::generator_loss(discriminator(fake), models::GeneratorLoss::non_saturating);
    generator_adam.clear_grad();
    loss_g.backward();
    generator_adam.step();
  });
}
