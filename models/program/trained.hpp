// A trained model, whichever it is: what it can be asked, and how it is had back from its folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/random.hpp"
#include "datasets/dataset.hpp"
#include "datasets/transform.hpp"
#include "nn/module.hpp"

namespace nabla::models {

/// What a model can do. An empty function is what it cannot. Examples x are (B, D) in the data's
/// own units, codes z (B, Z).
struct Trained {
  std::function<Array(std::size_t n, Rng&)> sample;  ///< (n, D)
  /// Where that is not what the model itself says of its data: how they are drawn after all.
  std::string sample_is;
  /// ln p(x) of each example in nats, or what `log_prob_is` says of it: (B,)
  std::function<Array(const Array& x, Rng&)> log_prob;
  std::string log_prob_is = "ln p(x)";
  /// x with the columns that are not `known` drawn given those that are. Throws
  /// std::invalid_argument for columns that it cannot take as known.
  std::function<Array(const Array& x, const std::vector<bool>& known, Rng&)> complete;
  std::vector<bool> completes;  ///< known columns that complete() takes: for pictures
  std::function<Array(const Array& x)> encode;
  std::function<Array(const Array& x, Rng&)> draw_codes;  ///< of a model whose codes are random
  std::function<Array(const Array& z)> decode;
  std::function<Array(const Array& x)> reconstruct;
  std::size_t latent = 0;  ///< Z, of a model with codes
};

/// What a run folder holds of the model.
class Saved {
 public:
  /// Reads options.json and model.safetensors. Throws std::runtime_error of one line on a folder
  /// that holds no finished run, or one of another format.
  explicit Saved(const std::string& folder);

  const std::string& model() const { return model_; }      ///< "vae"
  const std::string& options() const { return options_; }  ///< options.json, as answered
  const std::string& file() const { return file_; }        ///< its path
  const datasets::DataShape& data() const { return data_; }
  std::uint64_t data_seed() const;  ///< that the data were split, or drawn, by
  /// Sets the parameters of a network. Throws std::runtime_error unless the file has exactly these,
  /// but for arrays that run.model() was given beside them.
  void load(const nn::Module& network) const;
  /// One of its parameters. Throws as array() does.
  const Array& parameter(const std::string& name) const;
  /// Such an array. Throws std::runtime_error if there is none of that name.
  const Array& array(const std::string& name) const;
  /// From the data's units to the model's, where the run had scaled them; else it does nothing.
  datasets::Standardizer scaling() const;

 private:
  std::string folder_, file_, model_, options_;
  datasets::DataShape data_;
  std::uint64_t seed_ = 1;
  std::size_t part_ = 0;  // of a run within a run its number
  nn::NamedArrays arrays_;
};

/// The trained model of a run folder, any of the lessons': on the processor that it was trained on
/// it gives the same bits as at the end of its training (DDPM draws by the default sampler of its
/// data). Throws std::runtime_error of one line.
Trained open(const std::string& folder);
Trained open(const Saved& saved);

}  // namespace nabla::models
