// Normalisations with a gain and a shift for each channel, which is the last axis. Parameters
// "gain" (C,), which starts at 1, and "shift" (C,), at 0. The formulas stand at the operations,
// ops.hpp.
#pragma once

#include <cstddef>

#include "nn/module.hpp"

namespace nabla::nn {

/// Over the positions and the channels of a group, for each image: x (B, …, C). Wu & He 2018,
/// arXiv:1803.08494.
class GroupNorm : public Module {
 public:
  /// Throws std::invalid_argument unless `groups` divides `channels`.
  GroupNorm(std::size_t groups, std::size_t channels, Real epsilon = Real(1e-5));

  Tensor operator()(const Tensor& x) const;
  Tensor silu(const Tensor& x) const;  ///< silu of that, in the same passes

 private:
  Tensor gain_, shift_;
  std::size_t groups_;
  Real epsilon_;
};

/// Over the last axis: x (…, C). Ba, Kiros & Hinton 2016, arXiv:1607.06450.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(std::size_t channels, Real epsilon = Real(1e-5));

  Tensor operator()(const Tensor& x) const;

 private:
  Tensor gain_, shift_;
  Real epsilon_;
};

/// Averages of the mean and the variance of each channel, (C,), which start at 0 and 1. Buffers
/// "mean" and "variance": part of the model that the layer belongs to, and no parameters.
class RunningStatistics : public Module {
 public:
  explicit RunningStatistics(std::size_t channels);

  const Array& mean() const { return mean_.value(); }
  const Array& variance() const { return variance_.value(); }

  /// average = (1 − momentum) average + momentum · new. Throws std::invalid_argument unless both
  /// are (C,) and the momentum is in [0, 1].
  void update(const Array& mean, const Array& variance, Real momentum) const;

  /// Module::load(), in its own name. That and any load() of a model throws std::invalid_argument,
  /// and changes nothing, if a variance is below 0 or NaN.
  void load(const NamedArrays& values) const;

 private:
  Tensor mean_, variance_;
};

struct BatchNormOptions {
  Real momentum = Real(0.1);  ///< share of a batch in the averages
  Real epsilon = Real(1e-5);
};

/// Over all axes but the last: x (…, C). In training by the moments of the batch, which must not be
/// empty; in evaluation mode by their averages from training. The average is of the variance
/// divided by n − 1, for a batch of n numbers a channel (n for n = 1). Ioffe & Szegedy 2015,
/// arXiv:1502.03167, algorithm 2. Child "statistics".
class BatchNorm : public Module {
 public:
  explicit BatchNorm(std::size_t channels, const BatchNormOptions& options = {});

  Tensor operator()(const Tensor& x) const;

  /// Shared by copies of the layer.
  const RunningStatistics& statistics() const { return statistics_; }

 private:
  void check_input(const Tensor& x) const;

  Tensor gain_, shift_;
  BatchNormOptions options_;
  RunningStatistics statistics_;
};

}  // namespace nabla::nn
