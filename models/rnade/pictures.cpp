#include "models/rnade/pictures.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "models/draw/plot.hpp"
#include "models/draw/rows.hpp"
#include "models/measure/metrics.hpp"
#include "models/rnade/protocol.hpp"

namespace nabla::models {
namespace {

// ln p(x) of the truth and of the model, from 8 nats below the truth's greatest value up to it, and
// samples of the model.
Array densities(const datasets::Toy& truth, const Trained& model, const Array& samples,
                const Window& window, Rng& rng) {
  constexpr std::size_t size = 300;  // pixels
  const Array cells = cell_centres(window, size, size);
  Array of_truth = truth.log_density(cells), of_model = model.log_prob(cells, rng);
  const Real top = *std::max_element(of_truth.begin(), of_truth.end());
  of_truth.reshape(Shape{size, size});
  of_model.reshape(Shape{size, size});
  return side_by_side({heat_map(of_truth, top - 8, top), heat_map(of_model, top - 8, top),
                       scatter(samples, window, size)},
                      3);
}

}  // namespace

Figures beside_truth(Run& run, const Trained& model, const Data& data, double test_log_prob) {
  const std::optional<datasets::Toy> known = truth_of(run, data);
  if (!known) return {};
  const datasets::Toy& truth = *known;
  Rng rng = run.rng(Stream::pictures);
  const Array test = data.test.all(), samples = model.sample(test.shape()[0], rng);
  run.image("density.png", densities(truth, model, samples, window_around(test), rng),
            "ln p(x) of the truth and of the model, both over 8 nats, and samples of the model");
  const auto of_truth = [&](const Array& x) {
    const Array log_p = truth.log_density(x);
    return std::vector<double>(log_p.begin(), log_p.end());
  };
  const auto of_model = [&](const Array& x) {
    const Array log_p = model.log_prob(x, rng);  // exact: no random number is drawn
    return std::vector<double>(log_p.begin(), log_p.end());
  };
  // The second divergence is the first without the sampling error that −mean ln p and the entropy
  // do not share; the third is the other way round, over the model's own samples: what maximum
  // likelihood does not look at.
  return {
      {"true_entropy_nats", truth.entropy()},
      {"test_kl_to_truth_nats", -test_log_prob - truth.entropy()},
      {"test_kl_same_points_nats", kl_from_log_densities(of_truth(test), of_model(test)).value},
      {"kl_model_to_truth_nats", kl_from_log_densities(of_model(samples), of_truth(samples)).value},
      {"test_sliced_wasserstein1", sliced_wasserstein1(test, samples, 100, rng)}};
}

}  // namespace nabla::models
