// Trains the diffusion of diffusion.hpp: ./nabla train ddpm --help. The lesson is in README.md.
#include <algorithm>
#include <cstdint>

#include "autograd/ops.hpp"
#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/toy.hpp"
#include "datasets/transform.hpp"
#include "models/ddpm/mlp.hpp"
#include "models/ddpm/sampler.hpp"
#include "models/ddpm/trained.hpp"
#include "models/ddpm/unet.hpp"
#include "models/program/run.hpp"
#include "nn/ema.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Standardizer;
using models::Diffusion;
using models::Figures;
using models::Run;
using models::Trained;

struct Options {  // -1, 0 and "auto" as in the help: by the kind of data, see chosen_for()
  int steps = 1000, width = 128, blocks = 3, waves = 4, base_channels = 32;
  std::string noise_schedule = "cosine", predict = "auto", loss = "simple", variance = "auto";
  std::string sampler = "auto", schedule = "linear";
  int sample_steps = -1, test_times = -1, test_examples = -1, compare = 0, orderings = 0;
  double eta = 0, ema = 0.999, guidance = 0, class_dropout = 0.1, clip_norm = 1;
  bool conditional = false;
  int only_class = -1;
};

// What the options leave open. Images are mostly made of pixels that are exactly black, points are
// spread: the true variance of p(x_{t−1} | x_t) is near β̃_t for the ones and β_t for the others.
Options chosen_for(const Dataset& data, Options options) {
  const bool images = data.is_image();
  if (options.predict == "auto") options.predict = images ? "noise" : "velocity";
  if (options.variance == "auto") options.variance = images ? "posterior" : "beta";
  if (options.sampler == "auto") options.sampler = images ? "ancestral" : "ddim";
  if (options.sample_steps < 0) options.sample_steps = images ? 100 : 250;
  options.sample_steps = std::min(options.sample_steps, options.steps);
  if (options.test_times < 0) options.test_times = images ? 50 : 100;
  const int rows = static_cast<int>(data.test.size());
  if (options.test_examples < 0) {
    options.test_examples = images ? std::min(500, static_cast<int>(data.train.size()) / 50) : 0;
  }
  if (options.test_examples == 0 || options.test_examples > rows) options.test_examples = rows;
  return options;
}

std::size_t class_count(const Dataset& data) {
  return static_cast<std::size_t>(
      1 + *std::max_element(data.train_labels.begin(), data.train_labels.end()));
}

void check(const Options& options, const Dataset& data) {
  if (options.only_class >= 0 && !options.conditional) {
    throw models::UsageError("--class is for a network that knows classes: --conditional");
  }
  if (options.guidance != 0 && (!options.conditional || options.class_dropout == 0)) {
    throw models::UsageError(
        "--guidance needs --conditional, and a --class-dropout above 0 to have learnt p(x) too");
  }
  if (options.conditional && !data.has_labels()) {
    throw models::UsageError("--conditional: these data have no classes");
  }
  if (options.only_class >= 0 &&
      static_cast<std::size_t>(options.only_class) >= class_count(data)) {
    throw models::UsageError("--class " + std::to_string(options.only_class) + ": there are " +
                             std::to_string(class_count(data)) + ", from 0");
  }
}

Dataset load(const Run& run) {
  datasets::LoadOptions how = models::load_options(run.options());
  const std::string& name = run.options().data;
  if (datasets::toy_named(name) && how.train_size == 0) how.train_size = 200000;
  Dataset data = datasets::load(name, how);
  if (data.is_image() && (data.low < 0 || data.high > 1)) {
    throw models::UsageError("--data " + name + ": images must have values from 0 to 1");
  }
  return data;
}

// [0, 1] to [−1, 1] for images; else each column of the training rows to mean 0, deviation 1.
Standardizer scaling_of(const Dataset& data) {
  if (!data.is_image()) return Standardizer::fit(data.train);
  const Array half = full({data.columns}, Real(0.5));
  return {half, half, zeros({data.columns})};
}

// x̂_0 is kept where data can be: at the noisiest times an error of
// ε̂ is one of x̂_0 many times as large (1 / √ᾱ_T is 20000 for the cosine schedule of 1000 steps).
Diffusion diffusion_of(const Dataset& data, const Standardizer& scaling, const Options& options) {
  models::DiffusionOptions how;
  how.prediction = models::prediction_named(options.predict);
  how.variance = models::reverse_variance_named(options.variance);
  if (data.is_image()) {
    how.levels = data.binary ? 2 : 256;
    how.low = -1;
    how.high = 1;
  } else {
    const Array x = scaling.apply(data.train.all());
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    how.low = 1.2 * static_cast<double>(*low);  // the columns have mean 0
    how.high = 1.2 * static_cast<double>(*high);
  }
  return Diffusion(
      models::NoiseSchedule::named(options.noise_schedule, static_cast<std::size_t>(options.steps)),
      how);
}

struct Network {
  nn::Module module;
  models::Denoiser denoise;
};

Network network_of(const Dataset& data, const Options& options, Rng& rng) {
  const std::size_t classes = options.conditional ? class_count(data) : 0;
  if (data.is_image()) {
    models::UNetOptions shape{data.height, data.width, data.channels,
                              static_cast<std::size_t>(options.base_channels), classes};
    const models::UNet net(shape, rng);
    return {net, net};
  }
  models::DenoisingMlpOptions shape;
  shape.data = data.columns;
  shape.width = static_cast<std::size_t>(options.width);
  shape.blocks = static_cast<std::size_t>(options.blocks);
  shape.waves = static_cast<std::size_t>(options.waves);
  shape.classes = classes;
  const models::DenoisingMlp net(shape, rng);
  return {net, net};
}

double share_of_lr(const std::string& schedule, std::uint64_t step, std::uint64_t total) {
  if (schedule == "linear") return nn::schedule::linear_to_zero(step, total);
  if (schedule == "cosine") return nn::schedule::cosine(step, total);
  return nn::schedule::constant(step);
}

// The mean of L_simple over rows, with the same times and noise each time.
double validation_loss(const Trained& trained, const Array& x, const IndexArray& labels) {
  const NoGrad no_grad;
  Rng fixed(1, 40);
  double total = 0;
  const std::size_t n = x.shape()[0];
  for (const std::vector<std::size_t>& rows : Batches::in_order(n, trained.rows_at_a_time)) {
    const Array x0 = datasets::take_rows(x, rows);
    const IndexArray t = models::draw_times(rows.size(), trained.diffusion.steps(), fixed);
    const Array noise = fixed.normal(x0.shape());
    const IndexArray classes =
        trained.classes == 0 ? models::no_classes(rows.size()) : datasets::take_rows(labels, rows);
    total += sum(trained.diffusion.loss_simple(trained.network, x0, t, noise, classes)).item();
  }
  return total / static_cast<double>(n);
}

// −ln p(x) of test examples is at most this, in all and by its terms [eq. 5].
void add_bound(const Trained& trained, const Dataset& data, const Options& options, Run& run,
               Figures& figures) {
  const Array test = data.test.first(static_cast<std::size_t>(options.test_examples));
  Rng rng(run.seed(), 12);
  const Trained::BoundMeans bound =
      trained.bound(test, data.test_labels, static_cast<std::size_t>(options.test_times), rng, run);
  const auto add = [&](const std::string& name, double nats) {
    figures.emplace_back(name + (data.is_image() ? "_bits_per_dim" : "_nats"),
                         data.is_image() ? models::bits_per_dim(nats, data.columns) : nats);
  };
  add("test_bound", bound.total());
  add("test_bound_prior", bound.prior);
  add("test_bound_steps", bound.steps);
  add("test_bound_decoder", bound.decoder);
  const std::string times =
      options.test_times == 0 ? "all" : std::to_string(options.test_times) + " of the";
  run.note("The variational bound is that of " + std::to_string(test.shape()[0]) +
           " test examples, with " + times + " times for each.");
}

void train(Run& run, const Options& given) {
  const Dataset data = load(run);
  const Options options = chosen_for(data, given);
  check(options, data);
  const Standardizer scaling = scaling_of(data);
  const Diffusion diffusion = diffusion_of(data, scaling, options);
  const bool images = data.is_image();
  Rng rng(run.seed());
  const Network net = network_of(data, options, rng);
  const Trained trained{
      diffusion,
      net.denoise,
      models::guided(net.denoise, options.guidance),
      scaling,
      {options.sampler == "ddim", options.eta, static_cast<std::size_t>(options.sample_steps)},
      options.conditional ? class_count(data) : 0,
      options.only_class,
      images ? std::size_t{100} : std::size_t{4000}};
  nn::Adam adam(net.module.parameters(), {run.lr()});
  nn::EMA average(net.module.parameters(), {options.ema, true});
  run.keep(net.module.named_parameters());
  run.keep("adam", adam);
  run.keep("average", average);
  run.keep("rng", rng);
  run.expect_examples(data.train.size());
  const Array valid = scaling.apply(data.valid.first(images ? 1000 : data.valid.size()));

  while (run.next_epoch()) {
    const Batches batches(data.train.size(), static_cast<std::size_t>(run.batch_size()), run.seed(),
                          static_cast<std::uint64_t>(run.epoch()));
    const std::uint64_t all = batches.size() * static_cast<std::uint64_t>(run.options().epochs);
    std::uint64_t done = batches.size() * static_cast<std::uint64_t>(run.epoch() - 1);
    for (const std::vector<std::size_t>& rows : batches) {
      const std::size_t B = rows.size();
      const Array x0 = scaling.apply(data.train.take(rows));  // (B, D)
      const IndexArray classes =
          options.conditional ? models::drop_classes(datasets::take_rows(data.train_labels, rows),
                                                     options.class_dropout, rng)
                              : models::no_classes(B);
      const IndexArray t = models::draw_times(B, diffusion.steps(), rng);
      const Array noise = rng.normal(x0.shape());
      const Tensor loss = options.loss == "simple"
                              ? mean(diffusion.loss_simple(net.denoise, x0, t, noise, classes))
                              : mean(diffusion.loss_bound(net.denoise, x0, t, noise, classes)) /
                                    static_cast<Real>(data.columns);
      adam.clear_grad();
      loss.backward();
      if (options.clip_norm > 0) nn::clip_grad_norm(net.module.parameters(), options.clip_norm);
      adam.set_lr(run.lr() * share_of_lr(options.schedule, done++, all));
      adam.step();
      average.update();
      run.step(loss.item(), B);
    }
    double valid_loss = 0;
    {
      const nn::EMA::Average in_place = average.average();
      if (run.snapshot_due()) {
        run.snapshot(images ? draw_images(trained, data, run) : draw_points(trained, data, run));
      }
      valid_loss = validation_loss(trained, valid, data.valid_labels);
    }
    run.end_epoch({{"train_loss", run.mean_loss()}, {"valid_loss_simple", valid_loss}});
  }

  nn::NamedArrays averaged;
  {
    const nn::EMA::Average in_place = average.average();
    averaged = net.module.state();
  }
  net.module.load(averaged);
  Figures figures;
  add_bound(trained, data, options, run, figures);
  figures.emplace_back("sample_steps",
                       options.sample_steps == 0 ? options.steps : options.sample_steps);
  figures.emplace_back("sample_eta", options.sampler == "ddim" ? options.eta : 1);
  if (trained.classes != 0) figures.emplace_back("guidance", options.guidance);
  if (images) {
    report_images(trained, data, static_cast<std::size_t>(options.compare),
                  static_cast<std::size_t>(options.orderings), run, figures);
  } else {
    report_points(trained, data, run, figures);
  }
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program("ddpm", "Denoising diffusion (Ho, Jain & Abbeel 2020, arXiv:2006.11239)");
  Options options;
  program.options().epochs = 6;
  program.options().batch_size = 64;
  using models::at_least;
  using models::between;
  program.option("--steps", options.steps, "T of the diffusion", at_least(1));
  program.option("--noise-schedule", options.noise_schedule, "of the noise that is added",
                 {"linear", "cosine"});
  program.option("--predict", options.predict,
                 "what the network says; auto: noise for images, velocity else",
                 {"auto", "noise", "data", "velocity"});
  program.option("--loss", options.loss, "L_simple (eq. 14), or one random term of the bound",
                 {"simple", "bound"});
  program.option("--variance", options.variance,
                 "of p(x_{t-1} | x_t); auto: posterior for images, beta else",
                 {"auto", "beta", "posterior"});
  program.option("--base-channels", options.base_channels, "C of the U-Net, for images",
                 at_least(8));
  program.option("--width", options.width, "H of the MLP, for points", at_least(2));
  program.option("--blocks", options.blocks, "of the MLP", at_least(1));
  program.option("--waves", options.waves,
                 "sines and cosines of each coordinate that the MLP sees too", at_least(0));
  program.option("--conditional", options.conditional, "the network is told the class");
  program.option("--class-dropout", options.class_dropout,
                 "probability of not telling it in training", between(0, 1));
  program.option("--schedule", options.schedule, "of the learning rate over all steps",
                 {"constant", "linear", "cosine"});
  program.option("--clip-norm", options.clip_norm, "of the gradient; 0: none", at_least(0));
  program.option("--ema", options.ema,
                 "decay of a moving average of the weights, which is drawn and measured; 0: none",
                 between(0, 0.99999));
  // What only says how samples are drawn and measured: another for a resumed run, without training.
  constexpr models::OptionKind free = models::OptionKind::free;
  program.option("--sampler", options.sampler,
                 "ancestral (Algorithm 2), or DDIM; auto: ancestral for images, DDIM else",
                 std::vector<std::string>{"auto", "ancestral", "ddim"}, free);
  program.option("--eta", options.eta, "η of DDIM: 0 adds no noise, 1 as much as ancestral",
                 between(0, 1), free);
  program.option("--sample-steps", options.sample_steps,
                 "times that samplers visit, at most T; 0: all T, -1: 100 for images, 250 else",
                 at_least(-1), free);
  program.option("--guidance", options.guidance,
                 "w: samples from (1 + w) times the prediction for the class, less w without",
                 at_least(0), free);
  program.option("--class", options.only_class, "samples of this class only; -1: of all",
                 at_least(-1), free);
  program.option("--test-examples", options.test_examples,
                 "for the bound; 0: all, -1: of images a 50th of the training's, at most 500",
                 at_least(-1), free);
  program.option("--test-times", options.test_times,
                 "times per example for the bound; 0: all T, -1: 50 for images, 100 else",
                 at_least(-1), free);
  program.option("--compare", options.compare,
                 "samples for distances from test images, at most; 0: not measured", at_least(0),
                 free);
  program.option("--orderings", options.orderings,
                 "samples of each sampler for a table of samplers; 0: none", at_least(0), free);
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
