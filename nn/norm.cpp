#include "nn/norm.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "autograd/normalisation.hpp"
#include "autograd/ops.hpp"

namespace nabla::nn {
namespace {

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
  detail::check_epsilon("GroupNorm", epsilon);
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
  detail::check_epsilon("LayerNorm", epsilon);
  gain_ = parameter("gain", full({channels}, 1, "LayerNorm"));
  shift_ = parameter("shift", zeros({channels}));
}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return layer_norm(x, gain_, shift_, epsilon_);
}

RunningStatistics::RunningStatistics(std::size_t channels)
    : mean_(full({channels}, 0, "RunningStatistics")), variance_(ones({channels})) {}

void RunningStatistics::update(const Array& mean, const Array& variance, Real momentum) {
  check_momentum("RunningStatistics::update", momentum);
  if (mean.shape() != mean_.shape() || variance.shape() != mean_.shape()) {
    throw std::invalid_argument("RunningStatistics::update: needs a mean and a variance of shape " +
                                to_string(mean_.shape()) + ", got " + to_string(mean.shape()) +
                                " and " + to_string(variance.shape()));
  }
  evaluate_into(mean_, (1 - momentum) * mean_ + momentum * mean);
  evaluate_into(variance_, (1 - momentum) * variance_ + momentum * variance);
}

NamedArrays RunningStatistics::state() const {
  return {{"mean", mean_}, {"variance", variance_}};
}

void RunningStatistics::load(const NamedArrays& values) {
  check_names("RunningStatistics: load", {{"mean", mean_.shape()}, {"variance", variance_.shape()}},
              values);
  const Array& variance = values.at("variance");
  if (!std::all_of(variance.begin(), variance.end(), [](Real v) { return v >= 0; })) {
    throw std::invalid_argument("RunningStatistics: load: a variance is below 0 or NaN");
  }
  mean_ = values.at("mean");
  variance_ = values.at("variance");
}

BatchNorm::BatchNorm(std::size_t channels, const BatchNormOptions& options)
    : options_(options), statistics_(std::make_shared<RunningStatistics>(channels)) {
  detail::check_epsilon("BatchNorm", options.epsilon);
  check_momentum("BatchNorm", options.momentum);
  gain_ = parameter("gain", ones({channels}));
  shift_ = parameter("shift", zeros({channels}));
}

Tensor BatchNorm::operator()(const Tensor& x) const {
  detail::check_affine("BatchNorm", x, gain_, shift_, 2);
  if (!training()) {
    const Array deviation = compute(xt::sqrt(statistics_->variance() + options_.epsilon));
    return (x - Tensor(statistics_->mean())) * (gain_ / Tensor(deviation)) + shift_;
  }
  std::vector<detail::Moments> moments = detail::channel_moments("BatchNorm", x.value());
  const std::size_t channels = moments.size();
  const double n = static_cast<double>(x.size() / channels);
  Array mean = empty({channels}), variance = empty({channels});
  for (std::size_t c = 0; c < channels; ++c) {
    mean(c) = static_cast<Real>(moments[c].mean);
    variance(c) = static_cast<Real>(moments[c].variance * (n > 1 ? n / (n - 1) : 1));
  }
  statistics_->update(mean, variance, options_.momentum);
  return detail::batch_norm(x, gain_, shift_, options_.epsilon, std::move(moments));
}

}  // namespace nabla::nn
