// Samplers with the best network there is: what comes out must be the data's law.
#include <cmath>
#include <doctest/doctest.h>

#include "models/ddpm/sampler.hpp"
#include "nn/ema.hpp"
#include "nn/linear.hpp"
#include "nn/optim.hpp"
#include "tests/diffusion.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

Diffusion diffusion_of(std::size_t T, Prediction prediction = Prediction::velocity) {
  DiffusionOptions options;
  options.prediction = prediction;
  return Diffusion(NoiseSchedule::cosine(T), options);
}

SamplerOptions ddim(double eta, std::size_t steps = 0) {
  SamplerOptions options;
  options.ddim = true;
  options.eta = eta;
  options.steps = steps;
  return options;
}

SamplerOptions ancestral(std::size_t steps = 0) {
  SamplerOptions options;
  options.steps = steps;
  return options;
}

}  // namespace

TEST_CASE("the best network returns the mean and variance of Gaussian data") {
  const LineMixture data{{0.7}, {1}, 0.5};
  constexpr std::size_t n = 10000;
  const double mean_error = 5 * 0.5 / std::sqrt(double(n));
  const double variance_error = 5 * 0.25 * std::sqrt(2 / double(n));
  for (const Prediction prediction : {Prediction::noise, Prediction::data, Prediction::velocity}) {
    const Diffusion diffusion = diffusion_of(200, prediction);
    const Denoiser network = data.best_network(diffusion);
    for (const SamplerOptions& options : {ancestral(), ddim(0), ddim(0.5)}) {
      Rng rng(1);
      const Array x = sample(diffusion, network, rng.normal({n, 1}), no_classes(n), options, rng);
      INFO(options.ddim, " ", options.eta, " ", int(prediction));
      // β̃ is too small for spread data by O(1/T): 2 % here (Ho et al., §3.2)
      CHECK(std::abs(mean_of_all(x) - 0.7) < mean_error);
      CHECK(std::abs(variance_of_all(x) - 0.25) < variance_error + 0.005);
    }
  }
}

TEST_CASE("samples of a mixture have its shares and spread") {
  const LineMixture data{{-1, 1}, {0.3, 0.7}, 0.1};
  const Diffusion diffusion = diffusion_of(200);
  const Denoiser network = data.best_network(diffusion);
  constexpr std::size_t n = 4000;
  for (const SamplerOptions& options : {ancestral(), ddim(0, 50)}) {
    Rng rng(2);
    const Array x = sample(diffusion, network, rng.normal({n, 1}), no_classes(n), options, rng);
    double right = 0, near = 0;
    for (const Real value : x) {
      right += value > 0;
      near += std::abs(std::abs(value) - 1) < Real(0.4);
    }
    CHECK(std::abs(right / n - 0.7) < 5 * std::sqrt(0.21 / n));
    CHECK(near / n > 0.99);
  }
}

TEST_CASE("no noise at the last step") {
  const Diffusion diffusion = diffusion_of(20);
  const Denoiser network = LineMixture().best_network(diffusion);
  Rng one(3), two(4);
  const Array x = one.normal({6, 2});
  const auto step = [&](std::size_t t, Rng& rng) {
    return diffusion.p_sample(network, x, same_time(6, t), no_classes(6), rng);
  };
  CHECK(step(1, one) == step(1, two));
  CHECK(step(2, one) != step(2, two));
  IndexArray mixed = same_time(6, 2);
  mixed(3) = 1;
  const Array a = diffusion.p_sample(network, x, mixed, no_classes(6), one);
  const Array b = diffusion.p_sample(network, x, mixed, no_classes(6), two);
  CHECK(a(3, 0) == b(3, 0));
  CHECK(a(2, 0) != b(2, 0));
}

TEST_CASE("DDIM with η = 1 is ancestral sampling with the posterior's variance") {
  const LineMixture data{{-1, 0.5}, {0.4, 0.6}, 0.3};
  for (const std::size_t steps : {0u, 9u}) {
    const Diffusion diffusion = diffusion_of(30);
    const Denoiser network = data.best_network(diffusion);
    Rng one(5), two(5);
    const Array x_T = one.normal({50, 2});
    two.normal({50, 2});
    const Array a = sample(diffusion, network, x_T, no_classes(50), ancestral(steps), one);
    const Array b = sample(diffusion, network, x_T, no_classes(50), ddim(1, steps), two);
    CHECK(largest_difference(a, b) < (is_double ? 1e-10 : 1e-3));
    CHECK(one.state().counter == two.state().counter);
  }
}

TEST_CASE("all times in strides are all times, and η = 0 takes no random numbers") {
  const Diffusion diffusion = diffusion_of(25);
  const Denoiser network = LineMixture{{0.2}, {1}, 0.4}.best_network(diffusion);
  Rng start(6);
  const Array x_T = start.normal({8, 3});
  for (SamplerOptions options : {ancestral(), ddim(0.3)}) {
    Rng one(7), two(7);
    const Array whole = sample(diffusion, network, x_T, no_classes(8), options, one);
    options.steps = 25;
    CHECK(sample(diffusion, network, x_T, no_classes(8), options, two) == whole);
    CHECK(sample(diffusion.strided(25), network, x_T, no_classes(8), options, one) != whole);
  }
  Rng one(8), two(9);
  CHECK(sample(diffusion, network, x_T, no_classes(8), ddim(0), one) ==
        sample(diffusion, network, x_T, no_classes(8), ddim(0), two));
  CHECK(one.state().counter == Rng(8).state().counter);
  Rng rng(10);
  CHECK(sample(diffusion, network, empty({0, 3}), no_classes(0), {}, rng).shape() == Shape{0, 3});
}

TEST_CASE("encoding and decoding with η = 0 return to the data") {
  const LineMixture data{{-1, 0.5}, {0.4, 0.6}, 0.3};
  Rng rng(11);
  const Array x0 = data.sample(200, 1, rng);
  double before = INFINITY;
  for (const std::size_t T : {50u, 200u, 800u}) {
    const Diffusion diffusion(NoiseSchedule::linear(T));
    const Denoiser network = data.best_network(diffusion);
    const Array x_T = ddim_encode(diffusion, network, x0, no_classes(200));
    const Array back = sample(diffusion, network, x_T, no_classes(200), ddim(0), rng);
    const double error = largest_difference(back, x0);
    CHECK(error < before / 2);
    before = error;
    CHECK(std::abs(mean_of_all(x_T)) < 0.25);
    CHECK(std::abs(variance_of_all(x_T) - 1) < 0.35);
  }
  CHECK(before < 0.05);
}

TEST_CASE("guidance: 0 is the network, w goes beyond it, whatever is predicted") {
  // Told 1 or 0, the data are two Gaussians; untold, both.
  const LineMixture both{{-1, 1}, {0.5, 0.5}, 0.3};
  Array by_noise;
  for (const Prediction prediction : {Prediction::noise, Prediction::data, Prediction::velocity}) {
    const Diffusion diffusion = diffusion_of(40, prediction);
    const Denoiser untold = both.best_network(diffusion);
    const Denoiser told = LineMixture{{1}, {1}, 0.3}.best_network(diffusion);
    const Denoiser network = [&](const Tensor& x, const Array& time, const IndexArray& classes) {
      return classes(0) < 0 ? untold(x, time, classes) : told(x, time, classes);
    };
    Rng rng(12);
    const Array x_T = rng.normal({500, 1});
    const IndexArray classes = same_time(500, 1);
    const Array plain = sample(diffusion, network, x_T, classes, ddim(0), rng);
    CHECK(sample(diffusion, guided(network, 0), x_T, classes, ddim(0), rng) == plain);
    const Array strong = sample(diffusion, guided(network, 3), x_T, classes, ddim(0), rng);
    CHECK(variance_of_all(strong) < variance_of_all(plain));
    CHECK(mean_of_all(strong) > mean_of_all(plain));
    if (prediction == Prediction::noise) by_noise = strong;
    CHECK(largest_difference(strong, by_noise) < (is_double ? 1e-8 : 5e-2));
  }
}

TEST_CASE("slerp keeps lengths and goes from one to the other") {
  Rng rng(13);
  const Array a = rng.normal({3, 200}), b = rng.normal({3, 200});
  CHECK(largest_difference(slerp(a, b, 0), a) < 1e-6);
  CHECK(largest_difference(slerp(a, b, 1), b) < 1e-6);
  CHECK(std::abs(variance_of_all(slerp(a, b, 0.5)) - 1) < 0.2);
  CHECK(largest_difference(slerp(a, a, 0.4), a) < 1e-6);
  CHECK(message_of([&] {
          slerp(a, zeros({3, 2}), 0);
        }) == "slerp: two arrays (B, D) of one shape, got (3, 200) and (3, 2)");
}

TEST_CASE("a watcher sees every step from noise to data") {
  const Diffusion diffusion = diffusion_of(20);
  const Denoiser network = LineMixture().best_network(diffusion);
  std::vector<double> seen;
  Array last;
  Rng rng(14);
  const Array x = sample(diffusion, network, rng.normal({4, 1}), no_classes(4), ancestral(4), rng,
                         [&](double time, const Array& at) {
                           seen.push_back(time);
                           last = at;
                         });
  CHECK(seen == std::vector<double>{1000, 750, 500, 250, 0});
  CHECK(last == x);
  CHECK(message_of([&] { sample(diffusion, network, last, no_classes(4), ddim(1.5), rng); }) ==
        "sample: η must be from 0 to 1, got 1.500000");
}

TEST_CASE("training finds the best network; the average of its weights leaves the tables alone") {
  const LineMixture data{{0.5}, {1}, 0.5};
  const Diffusion diffusion = diffusion_of(10, Prediction::noise);
  const NoiseSchedule before = diffusion.schedule();
  Rng rng(15);
  const nn::MLP net({2, 32, 1}, rng, "tanh");
  const Denoiser network = [&](const Tensor& x, const Array& time, const IndexArray&) {
    Array column = time;
    column.reshape(Shape{time.size(), 1});
    return net(concat({x, Tensor(column) * Real(1e-3)}, 1));
  };
  nn::Adam adam(net.parameters(), {1e-2});
  nn::EMA average(net.parameters(), {0.99, true});
  const auto loss_of = [&](const Denoiser& f, std::size_t n, Rng& draws) {
    const Array x0 = data.sample(n, 1, draws);
    const IndexArray t = draw_times(n, 10, draws);
    return mean(diffusion.loss_simple(f, x0, t, draws.normal({n, 1}), no_classes(n)));
  };
  for (int step = 0; step < 400; ++step) {
    adam.set_lr(1e-2 * (1 - step / 400.0));
    const Tensor loss = loss_of(network, 256, rng);
    adam.clear_grad();
    loss.backward();
    adam.step();
    average.update();
  }
  const nn::EMA::Average in_place = average.average();
  const NoGrad no_grad;
  Rng one(16), two(16);
  const double ours = loss_of(network, 20000, one).item();
  const double best = loss_of(data.best_network(diffusion), 20000, two).item();
  CHECK(ours > best - 0.01);
  CHECK(ours < best + 0.02);
  CHECK(diffusion.schedule().beta == before.beta);
  CHECK(diffusion.schedule().mean_coefficient == before.mean_coefficient);
}
