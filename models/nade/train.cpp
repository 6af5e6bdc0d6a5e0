// Trains the NADE of nade.hpp: ./nabla train nade --help. The lesson is in README.md.
#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/transform.hpp"
#include "models/nade/nade.hpp"
#include "models/program/run.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Rows;
using models::Nade;
using models::NadeEnsemble;
using models::Ordering;
using models::Run;

struct Options {
  int hidden = 500;
  std::string ordering = "raster";
  int members = 1;
  bool order_agnostic = false;
  double weight_decay = 0.05;
};

// Mean of ln p̄(x) over a data set, in nats. A long evaluation shows how far it is.
double mean_log_prob(const NadeEnsemble& ensemble, const Rows& data, Run* run = nullptr) {
  double total = 0;
  const std::size_t n = data.size();
  for (const std::vector<std::size_t>& rows : Batches::in_order(n, 500)) {
    if (run != nullptr) run->evaluating("ln p(x) of the test set", rows.front(), n);
    const Array log_prob = models::log_prob(ensemble, data.take(rows));
    for (const Real value : log_prob) total += static_cast<double>(value) / static_cast<double>(n);
  }
  return total;
}

// The networks that are trained: one for each member, or with --order-agnostic the first for all.
class Networks : public nn::Module {
 public:
  explicit Networks(const NadeEnsemble& members) {
    for (std::size_t m = 0; m < members.size(); ++m) {
      children({{"member" + std::to_string(m + 1), members[m]}});
    }
  }
};

// Of member m. On images "raster" stands for the eight scans in turn, which keep neighbours close
// together; for other data, and after an ordering from a file, all but the first are random.
Ordering ordering_of_member(const std::string& name, const Dataset& data, std::size_t m,
                            std::uint64_t seed) {
  const std::size_t D = data.columns;
  if (name == "raster" && data.is_image() && data.channels == 1) {
    return models::scan_ordering(data.height, data.width, m % 8);
  }
  return m == 0 ? models::ordering_of(name, D, seed) : models::random_ordering(D, seed + m);
}

NadeEnsemble make_ensemble(const Options& options, const Dataset& data, std::uint64_t seed,
                           Rng& rng) {
  NadeEnsemble ensemble;
  for (std::size_t m = 0; m < static_cast<std::size_t>(options.members); ++m) {
    Ordering o = ordering_of_member(options.ordering, data, m, seed);
    if (m > 0 && options.order_agnostic) {
      ensemble.push_back(ensemble[0].with_ordering(std::move(o)));
    } else {
      ensemble.emplace_back(data.columns, static_cast<std::size_t>(options.hidden), std::move(o),
                            rng);
    }
  }
  return ensemble;
}

// Samples, and for images completions; Rngs of their own leave the run's alone.
void draw_pictures(Run& run, const NadeEnsemble& ensemble, const Dataset& data, const Rows& test) {
  Rng rng(run.seed(), 20);
  const std::size_t D = data.columns;
  if (!data.is_image()) {  // a row of the picture is an example
    const Array rows = models::sample(ensemble, std::min<std::size_t>(D, 200), rng);
    run.image("samples.png", models::enlarge(rows, 3), "Samples, one a row");
    return;
  }
  const auto grid = [&](const Array& images, std::size_t columns) {
    return models::enlarge(models::grid(images, data.height, data.width, columns), 2);
  };
  run.image("samples.png", grid(models::sample(ensemble, 100, rng), 10), "100 samples");

  // A row for each of ten test images: the image, what is known of it, eight completions.
  const Nade& nade = ensemble.front();
  const Array shown = test.first(10);
  const std::size_t images = shown.shape()[0], known = D / 2;
  Array picture = empty({10 * images, D});
  for (std::size_t i = 0; i < images; ++i) {
    const Real* const x = shown.data() + i * D;
    Array same = empty({8, D});
    for (std::size_t k = 0; k < 8; ++k) std::copy_n(x, D, same.data() + k * D);
    Real* const row = picture.data() + i * 10 * D;
    std::copy_n(x, D, row);
    std::fill_n(row + D, D, Real(0.5));
    for (std::size_t d = 0; d < known; ++d) {
      row[D + nade.ordering()[d]] = x[nade.ordering()[d]];
    }
    const Array completed = nade.complete(same, known, rng);
    std::copy_n(completed.data(), 8 * D, row + 2 * D);
  }
  run.image("completions.png", grid(picture, 10),
            "Test images, the half of the ordering that is given, and eight draws of the rest");
}

void train(Run& run, const Options& options) {
  const Dataset data = datasets::load(run.options().data, models::load_options(run.options()));
  if (data.low < 0 || data.high > 1) {
    throw models::UsageError("--data " + run.options().data +
                             ": NADE is for binary data, or values from 0 to 1 to draw it from");
  }
  // Grey pixels are probabilities of being 1, drawn anew in each epoch for training and once for
  // validation and test.
  const bool fresh = !data.binary;
  const Rows valid = fresh ? datasets::binarize_once(data.valid, run.seed() + 1) : data.valid;
  const Rows test = fresh ? datasets::binarize_once(data.test, run.seed() + 2) : data.test;
  const std::size_t n = data.train.size(), D = data.columns;
  const std::size_t batch_size = static_cast<std::size_t>(models::batch_size_for(run.options(), n));

  Rng rng(run.seed());
  NadeEnsemble ensemble = make_ensemble(options, data, run.seed(), rng);
  const Networks networks(ensemble);
  const std::size_t trained = options.order_agnostic ? 1 : ensemble.size();
  nn::AdamOptions adam_options;
  adam_options.lr = run.lr();
  adam_options.weight_decay = options.weight_decay;
  nn::AdamW adam(networks.parameters(), adam_options);
  run.keep(networks.named_parameters());
  run.keep("adam", adam);
  run.keep("rng", rng);
  run.expect_examples(n);

  while (run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    const Batches batches(n, batch_size, run.seed(), epoch);
    std::uint64_t step = (epoch - 1) * batches.size();
    const std::uint64_t steps = batches.size() * static_cast<std::uint64_t>(run.options().epochs);
    for (const std::vector<std::size_t>& rows : batches) {
      Array x = data.train.take(rows);  // (B, D)
      if (fresh) x = datasets::binarize_fresh(x, rows, run.seed(), epoch);
      const Tensor batch(std::move(x));

      adam.clear_grad();
      double loss_sum = 0;
      for (std::size_t m = 0; m < trained; ++m) {
        const Nade nade = options.order_agnostic
                              ? ensemble[m].with_ordering(rng.permutation(D))  // [UML]
                              : ensemble[m];
        const Tensor loss = -mean(nade.log_prob(batch));
        loss.backward();
        loss_sum += loss.item();
      }
      adam.set_lr(run.lr() * nn::schedule::linear_to_zero(step++, steps));
      adam.step();
      run.step(loss_sum / static_cast<double>(trained), rows.size());
    }
    if (run.snapshot_due() && data.is_image()) {
      Rng fixed(run.seed(), 11);  // the same random numbers each time: one sees the images form
      run.snapshot(models::grid(ensemble[0].sample(36, fixed), data.height, data.width, 12));
    }
    run.end_epoch({{"train_log_prob_nats", -run.mean_loss()},
                   {"valid_log_prob_nats", mean_log_prob(ensemble, valid)}},
                  models::maximise("valid_log_prob_nats"));
  }
  run.use_best();

  draw_pictures(run, ensemble, data, test);
  const double log_prob = mean_log_prob(ensemble, test, &run);
  models::Figures figures{
      {"test_log_prob_nats", log_prob},
      {"test_bits_per_dim", -log_prob / std::log(2.0) / static_cast<double>(D)}};
  if (ensemble.size() > 1) {
    figures.emplace_back("test_log_prob_first_member_nats", mean_log_prob({ensemble[0]}, test));
    figures.emplace_back("members", static_cast<double>(ensemble.size()));
  }
  figures.emplace_back("parameters", static_cast<double>(networks.parameter_count()));
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program(
      "nade",
      "NADE (Larochelle & Murray 2011; Uria et al. 2016, arXiv:1605.02226), for binary data");
  Options options;
  program.options().epochs = 30;
  program.options().lr = 3e-3;
  program.options().batch_size = 0;
  program.option("--hidden", options.hidden, "H, hidden units", models::at_least(1));
  program.option("--ordering", options.ordering,
                 "of the dimensions: raster, random, or a file with their numbers");
  program.option(
      "--members", options.members,
      "of the ensemble, with an ordering each: the eight scans of an image, or random ones",
      models::at_least(1));
  program.option("--order-agnostic", options.order_agnostic,
                 "one network for all orderings, a fresh one in each step (EoNADE)");
  program.option("--weight-decay", options.weight_decay, "lambda of AdamW", models::at_least(0));
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
