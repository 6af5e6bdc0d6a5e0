// The program of --lesson optimal-discriminator.
#pragma once

#include "models/gan/gan.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// D alone, an MLP of the options' hidden layers, between two densities that are known
/// (optimal.hpp).
void train_optimal_discriminator(Run& run, GanOptions& options);

}  // namespace nabla::models
