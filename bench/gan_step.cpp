// One training step of both players of the GAN 64-256-512-784 / 784-512-256-1, batch 128, Adam: the
// step that bench/peers/gan_step.py times in turn with PyTorch's.
#include "autograd/ops.hpp"
#include "bench/step.hpp"
#include "models/gan/gan.hpp"
#include "nn/adversarial.hpp"
#include "nn/optim.hpp"

using namespace nabla;

int main(int argc, char** argv) {
  Rng rng(1);
  const Tensor x(rng.bernoulli({128, 784}, Real(0.2)));
  models::GanOptions options;
  options.output = "sigmoid";
  const models::Gan gan(options, rng);
  nn::Adam g_adam(gan.generator().parameters(), {2e-4, 0.5}),
      d_adam(gan.discriminator().parameters(), {2e-4, 0.5});
  return bench::run(argc, argv, [&] {
    const Tensor fake = gan.generate(Tensor(gan.prior(128, rng)));

    const models::Gan::Logits logits = gan.discriminate(x, fake.detach());
    const Tensor d_loss = -nn::game_value(logits.real, logits.fake);
    d_adam.clear_grad();
    d_loss.backward();
    d_adam.step();

    const nn::Frozen fixed(gan.discriminator());
    const Tensor g_loss =
        nn::generator_loss(gan.discriminate(fake), nn::GeneratorLoss::non_saturating);
    g_adam.clear_grad();
    g_loss.backward();
    g_adam.step();
  });
}
