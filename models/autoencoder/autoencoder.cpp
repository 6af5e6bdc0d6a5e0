#include "models/autoencoder/autoencoder.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "models/measure/in_pieces.hpp"

namespace nabla::models {
namespace {

// D, H₁, …, Hₙ, Z
std::vector<std::size_t> encoder_sizes(const AutoencoderOptions& options) {
  std::vector<std::size_t> sizes{options.data};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  sizes.push_back(options.latent);
  return sizes;
}

std::vector<std::size_t> reversed(std::vector<std::size_t> sizes) {
  return {sizes.rbegin(), sizes.rend()};
}

}  // namespace

Cost cost_named(const std::string& name) {
  if (name == "bernoulli") return Cost::bernoulli;
  if (name == "squared") return Cost::squared;
  throw std::invalid_argument("reconstruction cost \"" + name + "\": bernoulli or squared");
}

Tensor reconstruction_cost(const Tensor& logits, const Tensor& x, Cost which) {
  if (which == Cost::squared) return sum(square(x - sigmoid(logits)), {-1});  // Σ_d (x_d − y_d)²
  return -bernoulli_log_prob(logits, x);  // −Σ_d x_d ln y_d + (1 − x_d) ln(1 − y_d)
}

Autoencoder::Autoencoder(const AutoencoderOptions& options, Rng& rng)
    : latent_(options.latent),
      cost_(options.cost),
      encoder_(encoder_sizes(options), rng, options.activation),
      decoder_(reversed(encoder_sizes(options)), rng, options.activation) {
  children({{"encoder", encoder_}, {"decoder", decoder_}});
}

Tensor Autoencoder::encode(const Tensor& x) const {
  return encoder_(x);  // z = e(x)
}

Tensor Autoencoder::decode(const Tensor& z) const {
  return decoder_(z);  // y = σ(f(z)), as logits
}

Tensor Autoencoder::cost(const Tensor& x, const Tensor& z) const {
  return reconstruction_cost(decode(z), x, cost_);
}

Array Autoencoder::codes(const Array& x) const {
  const NoGrad no_grad;
  return in_pieces(x, [&](const Array& piece) { return encode(Tensor(piece)).value(); });
}

Array Autoencoder::images(const Array& z) const {
  const NoGrad no_grad;
  return in_pieces(z, [&](const Array& piece) { return sigmoid(decode(Tensor(piece))).value(); });
}

Array Autoencoder::reconstruct(const Array& x) const {
  return images(codes(x));
}

CodeGaussian::CodeGaussian(const Array& codes) {
  if (codes.dimension() != 2 || codes.shape()[0] < 2) {
    throw std::invalid_argument("CodeGaussian: codes must be (n, Z) with n ≥ 2, got " +
                                to_string(codes.shape()));
  }
  const std::size_t n = codes.shape()[0], Z = codes.shape()[1];
  std::vector<double> mean(Z, 0.0), root(Z * Z, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < Z; ++i) {
      mean[i] += static_cast<double>(codes(r, i)) / static_cast<double>(n);
    }
  }
  std::vector<double> covariance(Z * Z, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < Z; ++i) {
      const double centred = static_cast<double>(codes(r, i)) - mean[i];
      for (std::size_t j = 0; j <= i; ++j) {
        covariance[i * Z + j] +=
            centred * (static_cast<double>(codes(r, j)) - mean[j]) / static_cast<double>(n - 1);
      }
    }
  }
  // Σ = R Rᵀ by Cholesky's columns. One that depends on those before, as of a code that is never
  // used, adds nothing: its column stays 0.
  for (std::size_t j = 0; j < Z; ++j) {
    double rest = covariance[j * Z + j];
    for (std::size_t k = 0; k < j; ++k) rest -= root[j * Z + k] * root[j * Z + k];
    if (rest <= 1e-12 * covariance[j * Z + j]) continue;
    root[j * Z + j] = std::sqrt(rest);
    for (std::size_t i = j + 1; i < Z; ++i) {
      double below = covariance[i * Z + j];
      for (std::size_t k = 0; k < j; ++k) below -= root[i * Z + k] * root[j * Z + k];
      root[i * Z + j] = below / root[j * Z + j];
    }
  }
  // Rounded here, so that what is written to a file is what was drawn from.
  mean_ = empty({Z});
  root_ = empty({Z, Z});
  for (std::size_t i = 0; i < Z; ++i) mean_(i) = static_cast<Real>(mean[i]);
  for (std::size_t i = 0; i < Z * Z; ++i) root_.data()[i] = static_cast<Real>(root[i]);
}

CodeGaussian::CodeGaussian(Array mean, Array root)
    : mean_(std::move(mean)), root_(std::move(root)) {
  const std::size_t Z = mean_.size();
  if (mean_.shape() != Shape{Z} || root_.shape() != Shape{Z, Z}) {
    throw std::invalid_argument("CodeGaussian: mean (Z,) and root (Z, Z), got " +
                                to_string(mean_.shape()) + " and " + to_string(root_.shape()));
  }
}

Array CodeGaussian::sample(std::size_t n, Rng& rng) const {
  const std::size_t Z = mean_.size();
  const Array epsilon = rng.normal({n, Z});
  Array z = empty({n, Z});
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < Z; ++i) {
      double value = mean_(i);  // z = μ + R ε
      for (std::size_t j = 0; j <= i; ++j) {
        value += static_cast<double>(root_(i, j)) * static_cast<double>(epsilon(r, j));
      }
      z(r, i) = static_cast<Real>(value);
    }
  }
  return z;
}

}  // namespace nabla::models
