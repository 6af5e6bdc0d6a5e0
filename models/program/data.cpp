#include "models/program/data.hpp"

#include <algorithm>
#include <utility>

namespace nabla::models {
namespace {

datasets::Standardizer scaling_of(const datasets::DataShape& data, const datasets::Rows& train) {
  if (!data.is_image()) return datasets::Standardizer::fit(train.all());
  const Array half = full({data.columns}, Real(0.5));
  return {half, half, zeros({data.columns})};
}

std::string described(const datasets::DataShape& data) {
  std::string text = data.is_image() ? "images of " + std::to_string(data.height) + " × " +
                                           std::to_string(data.width) + " pixels"
                                     : "points of " + std::to_string(data.columns) + " columns";
  return text + ", with values from " + std::to_string(data.low) + " to " +
         std::to_string(data.high);
}

std::size_t whole_packs(std::size_t batch_size, std::size_t n, std::size_t packs) {
  if (packs == 0) return batch_size;
  const std::size_t B = std::min(batch_size, n) / packs * packs;
  if (B != 0) return B;
  throw UsageError("--batch-size " + std::to_string(batch_size) +
                   ": a batch must hold --packing examples, " + std::to_string(packs) +
                   ", or more; there are " + std::to_string(n) + " to train on");
}

}  // namespace

void check(const datasets::DataShape& data, const Wants& wants, const std::string& asked) {
  const bool unit = data.low >= 0 && data.high <= 1;
  const bool fits = data.is_image() ? wants.images && unit
                                    : wants.tables && (unit || !wants.unit) &&
                                          data.columns >= wants.least_columns;
  if (fits) return;
  std::string takes;
  if (wants.images) takes = "images with values from 0 to 1";
  if (wants.tables) {
    takes += takes.empty() ? "" : ", or ";
    takes += wants.unit ? "tables of values from 0 to 1" : "points or tables of numbers";
    if (wants.least_columns > 1) {
      takes += " of " + std::to_string(wants.least_columns) + " columns or more";
    }
  }
  throw UsageError("--data " + asked + ": " + wants.who + " takes " + takes + "; these are " +
                   described(data));
}

Data::Data(datasets::Dataset data, View view, std::uint64_t seed)
    : datasets::Dataset(std::move(data)), seed_(seed) {
  fresh_ = view == View::binary && !binary;
  if (fresh_) {
    valid = datasets::binarize_once(valid, seed_ + 1);
    test = datasets::binarize_once(test, seed_ + 2);
  }
  scaled_ = view == View::scaled;
  if (scaled_) scaling_ = scaling_of(*this, train);
}

Data::Data(datasets::Dataset data, datasets::Standardizer scaling, std::uint64_t seed)
    : Data(std::move(data), View::as_they_are, seed) {
  scaled_ = true;
  scaling_ = std::move(scaling);
}

Array Data::inputs(const Array& x) const {
  return scaled_ ? scaling_.apply(x) : x;
}

Array Data::units(const Array& x) const {
  return scaled_ ? scaling_.invert(x) : x;
}

Batch Data::batch(std::vector<std::size_t> rows, std::uint64_t epoch) const {
  Array x = train.take(rows);
  if (fresh_) x = datasets::binarize_fresh(x, rows, seed_, epoch);
  if (scaled_) x = scaling_.apply(x);
  IndexArray labels =
      train_labels.size() == 0 ? datasets::no_labels() : datasets::take_rows(train_labels, rows);
  return {Tensor(std::move(x)), std::move(labels), std::move(rows), 0};
}

Batches::Batches(const Data& data, std::size_t batch_size, std::uint64_t seed, std::uint64_t epoch,
                 const BatchRules& rules)
    : data_(&data),
      epoch_(epoch),
      order_(data.train.size(), whole_packs(batch_size, data.train.size(), rules.packs), seed,
             epoch, rules.packs != 0),
      size_(order_.size()) {
  if (batch_size < rules.least) {
    throw UsageError("--batch-size " + std::to_string(batch_size) + ": a batch must hold " +
                     std::to_string(rules.least) + " examples or more");
  }
  if (size_ != 0 && order_[size_ - 1].size() < rules.least) --size_;
}

Batch Batches::operator[](std::size_t i) const {
  Batch batch = data_->batch(order_[i], epoch_);
  batch.number = i + 1;
  return batch;
}

}  // namespace nabla::models
