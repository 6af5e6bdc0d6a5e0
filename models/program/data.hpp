// The data set of a run as its model sees it: checked, scaled or binarised, cut into batches, and
// the way back to the data's own units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.hpp"
#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/rows.hpp"
#include "datasets/transform.hpp"
#include "models/program/options.hpp"

namespace nabla::models {

/// What stands between the file and the model.
enum class View {
  as_they_are,
  /// 0 and 1. Grey levels are probabilities of being 1: drawn anew in each epoch for training
  /// (Salakhutdinov & Murray 2008), and once for validation and test.
  binary,
  /// [0, 1] of images to [−1, 1]; else each column of the training rows to mean 0, deviation 1.
  scaled,
};

/// What a model needs of its data; anything else is refused by Run::load in one voice.
struct Wants {
  std::string who;     ///< "the VAE": who refuses
  bool images = true;  ///< with values from 0 to 1
  bool tables = true;  ///< points and tables of numbers
  bool unit = false;   ///< … with values from 0 to 1
  View view = View::as_they_are;
  std::size_t least_columns = 1;
  std::size_t toy_rows = 0;  ///< training points of a toy, unless --train-size says; 0: the usual

  static Wants images_only(std::string who, View view = View::as_they_are) {
    return {std::move(who), true, false, false, view};
  }
  static Wants tables_only(std::string who, View view = View::as_they_are) {
    return {std::move(who), false, true, false, view};
  }
  static Wants probabilities(std::string who, View view = View::as_they_are) {
    return {std::move(who), true, true, true, view};
  }
  static Wants anything(std::string who, View view = View::as_they_are,
                        std::size_t least_columns = 1, std::size_t toy_rows = 0) {
    return {std::move(who), true, true, false, view, least_columns, toy_rows};
  }
};

/// Some examples as the model sees them.
struct Batch {
  Tensor x;                                   // (B, D)
  IndexArray labels = datasets::no_labels();  // (B,), or (0,) where there are none
  std::vector<std::size_t> rows = {};         // which of the training set; none: drawn
  std::size_t number = 0;                     // of this epoch's, from 1; 0: none of an epoch's
  std::size_t size() const { return x.shape()[0]; }
};

/// How the training set is cut.
struct BatchRules {
  std::size_t least = 1;  ///< a last batch of fewer is left out, a smaller --batch-size refused
  std::size_t packs = 0;  ///< m > 0: only whole batches, each a multiple of m
};

/// A data set, whose splits are in the data's own units, but for what View::binary draws of valid
/// and test.
class Data : public datasets::Dataset {
 public:
  /// Seeds of what is drawn once are those of the run.
  Data(datasets::Dataset data, View view, std::uint64_t seed);
  /// By a scaling made elsewhere, of these or more rows.
  Data(datasets::Dataset data, datasets::Standardizer scaling, std::uint64_t seed);

  /// From the data's units to the model's, and back: (n, D) → (n, D).
  Array inputs(const Array& x) const;
  Array units(const Array& x) const;
  bool is_scaled() const { return scaled_; }
  /// The model sees 0 and 1.
  bool is_binary() const { return binary || fresh_; }
  const datasets::Standardizer& scaling() const { return scaling_; }

  /// Rows of the training set as the model sees them in this epoch.
  Batch batch(std::vector<std::size_t> rows, std::uint64_t epoch) const;

 private:
  std::uint64_t seed_;
  bool fresh_ = false, scaled_ = false;
  datasets::Standardizer scaling_;
};

/// The batches of one epoch, in an order that depends on (seed, epoch) alone:
///
///   for (const Batch& batch : run.batches(data)) …
class Batches {
 public:
  Batches(const Data& data, std::size_t batch_size, std::uint64_t seed, std::uint64_t epoch,
          const BatchRules& rules);

  std::size_t size() const { return size_; }  ///< how many
  Batch operator[](std::size_t i) const;      ///< batch i, from 0

  datasets::IndexIterator<Batches> begin() const { return {*this, 0}; }
  datasets::IndexIterator<Batches> end() const { return {*this, size_}; }

 private:
  const Data* data_;
  std::uint64_t epoch_;
  datasets::Batches order_;
  std::size_t size_;
};

/// Throws UsageError, which names --data and what it holds, unless these are what the model wants.
void check(const datasets::DataShape& data, const Wants& wants, const std::string& asked);

}  // namespace nabla::models
