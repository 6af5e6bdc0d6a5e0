#include "models/ddpm/trained.hpp"

#include <algorithm>

#include "datasets/batches.hpp"

namespace nabla::models {

IndexArray Trained::classes_of(std::size_t n) const {
  IndexArray result = no_classes(n);
  if (classes == 0) return result;
  for (std::size_t i = 0; i < n; ++i) {
    result.data()[i] = only >= 0 ? only : static_cast<std::int64_t>(i % classes);
  }
  return result;
}

Array Trained::decode(const Array& x_T, const IndexArray& classes, const SamplerOptions& how,
                      Rng& rng, const Watch& watch) const {
  return scaling.invert(models::sample(diffusion, guided, x_T, classes, how, rng, watch));
}

Array Trained::sample(std::size_t n, Rng& rng, Run& run) const {
  Array all = empty({n, dimensions()});
  const IndexArray told = classes_of(n);
  const double steps = static_cast<double>(sampler.steps == 0 ? diffusion.steps() : sampler.steps);
  for (const std::vector<std::size_t>& rows :
       datasets::Batches::in_order(n, std::min(n, rows_at_a_time))) {
    double done = 0;
    const auto progress = [&](double, const Array&) {
      const double part = std::min(1.0, done++ / steps) * static_cast<double>(rows.size());
      run.evaluating("samples", rows.front() + static_cast<std::size_t>(part), n);
    };
    const Array x = decode(rng.normal({rows.size(), dimensions()}), datasets::take_rows(told, rows),
                           sampler, rng, progress);
    std::copy_n(x.data(), x.size(), all.data() + rows.front() * dimensions());
  }
  return all;
}

Trained::BoundMeans Trained::bound(const Array& x, const IndexArray& labels, std::size_t times,
                                   Rng& rng, Run& run) const {
  BoundMeans means;
  const std::size_t n = x.shape()[0];
  const auto add = [&](double& mean, const Array& values) {
    for (const Real value : values) mean += static_cast<double>(value) / static_cast<double>(n);
  };
  for (const std::vector<std::size_t>& rows : datasets::Batches::in_order(n, rows_at_a_time)) {
    run.evaluating("variational bound", rows.front(), n);
    const VariationalBound terms = diffusion.variational_bound(
        network, scaling.apply(datasets::take_rows(x, rows)),
        classes == 0 ? no_classes(rows.size()) : datasets::take_rows(labels, rows), rng, times);
    add(means.prior, terms.prior);
    add(means.steps, terms.steps);
    add(means.decoder, terms.decoder);
  }
  run.evaluating("variational bound", n, n);
  if (diffusion.options().levels == 0) means.decoder += scaling.log_scale();
  return means;
}

}  // namespace nabla::models
