// Module: parameters by name, and other modules inside.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.hpp"
#include "nn/named.hpp"

namespace nabla::nn {

/// What every layer and model is made of. A cheap handle, like Tensor: copies share parameters,
/// children and mode, so that a layer may be copied or moved into place after it was registered.
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
  std::vector<std::pair<std::string, Tensor>> named_parameters() const;
  std::vector<Tensor> parameters() const;
  std::size_t parameter_count() const;  ///< numbers, not arrays

  void clear_grad() const;

  /// Training (the start) or evaluation mode, here and in all children; Dropout asks for it.
  void train(bool on = true) const;
  void eval() const { train(false); }
  bool training() const;

  /// Copies of all values by path.
  NamedArrays state() const;
  /// Sets all values. Throws std::invalid_argument, and changes nothing, unless names and shapes
  /// are exactly those of named_parameters().
  void load(const NamedArrays& values) const;

 protected:
  /// Registers a parameter and returns it; its label becomes its name, and the whole path once
  /// this module is somebody's child. Throws std::invalid_argument on an empty name, one with a
  /// dot, or one that a parameter or child already has.
  Tensor parameter(const std::string& name, Array initial);

  /// Registers modules under the same rules for names.
  void children(const std::vector<std::pair<std::string, Module>>& list);

 private:
  struct Contents;

  void check_name(const std::string& name) const;
  bool contains(const Module& other) const;

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
