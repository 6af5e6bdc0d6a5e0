// One training step of NADE with 784 inputs and 500 hidden units, batch 100, Adam: the step that
// bench/peers/nade_step.py times in turn with PyTorch's. By itself it prints a table; with --serve
// it answers each input line "steps threads" with the milliseconds of one step.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

#include "autograd/blas.hpp"
#include "autograd/ops.hpp"
#include "models/nade/nade.hpp"
#include "nn/optim.hpp"

using namespace nabla;

namespace {

class Step {
 public:
  Step()
      : rng_(1),
        x_(rng_.bernoulli({100, 784}, Real(0.13))),  // as many ones as a digit of MNIST has
        nade_(784, 500, models::raster_ordering(784), rng_),
        adam_(nade_.parameters(), {}) {}

  double milliseconds(int steps, int threads) {
    set_threads(threads);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) {
      const Tensor loss = -mean(nade_.log_prob(x_));
      adam_.clear_grad();
      loss.backward();
      adam_.step();
    }
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    return time.count() / steps;
  }

  // Seconds to score and to sample 10000 images.
  double scoring() {
    Array images = empty({10000, 784});
    for (std::size_t i = 0; i < images.shape()[0]; ++i) {
      std::copy_n(x_.value().data() + i % 100 * 784, 784, images.data() + i * 784);
    }
    return seconds([&] { models::log_prob({nade_}, images); });
  }
  double sampling() {
    return seconds([&] { nade_.sample(10000, rng_); });
  }

 private:
  template <class Work>
  static double seconds(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    return time.count();
  }

  Rng rng_;
  Tensor x_;
  models::Nade nade_;
  nn::Adam adam_;
};

}  // namespace

int main(int argc, char** argv) {
  Step step;
  if (argc > 1 && std::strcmp(argv[1], "--serve") == 0) {
    int steps = 0, threads = 0;
    while (std::cin >> steps >> threads) {
      std::cout << step.milliseconds(steps, threads) << std::endl;
    }
    return 0;
  }
  for (const int threads : {1, 2}) {
    step.milliseconds(50, threads);
    std::cout << threads << " threads: " << step.milliseconds(300, threads)
              << " ms a step, 10000 images scored in " << step.scoring() << " s, sampled in "
              << step.sampling() << " s\n";
  }
}
