// Trains the RNADE of rnade.hpp: ./nabla train rnade --help. The lesson is in README.md.
#include <algorithm>
#include <cmath>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/toy.hpp"
#include "datasets/transform.hpp"
#include "models/draw/plot.hpp"
#include "models/measure/metrics.hpp"
#include "models/program/run.hpp"
#include "models/rnade/protocol.hpp"
#include "models/rnade/rnade.hpp"
#include "nn/ema.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using models::Figures;
using models::Fold;
using models::FullGaussian;
using models::Rnade;
using models::Run;

struct Options {
  int hidden = 50, components = 10;
  double sigma_floor = 1e-3;
  std::string mean_gradient = "scaled";
  std::string schedule = "linear";
  double weight_decay = 0, noise = 0, average = 0.998;
  int columns = 0, folds = 0, fold = 0;
  std::string fold_order = "file";
};

// What one model is trained on and tested with.
struct Splits {
  Array train, valid, test;
};

// The rows of a, then those of b.
Array below(const Array& a, const Array& b) {
  Array rows = empty({a.shape()[0] + b.shape()[0], a.shape()[1]});
  std::copy_n(a.data(), a.size(), rows.data());
  std::copy_n(b.data(), b.size(), rows.data() + a.size());
  return rows;
}

// One model of one fold (or of the only split), in standardised units, with the weights of its own
// best epoch: what one fold's validation rows say must not reach another fold, whose test rows they
// may be.
class Member {
 public:
  Member(Splits splits, const Options& options, const Run& run, std::uint64_t number)
      : standard_(datasets::Standardizer::fit(below(splits.train, splits.valid))),
        train_(standard_.apply(splits.train)),
        valid_(standard_.apply(splits.valid)),
        test_(standard_.apply(splits.test)),
        seed_(run.seed() + 1000 * number),
        noise_(static_cast<Real>(options.noise)),
        init_(seed_),
        model_(shape(options, train_), init_),
        adam_(model_.parameters(), {run.lr(), 0.9, 0.999, 1e-8, options.weight_decay}),
        averages_(options.average > 0),
        average_(model_.parameters(), {options.average, true}),
        best_(model_.state()) {}

  // One pass over the training rows. Returns the mean log-density of the batches as they came.
  double train_epoch(Run& run, double lr) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    const std::size_t n = train_.shape()[0];
    Rng noise(seed_, 300 + epoch);
    adam_.set_lr(lr);
    double total = 0;
    for (const std::vector<std::size_t>& rows :
         Batches(n, static_cast<std::size_t>(run.batch_size()), seed_, epoch)) {
      Array x = datasets::take_rows(train_, rows);  // (B, D)
      if (noise_ > 0) x = compute(x + noise.normal(x.shape(), 0, noise_));
      const Tensor loss = -mean(model_.log_prob(Tensor(std::move(x))));
      adam_.clear_grad();
      loss.backward();
      adam_.step();
      if (averages_) average_.update();
      run.step(loss.item(), rows.size());
      total -= loss.item() * static_cast<double>(rows.size());
    }
    return total / static_cast<double>(n);
  }

  // Validates (the moving average of the weights, where there is one), and keeps the weights if
  // they are the best so far.
  double validate(int epoch) {
    if (!averages_) return validate_weights(epoch);
    const nn::EMA::Average in_place = average_.average();
    return validate_weights(epoch);
  }

  void use_best() { model_.load(best_); }

  double mean_log_prob(const Array& x) const {
    double total = 0;
    for (const Real value : model_.log_prob(x)) total += static_cast<double>(value);
    return total / static_cast<double>(x.shape()[0]);
  }

  // The Gaussian has no epochs to choose: it takes the validation rows too.
  double gaussian_log_prob() const {
    double total = 0;
    for (const double value : FullGaussian::fit(below(train_, valid_)).log_prob(test_))
      total += value;
    return total / static_cast<double>(test_.shape()[0]);
  }

  Array sample(std::size_t n, Rng& rng) const { return standard_.invert(model_.sample(n, rng)); }

  const datasets::Standardizer& standard() const { return standard_; }
  const Rnade& model() const { return model_; }
  const Array& test() const { return test_; }
  std::size_t examples() const { return train_.shape()[0]; }
  nn::Optimiser& optimiser() { return adam_; }
  nn::EMA& average() { return average_; }
  double best_value() const { return best_value_; }
  int best_epoch() const { return best_epoch_; }

  // The best weights so far, for the checkpoint.
  nn::StoredArrays saved() const {
    nn::StoredArrays all;
    for (const auto& [name, value] : best_) all.emplace("weights." + name, value);
    all["value_and_epoch"] = nn::DoubleArray{best_value_, static_cast<double>(best_epoch_)};
    return all;
  }
  void restore(const nn::StoredArrays& all) {
    for (auto& [name, value] : best_) {
      const auto found = all.find("weights." + name);
      const Array* const array = found == all.end() ? nullptr : std::get_if<Array>(&found->second);
      if (array == nullptr || array->shape() != value.shape()) {
        throw std::invalid_argument("the best weights lack \"" + name + "\" " +
                                    to_string(value.shape()));
      }
      value = *array;
    }
    const auto found = all.find("value_and_epoch");
    const nn::DoubleArray* const numbers =
        found == all.end() ? nullptr : std::get_if<nn::DoubleArray>(&found->second);
    if (numbers == nullptr || numbers->size() != 2) {
      throw std::invalid_argument("the best weights come without their epoch");
    }
    best_value_ = numbers->data()[0];
    best_epoch_ = static_cast<int>(numbers->data()[1]);
  }

 private:
  double validate_weights(int epoch) {
    const double value = mean_log_prob(valid_);
    if (best_epoch_ == 0 || value > best_value_) {
      best_ = model_.state();
      best_value_ = value;
      best_epoch_ = epoch;
    }
    return value;
  }

  static models::RnadeOptions shape(const Options& options, const Array& x) {
    models::RnadeOptions result;
    result.data = x.shape()[1];
    result.hidden = static_cast<std::size_t>(options.hidden);
    result.components = static_cast<std::size_t>(options.components);
    result.sigma_floor = options.sigma_floor;
    result.scale_mean_gradient = options.mean_gradient == "scaled";
    return result;
  }

  datasets::Standardizer standard_;
  Array train_, valid_, test_;  // standardised
  std::uint64_t seed_;
  Real noise_;
  Rng init_;
  Rnade model_;
  nn::AdamW adam_;
  bool averages_;
  nn::EMA average_;
  nn::NamedArrays best_;
  double best_value_ = 0;
  int best_epoch_ = 0;  // 0: not validated yet
};

std::vector<Splits> load_splits(const Run& run, const Options& options) {
  datasets::LoadOptions how = models::load_options(run.options());
  const std::size_t limit = how.train_size;
  if (options.folds != 0) {
    how.whole_file = true;
    how.train_size = 0;  // limits the rows of each fold, below
  }
  const Dataset data = datasets::load(run.options().data, how);
  if (data.is_image()) {
    throw models::UsageError("--data " + run.options().data + ": these are images of " +
                             std::to_string(data.columns) +
                             " pixels, RNADE takes points or tables of real numbers");
  }
  if (static_cast<std::size_t>(options.columns) > data.columns) {
    throw models::UsageError("--columns " + std::to_string(options.columns) + ": " +
                             run.options().data + " has only " + std::to_string(data.columns));
  }
  const std::size_t columns =
      options.columns == 0 ? data.columns : static_cast<std::size_t>(options.columns);
  if (options.folds == 0) {
    return {{data.train.take_columns(0, columns).all(), data.valid.take_columns(0, columns).all(),
             data.test.take_columns(0, columns).all()}};
  }
  if (!data.valid.empty()) {
    throw models::UsageError("--folds: " + run.options().data +
                             " comes with its splits, folds are made from a single file");
  }
  const Array all = data.train.take_columns(0, columns).all();
  const std::size_t folds = static_cast<std::size_t>(options.folds);
  if (all.shape()[0] < 3 * folds) {
    throw models::UsageError("--folds " + std::to_string(folds) + ": " + run.options().data +
                             " has only " + std::to_string(all.shape()[0]) + " rows");
  }
  const std::vector<std::size_t> order =
      models::row_order(all.shape()[0], options.fold_order == "shuffled", run.seed());
  std::vector<Splits> result;
  for (std::size_t k = 0; k < folds; ++k) {
    if (options.fold != 0 && k + 1 != static_cast<std::size_t>(options.fold)) continue;
    Fold fold = models::fold_of(order, folds, k, run.seed());
    if (limit != 0 && limit < fold.train.size()) fold.train.resize(limit);
    result.push_back({datasets::take_rows(all, fold.train), datasets::take_rows(all, fold.valid),
                      datasets::take_rows(all, fold.test)});
  }
  return result;
}

std::vector<double> as_doubles(const Array& x) {
  return std::vector<double>(x.begin(), x.end());
}

struct MeanAndError {
  double mean = 0, standard_error = 0;
};

MeanAndError summarise(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  MeanAndError result;
  double squares = 0;
  for (const double v : values) result.mean += v / n;
  for (const double v : values) squares += (v - result.mean) * (v - result.mean);
  if (values.size() > 1) result.standard_error = std::sqrt(squares / (n - 1) / n);
  return result;
}

// Pictures --------------------------------------------------------------------------------------

constexpr std::size_t picture_size = 300;

Array side_by_side(const std::vector<Array>& images, std::size_t columns) {
  const std::size_t height = images[0].shape()[0], width = images[0].shape()[1];
  Array all = empty({images.size(), height * width * 3});
  for (std::size_t i = 0; i < images.size(); ++i) {
    std::copy_n(images[i].data(), images[i].size(), all.data() + i * height * width * 3);
  }
  return models::grid(all, height, width, columns, 4);
}

// Columns i and j, or for data of one column the numbers at heights that mean nothing.
Array plane_of(const Array& x, std::size_t i, std::size_t j) {
  Array result = empty({x.shape()[0], 2});
  Rng heights(1);
  for (std::size_t r = 0; r < x.shape()[0]; ++r) {
    result(r, 0) = x(r, i);
    result(r, 1) = i == j ? heights.uniform() : x(r, j);
  }
  return result;
}

// Pairs of neighbouring columns: data above, samples below, in equal windows.
Array draw_table(const Array& data, const Array& samples) {
  const std::size_t D = data.shape()[1], pairs = std::clamp<std::size_t>(D / 2, 1, 4);
  std::vector<Array> images(2 * pairs);
  for (std::size_t p = 0; p < pairs; ++p) {
    const std::size_t i = D == 1 ? 0 : 2 * p, j = D == 1 ? 0 : 2 * p + 1;
    const Array points = plane_of(data, i, j);
    const models::Window window = models::window_around(points);
    images[p] = models::scatter(points, window, picture_size);
    images[pairs + p] = models::scatter(plane_of(samples, i, j), window, picture_size);
  }
  return side_by_side(images, pairs);
}

// ln p on a grid of cells, of the truth and of the model, each from 8 nats below the truth's top.
Array draw_densities(const Member& member, const datasets::Toy& toy, const Array& samples,
                     const models::Window& window) {
  const Array cells = models::cell_centres(window, picture_size, picture_size);
  Array truth = toy.log_density(cells);
  Array model = member.model().log_prob(member.standard().apply(cells));
  const Real scale = static_cast<Real>(member.standard().log_scale());
  for (Real& value : model) value -= scale;
  const double top = static_cast<double>(*std::max_element(truth.begin(), truth.end()));
  truth.reshape(Shape{picture_size, picture_size});
  model.reshape(Shape{picture_size, picture_size});
  return side_by_side({models::heat_map(truth, top - 8, top), models::heat_map(model, top - 8, top),
                       models::scatter(samples, window, picture_size)},
                      3);
}

// -----------------------------------------------------------------------------------------------

void check(const Options& options) {
  if (options.folds == 1)
    throw models::UsageError("--folds 1: folds are at least 2, or 0 for none");
  if (options.fold > options.folds) {
    throw models::UsageError("--fold " + std::to_string(options.fold) + ": there are " +
                             std::to_string(options.folds) + " folds; set --folds too");
  }
}

void train(Run& run, const Options& options) {
  check(options);
  std::vector<Splits> splits = load_splits(run, options);
  // Toys are reported in the units of their known density, tables in units of the standard
  // deviations of the training rows, as the published tables are.
  const std::string& name = run.options().data;
  const bool is_toy = datasets::toy_named(name) && splits[0].train.shape()[1] == 2;
  const Array raw_test = splits[0].test;
  std::vector<std::unique_ptr<Member>> members;  // one for each fold
  nn::NamedTensors parameters;
  std::size_t examples = 0;
  // One fold alone is the same as among all of them.
  const std::size_t first = options.fold == 0 ? 0 : static_cast<std::size_t>(options.fold) - 1;
  for (std::size_t k = 0; k < splits.size(); ++k) {
    members.push_back(std::make_unique<Member>(std::move(splits[k]), options, run, first + k));
    Member& member = *members.back();
    const std::string number = splits.size() == 1 ? "" : std::to_string(k + 1);
    for (auto& [path, tensor] : member.model().named_parameters()) {
      parameters.emplace_back(number.empty() ? path : "fold" + number + "." + path, tensor);
    }
    run.keep("adam" + number, member.optimiser());
    if (options.average > 0) run.keep("average" + number, member.average());
    run.keep(
        "best" + number + "-of-fold", [&member] { return member.saved(); },
        [&member](const nn::StoredArrays& saved) { member.restore(saved); });
    examples += member.examples();
  }
  run.keep(parameters);
  run.expect_examples(examples);
  const double scale = is_toy ? members[0]->standard().log_scale() : 0;

  while (run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    double lr = run.lr();
    if (options.schedule == "linear") {
      lr *= nn::schedule::linear_to_zero(epoch - 1, run.options().epochs);
    }
    double train_sum = 0, valid_sum = 0, best_sum = 0;
    for (const std::unique_ptr<Member>& member : members) {
      train_sum += member->train_epoch(run, lr);
      valid_sum += member->validate(run.epoch());
      best_sum += member->best_value();
    }
    if (run.snapshot_due() && members[0]->model().options().data == 2) {
      Rng fixed(run.seed(), 11);
      run.snapshot(models::scatter(members[0]->sample(2000, fixed), models::window_around(raw_test),
                                   picture_size));
    }
    const double n = static_cast<double>(members.size());
    run.end_epoch({{"train_log_prob_nats", train_sum / n - scale},
                   {"valid_log_prob_nats", valid_sum / n - scale},
                   {"best_valid_log_prob_nats", best_sum / n - scale}},
                  models::maximise("valid_log_prob_nats"));
  }

  std::ostringstream floor;
  floor << options.sigma_floor;
  run.note("σ ≥ " + floor.str() + " standard deviations of a column. " +
           (is_toy ? "Densities are in the units of the data."
                   : "Densities are of data standardised with the training rows."));
  std::vector<double> test, valid, gaussian;
  Figures figures;
  for (std::size_t k = 0; k < members.size(); ++k) {
    Member& member = *members[k];
    member.use_best();
    test.push_back(member.mean_log_prob(member.test()) - scale);
    gaussian.push_back(member.gaussian_log_prob() - scale);
    valid.push_back(member.best_value() - scale);
    if (members.size() > 1) {
      figures.emplace_back("fold_" + std::to_string(k + 1) + "_test_log_prob_nats", test[k]);
      figures.emplace_back("fold_" + std::to_string(k + 1) + "_best_epoch", member.best_epoch());
    }
  }
  const MeanAndError all = summarise(test), reference = summarise(gaussian);
  if (members[0]->best_epoch() != 0) {  // else nothing was validated
    figures.emplace_back("valid_log_prob_nats", summarise(valid).mean);
  }
  figures.emplace_back("test_log_prob_nats", all.mean);
  if (members.size() > 1) figures.emplace_back("test_standard_error_nats", all.standard_error);
  figures.emplace_back("test_log_prob_gaussian_nats", reference.mean);
  if (members.size() > 1) {
    figures.emplace_back("test_standard_error_gaussian_nats", reference.standard_error);
  }
  figures.emplace_back("sigma_floor", options.sigma_floor);

  Rng rng(run.seed(), 20);
  const Array samples = members[0]->sample(raw_test.shape()[0], rng);
  if (is_toy) {
    const datasets::Toy toy(name);
    const models::Window window = models::window_around(raw_test);
    const Array picture = draw_densities(*members[0], toy, samples, window);
    run.image("density.png", picture,
              "ln p(x) of the truth and of the model, both over 8 nats, and samples of the model");
    run.image("samples.png",
              side_by_side({models::scatter(raw_test, window, picture_size),
                            models::scatter(samples, window, picture_size)},
                           2),
              "Test points, and as many samples of the model");
    const auto truth = [&](const Array& points) { return as_doubles(toy.log_density(points)); };
    const auto model = [&](const Array& points) {
      std::vector<double> log_prob =
          as_doubles(members[0]->model().log_prob(members[0]->standard().apply(points)));
      for (double& value : log_prob) value -= scale;
      return log_prob;
    };
    figures.emplace_back("true_entropy_nats", toy.entropy());
    figures.emplace_back("test_kl_to_truth_nats", -all.mean - toy.entropy());
    // The same, without the sampling error that −mean ln p and the entropy do not share; then the
    // other way round, over the model's own samples: what maximum likelihood does not look at.
    figures.emplace_back("test_kl_same_points_nats",
                         models::kl_from_log_densities(truth(raw_test), model(raw_test)).value);
    figures.emplace_back("kl_model_to_truth_nats",
                         models::kl_from_log_densities(model(samples), truth(samples)).value);
    figures.emplace_back("test_sliced_wasserstein1",
                         models::sliced_wasserstein1(raw_test, samples, 100, rng));
  } else {
    run.image("samples.png", draw_table(raw_test, samples),
              "Pairs of columns: test rows above, as many samples below");
  }
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program(
      "rnade", "RNADE: real-valued NADE (Uria, Murray & Larochelle 2013, arXiv:1306.0186)");
  Options options;
  program.options().data = "moons";
  program.options().epochs = 40;
  program.options().lr = 3e-3;
  program.option("--hidden", options.hidden, "H, hidden units", models::at_least(1));
  program.option("--components", options.components, "K, Gaussians in each conditional",
                 models::at_least(1));
  program.option("--sigma-floor", options.sigma_floor,
                 "added to each σ, in standard deviations of its column", models::at_least(0));
  program.option("--mean-gradient", options.mean_gradient,
                 "of each mean: multiplied by its σ, or as it is", {"scaled", "exact"});
  program.option("--schedule", options.schedule, "of the learning rate over all epochs",
                 {"linear", "constant"});
  program.option("--weight-decay", options.weight_decay, "of AdamW", models::at_least(0));
  program.option("--noise", options.noise,
                 "std of normal noise on training rows, in standard deviations of a column",
                 models::at_least(0));
  program.option("--average", options.average,
                 "decay of a moving average of the weights, which is validated and tested; 0: none",
                 models::between(0, 0.99999));
  program.option("--columns", options.columns, "use the first N columns only; 0: all",
                 models::at_least(0));
  program.option("--folds", options.folds,
                 "cross-validation over a file: one model for each fold, trained side by side",
                 models::at_least(0));
  program.option("--fold", options.fold, "only this one of the folds, from 1; 0: all",
                 models::at_least(0));
  program.option("--fold-order", options.fold_order, "rows as in the file, or shuffled by --seed",
                 {"file", "shuffled"});
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
