// One training step of the VAE 784-400-20-400-784, batch 128, Adam: the step that
// bench/peers/vae_step.py times in turn with PyTorch's.
#include "bench/step.hpp"
#include "models/vae/vae.hpp"
#include "nn/optim.hpp"

using namespace nabla;

int main(int argc, char** argv) {
  Rng rng(1);
  const Tensor x(rng.bernoulli({128, 784}, Real(0.2)));
  const models::Vae vae({}, rng);
  nn::Adam adam(vae.parameters(), {});
  return bench::run(argc, argv, [&] {
    const Tensor loss = -mean(vae.elbo(x, rng).value());
    adam.clear_grad();
    loss.backward();
    adam.step();
  });
}
