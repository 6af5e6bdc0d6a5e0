#include "nn/norm.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "autograd/ops.hpp"

namespace nabla::nn {
namespace {

void check_epsilon(const char* layer, Real epsilon) {
  check_number(std::isfinite(epsilon) && epsilon >= 0, layer, "epsilon", epsilon, "finite and ≥ 0");
}

void check_momentum(const char* layer, Real momentum) {
  check_number(momentum >= 0 && momentum <= 1, layer, "momentum", momentum, "in [0, 1]");
}

}  // namespace

GroupNorm::GroupNorm(std::size_t groups, std::size_t channels, Real epsilon)
    : groups_(groups), epsilon_(epsilon) {
  if (groups == 0 || channels % groups != 0) {
    throw std::invalid_argument("GroupNorm: the groups must divide the channels, got " +
                                std::to_string(groups) + " and " + std::to_string(channels));
  }
  check_epsilon("GroupNorm", epsilon);
  gain_ = parameter("gain", full({channels}, 1, "GroupNorm"));
  shift_ = parameter("shift", zeros({channels}));
}

Tensor GroupNorm::operator()(const Tensor& x) const {
  return group_norm(x, gain_, shift_, groups_, epsilon_);
}

Tensor GroupNorm::silu(const Tensor& x) const {
  return group_norm_silu(x, gain_, shift_, groups_, epsilon_);
}

LayerNorm::LayerNorm(std::size_t channels, Real epsilon) : epsilon_(epsilon) {
  check_epsilon("LayerNorm", epsilon);
  gain_ = parameter("gain", full({channels}, 1, "LayerNorm"));
  shift_ = parameter("shift", zeros({channels}));
}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return layer_norm(x, gain_, shift_, epsilon_);
}

RunningStatistics::RunningStatistics(std::size_t channels)
    : mean_(buffer("mean", full({channels}, 0, "RunningStatistics"))),
      variance_(buffer("variance", ones({channels}), [](const Array& variance) {
        if (!std::all_of(variance.begin(), variance.end(), [](Real v) { return v >= 0; })) {
          throw std::invalid_argument("RunningStatistics: load: a variance is below 0 or NaN");
        }
      })) {}

void RunningStatistics::update(const Array& mean, const Array& variance, Real momentum) const {
  check_momentum("RunningStatistics::update", momentum);
  if (mean.shape() != mean_.shape() || variance.shape() != mean_.shape()) {
    throw std::invalid_argument("RunningStatistics::update: needs a mean and a variance of shape " +
                                to_string(mean_.shape()) + ", got " + to_string(mean.shape()) +
                                " and " + to_string(variance.shape()));
  }
  const auto move = [momentum](Tensor average, const Array& value) {
    Array& a = average.mutable_value();
    evaluate_into(a, (1 - momentum) * a + momentum * value);
  };
  move(mean_, mean);
  move(variance_, variance);
}

void RunningStatistics::load(const NamedArrays& values) const {
  check_names("RunningStatistics: load", {{"mean", mean_.shape()}, {"variance", variance_.shape()}},
              values);
  Module::load(values);
}

BatchNorm::BatchNorm(std::size_t channels, const BatchNormOptions& options)
    : options_(options), statistics_(channels) {
  check_epsilon("BatchNorm", options.epsilon);
  check_momentum("BatchNorm", options.momentum);
  gain_ = parameter("gain", ones({channels}));
  shift_ = parameter("shift", zeros({channels}));
  children({{"statistics", statistics_}});
}

Tensor BatchNorm::operator()(const Tensor& x) const {
  check_input(x);
  const auto& [momentum, epsilon] = options_;
  if (!training()) {
    const Array deviation = compute(xt::sqrt(statistics_.variance() + epsilon));
    return (x - Tensor(statistics_.mean())) * (gain_ / Tensor(deviation)) + shift_;
  }
  std::vector<Moments> moments;
  const Tensor y = batch_norm(x, gain_, shift_, epsilon, &moments);
  const std::size_t channels = moments.size();
  const double n = static_cast<double>(x.size() / channels);
  Array mean = empty({channels}), variance = empty({channels});
  for (std::size_t c = 0; c < channels; ++c) {
    mean(c) = static_cast<Real>(moments[c].mean);
    variance(c) = static_cast<Real>(moments[c].variance * (n > 1 ? n / (n - 1) : 1));
  }
  statistics_.update(mean, variance, momentum);
  return y;
}

// In the layer's own name: batch_norm would speak in its.
void BatchNorm::check_input(const Tensor& x) const {
  if (x.ndim() < 2) {
    throw std::invalid_argument("BatchNorm: the input needs at least 2 axes, got " +
                                to_string(x.shape()));
  }
  if (x.size(-1) != gain_.size()) {
    throw std::invalid_argument("BatchNorm: gain and shift must have shape " +
                                to_string(Shape{x.size(-1)}) + " for the input " +
                                to_string(x.shape()) + ", got " + to_string(gain_.shape()) +
                                " and " + to_string(shift_.shape()));
  }
  if (training() && x.size() == 0) {
    throw std::invalid_argument("BatchNorm: an empty batch has no mean, got " +
                                to_string(x.shape()));
  }
}

}  // namespace nabla::nn
