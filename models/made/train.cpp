// Trains the MADE of made.hpp: ./nabla train made --help. The lesson is in README.md.
#include "autograd/ops.hpp"
#include "models/made/made.hpp"
#include "models/measure/bits_per_dim.hpp"
#include "models/program/lesson.hpp"

namespace nabla::models {
namespace {

struct Options {
  MadeOptions network;

  void describe(OptionTable& table) {
    table.add("--hidden", network.hidden, "H, units of each hidden layer", at_least(1));
    table.add("--masks", network.masks, "sets of masks, taken in turn and averaged in the end",
              at_least(1));
    table.add("--shuffle", network.shuffle, "each set of masks has an ordering of its own");
    table.add("--mask-seed", network.mask_seed, "of masks and orderings", any_number());
  }
};

Made network_of(const Options& options, const datasets::DataShape& data, Rng& rng) {
  return Made(sized(options.network, data), rng);
}

Trained abilities(const Made& made) {
  Trained can;
  can.sample = [made](std::size_t n, Rng& rng) { return made.sample(n, rng); };
  can.log_prob = [made](const Array& x, Rng&) { return made.log_prob_of_mean(x); };
  return can;
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::probabilities("MADE", View::binary));
  Rng rng = run.rng();
  const Made made = network_of(options, data, rng);
  nn::Adam adam(made.parameters(), {run.lr()});
  run.model(made, abilities(made));
  run.keep("adam", adam);
  const auto log_prob = [&](const Tensor& x) { return Tensor(made.log_prob_of_mean(x.value())); };

  while (run.next_epoch()) {
    for (const Batch& batch : run.batches(data)) {
      adam.set_lr(run.lr());
      // The masks in turn: weights that serve all of them are regularised by it [G, §4.2].
      const std::size_t m = (batch.number - 1) % made.masks();
      run.step(adam, batch, [&](const Batch& part) { return -mean(made.log_prob(part.x, m)); });
    }
    run.snapshot(data);
    run.end_epoch({{"train_log_prob_nats", -run.mean_loss()},
                   {"valid_log_prob_nats", run.mean("ln p(x)", data.valid, log_prob)}},
                  maximise("valid_log_prob_nats"));
  }
  run.use_best();

  run.show(data);
  const double test = run.mean("ln p(x)", data.test, log_prob);
  run.finish(
      {{"test_log_prob_nats", test}, {"test_bits_per_dim", bits_per_dim(-test, data.columns)}});
}

}  // namespace

Lesson made_lesson() {
  return lesson("made",
                "MADE (Germain, Gregor, Murray & Larochelle 2015, arXiv:1502.03509), binary data",
                train, open_network<network_of, abilities, Options>)
      .with_epochs(30)
      .with_batch_size(100)
      .with_schedule("linear", true);
}

}  // namespace nabla::models
