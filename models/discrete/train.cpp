// Fits the baselines of discrete.hpp and trains the FVSBN of fvsbn.hpp: ./nabla train discrete
// --help. The lesson is in README.md.
#include <algorithm>
#include <cmath>

#include "models/discrete/comparison.hpp"
#include "models/program/lesson.hpp"

namespace nabla::models {
namespace {

struct Options {
  std::string only = "all";  // not --model: that is the key of the program in options.json
  double smoothing = 1, penalty = 1, last_penalty = 1e-6;
  std::size_t window = 10;

  bool wants(const std::string& name) const { return only == "all" || only == name; }

  void describe(OptionTable& table) {
    table.add("--only", only, "one model instead of all of them side by side",
              {"all", "joint", "independent", "markov", "chow-liu", "fvsbn"});
    table.add("--smoothing", smoothing, "examples added to each count", at_least(0));
    table.add("--penalty", penalty, "λ of ½ λ |W|² on the FVSBN's weights in the first epoch",
              above(0));
    table.add("--last-penalty", last_penalty,
              "λ in the second half of the epochs; in the first it falls geometrically", above(0));
    table.add("--window", window,
              "columns in the middle on which all models are compared with the full joint "
              "table; 0 for none",
              between(0, 20));
  }
};

// What is counted needs no training.
void count(Comparison& models, const Options& options) {
  const datasets::Rows& x = models.train();
  const double s = options.smoothing;
  const bool possible = x.columns() <= FullJoint::most_dimensions;
  if (options.wants("joint") && !possible) models.add_impossible_joint();
  if (options.wants("joint") && possible) models.add("joint", FullJoint::fit(x, s));
  if (options.wants("independent")) models.add("independent", Independent::fit(x, s));
  if (options.wants("markov")) models.add("markov", MarkovChain::fit(x, s));
  if (options.wants("chow-liu")) models.add("chow-liu", ChowLiuTree::fit(x, s));
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::probabilities("the baselines", View::binary));
  const Splits splits = drawn_once(data, run.seed());
  Comparison models(run, splits);
  count(models, options);

  Fvsbn fvsbn(data.columns);
  if (options.smoothing > 0) fvsbn.start_from(Independent::fit(splits.train, options.smoothing));
  nn::Adam adam(fvsbn.parameters(), {run.lr()});
  const bool trains = options.wants("fvsbn");
  if (trains) models.store("fvsbn", fvsbn);
  run.model(models.parameters(), trains ? abilities(fvsbn) : models.last());
  if (trains) run.keep("adam", adam);

  while (trains && run.next_epoch()) {
    adam.set_lr(run.lr());
    // From strong to weak: a path of solutions, each the start of the next, of which validation
    // picks one (Friedman, Hastie & Tibshirani 2010, §2.5). So a small data set gets a strong
    // prior.
    const double steps = std::max<std::size_t>(2, run.options().epochs) - 1;
    const Real lambda = options.penalty * std::pow(options.last_penalty / options.penalty,
                                                   std::min(1.0, 2 * (run.epoch() - 1) / steps));
    Means means;
    for (const Batch& batch : run.batches(data)) {
      run.step(adam, batch, [&](const Batch& part) {
        const Tensor log_prob = fvsbn.log_prob(part.x);
        means.add("log_prob_nats", log_prob);
        return fvsbn.penalty() * lambda - mean(log_prob);
      });
    }
    run.snapshot(data);
    const auto add = [&](const Tensor& x, Means& to) {
      to.add("log_prob_nats", fvsbn.log_prob(x));
    };
    const Figures valid = run.means("ln p(x)", data.valid, add).as("valid");
    run.end_epoch(joined(means.as("train"), valid), maximise("valid_log_prob_nats"));
  }
  if (trains) {
    run.use_best();
    models.add("fvsbn", fvsbn);
  }
  models.draw(data);
  models.show("models.md", data.name + ", all columns");
  Figures figures = models.figures();
  if (options.only == "all" && options.window > 0 && options.window < data.columns) {
    const std::size_t from = middle_of(data, options.window);
    Comparison window(run, columns_of(splits, from, options.window), "window_");
    count(window, options);
    window.show("window.md", "from column " + std::to_string(from) + " on");
    figures = joined(figures, window.figures());
  }
  run.finish(figures);
}

Trained open(const Saved& saved, const Options& options) {
  const auto stored = [&](const std::string& name) { return saved.parameter(name); };
  if (options.only == "joint") return abilities(FullJoint(stored("joint.probs")));
  if (options.only == "independent") return abilities(Independent(stored("independent.probs")));
  if (options.only == "markov") return abilities(MarkovChain(stored("markov.probs")));
  if (options.only == "chow-liu") {
    return abilities(ChowLiuTree(stored("chow_liu.parents"), stored("chow_liu.probs")));
  }
  const Fvsbn fvsbn(saved.data().columns);
  fvsbn.load({{"weight", stored("fvsbn.weight")}, {"bias", stored("fvsbn.bias")}});
  return abilities(fvsbn);
}

}  // namespace

Lesson discrete_lesson() {
  return lesson("discrete",
                "Discrete baselines, from the full joint table to logistic conditionals (Chow & "
                "Liu 1968; Neal 1992)",
                train, open)
      .with_epochs(30)
      .with_batch_size(100)
      .with_lr(0.01)
      .with_schedule("cosine");
}

}  // namespace nabla::models
