// One training step of NADE with 784 inputs and 500 hidden units, batch 100, Adam: the step that
// bench/peers/nade_step.py times in turn with PyTorch's. By itself the program also says how long
// it takes to score and to sample 10000 images.
#include <algorithm>

#include "autograd/ops.hpp"
#include "bench/step.hpp"
#include "models/nade/nade.hpp"
#include "nn/optim.hpp"

using namespace nabla;

int main(int argc, char** argv) {
  Rng rng(1);
  const Tensor x(rng.bernoulli({100, 784}, Real(0.13)));  // as many ones as a digit of MNIST has
  const models::Nade nade(784, 500, models::raster_ordering(784), rng);
  nn::Adam adam(nade.parameters(), {});
  bench::run(argc, argv, [&] {
    const Tensor loss = -mean(nade.log_prob(x));
    adam.clear_grad();
    loss.backward();
    adam.step();
  });
  if (argc > 1) return 0;

  Array images = empty({10000, 784});
  for (std::size_t i = 0; i < images.shape()[0]; ++i) {
    std::copy_n(x.value().data() + i % 100 * 784, 784, images.data() + i * 784);
  }
  for (const int threads : {1, 2}) {
    const double scored =
        bench::milliseconds([&] { models::log_prob({nade}, images); }, 1, threads);
    const double sampled = bench::milliseconds([&] { nade.sample(10000, rng); }, 1, threads);
    std::cout << threads << " threads: 10000 images scored in " << scored / 1000
              << " s, sampled in " << sampled / 1000 << " s\n";
  }
}
