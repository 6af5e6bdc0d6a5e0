// One training step of DDPM's U-Net on L_simple, batch 64, Adam: the step that
// bench/peers/ddpm_step.py times in turn with PyTorch's.
#include "bench/ddpm_unet.hpp"
#include "nn/optim.hpp"

using namespace nabla;

int main(int argc, char** argv) {
  Rng rng(1);
  const models::UNet network({}, rng);
  const Array x0 = rng.uniform({bench::images, bench::pixels}, -1, 1);
  const IndexArray classes = bench::no_classes();
  nn::Adam adam(network.parameters(), {2e-4});
  return bench::run(argc, argv, [&] {
    const Array noise = rng.normal({bench::images, bench::pixels});
    const Array x = compute(Real(0.8) * x0 + Real(0.6) * noise);
    const Tensor predicted = network(Tensor(x), bench::random_times(rng), classes);
    const Tensor loss = mean_squared_error(predicted, Tensor(noise));
    adam.clear_grad();
    loss.backward();
    adam.step();
  });
}
