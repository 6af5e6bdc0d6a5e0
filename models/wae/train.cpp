// Trains the WAE of wae.hpp: ./nabla train wae --help. The lesson is in README.md.
#include <algorithm>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "models/autoencoder/pictures.hpp"
#include "models/program/run.hpp"
#include "models/wae/wae.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Rows;
using models::Run;
using models::Wae;

struct Options {
  std::vector<int> hidden{400};
  int latent = 8;
  std::string activation = "relu";
  std::string cost = "squared";
  double lambda = 10;
  std::string schedule = "cosine";
  int compare = 5000;
};

// Means over images; the MMD² is of at most 5000 of their codes, with as many draws of the prior.
struct Score {
  double cost = 0, mse = 0, mmd2 = 0;
};

Score score(const Wae& wae, const Rows& rows, Rng rng) {
  const NoGrad no_grad;
  Score total;
  const Array data = rows.all();
  const std::size_t n = rows.size();
  total.cost = wae.mean_cost(data);
  total.mse = models::mean_squared_error_of(data, wae.reconstruct(data));
  const Array codes = wae.codes(models::first_rows_of(data, std::min<std::size_t>(5000, n)));
  total.mmd2 = models::mmd2_unbiased(codes, rng.normal(codes.shape()), wae.kernel());
  return total;
}

void train(Run& run, const Options& options) {
  const Dataset data = datasets::load(run.options().data, models::load_options(run.options()));
  if (!data.is_image() || data.low < 0 || data.high > 1) {
    throw models::UsageError("--data " + run.options().data +
                             ": the WAE's decoder gives values from 0 to 1, it takes such images");
  }
  models::AutoencoderOptions shape;
  shape.data = data.columns;
  shape.hidden.assign(options.hidden.begin(), options.hidden.end());
  shape.latent = static_cast<std::size_t>(options.latent);
  shape.activation = options.activation;
  shape.cost = models::cost_named(options.cost);
  Rng rng(run.seed());
  const Wae wae(shape, rng);
  nn::Adam adam(wae.parameters(), {run.lr()});
  run.keep(wae.named_parameters());
  run.keep("adam", adam);
  run.keep("rng", rng);
  const std::size_t n = data.train.size();
  run.expect_examples(n);
  const std::string unit = options.cost == "bernoulli" ? "_cost_nats" : "_cost_squared";

  while (run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    if (options.schedule == "cosine") {
      adam.set_lr(run.lr() * nn::schedule::cosine(epoch - 1, run.options().epochs));
    }
    const Batches batches(n, static_cast<std::size_t>(run.batch_size()), run.seed(), epoch);
    double cost = 0, mmd2 = 0, seen = 0;
    for (const std::vector<std::size_t>& rows : batches) {
      if (rows.size() < 2) continue;          // a rest of one has no pair of codes
      const Tensor x(data.train.take(rows));  // (B, D)

      const models::WaeTerms terms = wae.objective(x, rng);
      const Tensor loss = terms.value(options.lambda);  // mean c + λ MMD²              [T, eq. 4]
      adam.clear_grad();
      loss.backward();
      adam.step();

      run.step(loss.item(), rows.size());
      const double B = static_cast<double>(rows.size());
      cost += sum(terms.cost).item();
      mmd2 += terms.mmd2.item() * B;
      seen += B;
    }
    const Score valid = score(wae, data.valid, Rng(run.seed(), 10));
    if (run.snapshot_due()) {
      Rng fixed(run.seed(), 11);  // the same z each time: one sees the images form
      run.snapshot(models::stacked(data, {wae.images(fixed.normal({36, wae.latent()}))}, 12));
    }
    run.end_epoch({{"train" + unit, cost / seen},
                   {"valid" + unit, valid.cost},
                   {"train_mmd2_codes_prior", mmd2 / seen},
                   {"valid_mmd2_codes_prior", valid.mmd2},
                   {"valid_objective", valid.cost + options.lambda * valid.mmd2}},
                  models::minimise("valid_objective"));
  }
  run.use_best();

  models::draw_pictures(run, wae, data);
  run.note(
      "MMD² is estimated without bias (U-statistic), by the penalty's own kernel: near 0 it is "
      "negative as often as not, in training too. That is no error.");
  const Score test = score(wae, data.test, Rng(run.seed(), 12));
  models::Figures figures{{"test" + unit, test.cost},
                          {"test_reconstruction_mse", test.mse},
                          {"test_mmd2_codes_prior", test.mmd2}};
  models::add_sample_figures(run, wae, data, static_cast<std::size_t>(options.compare), figures);
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program("wae",
                          "Wasserstein autoencoder with an MMD penalty (Tolstikhin et al. 2018, "
                          "arXiv:1711.01558)");
  Options options;
  program.options().epochs = 30;
  program.option("--hidden", options.hidden,
                 "widths of the encoder's layers; the decoder's are reversed", models::at_least(1));
  program.option("--latent", options.latent, "Z, size of the codes", models::at_least(1));
  program.option("--activation", options.activation, "of the hidden layers",
                 {"relu", "tanh", "silu", "elu", "softplus"});
  program.option("--cost", options.cost,
                 "of a reconstruction: squared error summed over pixels, or cross-entropy",
                 {"squared", "bernoulli"});
  program.option("--lambda", options.lambda, "λ, weight of MMD² beside the cost of one image",
                 models::at_least(0));
  program.option("--schedule", options.schedule, "of the learning rate over all epochs",
                 {"cosine", "constant"});
  program.option("--compare", options.compare,
                 "samples, and test images, that distances are measured on", models::at_least(100));
  return program.run(argc, argv, [&](Run& run) {
    if (run.batch_size() < 2) {
      throw models::UsageError("--batch-size 1: the penalty compares pairs of codes in a batch");
    }
    train(run, options);
  });
}
