// Module: parameters and buffers by name, and other modules inside.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.hpp"
#include "nn/named.hpp"

namespace nabla::nn {

/// What every layer and model is made of. A cheap handle, like Tensor: copies share parameters,
/// buffers, children and mode, so that a layer may be copied or moved into place after it was
/// registered.
///
///   class Autoencoder : public Module {
///    public:
///     explicit Autoencoder(Rng& rng) : encoder_(784, 32, rng), decoder_(32, 784, rng) {
///       children({{"encoder", encoder_}, {"decoder", decoder_}});
///     }
///     Tensor operator()(const Tensor& x) const { return decoder_(relu(encoder_(x))); }
///    private:
///     Linear encoder_, decoder_;
///   };
class Module {
 public:
  Module();

  /// Parameters with their path, "encoder.weight": own ones first, then each child's, in the order
  /// of registration. One that is reachable twice (a shared layer) is listed once, by its first
  /// path.
  NamedTensors named_parameters() const;
  std::vector<Tensor> parameters() const;
  std::size_t parameter_count() const;  ///< numbers, not arrays

  /// Buffers likewise: what a model holds besides, and no optimiser changes.
  NamedTensors named_buffers() const;
  /// Parameters, then buffers: all that makes the model what it is.
  NamedTensors named_tensors() const;

  void clear_grad() const;

  /// Training (the start) or evaluation mode, here and in all children; Dropout asks for it.
  void train(bool on = true) const;
  void eval() const { train(false); }
  bool training() const;

  /// Copies of all values by path, those of buffers too.
  NamedArrays state() const;
  /// Sets all values. Throws std::invalid_argument, and changes nothing, unless names and shapes
  /// are exactly those of named_tensors() and the checks of all buffers pass.
  void load(const NamedArrays& values) const;

 protected:
  /// Registers a parameter and returns it; its label becomes its name, and the whole path once
  /// this module is somebody's child. Throws std::invalid_argument on an empty name, one with a
  /// dot, or one that a parameter or child already has.
  Tensor parameter(const std::string& name, Array initial);

  /// Throws std::invalid_argument on values that cannot be a buffer's, though the shape is right.
  using Check = std::function<void(const Array& values)>;
  /// Registers a constant under the same rules and returns it: running statistics, or a table that
  /// was drawn once. It is changed in place, by mutable_value(), so that copies see it.
  Tensor buffer(const std::string& name, Array initial, Check check = nullptr);

  /// Registers modules under the same rules for names.
  void children(const std::vector<std::pair<std::string, Module>>& list);

 private:
  struct Contents;

  void check_name(const std::string& name) const;
  bool contains(const Module& other) const;
  NamedTensors listed(NamedTensors Contents::*kind) const;
  void collect_checks(std::map<const Node*, Check>& checks) const;

  std::shared_ptr<Contents> contents_;
};

/// While one lives, a module's parameters are constants: gradients flow through the module to its
/// input, and none is computed for, or added to, its own parameters. For one player's step in a
/// game of two networks:
///
///   { const Frozen fixed(discriminator); generator_loss(discriminator(fake)).backward(); }
///
/// It must live until backward() has run. What was frozen or constant before stays so.
class Frozen {
 public:
  explicit Frozen(const Module& module);
  ~Frozen();
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  std::vector<Tensor> parameters_;  // that did want a gradient
};

}  // namespace nabla::nn
