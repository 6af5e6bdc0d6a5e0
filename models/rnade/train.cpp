// Trains the RNADE of rnade.hpp: ./nabla train rnade --help. The lesson is in README.md.
#include "models/program/lesson.hpp"
#include "models/rnade/pictures.hpp"
#include "models/rnade/protocol.hpp"
#include "models/rnade/rnade.hpp"

namespace nabla::models {
namespace {

struct Options {
  RnadeOptions network{2, 50, 10, 1e-3};
  Protocol protocol;
  std::string mean_gradient = "scaled";
  double weight_decay = 0, noise = 0, average = 0.998;

  void describe(OptionTable& table) {
    table.add("--hidden", network.hidden, "H, hidden units", at_least(1));
    table.add("--components", network.components, "K, Gaussians in each conditional", at_least(1));
    table.add("--sigma-floor", network.sigma_floor,
              "added to each σ, in standard deviations of its column", at_least(0));
    table.add("--mean-gradient", mean_gradient, "of each mean: multiplied by its σ, or as it is",
              {"scaled", "exact"});
    table.add("--weight-decay", weight_decay, "of AdamW", at_least(0));
    table.add("--noise", noise, "std of normal noise on training rows, in those of their columns",
              at_least(0));
    table.add("--average", average, "decay of the averaged weights that are tested; 0: none",
              between(0, 0.99999));
    protocol.describe(table);
  }
};

Rnade network_of(const Options& options, const datasets::DataShape& data, Rng& rng) {
  RnadeOptions network = sized(options.network, data);
  network.scale_mean_gradient = options.mean_gradient == "scaled";
  return Rnade(network, rng);
}

Trained abilities(const Rnade& model, const Options&, const datasets::Standardizer& scaling) {
  Trained can;
  can.sample = [=](std::size_t n, Rng& rng) { return scaling.invert(model.sample(n, rng)); };
  can.log_prob = [=](const Array& x, Rng&) {
    return compute(model.log_prob(scaling.apply(x)) - Real(scaling.log_scale()));
  };
  can.complete = [=](const Array& x, const std::vector<bool>& known, Rng& rng) {
    return scaling.invert(model.complete(scaling.apply(x), known, rng));
  };
  can.completes.assign(model.options().data / 2, true);
  can.completes.resize(model.options().data);
  return can;
}

// One model, on one fold or the only split.
void train_fold(Run& run, const Options& options, const Data& data) {
  Rng rng = run.rng();
  const Rnade model = network_of(options, data, rng);
  nn::AdamW adam(model.parameters(), {run.lr(), 0.9, 0.999, 1e-8, options.weight_decay});
  nn::EMA average(model.parameters(), {options.average, true});
  const Trained can = abilities(model, options, data.scaling());
  run.model(model, can);
  run.keep("adam", adam, "average", average);
  const double scale = log_scale_of_figures(run, data);
  const auto log_prob = [&](const Tensor& x) {
    return model.log_prob(Tensor(data.inputs(x.value())));
  };

  while (run.next_epoch()) {
    adam.set_lr(run.lr());
    Rng noise(run.seed(), 300 + run.epoch());  // a stream for each epoch
    for (const Batch& batch : run.batches(data)) {
      run.step(adam, batch, [&](const Batch& part) {
        Tensor x = part.x;
        if (options.noise > 0) x = x + Tensor(noise.normal(x.shape(), 0, options.noise));
        return -mean(model.log_prob(x));
      });
      average.update();
    }
    double valid = 0;
    {
      const nn::EMA::Average in_place = average.average();
      valid = run.mean("the validation rows", data.valid, log_prob) - scale;
      run.snapshot(data);
    }
    const double train = -run.mean_loss() - scale;
    run.end_epoch({{"train_log_prob_nats", train}, {"valid_log_prob_nats", valid}},
                  maximise("valid_log_prob_nats"));
  }
  run.use_best();
  average.adopt();

  run.show(data);
  const double valid = run.mean("the validation rows", data.valid, log_prob) - scale;
  const double test = run.mean("the test rows", data.test, log_prob) - scale;
  run.finish(joined({{"valid_log_prob_nats", valid},
                     {"test_log_prob_nats", test},
                     {"test_log_prob_gaussian_nats", gaussian_log_prob(data) - scale},
                     {"sigma_floor", options.network.sigma_floor}},
                    beside_truth(run, can, data, test)));
}

void train(Run& run, Options& options) {
  for_each_fold(run, options.protocol,
                [&](Run& fold, const Data& data) { train_fold(fold, options, data); });
}

}  // namespace

Lesson rnade_lesson() {
  return lesson("rnade",
                "RNADE: real-valued NADE (Uria, Murray & Larochelle 2013, arXiv:1306.0186)", train,
                open_network<network_of, abilities, Options>)
      .with_data("moons")
      .with_epochs(40)
      .with_lr(3e-3)
      .with_schedule("linear");
}

}  // namespace nabla::models
