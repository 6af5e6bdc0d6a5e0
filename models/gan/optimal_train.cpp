// D alone, between two densities that are known: N(0, 1) for the data, N(1.5, 0.8²) for samples.
#include "models/gan/optimal_train.hpp"

#include <array>
#include <cmath>

#include "autograd/ops.hpp"
#include "models/draw/plot.hpp"
#include "models/gan/optimal.hpp"
#include "nn/adversarial.hpp"
#include "nn/linear.hpp"

namespace nabla::models {
namespace {

nn::MLP network_of(const std::vector<std::size_t>& hidden, Rng& rng) {
  std::vector<std::size_t> sizes{1};
  sizes.insert(sizes.end(), hidden.begin(), hidden.end());
  sizes.push_back(1);
  return nn::MLP(sizes, rng, "tanh");
}

// Both densities, and D over D*, as dots so close that they are lines.
Array picture(const TwoNormals& pair, const Array& logits) {
  std::vector<std::array<double, 2>> dots;
  std::vector<int> colours;
  const auto dot = [&](double x, double y, int colour) {
    dots.push_back({x / 5, y});
    colours.push_back(colour);
  };
  const Array D_of_x = sigmoid(Tensor(logits)).value();
  for (std::size_t i = 0; i < D_of_x.size(); ++i) {
    const double x = pair.grid()(i, 0);
    if (x < -3.5 || x > 4.5) continue;
    dot(x, std::exp(pair.p().log_density(x)), 0);
    dot(x, std::exp(pair.q().log_density(x)), 1);
    dot(x, 1 / (1 + std::exp(-pair.optimal_logit(x))), -1);
    dot(x, D_of_x(i, 0), 2);
  }
  Array points = empty({dots.size(), 2});
  for (std::size_t i = 0; i < dots.size(); ++i) {
    for (std::size_t k = 0; k < 2; ++k) points(i, k) = static_cast<Real>(dots[i][k]);
  }
  return scatter(points, colours, {-0.7, 0.9, -0.03, 1.03}, 640);
}

}  // namespace

void train_optimal_discriminator(Run& run, GanOptions& options) {
  options = options.chosen_for({});
  const TwoNormals pair({0, 1}, {1.5, 0.8});
  Rng rng = run.rng();
  const nn::MLP D = network_of(options.hidden, rng);
  nn::Adam adam(D.parameters(), {run.lr()});
  run.model(D, {});
  run.keep("adam", adam);
  run.keep("rng", rng);
  const std::size_t B = run.options().batch_size, steps = 100;  // of an epoch
  const auto logits = [&] {
    const NoGrad no_grad;
    return D(Tensor(pair.grid())).value();
  };
  const auto figures = [&]() -> Figures {
    return {{"game_value_nats", pair.game_value(logits())},
            {"optimal_game_value_nats", pair.optimal_game_value()},
            {"mean_error_of_d", pair.mean_error(logits())}};
  };

  while (run.next_epoch()) {
    adam.set_lr(run.lr());
    for (std::size_t step = 0; step < steps; ++step) {
      const Batch batch{Tensor(pair.p().sample(B, rng))};
      const Tensor fake(pair.q().sample(B, rng));
      run.step(adam, batch, [&](const Batch& part) { return -nn::game_value(D(part.x), D(fake)); });
    }
    run.end_epoch(figures());
  }

  run.image("samples.png", picture(pair, logits()),
            "p, q, and over x from −3.5 to 4.5 the D that was trained on samples of both; grey "
            "below it p / (p + q)");
  run.finish(joined(figures(), {{"js_divergence_nats", pair.js_divergence()}}));
}

}  // namespace nabla::models
