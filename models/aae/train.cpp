// Trains the AAE of aae.hpp: ./nabla train aae --help. The lesson is in README.md.
#include <algorithm>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "models/aae/aae.hpp"
#include "models/autoencoder/pictures.hpp"
#include "models/program/run.hpp"
#include "models/wae/wae.hpp"
#include "nn/adversarial.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Rows;
using models::Aae;
using models::Run;

struct Options {
  std::vector<int> hidden{400};
  int latent = 8;
  std::string activation = "relu";
  std::string cost = "bernoulli";
  std::vector<int> discriminator{64, 64};
  double discriminator_lr = 1e-4, encoder_lr = 3e-4;
  std::string schedule = "cosine";
  int compare = 5000;
};

// Means over images; codes and draws of the prior, at most 5000 of each, in the game and by MMD².
struct Score {
  double cost = 0, mse = 0, mmd2 = 0;
  double value = 0, codes_called_real = 0, draws_called_real = 0;
};

Score score(const Aae& aae, const Rows& rows, Rng rng) {
  const NoGrad no_grad;
  Score total;
  const Array data = rows.all();
  const std::size_t n = rows.size();
  total.cost = aae.mean_cost(data);
  total.mse = models::mean_squared_error_of(data, aae.reconstruct(data));
  const Array codes = aae.codes(models::first_rows_of(data, std::min<std::size_t>(5000, n)));
  const Array draws = rng.normal(codes.shape());
  total.mmd2 = models::mmd2_unbiased(codes, draws, models::prior_kernel(aae.latent()));
  const Tensor fake = aae.discriminate(Tensor(codes)), real = aae.discriminate(Tensor(draws));
  total.value = nn::game_value(real, fake).item();
  total.codes_called_real = nn::share_called_real(fake);
  total.draws_called_real = nn::share_called_real(real);
  return total;
}

void train(Run& run, const Options& options) {
  const Dataset data = datasets::load(run.options().data, models::load_options(run.options()));
  if (!data.is_image() || data.low < 0 || data.high > 1) {
    throw models::UsageError("--data " + run.options().data +
                             ": the AAE's decoder gives values from 0 to 1, it takes such images");
  }
  models::AaeOptions shape;
  shape.data = data.columns;
  shape.hidden.assign(options.hidden.begin(), options.hidden.end());
  shape.latent = static_cast<std::size_t>(options.latent);
  shape.activation = options.activation;
  shape.cost = models::cost_named(options.cost);
  shape.discriminator.assign(options.discriminator.begin(), options.discriminator.end());
  Rng rng(run.seed());
  const Aae aae(shape, rng);
  models::AaeTraining training(aae, {run.lr(), options.discriminator_lr, options.encoder_lr});
  run.keep(aae.named_parameters());
  run.keep("reconstruction", training.reconstruction());
  run.keep("discriminator", training.discriminator());
  run.keep("encoder", training.encoder());
  run.keep("rng", rng);
  const std::size_t n = data.train.size();
  run.expect_examples(n);
  const std::string unit = options.cost == "bernoulli" ? "_cost_nats" : "_cost_squared";

  while (run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    if (options.schedule == "cosine") {
      training.scale_rates(nn::schedule::cosine(epoch - 1, run.options().epochs));
    }
    double total_cost = 0, value = 0;
    for (const std::vector<std::size_t>& rows :
         Batches(n, static_cast<std::size_t>(run.batch_size()), run.seed(), epoch)) {
      const Tensor x(data.train.take(rows));  // (B, D)

      const Tensor cost = training.reconstruction_step(x);  // min over e, f of c          [M, §2]
      const Tensor z = aae.encode(x);                       // (B, Z), after that step
      const Tensor prior(rng.normal(z.shape()));            // (B, Z)
      const Tensor game = training.discriminator_step(z, prior);  // max over D of V
      const Tensor fooling = training.encoder_step(z);            // min over e of −E ln D(e(x))

      // One number for the bar, so that a NaN in any of the three stops the run.
      run.step(mean(cost).item() + game.item() + fooling.item(), rows.size());
      total_cost += sum(cost).item();
      value -= game.item() * static_cast<double>(rows.size());
    }
    const Score valid = score(aae, data.valid, Rng(run.seed(), 10));
    if (run.snapshot_due()) {
      Rng fixed(run.seed(), 11);  // the same z each time: one sees the images form
      run.snapshot(models::stacked(data, {aae.images(fixed.normal({36, aae.latent()}))}, 12));
    }
    // No criterion: in a game neither loss says which epoch is best.
    run.end_epoch({{"train" + unit, total_cost / static_cast<double>(n)},
                   {"valid" + unit, valid.cost},
                   {"train_game_value_nats", value / static_cast<double>(n)},
                   {"valid_game_value_nats", valid.value},
                   {"valid_mmd2_codes_prior", valid.mmd2},
                   {"codes_called_real", valid.codes_called_real},
                   {"draws_called_real", valid.draws_called_real}});
  }

  models::draw_pictures(run, aae, data);
  run.note(
      "The value of the game is −ln 4 = −1.386 nats where the discriminator cannot tell codes from "
      "draws of the prior, 0 at most. MMD² is estimated without bias: near 0 it is negative as "
      "often as not.");
  const Score test = score(aae, data.test, Rng(run.seed(), 12));
  models::Figures figures{{"test" + unit, test.cost},
                          {"test_reconstruction_mse", test.mse},
                          {"test_mmd2_codes_prior", test.mmd2},
                          {"test_game_value_nats", test.value},
                          {"test_codes_called_real", test.codes_called_real},
                          {"test_draws_called_real", test.draws_called_real}};
  models::add_sample_figures(run, aae, data, static_cast<std::size_t>(options.compare), figures);
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program("aae",
                          "Adversarial autoencoder (Makhzani et al. 2016, arXiv:1511.05644)");
  Options options;
  program.options().epochs = 20;
  program.option("--hidden", options.hidden,
                 "widths of the encoder's layers; the decoder's are reversed", models::at_least(1));
  program.option("--latent", options.latent, "Z, size of the codes", models::at_least(1));
  program.option("--activation", options.activation, "of the hidden layers",
                 {"relu", "tanh", "silu", "elu", "softplus"});
  program.option("--cost", options.cost,
                 "of a reconstruction: cross-entropy, or squared error summed over pixels",
                 {"bernoulli", "squared"});
  program.option("--discriminator", options.discriminator,
                 "widths of the discriminator's hidden layers", models::at_least(1));
  program.option("--discriminator-lr", options.discriminator_lr,
                 "learning rate of the discriminator's step", models::above(0));
  program.option("--encoder-lr", options.encoder_lr,
                 "learning rate of the step in which the encoder plays the generator",
                 models::above(0));
  program.option("--schedule", options.schedule,
                 "of the learning rates over all epochs; the game's fall more slowly",
                 {"cosine", "constant"});
  program.option("--compare", options.compare,
                 "samples, and test images, that distances are measured on", models::at_least(100));
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
