// What makes the GAN a GAN: the best discriminator of two known densities and the value of the game
// there, each player's step alone, packing, and a generator that learns a normal.
#include <cmath>
#include <doctest/doctest.h>

#include "autograd/threads.hpp"
#include "models/gan/gan.hpp"
#include "models/gan/optimal.hpp"
#include "models/measure/metrics.hpp"
#include "nn/adversarial.hpp"
#include "nn/optim.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::nn;
using namespace nabla::testing;

namespace {

GanOptions tiny(std::size_t packing = 1) {
  GanOptions options;
  options.data = 3;
  options.latent = 2;
  options.hidden = {5, 4};
  options.packing = packing;
  return options;
}

// Matrices this small gain nothing from a second thread, and wait for it where other work runs.
struct OneThread {
  OneThread() { set_threads(1); }
  ~OneThread() { set_threads(before); }
  int before = threads();
};

const TwoNormals& pair() {
  static const TwoNormals both({0, 1}, {1.5, 0.8});
  return both;
}

Array optimal_logits() {
  Array logits = empty(pair().grid().shape());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits(i, 0) =
        static_cast<Real>(pair().optimal_logit(static_cast<double>(pair().grid()(i, 0))));
  }
  return logits;
}

}  // namespace

TEST_CASE("gan: p / (p + q) has logit ln p - ln q, and the game is worth 2 JSD - ln 4 there") {
  const double p = std::exp(pair().p().log_density(0.7)), q = std::exp(pair().q().log_density(0.7));
  CHECK(1 / (1 + std::exp(-pair().optimal_logit(0.7))) == doctest::Approx(p / (p + q)));
  CHECK(pair().game_value(optimal_logits()) ==
        doctest::Approx(pair().optimal_game_value()).epsilon(1e-6));

  // The divergence is that of the two densities as probabilities of the grid's cells.
  std::vector<double> p_cells, q_cells;
  double p_sum = 0, q_sum = 0;
  for (const Real x : pair().grid()) {
    p_cells.push_back(std::exp(pair().p().log_density(static_cast<double>(x))));
    q_cells.push_back(std::exp(pair().q().log_density(static_cast<double>(x))));
    p_sum += p_cells.back();
    q_sum += q_cells.back();
  }
  for (double& cell : p_cells) cell /= p_sum;
  for (double& cell : q_cells) cell /= q_sum;
  CHECK(pair().js_divergence() == doctest::Approx(js_divergence(p_cells, q_cells)).epsilon(1e-6));

  // Equal densities: nothing to tell apart. Far ones: all of it.
  CHECK(TwoNormals({1, 2}, {1, 2}).optimal_game_value() == doctest::Approx(-std::log(4.0)));
  CHECK(TwoNormals({0, 1}, {60, 1}, 20000).js_divergence() == doctest::Approx(std::log(2.0)));
}

TEST_CASE("gan: any other discriminator has a lower value") {
  const double best = pair().optimal_game_value();
  const Array logits = optimal_logits();
  for (int kind = 0; kind < 4; ++kind) {
    for (const double size : {-0.5, -0.05, 0.05, 0.5}) {
      Array changed = logits;
      for (std::size_t i = 0; i < changed.size(); ++i) {
        const double x = static_cast<double>(pair().grid()(i, 0)),
                     l = static_cast<double>(logits(i, 0));
        const double direction = kind == 0 ? 1 : kind == 1 ? l : kind == 2 ? x : std::sin(3 * x);
        changed(i, 0) = static_cast<Real>(l + size * direction);
      }
      CHECK(pair().game_value(changed) < best - 1e-5);
    }
  }
  CHECK(message_of([] {
          pair().game_value(ones({3, 1}));
        }) == "TwoNormals: logits must be (4000, 1), got (3, 1)");
}

TEST_CASE("gan: a discriminator trained on samples comes near p / (p + q), and V near its value") {
  const OneThread one;
  Rng rng(1);
  const nn::MLP D({1, 32, 32, 1}, rng, "tanh");
  nn::Adam adam(D.parameters(), {1e-2});
  constexpr int steps = 600;
  for (int step = 0; step < steps; ++step) {
    const Tensor real(pair().p().sample(500, rng)), fake(pair().q().sample(500, rng));
    adam.set_lr(1e-2 * (1 - static_cast<double>(step) / steps));
    adam.clear_grad();
    (-game_value(D(real), D(fake))).backward();
    adam.step();
  }
  const NoGrad no_grad;
  const Array logits = D(Tensor(pair().grid())).value();
  CHECK(pair().mean_error(logits) < 0.02);
  CHECK(pair().game_value(logits) < pair().optimal_game_value());
  CHECK(pair().game_value(logits) > pair().optimal_game_value() - 0.01);
}

TEST_CASE("gan: sizes, shapes and numbers of parameters") {
  Rng rng(2);
  const Gan gan(tiny(2), rng);
  CHECK(gan.generator().parameter_count() == (2 * 5 + 5) + (5 * 4 + 4) + (4 * 3 + 3));
  CHECK(gan.discriminator().parameter_count() == (6 * 4 + 4) + (4 * 5 + 5) + (5 * 1 + 1));
  CHECK(gan.parameter_count() ==
        gan.generator().parameter_count() + gan.discriminator().parameter_count());
  const Array x = gan.sample(8, rng);
  CHECK(x.shape() == Shape{8, 3});
  for (const Real value : x) CHECK(std::abs(value) < 1);  // tanh
  CHECK(gan.discriminate(Tensor(x)).shape() == Shape{4, 1});
  CHECK(message_of([&] {
          gan.discriminate(Tensor(ones({5, 3})));
        }) == "discriminate: 5 rows are no packs of 2");

  // The reference networks for images: 64-256-512-784 and back.
  const Gan reference(GanOptions(), rng);
  CHECK(reference.generator().parameter_count() ==
        (64 * 256 + 256) + (256 * 512 + 512) + (512 * 784 + 784));
  CHECK(reference.discriminator().parameter_count() ==
        (784 * 512 + 512) + (512 * 256 + 256) + (256 + 1));
  GanOptions none = tiny();
  none.hidden.clear();
  CHECK_THROWS_WITH_AS(Gan(none, rng), "Gan: at least one hidden layer", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Gan(tiny(0), rng), "Gan: at least one example in a pack",
                       std::invalid_argument);
}

TEST_CASE("gan: a pack is its rows side by side, and packs of one are plain rows") {
  Rng rng(3);
  const Gan gan(tiny(2), rng), plain(tiny(1), rng);
  const Array x = points({6, 3}, -2, 2);
  const Array packed = gan.discriminate(Tensor(x)).value();
  // D of the concatenation (x₁, x₂), written with the operations [P, §2].
  const Tensor first = slice(Tensor(x), 0, 0, end, 2), second = slice(Tensor(x), 0, 1, end, 2);
  Tensor h = concat({first, second}, 1);
  const std::vector<Tensor> w = gan.discriminator().parameters();
  for (std::size_t i = 0; i < w.size(); i += 2) {
    h = linear(h, w[i], w[i + 1]);
    if (i + 2 < w.size()) h = leaky_relu(h, Real(0.2));
  }
  REQUIRE(packed.shape() == h.shape());
  for (std::size_t i = 0; i < 3; ++i) CHECK(packed(i, 0) == doctest::Approx(h.value()(i, 0)));

  // With m = 1 each row is judged alone, whatever is beside it.
  const Array all = plain.discriminate(Tensor(x)).value();
  for (std::ptrdiff_t i = 0; i < 6; ++i) {
    const Array alone = plain.discriminate(slice(Tensor(x), 0, i, i + 1)).value();
    CHECK(alone(0, 0) == doctest::Approx(all(static_cast<std::size_t>(i), 0)));
  }
}

TEST_CASE("gan: what options leave open is chosen by the data, what they say stays") {
  GanOptions open{0, 0, {}, 0, -1};
  datasets::DataShape shape;
  shape.columns = 5;
  const GanOptions points = open.chosen_for(shape);
  CHECK(points.data == 5);
  CHECK(points.latent == 2);
  CHECK(points.hidden == std::vector<std::size_t>{128, 128});
  CHECK(points.packing == 2);
  CHECK(points.noise == 0);
  CHECK(points.output == "identity");
  shape.height = 5;
  shape.width = shape.channels = 1;
  const GanOptions images = open.chosen_for(shape);
  CHECK(images.latent == 64);
  CHECK(images.hidden == std::vector<std::size_t>{256, 512});
  CHECK(images.packing == 1);
  CHECK(images.noise == 0.5);
  CHECK(images.output == "tanh");
  const GanOptions said = tiny(3).chosen_for(shape);
  CHECK(said.latent == 2);
  CHECK(said.hidden == std::vector<std::size_t>{5, 4});
  CHECK(said.packing == 3);
  CHECK(said.noise == 0);
}

TEST_CASE(
    "gan: the noise on what D sees has the deviation asked for; without it nothing is drawn") {
  GanOptions options = tiny();
  Rng rng(3);
  const Tensor x(zeros({4000, 3}));
  CHECK(&Gan(options, rng).blurred(x, rng).value() == &x.value());
  options.noise = 0.5;
  const Gan gan(options, rng);
  double squares = 0;
  const Tensor blurred = gan.blurred(x, rng);
  for (const Real e : blurred.value()) squares += static_cast<double>(e * e) / 12000;
  CHECK(std::sqrt(squares) == doctest::Approx(0.5).epsilon(0.03));
}

TEST_CASE("gan: data and samples in one batch get what they get in two") {
  for (const std::size_t packing : {1, 2}) {
    Rng rng(6);
    const Gan gan(tiny(packing), rng);
    const Tensor x(points({6, 3}, -2, 2)), fake(points({4, 3}, -1, 3));
    const auto value_and_gradients = [&](bool together) {
      gan.clear_grad();
      const Gan::Logits logits = together
                                     ? gan.discriminate(x, fake)
                                     : Gan::Logits{gan.discriminate(x), gan.discriminate(fake)};
      CHECK(logits.real.shape() == Shape{6 / packing, 1});
      CHECK(logits.fake.shape() == Shape{4 / packing, 1});
      const Tensor value = game_value(logits.real, logits.fake);
      value.backward();
      std::vector<Array> all{value.value()};
      for (const Tensor& p : gan.discriminator().parameters()) all.push_back(p.grad());
      return all;
    };
    const std::vector<Array> one = value_and_gradients(true), two = value_and_gradients(false);
    for (std::size_t i = 0; i < one.size(); ++i) {
      CHECK(sum(abs(Tensor(one[i]) - Tensor(two[i]))).item() == doctest::Approx(0).epsilon(1e-6));
    }
  }
  Rng rng(6);
  const Gan gan(tiny(2), rng);
  CHECK(message_of([&] {
          gan.discriminate(Tensor(zeros({3, 3})), Tensor(zeros({5, 3})));
        }) == "discriminate: 3 rows are no packs of 2");
}

TEST_CASE("gan: each player's step leaves the other alone, and reaches all of its own weights") {
  Rng rng(4);
  const Gan gan(tiny(2), rng);
  const Tensor x(points({8, 3}, -1, 1)), z(gan.prior(8, rng));
  const Tensor fake = gan.generate(z);

  (-game_value(gan.discriminate(x), gan.discriminate(fake.detach()))).backward();
  for (const Tensor& p : gan.generator().parameters()) CHECK_FALSE(p.has_grad());
  check_gradient_reaches(gan.discriminator());

  gan.clear_grad();
  {
    const nn::Frozen fixed(gan.discriminator());
    generator_loss(gan.discriminate(fake), GeneratorLoss::non_saturating).backward();
  }
  for (const Tensor& p : gan.discriminator().parameters()) CHECK_FALSE(p.has_grad());
  check_gradient_reaches(gan.generator());
}

TEST_CASE("gan: gradients of both players' losses against differences") {
  for (const std::size_t packing : {1, 2}) {
    Rng rng(5);
    const Gan gan(tiny(packing), rng);
    const Tensor x(points({4, 3}, -1, 1)), z(points({4, 2}, -1.5, 1.5));
    check_parameter_gradients(gan.discriminator(), [&] {
      return -game_value(gan.discriminate(x), gan.discriminate(gan.generate(z).detach()));
    });
    for (const GeneratorLoss which : {GeneratorLoss::minimax, GeneratorLoss::non_saturating}) {
      check_parameter_gradients(gan.generator(), [&] {
        const nn::Frozen fixed(gan.discriminator());
        return generator_loss(gan.discriminate(gan.generate(z)), which);
      });
    }
  }
}

TEST_CASE("gan: minimax and D's step pull on one and the same number") {
  // The generator's minimax loss is V less E_p[ln D(x)], which does not depend on G.
  Rng rng(6);
  const Gan gan(tiny(), rng);
  const Tensor x(points({4, 3}, -1, 1)), z(points({4, 2}, -1.5, 1.5));
  generator_loss(gan.discriminate(gan.generate(z)), GeneratorLoss::minimax).backward();
  std::vector<Array> of_loss;
  for (const Tensor& p : gan.generator().parameters()) of_loss.push_back(p.grad());
  gan.clear_grad();
  game_value(gan.discriminate(x), gan.discriminate(gan.generate(z))).backward();
  for (std::size_t k = 0; k < of_loss.size(); ++k) {
    const Array of_value = gan.generator().parameters()[k].grad();
    for (std::size_t i = 0; i < of_value.size(); ++i) {
      CHECK(of_value.data()[i] == doctest::Approx(of_loss[k].data()[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("gan: learns mean and standard deviation of a normal, in packs of four") {
  // Alone, examples leave D to judge each by itself, and the spread of G's samples wanders; a pack
  // shows it.
  const OneThread one;
  Rng rng(1);
  GanOptions options;
  options.data = 1;
  options.latent = 1;
  options.hidden = {32, 32};
  options.packing = 4;
  options.output = "identity";
  const Gan gan(options, rng);
  nn::Adam g_adam(gan.generator().parameters(), {2e-3, 0.5});
  nn::Adam d_adam(gan.discriminator().parameters(), {2e-3, 0.5});
  const Normal truth{2, 0.5};
  constexpr int steps = 2500;
  for (int step = 0; step < steps; ++step) {
    const double lr = 2e-3 * (1 - static_cast<double>(step) / steps);
    g_adam.set_lr(lr);
    d_adam.set_lr(lr);
    const Tensor x(truth.sample(128, rng));
    const Tensor fake = gan.generate(Tensor(gan.prior(128, rng)));
    d_adam.clear_grad();
    (-game_value(gan.discriminate(x), gan.discriminate(fake.detach()))).backward();
    d_adam.step();
    const nn::Frozen fixed(gan.discriminator());
    g_adam.clear_grad();
    generator_loss(gan.discriminate(fake), GeneratorLoss::non_saturating).backward();
    g_adam.step();
  }
  const Array samples = gan.sample(20000, rng);
  double mean = 0, squares = 0;
  for (const Real x : samples) mean += static_cast<double>(x) / 20000;
  for (const Real x : samples) squares += std::pow(static_cast<double>(x) - mean, 2) / 20000;
  CHECK(std::abs(mean - 2) < 0.05);
  CHECK(std::abs(std::sqrt(squares) - 0.5) < 0.05);
}
