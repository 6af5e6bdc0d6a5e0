// Models beside each other on the same data: a table, their samples, and what is stored of them.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "models/discrete/fvsbn.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// Rows of 0 and 1 that are counted and measured, the same in all epochs.
struct Splits {
  datasets::Rows train, valid, test;
};

/// Of View::binary: grey pixels of the training set are drawn once here.
Splits drawn_once(const Data& data, std::uint64_t seed);
/// `count` columns from this one on.
Splits columns_of(const Splits& data, std::size_t from, std::size_t count);
/// The first of `count` columns in the middle of the data; of an image, of its middle line.
std::size_t middle_of(const datasets::DataShape& data, std::size_t count);

/// What a model can do. Of counted ones it is made of what is stored of them.
Trained abilities(const Fvsbn& model);
Trained abilities(const OneParent& model);
Trained abilities(const FullJoint& model);

/// What is stored of the model of --only; of all of them, of the FVSBN.
Trained abilities_of(const Saved& saved, const std::string& only);

class Comparison {
 public:
  /// Keys of figures have `prefix` before the name of the model.
  Comparison(Run& run, Splits data, std::string prefix = "")
      : run_(run), data_(std::move(data)), prefix_(std::move(prefix)) {}

  const datasets::Rows& train() const { return data_.train; }
  std::size_t columns() const { return data_.train.columns(); }

  /// Measures a model: free parameters, and the mean of ln p over the three splits.
  template <class Model>
  void add(const std::string& name, const Model& model) {
    const auto log_prob = [&](const Array& x) { return model.log_prob(x); };
    add(name, model.free_parameters(), Model::formula(), abilities(model), log_prob);
    store_counted(name, model);
  }
  /// Adds those that need no training, but for the FVSBN: all of them, or the only one.
  void count(const std::string& only, double smoothing);

  /// "test_log_prob_markov_nats" and so on.
  Figures figures() const;
  /// Puts the table into the run.
  void show(const std::string& file, const std::string& title) const;
  /// samples.png: test data, then a row for each model; where they are no images a matrix, with a
  /// sample a row.
  void draw(const datasets::DataShape& data) const;

  /// A trained model is stored by its parameters, "fvsbn.weight" and so on.
  void store(const std::string& name, const nn::Module& trained);
  /// What is stored: these and what was counted, "markov.probs" and so on. Throws UsageError if
  /// there is nothing.
  const nn::NamedTensors& parameters() const;
  /// Of the model that was added last; of none if there is none.
  Trained last() const { return lines_.empty() ? Trained{} : lines_.back().can; }

 private:
  struct Line {
    std::string name, count, formula;
    Trained can;
    double parameters = 0, train = 0, valid = 0, test = 0, bits_per_dim = 0;
  };

  void add(const std::string& name, std::size_t parameters, const char* formula, Trained can,
           const std::function<Array(const Array&)>& log_prob);
  void store_counted(const std::string& name, const OneParent& model);
  void store_counted(const std::string& name, const FullJoint& model);
  void store_counted(const std::string&, const Fvsbn&) {}  // it is trained

  Run& run_;
  Splits data_;
  std::string prefix_;
  std::vector<Line> lines_;
  nn::NamedTensors parameters_;
};

}  // namespace nabla::models
