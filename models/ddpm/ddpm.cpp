#include "models/ddpm/ddpm.hpp"

#include <algorithm>
#include <vector>

#include "datasets/batches.hpp"

namespace nabla::models {

void DdpmOptions::describe(OptionTable& table) {
  table.add("--steps", steps, "T of the diffusion", at_least(1));
  table.add("--noise-schedule", noise_schedule, "of the noise that is added", {"linear", "cosine"});
  table.add("--predict", predict, "what the network says; auto: noise for images, velocity else",
            {"auto", "noise", "data", "velocity"});
  table.add("--variance", variance, "of p(x_{t-1} | x_t); auto: posterior for images, beta else",
            {"auto", "beta", "posterior"});
  table.add("--base-channels", unet.base, "C of the U-Net, for images", at_least(8));
  table.add("--width", mlp.width, "H of the MLP, for points", at_least(2));
  table.add("--blocks", mlp.blocks, "of the MLP", at_least(1));
  table.add("--waves", mlp.waves, "sines and cosines of each coordinate that the MLP sees too");
  table.add("--conditional", conditional, "the network is told the class");
}

void DdpmOptions::answer(const datasets::DataShape& data) {
  if (conditional && !data.has_labels()) {
    throw UsageError("--conditional: these data have no classes");
  }
  // Images are mostly made of pixels that are exactly black, points are spread: the true variance
  // of p(x_{t−1} | x_t) is near β̃_t for the ones and β_t for the others.
  if (variance == "auto") variance = data.is_image() ? "posterior" : "beta";
  if (predict == "auto") predict = data.is_image() ? "noise" : "velocity";
  classes = conditional ? data.classes : 0;
  unet = {data.height, data.width, data.channels, unet.base, classes};
  mlp.data = data.columns;
  mlp.classes = classes;
}

Diffusion diffusion_of(const DdpmOptions& options, const datasets::DataShape& data,
                       const Array& range) {
  const double room = data.is_image() ? 1 : 1.2;  // the columns of points have mean 0
  DiffusionOptions how;
  how.prediction = prediction_named(options.predict);
  how.variance = reverse_variance_named(options.variance);
  if (data.is_image()) how.levels = data.binary ? 2 : 256;
  how.low = room * static_cast<double>(range(0));
  how.high = room * static_cast<double>(range(1));
  return Diffusion(NoiseSchedule::named(options.noise_schedule, options.steps), how);
}

Array range_of(const Data& data) {
  if (data.is_image()) return {-1, 1};
  const Array x = data.inputs(data.train.all());
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  return {*low, *high};
}

IndexArray DiffusionModel::told(const Batch& batch) const {
  return classes == 0 ? no_classes(batch.size()) : batch.labels;
}

IndexArray DiffusionModel::classes_of(std::size_t n) const {
  IndexArray result = no_classes(n);
  if (classes == 0) return result;
  for (std::size_t i = 0; i < n; ++i) {
    result.data()[i] = only >= 0 ? only : static_cast<std::int64_t>(i % classes);
  }
  return result;
}

Array DiffusionModel::decode(const Array& x_T, const IndexArray& classes, const SamplerOptions& how,
                             Rng& rng, const Watch& watch) const {
  return scaling.invert(models::sample(diffusion, guided, x_T, classes, how, rng, watch));
}

Array DiffusionModel::sample(std::size_t n, Rng& rng, Run* run) const {
  Array all = empty({n, dimensions()});
  const IndexArray told = classes_of(n);
  const double steps = static_cast<double>(sampler.steps == 0 ? diffusion.steps() : sampler.steps);
  for (const std::vector<std::size_t>& rows : datasets::Batches::in_order(n, rows_at_a_time())) {
    double done = 0;
    const auto progress = [&](double, const Array&) {
      const double part = std::min(1.0, done++ / steps) * static_cast<double>(rows.size());
      if (run) run->evaluating("samples", rows.front() + static_cast<std::size_t>(part), n);
    };
    const Array x = decode(rng.normal({rows.size(), dimensions()}), datasets::take_rows(told, rows),
                           sampler, rng, progress);
    std::copy_n(x.data(), x.size(), all.data() + rows.front() * dimensions());
  }
  return all;
}

VariationalBound DiffusionModel::bound(const Array& x, const IndexArray& classes, std::size_t times,
                                       Rng& rng) const {
  VariationalBound terms =
      diffusion.variational_bound(network, scaling.apply(x), classes, rng, times);
  if (!of_images()) terms.decoder += static_cast<Real>(scaling.log_scale());
  return terms;
}

Array DiffusionModel::log_prob(const Array& x, std::size_t times, Rng& rng) const {
  const NoGrad no_grad;
  const std::size_t n = x.shape()[0];
  Array all = empty({n});
  for (const std::vector<std::size_t>& rows : datasets::Batches::in_order(n, rows_at_a_time())) {
    const Array total =
        bound(datasets::take_rows(x, rows), no_classes(rows.size()), times, rng).total();
    std::transform(total.begin(), total.end(), all.data() + rows.front(),
                   [](Real nats) { return -nats; });
  }
  return all;
}

}  // namespace nabla::models
