// What is measured of a VAE in training and in the end.
#pragma once

#include <cstddef>
#include <string>

#include "models/program/run.hpp"
#include "models/vae/vae.hpp"

namespace nabla::models {

/// The terms as "elbo_nats", "reconstruction_nats" and "kl_nats".
void add(Means& means, const Elbo& terms);

/// Means of these over a data set, with the random numbers of one purpose; and of L_K under the
/// name `bound`, unless that is empty, with those of another: for large K an estimate of ln p(x).
Means evaluate(Run& run, const Vae& vae, const datasets::Rows& data, Stream elbo,
               const std::string& bound, std::size_t K, Stream of_bound);

}  // namespace nabla::models
