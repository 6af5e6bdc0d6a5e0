#include "models/rnade/protocol.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "models/measure/metrics.hpp"
#include "models/rnade/folds.hpp"
#include "models/rnade/full_gaussian.hpp"

namespace nabla::models {
namespace {

// Training and validation rows, one below the other.
Array fitted_rows(const datasets::Rows& train, const datasets::Rows& valid) {
  const Array first = train.all(), second = valid.all();
  Array rows = empty({train.size() + valid.size(), train.columns()});
  std::copy_n(second.data(), second.size(), std::copy_n(first.data(), first.size(), rows.data()));
  return rows;
}

void keep_columns(datasets::Dataset& data, std::size_t columns) {
  for (datasets::Rows* const rows : {&data.train, &data.valid, &data.test}) {
    if (rows->columns() != 0) *rows = rows->take_columns(0, columns);
  }
  if (!data.column_names.empty()) data.column_names.resize(columns);
  datasets::describe(data);
}

// The data set of --data, its first --columns; with --folds all of its rows in `train`.
datasets::Dataset load(Run& run, const Protocol& protocol) {
  const std::size_t folds = protocol.folds;
  if (folds == 1) throw UsageError("--folds 1: folds are at least 2, or 0 for none");
  if (protocol.fold > folds) {
    throw UsageError("--fold " + std::to_string(protocol.fold) + ": there are " +
                     std::to_string(folds) + " folds; set --folds too");
  }
  const CommonOptions& o = run.options();
  datasets::LoadOptions how;
  how.data_dir = o.data_dir;
  how.seed = o.seed;
  how.whole_file = folds != 0;
  if (folds == 0) how.train_size = o.train_size;  // else it limits the rows of each fold
  datasets::Dataset data = datasets::load(o.data, how);
  check(data, Wants::tables_only("RNADE"), o.data);
  if (protocol.columns > data.columns) {
    throw UsageError("--columns " + std::to_string(protocol.columns) + ": " + o.data +
                     " has only " + std::to_string(data.columns));
  }
  if (folds != 0 && data.valid.size() != 0) {
    throw UsageError("--folds: " + o.data +
                     " comes with its splits, folds are made from a single file");
  }
  if (data.train.size() < 3 * folds) {
    throw UsageError("--folds " + std::to_string(folds) + ": " + o.data + " has only " +
                     std::to_string(data.train.size()) + " rows");
  }
  if (protocol.columns != 0) keep_columns(data, protocol.columns);
  run.use(Data(data, View::as_they_are, o.seed));  // the run of all folds has their shape
  return data;
}

// What the run of fold `number` is about.
Data data_of(Run& run, const datasets::Dataset& all, const Protocol& protocol, std::size_t number) {
  datasets::Dataset mine = all;
  if (protocol.folds != 0) {
    const std::uint64_t seed = run.shared_seed();
    Fold fold = fold_of(row_order(all.train.size(), protocol.fold_order == "shuffled", seed),
                        protocol.folds, number - 1, seed);
    const std::size_t limit = run.options().train_size;
    if (limit != 0 && limit < fold.train.size()) fold.train.resize(limit);
    mine.train = all.train.subset(fold.train);
    mine.valid = all.train.subset(fold.valid);
    mine.test = all.train.subset(fold.test);
    mine.train_labels = datasets::no_labels();
  }
  const datasets::Standardizer scaling =
      datasets::Standardizer::fit(fitted_rows(mine.train, mine.valid));
  Data data(std::move(mine), scaling, run.seed());
  run.use(data);
  return data;
}

}  // namespace

void Protocol::describe(OptionTable& table) {
  table.add("--columns", columns, "use the first N columns only; 0: all");
  table.add("--folds", folds,
            "cross-validation over a file: one model for each fold, a run in a folder of its own");
  table.add("--fold", fold, "only this one of the folds, from 1; 0: all");
  table.add("--fold-order", fold_order, "rows as in the file, or shuffled by --seed",
            {"file", "shuffled"});
}

void for_each_fold(Run& run, const Protocol& protocol,
                   const std::function<void(Run& run, const Data& data)>& train) {
  const datasets::Dataset all = load(run, protocol);
  const auto train_one = [&](Run& one, std::size_t number) {
    train(one, data_of(one, all, protocol, number));
  };
  const std::size_t count = std::max<std::size_t>(1, protocol.folds);
  const std::vector<Figures> folds = run.each("fold", count, train_one, protocol.fold);
  if (folds.empty()) return;
  Figures figures = gathered(run, "fold", folds);
  figures.emplace_back("test_standard_error_nats",
                       value_of(figures, "test_log_prob_nats_standard_error"));
  figures.emplace_back("test_standard_error_gaussian_nats",
                       value_of(figures, "test_log_prob_gaussian_nats_standard_error"));
  run.finish(figures);
}

std::optional<datasets::Toy> truth_of(const Run& run, const Data& data) {
  return data.columns == 2 ? datasets::toy_named(run.options().data) : std::nullopt;
}

double log_scale_of_figures(Run& run, const Data& data) {
  if (truth_of(run, data)) {
    run.note("Densities are in the units of the data.");
    return data.scaling().log_scale();
  }
  run.note("Densities are of data standardised with the training and validation rows.");
  return 0;
}

double gaussian_log_prob(const Data& data) {
  const Array rows = data.inputs(fitted_rows(data.train, data.valid));
  return mean_of(FullGaussian::fit(rows).log_prob(data.inputs(data.test.all()))).value;
}

}  // namespace nabla::models
