// An ensemble of NADEs as a run has it: stored, and measured.
#pragma once

#include <string>

#include "models/nade/nade.hpp"
#include "models/program/run.hpp"
#include "models/program/trained.hpp"

namespace nabla::models {

/// With the orderings in "ordering" and the weights of NadeMembers, as make_ensemble() would have
/// it.
NadeEnsemble saved_ensemble(const Saved& saved, std::size_t H, bool shared);

/// "SPLIT_log_prob_nats", the mean of ln p̄(x).
Figures mean_log_prob(Run& run, const std::string& split, const NadeEnsemble& ensemble,
                      const datasets::Rows& x);

/// That of the test set, in bits per dimension too, and beside it the first member's alone.
Figures test_figures(Run& run, const NadeEnsemble& ensemble, const Data& data);

}  // namespace nabla::models
