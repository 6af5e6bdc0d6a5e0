// One step of ancestral sampling from DDPM's U-Net, 64 images at once: what
// bench/peers/ddpm_sample.py times in turn with PyTorch's.
#include "bench/ddpm_unet.hpp"

using namespace nabla;

int main(int argc, char** argv) {
  Rng rng(1);
  const models::UNet network({}, rng);
  const IndexArray classes = bench::no_classes();
  Array x = rng.normal({bench::images, bench::pixels});
  const NoGrad no_grad;
  return bench::run(argc, argv, [&] {
    const Array predicted = network(Tensor(x), full({bench::images}, 500), classes).value();
    const Array noise = rng.normal({bench::images, bench::pixels});
    x = compute(Real(0.999) * (x - Real(0.01) * predicted) + Real(0.01) * noise);
  });
}
