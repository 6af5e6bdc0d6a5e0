// What the programs of AE, WAE and AAE have in common: options, and what is measured of
// them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "models/autoencoder/autoencoder.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// --hidden, --latent, --activation of the networks, --cost of a reconstruction, and --compare: the
/// samples, and test images, that distances are measured on.
void describe_autoencoder(OptionTable& table, AutoencoderOptions& network, std::string& cost,
                          std::size_t& compare);

/// The network's options with the cost of that name.
template <class NetworkOptions>
NetworkOptions with_cost(NetworkOptions network, const std::string& cost) {
  network.cost = cost_named(cost);
  return network;
}

/// "cost_nats" or "cost_squared": c(x, y), by its unit.
std::string cost_key(Cost cost);

constexpr std::size_t codes_compared = 5000;  // with the prior, at most: MMD² takes all pairs

/// Means over a data set: cost_key(), "reconstruction_mse" a pixel, and "mmd2_codes_prior" of the
/// first `codes` codes and as many draws of N(0, I), which are the first numbers of rng.
Means evaluate(Run& run, const Autoencoder& model, const datasets::Rows& data, Rng rng,
               std::size_t codes = codes_compared);

/// Draws of one kind: (n, D).
struct Kind {
  std::string key, name;
  std::function<Array(std::size_t n, Rng& rng)> draw;
};

/// Distances of samples to test images as "KEY_frechet_features" and the like, those of validation
/// images as "real_…", and a note on how to read them. `most` of each kind, drawn one kind after
/// the other. Several kinds are shown side by side, in comparison.md and comparison.png.
Figures sample_figures(Run& run, const Data& data, std::size_t most,
                       const std::vector<Kind>& kinds);

/// Of z ~ N(0, I) alone, as "samples_…".
Figures sample_figures(Run& run, const Data& data, std::size_t most, const Autoencoder& model);

}  // namespace nabla::models
