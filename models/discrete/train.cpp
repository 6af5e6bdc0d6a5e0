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

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::probabilities("the baselines", View::binary));
  const Splits splits = drawn_once(data, run.seed());
  Comparison models(run, splits);
  models.count(options.only, options.smoothing);

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
    const double valid =
        run.mean("ln p(x)", data.valid, [&](const Tensor& x) { return fvsbn.log_prob(x); });
    run.end_epoch(joined(means.as("train"), {{"valid_log_prob_nats", valid}}),
                  maximise("valid_log_prob_nats"));
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
    window.count(options.only, options.smoothing);
    window.show("window.md", "from column " + std::to_string(from) + " on");
    figures = joined(figures, window.figures());
  }
  run.finish(figures);
}

Trained open(const Saved& saved, const Options& options) {
  return abilities_of(saved, options.only);
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
