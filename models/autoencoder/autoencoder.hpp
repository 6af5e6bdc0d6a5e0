// Autoencoder: two networks, with a narrow place between them.
//   Hinton & Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks",
//   Science 313, 504–507                                                                [HS]
//
//   z    = e(x)                       encoder: an image's code
//   y    = σ(f(z))                    decoder: the image that a code stands for
//   min over e, f of E[c(x, y)]       what is trained: reconstruction, and nothing else
//
//   c(x, y) = −Σ_d x_d ln y_d + (1 − x_d) ln(1 − y_d)     bernoulli, nats                 [HS]
//   c(x, y) = Σ_d (x_d − y_d)²                            squared
//
// There is no distribution of z in it: so there is nothing to draw new images from. WAE and AAE
// (models/wae, models/aae) are this class with one term more.
//
// B batch, D dimensions of x, Z of the code.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "autograd/ops.hpp"
#include "autograd/random.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"

namespace nabla::models {

/// What a reconstruction costs. Both are least at y = x; bernoulli is then the entropy of x's grey
/// values, not 0, and is the decoder's term in the VAE.
enum class Cost { bernoulli, squared };

/// "bernoulli" or "squared". Throws std::invalid_argument on another word.
Cost cost_named(const std::string& name);

/// c(x, σ(logits)) of each example: (…, D) and the same shape → (…,).
Tensor reconstruction_cost(const Tensor& logits, const Tensor& x, Cost which);

struct AutoencoderOptions {
  std::size_t data = 784;                ///< D
  std::vector<std::size_t> hidden{400};  ///< widths from x to z; the decoder has them reversed.
                                         ///< None: both are linear
  std::size_t latent = 8;                ///< Z
  std::string activation = "relu";
  Cost cost = Cost::bernoulli;
};

class Autoencoder : public nn::Module {
 public:
  Autoencoder(const AutoencoderOptions& options, Rng& rng);

  Tensor encode(const Tensor& x) const;  ///< x (…, D) → codes (…, Z)
  Tensor decode(const Tensor& z) const;  ///< codes (…, Z) → logits f(z), (…, D)
  /// c(x, σ(f(z))): of x itself for z = e(x). (B, D) and (B, Z) → (B,)
  Tensor cost(const Tensor& x, const Tensor& z) const;

  // Without a graph, in pieces of bounded memory.
  Array codes(const Array& x) const;        ///< (n, D) → (n, Z)
  Array images(const Array& z) const;       ///< σ(f(z)): (n, Z) → (n, D)
  Array reconstruct(const Array& x) const;  ///< (n, D) → (n, D)

  const nn::MLP& encoder() const { return encoder_; }
  const nn::MLP& decoder() const { return decoder_; }
  std::size_t latent() const { return latent_; }
  Cost cost_kind() const { return cost_; }

 private:
  std::size_t latent_;
  Cost cost_;
  nn::MLP encoder_, decoder_;
};

/// The normal with the mean and the covariance (÷ n − 1) of codes (n, Z): the simplest guess at
/// where codes lie, once they are there.
class CodeGaussian {
 public:
  /// Throws std::invalid_argument for less than 2 codes.
  explicit CodeGaussian(const Array& codes);
  /// One made before. Throws std::invalid_argument unless they are (Z,) and (Z, Z).
  CodeGaussian(Array mean, Array root);
  Array sample(std::size_t n, Rng& rng) const;  ///< (n, Z)

  const Array& mean() const { return mean_; }  ///< μ, (Z,)
  const Array& root() const { return root_; }  ///< R with R Rᵀ = Σ, lower triangular, (Z, Z)

 private:
  Array mean_, root_;
};

}  // namespace nabla::models
