// A model of points whose true density is known, beside the truth.
#pragma once

#include "models/program/run.hpp"

namespace nabla::models {

/// Where the density of the data is known: draws density.png, and measures how far the model is
/// from the truth, as true_entropy_nats, test_kl_to_truth_nats, test_kl_same_points_nats,
/// kl_model_to_truth_nats and test_sliced_wasserstein1; else nothing. `test_log_prob` is the
/// model's mean over the test points.
Figures beside_truth(Run& run, const Trained& model, const Data& data, double test_log_prob);

}  // namespace nabla::models
