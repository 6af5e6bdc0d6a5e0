// Trains the GAN of gan.hpp: ./nabla train gan --help. The lesson is in README.md.
#include <algorithm>
#include <cmath>
#include <memory>

#include "autograd/ops.hpp"
#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/toy.hpp"
#include "datasets/transform.hpp"
#include "models/adversarial.hpp"
#include "models/coverage.hpp"
#include "models/gan/gan.hpp"
#include "models/plot.hpp"
#include "models/run.hpp"
#include "nn/ema.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Standardizer;
using models::Figures;
using models::Gan;
using models::GeneratorLoss;
using models::Run;

struct Options {
  std::vector<int> hidden{256, 512};
  int latent = 64;
  int packing = 1;
  std::string generator_loss = "non-saturating";
  std::string schedule = "linear";
  double lr_ratio = 1, beta1 = 0.5, noise = 0, noise_until = 0.5, average = 0, hold = 0;
  int trials = 1;
};

// Means over an epoch.
struct Course {
  double value = 0;           // V(D, G)
  double generator_loss = 0;  // what G minimised
  double real_right = 0, fake_right = 0;
};

// One GAN with its optimisers; several with seeds of their own are trained side by side.
class Trial {
 public:
  Trial(const Array& data, const Standardizer& scaling, const std::string& output,
        const Options& options, const Run& run, std::uint64_t number)
      : data_(data),
        scaling_(scaling),
        options_(options),
        which_(models::generator_loss_named(options.generator_loss)),
        seed_(run.seed() + 1000 * number),
        rng_(seed_),
        gan_(shape(options, data.shape()[1], output), rng_),
        g_adam_(gan_.generator().parameters(), {run.lr(), options.beta1}),
        d_adam_(gan_.discriminator().parameters(), {run.lr() * options.lr_ratio, options.beta1}),
        average_(gan_.generator().parameters(), {options.average, true}) {}

  Course train_epoch(Run& run, double progress) {
    const std::size_t n = data_.shape()[0], m = gan_.options().packing;
    std::size_t B = std::min(n, static_cast<std::size_t>(run.batch_size()));
    B -= B % m;
    double factor = 1;
    if (options_.schedule == "linear") factor = std::min(1.0, (1 - progress) / (1 - options_.hold));
    if (options_.schedule == "cosine") factor = 0.5 * (1 + std::cos(3.14159265358979 * progress));
    g_adam_.set_lr(run.lr() * factor);
    d_adam_.set_lr(run.lr() * factor * options_.lr_ratio);
    const Real noise =
        static_cast<Real>(options_.noise * std::max(0.0, 1 - progress / options_.noise_until));
    Course course;
    const Batches batches(n, B, seed_, static_cast<std::uint64_t>(run.epoch()), true);
    for (const std::vector<std::size_t>& rows : batches) {
      Tensor x(datasets::take_rows(data_, rows));  // (B, D)
      const Tensor z(gan_.prior(B, rng_));
      Tensor fake = gan_.generate(z);
      if (noise > 0) {
        x = x + Tensor(rng_.normal(x.shape(), 0, noise));
        fake = fake + Tensor(rng_.normal(x.shape(), 0, noise));
      }

      // D's step: up V(D, G). Detached, the samples keep G out of it.
      const Tensor real_logits = gan_.discriminate(x),
                   fake_logits = gan_.discriminate(fake.detach());
      const Tensor value = models::game_value(real_logits, fake_logits);
      d_adam_.clear_grad();
      (-value).backward();
      d_adam_.step();

      // G's step on the same z, against the new D.
      Tensor loss;
      {
        const nn::Frozen fixed(gan_.discriminator());
        loss = models::generator_loss(gan_.discriminate(fake), which_);
        g_adam_.clear_grad();
        loss.backward();
      }
      g_adam_.step();
      if (options_.average > 0) average_.update();

      run.step(-value.item(), B);
      const double share = 1.0 / static_cast<double>(batches.size());
      course.value += value.item() * share;
      course.generator_loss += loss.item() * share;
      course.real_right += models::share_called_real(real_logits) * share;
      course.fake_right += (1 - models::share_called_real(fake_logits)) * share;
    }
    return course;
  }

  Array sample(std::size_t n, Rng& rng) {
    if (options_.average == 0) return scaling_.invert(gan_.sample(n, rng));
    const nn::EMA::Average in_place = average_.average();
    return scaling_.invert(gan_.sample(n, rng));
  }

  const Gan& gan() const { return gan_; }
  nn::Optimiser& g_adam() { return g_adam_; }
  nn::Optimiser& d_adam() { return d_adam_; }
  nn::EMA& average() { return average_; }
  Rng& rng() { return rng_; }

 private:
  static models::GanOptions shape(const Options& options, std::size_t data,
                                  const std::string& output) {
    models::GanOptions result;
    result.data = data;
    result.latent = static_cast<std::size_t>(options.latent);
    result.hidden.assign(options.hidden.begin(), options.hidden.end());
    result.packing = static_cast<std::size_t>(options.packing);
    result.output = output;
    return result;
  }

  const Array& data_;
  const Standardizer& scaling_;
  const Options& options_;
  GeneratorLoss which_;
  std::uint64_t seed_;
  Rng rng_;
  Gan gan_;
  nn::Adam g_adam_, d_adam_;
  nn::EMA average_;
};

void train(Run& run, const Options& options) {
  const std::vector<std::string>& toys = datasets::Toy::names();
  const bool is_toy = std::find(toys.begin(), toys.end(), run.options().data) != toys.end();
  datasets::LoadOptions how = models::load_options(run.options());
  if (is_toy && how.train_size == 0) how.train_size = 100000;
  const Dataset data = datasets::load(run.options().data, how);
  Standardizer scaling = Standardizer::fit(data.train);
  if (data.is_image()) {
    scaling.mean.fill(Real(0.5));
    scaling.std_dev.fill(Real(0.5));
  }
  const Array scaled = scaling.apply(data.train);
  std::vector<std::unique_ptr<Trial>> trials;
  nn::NamedTensors parameters;
  for (int i = 0; i < options.trials; ++i) {
    trials.push_back(std::make_unique<Trial>(scaled, scaling, data.is_image() ? "tanh" : "identity",
                                             options, run, i));
    Trial& trial = *trials.back();
    const std::string number = options.trials == 1 ? "" : std::to_string(i + 1);
    for (auto& [path, tensor] : trial.gan().named_parameters()) {
      parameters.emplace_back(number.empty() ? path : "trial" + number + "." + path, tensor);
    }
    run.keep("g_adam" + number, trial.g_adam());
    run.keep("d_adam" + number, trial.d_adam());
    run.keep("average" + number, trial.average());
    run.keep("rng" + number, trial.rng());
  }
  run.keep(parameters);
  run.expect_examples(data.train.shape()[0] * trials.size());

  const datasets::Toy toy(is_toy ? run.options().data : "ring8");
  while (run.next_epoch()) {
    const double progress = static_cast<double>(run.epoch() - 1) / run.options().epochs;
    Course mean;
    double modes = 0, quality = 0, kl = 0;
    const double share = 1.0 / options.trials;
    for (const std::unique_ptr<Trial>& trial : trials) {
      const Course course = trial->train_epoch(run, progress);
      mean.value += course.value * share;
      mean.generator_loss += course.generator_loss * share;
      mean.real_right += course.real_right * share;
      mean.fake_right += course.fake_right * share;
      if (is_toy && toy.modes().size() != 0) {
        Rng fixed(run.seed(), 11);
        const models::Coverage c =
            models::mode_coverage(trial->sample(2500, fixed), toy.modes(), toy.std_dev());
        modes += static_cast<double>(c.modes) * share;
        quality += c.high_quality * share;
        kl += c.reverse_kl * share;
      }
    }
    if (run.snapshot_due()) {
      Rng fixed(run.seed(), 11);
      const Array samples = trials[0]->sample(data.is_image() ? 36 : 2000, fixed);
      run.snapshot(data.is_image()
                       ? models::grid(samples, data.height, data.width, 12)
                       : models::scatter(samples, models::window_around(data.test), 300));
    }
    Figures figures{{"game_value_nats", mean.value},
                    {"generator_loss_nats", mean.generator_loss},
                    {"real_called_real", mean.real_right},
                    {"generated_called_generated", mean.fake_right}};
    if (is_toy && toy.modes().size() != 0) {
      figures.emplace_back("modes", modes);
      figures.emplace_back("high_quality", quality);
      figures.emplace_back("reverse_kl_nats", kl);
    }
    run.end_epoch(figures);
  }

  Figures figures;
  if (is_toy && toy.modes().size() != 0) {
    for (std::size_t i = 0; i < trials.size(); ++i) {
      Rng fixed(run.seed(), 12);
      const models::Coverage c =
          models::mode_coverage(trials[i]->sample(2500, fixed), toy.modes(), toy.std_dev());
      const std::string name = "trial_" + std::to_string(i + 1) + "_";
      figures.emplace_back(name + "modes", static_cast<double>(c.modes));
      figures.emplace_back(name + "high_quality", c.high_quality);
      figures.emplace_back(name + "reverse_kl_nats", c.reverse_kl);
    }
  }
  Rng rng(run.seed(), 20);
  if (data.is_image()) {
    run.image(
        "samples.png",
        models::enlarge(models::grid(trials[0]->sample(100, rng), data.height, data.width, 10), 2),
        "100 samples G(z)");
  } else {
    run.image("samples.png",
              models::scatter(trials[0]->sample(2500, rng), models::window_around(data.test)),
              "samples");
  }
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program(
      "gan", "Generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)");
  Options options;
  program.options().epochs = 50;
  program.options().lr = 2e-4;
  program.option("--hidden", options.hidden, "widths", models::at_least(1));
  program.option("--latent", options.latent, "Z", models::at_least(1));
  program.option("--packing", options.packing, "m", models::at_least(1));
  program.option("--generator-loss", options.generator_loss, "", {"minimax", "non-saturating"});
  program.option("--schedule", options.schedule, "", {"linear", "cosine", "constant"});
  program.option("--lr-ratio", options.lr_ratio, "", models::above(0));
  program.option("--beta1", options.beta1, "", models::between(0, 0.999));
  program.option("--noise", options.noise, "", models::at_least(0));
  program.option("--noise-until", options.noise_until, "", models::between(0.01, 1));
  program.option("--hold", options.hold, "", models::between(0, 0.99));
  program.option("--average", options.average, "", models::between(0, 0.99999));
  program.option("--trials", options.trials, "", models::at_least(1));
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
