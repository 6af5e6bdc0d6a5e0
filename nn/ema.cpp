#include "nn/ema.hpp"

#include <algorithm>
#include <stdexcept>

namespace nabla::nn {

EMA::EMA(std::vector<Tensor> parameters, EMAOptions options)
    : parameters_(std::move(parameters)), options_(options) {
  check_number(options.decay >= 0 && options.decay <= 1, "ema", "decay", options.decay,
               "in [0, 1]");
  names_ = state_names("ema", parameters_);
  for (const Tensor& parameter : parameters_) averages_.push_back(parameter.value());
}

void EMA::update() {
  if (swapped_) throw std::logic_error("ema: update() while the averages are swapped in");
  const double n = static_cast<double>(updates_++);
  const double decay =
      options_.warm_up ? std::min(options_.decay, (1 + n) / (10 + n)) : options_.decay;
  const Real rest = static_cast<Real>(1 - decay);
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    // average + (1 − d)(w − average) loses less to rounding than d · average + (1 − d) · w
    const Array& w = parameters_[k].value();
    evaluate_into(averages_[k], rest * (w - averages_[k]), Update::add);
  }
}

void EMA::swap() {
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    std::swap(parameters_[k].mutable_value(), averages_[k]);
  }
  swapped_ = !swapped_;
}

void EMA::adopt() {
  if (swapped_) throw std::logic_error("ema: adopt() while the averages are swapped in");
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    parameters_[k].mutable_value() = averages_[k];
  }
}

EMA::Average::Average(EMA& ema) : ema_(ema) {
  if (ema.swapped_) throw std::logic_error("ema: the averages are swapped in already");
  ema.swap();
}

EMA::Average::~Average() {
  ema_.swap();
}

EMA::State EMA::state() const {
  State state;
  state.updates = updates_;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    state.arrays.emplace(names_[k], swapped_ ? parameters_[k].value() : averages_[k]);
  }
  return state;
}

void EMA::load(const State& state) {
  if (swapped_) throw std::logic_error("ema: load() while the averages are swapped in");
  std::map<std::string, Shape> expected;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    expected.emplace(names_[k], parameters_[k].shape());
  }
  check_names("ema state", expected, state.arrays);
  updates_ = state.updates;
  for (std::size_t k = 0; k < parameters_.size(); ++k) averages_[k] = state.arrays.at(names_[k]);
}

}  // namespace nabla::nn
