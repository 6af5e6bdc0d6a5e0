// Trains the WAE of wae.hpp: ./nabla train wae --help. The lesson is in README.md.
#include "models/autoencoder/measured.hpp"
#include "models/program/lesson.hpp"
#include "models/wae/wae.hpp"

namespace nabla::models {
namespace {

struct Options {
  AutoencoderOptions network;
  std::string cost = "squared";
  double lambda = 10;
  std::size_t compare = 5000;

  void describe(OptionTable& table) {
    describe_autoencoder(table, network, cost, compare);
    table.add("--lambda", lambda, "λ, weight of MMD² beside the cost of one image", at_least(0));
  }
};

Wae network_of(const Options& options, const datasets::DataShape& data, Rng& rng) {
  return Wae(with_cost(sized(options.network, data), options.cost), rng);
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::images_only("the WAE"));
  Rng rng = run.rng();
  const Wae wae = network_of(options, data, rng);
  const std::string cost = cost_key(wae.cost_kind());
  nn::Adam adam(wae.parameters(), {run.lr()});
  run.model(wae, coder(wae));
  run.keep("adam", adam, "rng", rng);

  while (run.next_epoch()) {
    adam.set_lr(run.lr());
    Means means;
    for (const Batch& batch : run.batches(data, {2})) {  // one image has no pair of codes
      run.step(adam, batch, [&](const Batch& part) {
        const WaeTerms terms = wae.objective(part.x, rng);
        means.add(cost, terms.cost);
        means.add("mmd2_codes_prior", terms.mmd2.item(), part.size());
        return terms.value(options.lambda);  // mean c + λ MMD²                       [T, eq. 4]
      });
    }
    run.snapshot(data);
    const Means valid = evaluate(run, wae, data.valid, run.rng(Stream::validation));
    const double objective = valid[cost] + options.lambda * valid["mmd2_codes_prior"];
    const Figures both = joined(means.as("train"), valid.as("valid"));
    run.end_epoch(joined(both, {{"valid_objective", objective}}), minimise("valid_objective"));
  }
  run.use_best();

  run.show(data);
  run.note(
      "MMD² is estimated without bias (U-statistic), by the penalty's own kernel: near 0 it is "
      "negative as often as not, in training too. That is no error.");
  const Figures test = evaluate(run, wae, data.test, run.rng(Stream::test)).as("test");
  run.finish(joined(test, sample_figures(run, data, options.compare, wae)));
}

}  // namespace

Lesson wae_lesson() {
  return lesson("wae",
                "Wasserstein autoencoder, MMD penalty (Tolstikhin et al. 2018, arXiv:1711.01558)",
                train, open_network<network_of, coder<Wae>, Options>)
      .with_epochs(30)
      .with_schedule("cosine");
}

}  // namespace nabla::models
