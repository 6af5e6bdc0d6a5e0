// Fits the baselines of discrete.hpp and trains the FVSBN of fvsbn.hpp: ./nabla train discrete
// --help. The lesson is in README.md.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/transform.hpp"
#include "models/discrete/fvsbn.hpp"
#include "models/program/run.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Rows;
using models::Run;

struct Options {
  std::string only = "all";  // not --model: that is the key of the program in options.json
  double smoothing = 1;
  double penalty = 1, last_penalty = 1e-6;
  std::string schedule = "cosine";
  int window = 10;

  bool wants(const std::string& name) const { return only == "all" || only == name; }
};

// The three splits, of 0 and 1.
struct Splits {
  Rows train, valid, test;
};

// What the table at the end says of a model; without figures where it is impossible.
struct Row {
  std::string name, count, formula;
  bool possible = true;
  double train = 0, valid = 0, test = 0, bits_per_dim = 0;
};

template <class Model>
double mean_log_prob(Run& run, const Model& model, const Rows& data, const std::string& name) {
  double total = 0;
  const std::size_t n = data.size();
  for (const std::vector<std::size_t>& rows : Batches::in_order(n, 1000)) {
    run.evaluating(name, rows.front(), n);
    for (const Real value : model.log_prob(data.take(rows))) {
      total += static_cast<double>(value);
    }
  }
  return total / static_cast<double>(n);
}

template <class Model>
Row measure(Run& run, const Model& model, const Splits& data, const std::string& name) {
  Row row{name, std::to_string(model.free_parameters()), Model::formula()};
  row.train = mean_log_prob(run, model, data.train, name);
  row.valid = mean_log_prob(run, model, data.valid, name);
  row.test = mean_log_prob(run, model, data.test, name);
  row.bits_per_dim = -row.test / (static_cast<double>(data.test.columns()) * std::log(2.0));
  return row;
}

void print(const std::string& title, const std::vector<Row>& rows) {
  std::printf("\n%s\n%-15s%16s = %-16s%10s%10s%10s%10s\n", title.c_str(), "model",
              "free parameters", "formula", "train", "valid", "test", "bits/dim");
  for (const Row& row : rows) {
    std::printf("%-15s%16s = %-16s", row.name.c_str(), row.count.c_str(), row.formula.c_str());
    if (row.possible) {
      std::printf("%10.3f%10.3f%10.3f%10.4f\n", row.train, row.valid, row.test, row.bits_per_dim);
    } else {
      std::printf("%s\n", "  no table is possible");
    }
  }
}

// Of one row of the table, under keys such as "test_log_prob_markov_chain_nats".
void add_figures(models::Figures& figures, const Row& row, const std::string& prefix = "") {
  if (!row.possible) return;
  std::string key = prefix + row.name;
  for (char& c : key) {
    if (c == ' ' || c == '-') c = '_';
  }
  figures.push_back({"free_parameters_" + key, std::stod(row.count)});
  figures.push_back({"train_log_prob_" + key + "_nats", row.train});
  figures.push_back({"valid_log_prob_" + key + "_nats", row.valid});
  figures.push_back({"test_log_prob_" + key + "_nats", row.test});
  figures.push_back({"test_" + key + "_bits_per_dim", row.bits_per_dim});
}

// Samples side by side: the first examples of the data, then a row (a matrix with a sample a row,
// where they are no images) for each model.
class Pictures {
 public:
  Pictures(Run& run, const Dataset& data)
      : run_(run), data_(data), shown_(data.is_image() ? 16 : 24) {}

  void add_data(const Rows& x) {
    std::vector<std::size_t> first(shown_);
    for (std::size_t i = 0; i < shown_; ++i) first[i] = i % x.size();
    add(x.take(first), "test data");
  }
  template <class Model>
  void add_samples(const Model& model, const std::string& name) {
    Rng rng(run_.seed(), 20);  // of its own: the run's is left alone
    add(model.sample(shown_, rng), name);
  }
  void draw() const {
    const std::size_t D = data_.columns, models = all_.size() / (shown_ * D);
    Array x = empty({models * shown_, D});
    std::copy(all_.begin(), all_.end(), x.data());
    if (data_.is_image()) {
      run_.image("samples.png",
                 models::enlarge(models::grid(x, data_.height, data_.width, shown_), 2),
                 "From the top, a row each: " + names_);
      return;
    }
    x.reshape({models, shown_ * D});
    run_.image("samples.png",
               models::enlarge(models::grid(x, shown_, D, 1), std::max<std::size_t>(2, 600 / D)),
               "One sample a line, one column a variable. From the top: " + names_);
  }

 private:
  void add(const Array& x, const std::string& name) {
    all_.insert(all_.end(), x.begin(), x.end());
    names_ += (names_.empty() ? "" : ", ") + name;
  }

  Run& run_;
  const Dataset& data_;
  std::size_t shown_;
  std::vector<Real> all_;
  std::string names_;
};

void train(Run& run, const Options& options) {
  const Dataset data = datasets::load(run.options().data, models::load_options(run.options()));
  if (data.low < 0 || data.high > 1 || (!data.binary && !data.is_image())) {
    throw models::UsageError("--data " + run.options().data +
                             ": these models are for 0 and 1 (or for images, whose grey values " +
                             "are then drawn as 0 or 1)");
  }
  // Grey pixels are probabilities of being 1: drawn anew in each epoch for the FVSBN's training,
  // and once for everything that is counted or measured.
  const bool fresh = !data.binary;
  const auto once = [&](const Rows& x, std::uint64_t offset) {
    return fresh ? datasets::binarize_once(x, run.seed() + offset) : x;
  };
  const Splits splits{once(data.train, 3), once(data.valid, 1), once(data.test, 2)};
  const std::size_t D = data.columns, n = splits.train.size();

  std::vector<Row> rows;
  models::Figures figures;
  nn::NamedTensors tables;  // what was counted, kept beside the FVSBN's weights
  Pictures pictures(run, data);
  pictures.add_data(splits.test);
  const auto count = [&](const auto& model, const std::string& name) {
    rows.push_back(measure(run, model, splits, name));
    pictures.add_samples(model, name);
  };
  if (options.wants("joint")) {
    if (D <= models::FullJoint::most_dimensions) {
      const auto joint = models::FullJoint::fit(splits.train.all(), options.smoothing);
      count(joint, "joint");
      const std::vector<double>& p = joint.table().probabilities();
      Array table = empty({p.size()});
      std::copy(p.begin(), p.end(), table.data());
      tables.emplace_back("joint.probs", Tensor(std::move(table)));
    } else {
      rows.push_back({"joint", "2^" + std::to_string(D) + " - 1", "2^D - 1", false});
    }
  }
  const auto independent = models::Independent::fit(splits.train.all(), options.smoothing);
  if (options.wants("independent")) {
    count(independent, "independent");
    tables.emplace_back("independent.probs", Tensor(independent.probabilities()));
  }
  if (options.wants("markov")) {
    const auto chain = models::MarkovChain::fit(splits.train.all(), options.smoothing);
    count(chain, "markov");
    tables.emplace_back("markov.probs", Tensor(chain.probabilities()));
  }
  if (options.wants("chow-liu")) {
    const auto tree = models::ChowLiuTree::fit(splits.train.all(), options.smoothing);
    count(tree, "chow-liu");
    tables.emplace_back("chow_liu.probs", Tensor(tree.probabilities()));
    Array parents = empty({D});  // −1: the root
    for (std::size_t d = 0; d < D; ++d) {
      const std::size_t parent = tree.parents()[d];
      parents(d) = parent == models::OneParent::none ? Real(-1) : static_cast<Real>(parent);
    }
    tables.emplace_back("chow_liu.parents", Tensor(std::move(parents)));
  }

  models::Fvsbn fvsbn(D);
  if (options.smoothing > 0) fvsbn.start_from(independent);
  nn::Adam adam(fvsbn.parameters(), {run.lr()});
  const bool trains = options.wants("fvsbn");
  if (trains) {
    for (const auto& [name, parameter] : fvsbn.named_parameters()) {
      tables.emplace_back("fvsbn." + name, parameter);
    }
  }
  if (tables.empty()) {
    throw models::UsageError("--only joint: a table of 2^" + std::to_string(D) +
                             " probabilities is not possible; at most " +
                             std::to_string(models::FullJoint::most_dimensions) + " columns");
  }
  run.keep(tables);
  if (trains) run.keep("adam", adam);
  run.expect_examples(n);

  while (trains && run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    if (options.schedule == "cosine") {
      adam.set_lr(run.lr() * nn::schedule::cosine(epoch - 1, run.options().epochs));
    }
    // From strong to weak: a path of solutions, each the start of the next, of which validation
    // picks one (Friedman, Hastie & Tibshirani 2010, §2.5). So a small data set gets a strong
    // prior.
    const double steps = std::max(1, run.options().epochs - 1);
    const double lambda =
        options.penalty * std::pow(options.last_penalty / options.penalty,
                                   std::min(1.0, 2 * static_cast<double>(epoch - 1) / steps));
    double log_prob = 0;
    for (const std::vector<std::size_t>& examples :
         Batches(n, static_cast<std::size_t>(run.batch_size()), run.seed(), epoch)) {
      Array x = data.train.take(examples);  // (B, D)
      if (fresh) x = datasets::binarize_fresh(x, examples, run.seed(), epoch);

      const Tensor fit = mean(fvsbn.log_prob(Tensor(std::move(x))));
      const Tensor loss = fvsbn.penalty() * static_cast<Real>(lambda) - fit;
      adam.clear_grad();
      loss.backward();
      adam.step();
      run.step(loss.item(), examples.size());
      log_prob += static_cast<double>(fit.item()) * static_cast<double>(examples.size());
    }
    if (run.snapshot_due() && data.is_image()) {
      Rng fixed(run.seed(), 11);  // the same numbers each time: one sees the images form
      run.snapshot(models::grid(fvsbn.sample(36, fixed), data.height, data.width, 12));
    }
    run.end_epoch({{"train_log_prob_nats", log_prob / static_cast<double>(n)},
                   {"valid_log_prob_nats", mean_log_prob(run, fvsbn, splits.valid, "valid")}},
                  models::maximise("valid_log_prob_nats"));
  }
  if (trains) {
    run.use_best();
    count(fvsbn, "fvsbn");
  }
  pictures.draw();
  for (const Row& row : rows) add_figures(figures, row);

  std::vector<Row> window;
  const std::size_t W = static_cast<std::size_t>(options.window);
  std::size_t from = 0;
  if (W > 0 && W < D && options.only == "all") {
    // The middle of the data; of an image, of its middle line.
    const std::size_t line = data.is_image() && data.channels == 1 ? data.width : D;
    from = line == D || W > line ? (D - W) / 2 : data.height / 2 * line + (line - W) / 2;
    const Splits part{splits.train.take_columns(from, W), splits.valid.take_columns(from, W),
                      splits.test.take_columns(from, W)};
    const double s = options.smoothing;
    window.push_back(measure(run, models::FullJoint::fit(part.train.all(), s), part, "joint"));
    window.push_back(
        measure(run, models::Independent::fit(part.train.all(), s), part, "independent"));
    window.push_back(measure(run, models::MarkovChain::fit(part.train.all(), s), part, "markov"));
    window.push_back(measure(run, models::ChowLiuTree::fit(part.train.all(), s), part, "chow-liu"));
    for (const Row& row : window) add_figures(figures, row, "window_");
  }
  run.finish(figures);
  print(data.name + ", D = " + std::to_string(D) + ": mean log-likelihood in nats", rows);
  if (!window.empty()) {
    print("columns " + std::to_string(from) + " to " + std::to_string(from + W - 1) +
              " alone, D = " + std::to_string(W) + ": few enough for the full joint",
          window);
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program("discrete",
                          "Discrete baselines, from the full joint table to logistic conditionals "
                          "(Chow & Liu 1968; Neal 1992)");
  Options options;
  program.options().epochs = 30;
  program.options().batch_size = 100;
  program.options().lr = 0.01;
  program.option("--only", options.only, "one model instead of all of them side by side",
                 {"all", "joint", "independent", "markov", "chow-liu", "fvsbn"});
  program.option("--smoothing", options.smoothing, "examples added to each count",
                 models::at_least(0));
  program.option("--penalty", options.penalty,
                 "λ of ½ λ |W|² on the FVSBN's weights in the first epoch", models::above(0));
  program.option("--last-penalty", options.last_penalty,
                 "λ in the second half of the epochs; in the first it falls geometrically",
                 models::above(0));
  program.option("--schedule", options.schedule, "of the learning rate over all epochs",
                 {"cosine", "constant"});
  program.option("--window", options.window,
                 "columns in the middle on which all models are compared with the full joint "
                 "table; 0 for none",
                 models::between(0, 20));
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
