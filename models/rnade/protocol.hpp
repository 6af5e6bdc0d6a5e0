// Which rows a run of RNADE trains on and is tested with: those of the data set, or one fold of a
// file, standardised.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "datasets/toy.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

struct Protocol {
  std::size_t columns = 0, folds = 0, fold = 0;
  std::string fold_order = "file";

  void describe(OptionTable& table);
};

/// Calls `train` for the data set of --data: with this run, or with one for each of --folds, whose
/// figures it gathers. Data are scaled by mean and deviation of the training and validation rows
/// together. Throws UsageError unless they are points or tables of numbers, enough for the folds.
void for_each_fold(Run& run, const Protocol& protocol,
                   const std::function<void(Run& run, const Data& data)>& train);

/// The toy whose points these are, if its density is that of all their columns.
std::optional<datasets::Toy> truth_of(const Run& run, const Data& data);

/// What is to be subtracted from ln p of scaled rows for the figures, which it notes: toys are
/// reported in the units of their known density, tables in units of the columns' standard
/// deviations, as the published tables are.
double log_scale_of_figures(Run& run, const Data& data);

/// The mean of ln p of the test rows, scaled, in nats, for one Gaussian with full covariance. It
/// has no epochs to choose: it is fitted to the validation rows too.
double gaussian_log_prob(const Data& data);

}  // namespace nabla::models
