// What the lessons with an encoder and a decoder share as programs: options, and what such a model
// can do.
#pragma once

#include "models/program/options.hpp"
#include "models/program/trained.hpp"

namespace nabla::models {

/// --hidden, --latent and --activation, bound to members hidden, latent and activation.
template <class NetworkOptions>
void describe_coder(OptionTable& table, NetworkOptions& network) {
  table.add("--hidden", network.hidden,
            "widths of the encoder's layers; the decoder's are reversed", at_least(1));
  table.add("--latent", network.latent, "Z, size of the codes", at_least(1));
  table.add("--activation", network.activation, "of the hidden layers",
            {"relu", "tanh", "silu", "elu", "softplus"});
}

/// Of a model with codes(x), images(z), reconstruct(x) and latent(), whose prior is N(0, I).
template <class Model>
Trained coder(const Model& model) {
  Trained can;
  can.sample = [model](std::size_t n, Rng& rng) {
    return model.images(rng.normal({n, model.latent()}));
  };
  can.reconstruct = [model](const Array& x) { return model.reconstruct(x); };
  can.encode = [model](const Array& x) { return model.codes(x); };
  can.decode = [model](const Array& z) { return model.images(z); };
  can.latent = model.latent();
  return can;
}

}  // namespace nabla::models
