// AE, VAE, WAE and AAE behind one face, so that they can be trained on the same batches and asked
// the same questions. What each of them is stands in its own folder; here are only the steps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/autoencoder/autoencoder.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

struct ContestantOptions {
  AutoencoderOptions shape;  ///< the same for all; the VAE has one layer more, for ln σ²
  double lr = 1e-3;
  double lambda = 10;                      ///< of the WAE
  std::vector<std::size_t> discriminator;  ///< hidden widths, of the AAE
  double discriminator_lr = 1e-4;
  double encoder_lr = 3e-4;  ///< where it plays the generator
  std::uint64_t seed = 1;    ///< of the weights: encoders start alike
};

class Contestant {
 public:
  explicit Contestant(std::string name) : name_(std::move(name)) {}
  virtual ~Contestant() = default;
  Contestant(const Contestant&) = delete;
  Contestant& operator=(const Contestant&) = delete;

  const std::string& name() const { return name_; }  ///< "ae"
  virtual nn::NamedTensors parameters() const = 0;   ///< "ae.encoder.0.weight", …
  virtual void keep(Run& run) = 0;                   ///< all but the parameters

  virtual void scale_rate(double factor) = 0;  ///< of the learning rate at the start
  virtual double step(const Tensor& x) = 0;    ///< one step on (B, D): the loss before it

  /// What should look like draws of the prior: (n, D) → (n, Z). The VAE's are drawn from q(z|x).
  virtual Array codes(const Array& x, Rng& rng) const = 0;
  virtual Array reconstruct(const Array& x) const = 0;  ///< the VAE's at z = μ(x)
  virtual Array images(const Array& z) const = 0;       ///< probabilities, (n, Z) → (n, D)

 private:
  std::string name_;
};

/// "ae", "vae", "wae" or "aae". Throws std::invalid_argument on another name.
std::unique_ptr<Contestant> make_contestant(const std::string& name,
                                            const ContestantOptions& options);

}  // namespace nabla::models
