#include "models/gan/measured.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "autograd/ops.hpp"
#include "models/measure/coverage.hpp"
#include "models/measure/metrics.hpp"
#include "models/measure/parzen.hpp"
#include "nn/adversarial.hpp"

namespace nabla::models {
namespace {

// Random numbers of the end, each figure's its own.
constexpr Stream parzen_samples{13}, test_game{14}, distance_samples{15};

Figures game_on_test_data(Run& run, const Gan& gan, const Trained& can, const Data& data) {
  const std::size_t m = gan.options().packing;
  Rng rng = run.rng(test_game);
  const auto add = [&](const Tensor& some, Means& means) {
    const Array x = datasets::first_rows(some.value(), some.shape()[0] / m * m);  // whole packs
    if (x.size() == 0) return;
    const Array fake = data.inputs(can.sample(x.shape()[0], rng));
    const Tensor real_logits = gan.discriminate(gan.blurred(Tensor(data.inputs(x)), rng));
    const Tensor fake_logits = gan.discriminate(gan.blurred(Tensor(fake), rng));
    add_game(means, nn::game_value(real_logits, fake_logits), {real_logits, fake_logits});
  };
  return run.means("the game", data.test, add, 1000 * m).as("test");
}

Figures parzen_figures(Run& run, const Trained& can, const Data& data) {
  constexpr std::size_t n = 10000, chosen_on = 1000;
  const Array valid = data.valid.first(chosen_on);
  const std::vector<double> sigmas = geometric_steps(0.05, 1, 25);
  Figures figures;
  const auto score = [&](const std::string& name, Array centres) {
    run.evaluating("Parzen window on " + name, 0, data.test.size());
    const ParzenWindow window(std::move(centres));
    const double sigma = window.best_sigma(valid, sigmas);
    const Estimate e = mean_of(window.log_prob(data.test.all(), sigma));
    figures.emplace_back("test_parzen_" + name + "_nats", e.value);
    figures.emplace_back("test_parzen_" + name + "_standard_error_nats", e.standard_error);
    figures.emplace_back("parzen_" + name + "_sigma", sigma);
  };
  Rng rng = run.rng(parzen_samples);
  score("samples", can.sample(n, rng));
  const std::size_t trained_on = std::min(n, data.train.size());
  score("training_images", data.train.first(n));
  run.note(
      "The Parzen window does not rank models: true training images score below centres by k-means "
      "(Theis et al. 2016). It is here to be set beside older papers. Windows on " +
      std::to_string(n) + " samples, and on " + std::to_string(trained_on) +
      " training images for comparison; σ chosen on " + std::to_string(valid.shape()[0]) +
      " validation images.");
  return figures;
}

// "G 2-128-128-2, D 4-128-128-1, packs of 2, noise 0."
std::string described(const GanOptions& sizes) {
  std::string up, down;
  for (const std::size_t width : sizes.hidden) {
    up += std::to_string(width) + "-";
    down = "-" + std::to_string(width) + down;
  }
  std::ostringstream text;
  text << "G " << sizes.latent << "-" << up << sizes.data << ", D " << sizes.packing * sizes.data
       << down << "-1, packs of " << sizes.packing << ", noise " << sizes.noise << ".";
  return text.str();
}

}  // namespace

Measures::Measures(const Run& run, std::size_t trials)
    : toy_(datasets::toy_named(run.options().data)), trials_(trials) {
  if (toy_ && toy_->modes().size() == 0) toy_.reset();
}

void add_game(Means& means, const Tensor& value, const Gan::Logits& logits) {
  const std::size_t n = logits.real.size();
  means.add("game_value_nats", value.item(), n);
  means.add("real_called_real_share", nn::share_called_real(logits.real), n);
  means.add("generated_called_generated_share", 1 - nn::share_called_real(logits.fake), n);
}

Figures Measures::modes(const Trained& can, Rng rng) const {
  if (!toy_) return {};
  const Coverage c = mode_coverage(can.sample(2500, rng), toy_->modes(), toy_->std_dev());
  return {{"modes", c.modes},
          {"high_quality_share", c.high_quality},
          {"reverse_kl_nats", c.reverse_kl}};
}

void Measures::note_modes(Run& run, const Figures& figures) const {
  if (!toy_) return;
  const auto plus_minus = [&](const std::string& key, double factor, int digits) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(digits) << value_of(figures, key) * factor;
    if (trials_ > 1) text << " ± " << value_of(figures, key + "_standard_error") * factor;
    return text.str();
  };
  run.note("Of " + std::to_string(toy_->modes().shape()[0]) + " modes " +
           plus_minus("modes", 1, 1) + " covered, " + plus_minus("high_quality_share", 100, 1) +
           " % of high quality, reverse KL " + plus_minus("reverse_kl_nats", 1, 3) +
           " nats (2500 samples a trial, " + std::to_string(trials_) +
           (trials_ == 1 ? " trial)." : " trials, ± standard error)."));
}

Figures Measures::test(Run& run, const Gan& gan, const Trained& can, const Data& data) const {
  run.note(described(gan.options()));
  const Figures figures =
      joined(game_on_test_data(run, gan, can, data), modes(can, run.rng(Stream::test)));
  if (trials_ == 1) note_modes(run, figures);
  if (data.is_image()) return joined(figures, parzen_figures(run, can, data));
  Rng rng = run.rng(distance_samples);
  const Array samples = can.sample(data.test.size(), rng);
  return joined(figures, {{"test_sliced_wasserstein1",
                           sliced_wasserstein1(data.test.all(), samples, 100, rng)}});
}

Figures Measures::of_trials(Run& run, const std::vector<Figures>& trials) const {
  Figures figures = gathered(run, "trial", trials);
  note_modes(run, figures);
  return figures;
}

Trained averaged(Trained can, nn::EMA& average) {
  const auto with_average = [&average](const auto& of_weights) {
    return [&average, of_weights](auto&&... arguments) {
      const nn::EMA::Average in_place = average.average();
      return of_weights(arguments...);
    };
  };
  can.sample = with_average(can.sample);
  can.decode = with_average(can.decode);
  return can;
}

}  // namespace nabla::models
