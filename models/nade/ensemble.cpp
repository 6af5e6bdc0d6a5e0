#include "models/nade/ensemble.hpp"

#include <cmath>

#include "models/measure/bits_per_dim.hpp"

namespace nabla::models {

NadeEnsemble saved_ensemble(const Saved& saved, std::size_t H, bool shared) {
  Rng rng(1);
  NadeEnsemble ensemble = make_ensemble(as_orderings(saved.array("ordering")), H, shared, rng);
  saved.load(NadeMembers(ensemble));
  return ensemble;
}

Figures mean_log_prob(Run& run, const std::string& split, const NadeEnsemble& ensemble,
                      const datasets::Rows& x) {
  const auto add = [&](const Tensor& rows, Means& means) {
    means.add("log_prob_nats", Tensor(log_prob(ensemble, rows.value())));
  };
  return run.means("ln p(x), " + split, x, add, 500).as(split);
}

Figures test_figures(Run& run, const NadeEnsemble& ensemble, const Data& data) {
  const Figures test = mean_log_prob(run, "test", ensemble, data.test);
  const double log_prob = value_of(test, "test_log_prob_nats");
  Figures figures = joined(test, {{"test_bits_per_dim", bits_per_dim(-log_prob, data.columns)}});
  if (ensemble.size() > 1) {
    const Figures first = mean_log_prob(run, "test", {ensemble[0]}, data.test);
    figures.emplace_back("test_log_prob_first_member_nats", value_of(first, "test_log_prob_nats"));
    figures.emplace_back("members", ensemble.size());
  }
  figures.emplace_back("parameters", NadeMembers(ensemble).parameter_count());
  return figures;
}

}  // namespace nabla::models
