// Trains the GAN of gan.hpp: ./nabla train gan --help. The lesson is in README.md.
#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <memory>
#include <optional>
#include <sstream>

#include "autograd/ops.hpp"
#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/toy.hpp"
#include "datasets/transform.hpp"
#include "models/draw/plot.hpp"
#include "models/gan/gan.hpp"
#include "models/gan/optimal.hpp"
#include "models/measure/coverage.hpp"
#include "models/measure/metrics.hpp"
#include "models/measure/parzen.hpp"
#include "models/program/run.hpp"
#include "nn/adversarial.hpp"
#include "nn/ema.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Rows;
using datasets::Standardizer;
using models::Coverage;
using models::Figures;
using models::Gan;
using models::Run;

struct Options {
  std::vector<int> hidden;  // empty, and 0 below: by the kind of data, see chosen_for()
  int latent = 0, packing = 0;
  std::string generator_loss = "non-saturating";
  double lr_ratio = 1, beta1 = 0.5, average = 0.999;
  double noise = -1;  // below 0: as above
  std::string schedule = "linear";
  int trials = 1;
  std::string lesson = "gan";
};

// What the options leave open. Packing is for modes that are far apart. Noise is for images: they
// lie on so thin a part of their space that D is soon sure of all.
Options chosen_for(bool images, Options options) {
  if (options.hidden.empty()) {
    options.hidden = images ? std::vector<int>{256, 512} : std::vector<int>{128, 128};
  }
  if (options.latent == 0) options.latent = images ? 64 : 2;
  if (options.packing == 0) options.packing = images ? 1 : 2;
  if (options.noise < 0) options.noise = images ? 0.5 : 0;
  return options;
}

// How an epoch of the game went, or a test of it: means over its batches.
struct Course {
  double value = 0;                       // V(D, G)
  double generator_loss = 0;              // what G made small
  double real_right = 0, fake_right = 0;  // shares that D called by their name

  void add(const Course& other, double weight) {
    value += weight * other.value;
    generator_loss += weight * other.generator_loss;
    real_right += weight * other.real_right;
    fake_right += weight * other.fake_right;
  }
};

// One game: a GAN with its optimisers. Several, with seeds of their own, are trained side by side.
class Trial {
 public:
  /// `scaling` makes of the data what the networks see: images in [−1, 1], which tanh reaches;
  /// columns of points with mean 0 and deviation 1.
  Trial(const Rows& data, const Standardizer& scaling, bool images, const Options& options,
        const Run& run, std::uint64_t number)
      : data_(data),
        scaling_(scaling),
        loss_(nn::generator_loss_named(options.generator_loss)),
        lr_ratio_(options.lr_ratio),
        averages_(options.average > 0),
        seed_(run.seed() + 1000 * number),
        rng_(seed_),
        gan_(shape(options, data.columns(), images), rng_),
        g_adam_(gan_.generator().parameters(), {run.lr(), options.beta1}),
        d_adam_(gan_.discriminator().parameters(), {run.lr() * lr_ratio_, options.beta1}),
        average_(gan_.generator().parameters(), {options.average, true}) {}

  Course train_epoch(Run& run, double lr, double noise) {
    const std::size_t m = gan_.options().packing, n = data_.size();
    std::size_t B = std::min(static_cast<std::size_t>(run.batch_size()), n);
    B -= B % m;  // whole packs
    if (B == 0) throw models::UsageError("a batch must hold --packing examples or more");
    g_adam_.set_lr(lr);
    d_adam_.set_lr(lr * lr_ratio_);
    const Batches batches(n, B, seed_, static_cast<std::uint64_t>(run.epoch()), true);
    Course course;
    for (const std::vector<std::size_t>& rows : batches) {
      const Tensor x = blurred(Tensor(scaling_.apply(data_.take(rows))), noise, rng_);  // (B, D)
      const Tensor fake = blurred(gan_.generate(Tensor(gan_.prior(B, rng_))), noise, rng_);  // G(z)

      // D's step: V(D, G) up. Detached, the samples keep G out of it.
      const Gan::Logits logits = gan_.discriminate(x, fake.detach());
      const Tensor value = nn::game_value(logits.real, logits.fake);
      d_adam_.clear_grad();
      (-value).backward();
      d_adam_.step();

      // G's step, on the same z against the new D, whose weights are constants here.
      const nn::Frozen fixed(gan_.discriminator());
      const Tensor loss = nn::generator_loss(gan_.discriminate(fake), loss_);
      g_adam_.clear_grad();
      loss.backward();
      g_adam_.step();
      if (averages_) average_.update();

      run.step(-value.item(), B);
      course.add({value.item(), loss.item(), nn::share_called_real(logits.real),
                  1 - nn::share_called_real(logits.fake)},
                 1.0 / static_cast<double>(batches.size()));
    }
    return course;
  }

  // The game on other data, with as many samples, in the units of the data set.
  Course play(const Rows& data, double noise, Rng& rng) {
    const NoGrad no_grad;
    const std::size_t rows = data.size() - data.size() % gan_.options().packing;
    Course course;
    for (const std::vector<std::size_t>& some :
         Batches::in_order(rows, 1000 * gan_.options().packing)) {
      const Array x = scaling_.apply(data.take(some));
      const Array fake = scaling_.apply(sample(some.size(), rng));
      const Tensor real_logits = gan_.discriminate(blurred(Tensor(x), noise, rng));
      const Tensor fake_logits = gan_.discriminate(blurred(Tensor(fake), noise, rng));
      course.add({nn::game_value(real_logits, fake_logits).item(),
                  nn::generator_loss(fake_logits, loss_).item(), nn::share_called_real(real_logits),
                  1 - nn::share_called_real(fake_logits)},
                 static_cast<double>(some.size()) / static_cast<double>(rows));
    }
    return course;
  }

  // n draws of G, of averaged weights where there are such, in the units of the data set.
  Array sample(std::size_t n, Rng& rng) {
    if (!averages_) return scaling_.invert(gan_.sample(n, rng));
    const nn::EMA::Average in_place = average_.average();
    return scaling_.invert(gan_.sample(n, rng));
  }

  // D(x) for points in the units of the data set; packs of one only.
  Array discriminate(const Array& x) const {
    const NoGrad no_grad;
    return sigmoid(gan_.discriminate(Tensor(scaling_.apply(x)))).value();
  }

  // To leave the generator with the weights it is evaluated with, for model.safetensors.
  void use_average() {
    if (!averages_) return;
    nn::NamedArrays averaged;
    {
      const nn::EMA::Average in_place = average_.average();
      averaged = gan_.generator().state();
    }
    gan_.generator().load(averaged);
  }

  const Gan& gan() const { return gan_; }

  void keep(Run& run, const std::string& number) {
    run.keep("g_adam" + number, g_adam_);
    run.keep("d_adam" + number, d_adam_);
    if (averages_) run.keep("average" + number, average_);
    run.keep("rng" + number, rng_);
  }

 private:
  // What D sees: x + ε, ε ~ N(0, s² I), of data and samples alike (Sønderby et al. 2017;
  // Arjovsky & Bottou 2017, §3). Both densities are smoothed by one kernel, so the best q is still
  // p.
  static Tensor blurred(const Tensor& x, double noise, Rng& rng) {
    if (noise == 0) return x;
    return x + Tensor(rng.normal(x.shape(), 0, static_cast<Real>(noise)));
  }

  static models::GanOptions shape(const Options& options, std::size_t D, bool images) {
    models::GanOptions result;
    result.data = D;
    result.latent = static_cast<std::size_t>(options.latent);
    result.hidden.assign(options.hidden.begin(), options.hidden.end());
    result.packing = static_cast<std::size_t>(options.packing);
    result.output = images ? "tanh" : "identity";
    return result;
  }

  const Rows& data_;
  const Standardizer& scaling_;
  nn::GeneratorLoss loss_;
  double lr_ratio_;
  bool averages_;
  std::uint64_t seed_;
  Rng rng_;
  Gan gan_;
  nn::Adam g_adam_, d_adam_;
  nn::EMA average_;
};

// Samples at fixed z in some of the epochs; part of the checkpoint, so that the film of a resumed
// run is whole.
class Film {
 public:
  void add(int epoch, Array samples) {
    std::ostringstream name;
    name << "epoch-" << std::setw(6) << std::setfill('0') << epoch;
    frames_[name.str()] = std::move(samples);
  }
  nn::NamedArrays state() const { return frames_; }
  void load(const nn::NamedArrays& frames) { frames_ = frames; }
  const nn::NamedArrays& frames() const { return frames_; }  // by rising epoch

 private:
  nn::NamedArrays frames_;
};

Dataset load(const Run& run, bool toy) {
  datasets::LoadOptions how = models::load_options(run.options());
  if (toy && how.train_size == 0) how.train_size = 100000;  // as many as in Lin et al. 2018, §4.1
  const std::string& name = run.options().data;
  Dataset data = datasets::load(name, how);
  if (data.is_image() && (data.low < 0 || data.high > 1)) {
    throw models::UsageError("--data " + name + ": images must have values from 0 to 1");
  }
  if (data.columns < 2) {
    throw models::UsageError("--data " + name + ": takes images, or points of two columns or more");
  }
  return data;
}

// [0, 1] to [−1, 1] for images; else each column of the training rows to mean 0, deviation 1.
Standardizer scaling_of(const Dataset& data) {
  if (!data.is_image()) return Standardizer::fit(data.train);
  const Array half = full({data.columns}, Real(0.5));
  return {half, half, zeros({data.columns})};
}

// What is left of the learning rates after some epochs.
double left_of(const Run& run, const Options& options, int done) {
  const int all = run.options().epochs;
  if (options.schedule == "constant" || all == 0) return 1;
  return nn::schedule::linear_to_zero(static_cast<std::uint64_t>(done),
                                      static_cast<std::uint64_t>(all));
}

// Pictures and figures --------------------------------------------------------------------------

Array first_two(const Array& points) {
  return points.shape()[1] == 2 ? points : datasets::take_columns(points, 0, 2);
}

Array side_by_side(const std::vector<Array>& images, std::size_t columns) {
  const std::size_t height = images[0].shape()[0], width = images[0].shape()[1];
  Array all = empty({images.size(), height * width * 3});
  for (std::size_t i = 0; i < images.size(); ++i) {
    std::copy_n(images[i].data(), images[i].size(), all.data() + i * images[i].size());
  }
  return models::grid(all, height, width, columns, 4);
}

constexpr std::size_t film_images = 12, film_points = 1000;  // of a frame

// Rows of images at one z each; or one scatter plot after another.
Array draw(const Film& film, const Dataset& data) {
  const nn::NamedArrays& frames = film.frames();
  if (data.is_image()) {
    Array all = empty({frames.size() * film_images, data.columns});
    Real* at = all.data();
    for (const auto& [name, samples] : frames) at = std::copy_n(samples.data(), samples.size(), at);
    return models::enlarge(models::grid(all, data.height, data.width, film_images), 2);
  }
  std::vector<Array> images;
  const Array test = first_two(data.test.all());
  const models::Window window = models::window_around(test);
  for (const auto& [name, samples] : frames) {  // over the test points, in grey
    const Array both = concat({Tensor(test), Tensor(first_two(samples))}, 0).value();
    std::vector<int> colours(test.shape()[0], -1);
    colours.resize(both.shape()[0], 0);
    images.push_back(models::scatter(both, colours, window, 160));
  }
  return side_by_side(images, std::min<std::size_t>(images.size(), 6));
}

std::string captions(const Film& film, bool images) {
  std::string epochs;
  for (const auto& [name, samples] : film.frames()) {
    epochs += (epochs.empty() ? "" : ", ") + std::to_string(std::stoi(name.substr(6)));
  }
  return (images ? "G at the same z after each of the epochs "
                 : "Samples, over test points in grey, after each of the epochs ") +
         epochs;
}

// The protocol's 2500 samples, from z that training does not see.
Coverage coverage(Trial& trial, const datasets::Toy& toy, Rng rng) {
  return models::mode_coverage(trial.sample(2500, rng), toy.modes(), toy.std_dev());
}

std::string plus_minus(const models::Estimate& e, double factor, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << e.value * factor;
  if (std::isfinite(e.standard_error)) text << " ± " << e.standard_error * factor;
  return text.str();
}

// A row of the table of Lin et al. 2018: means over the trials, with their standard errors.
void report_coverage(Run& run, const std::vector<std::unique_ptr<Trial>>& trials,
                     const datasets::Toy& toy, Figures& figures) {
  std::vector<double> modes, quality, kl;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Coverage c = coverage(*trials[i], toy, Rng(run.seed() + 1000 * i, 12));
    modes.push_back(static_cast<double>(c.modes));
    quality.push_back(c.high_quality);
    kl.push_back(c.reverse_kl);
    if (trials.size() == 1) continue;
    const std::string name = "trial_" + std::to_string(i + 1);
    figures.emplace_back(name + "_modes", modes.back());
    figures.emplace_back(name + "_high_quality_share", quality.back());
    figures.emplace_back(name + "_reverse_kl_nats", kl.back());
  }
  const auto add = [&](const std::string& name, const models::Estimate& e) {
    figures.emplace_back(name, e.value);
    if (trials.size() > 1) figures.emplace_back(name + "_standard_error", e.standard_error);
  };
  const models::Estimate m = models::mean_of(modes), q = models::mean_of(quality),
                         k = models::mean_of(kl);
  add("modes", m);
  add("high_quality_share", q);
  add("reverse_kl_nats", k);
  run.note("Of " + std::to_string(toy.modes().shape()[0]) + " modes " + plus_minus(m, 1, 1) +
           " covered, " + plus_minus(q, 100, 1) + " % of high quality, reverse KL " +
           plus_minus(k, 1, 3) + " nats (2500 samples a trial, " + std::to_string(trials.size()) +
           (trials.size() == 1 ? " trial)." : " trials, ± standard error)."));
}

// The Parzen window of Goodfellow et al. 2014, §5, on samples, and on as many training images.
void report_parzen(Run& run, Trial& trial, const Dataset& data, Figures& figures) {
  constexpr std::size_t n = 10000, chosen_on = 1000;
  const Array valid = data.valid.first(chosen_on);
  const std::vector<double> sigmas = models::geometric_steps(0.05, 1, 25);
  const auto score = [&](const std::string& name, const Array& centres) {
    run.evaluating("Parzen window on " + name, 0, data.test.size());
    const models::ParzenWindow window(centres);
    const double sigma = window.best_sigma(valid, sigmas);
    const models::Estimate e = models::mean_of(window.log_prob(data.test.all(), sigma));
    figures.emplace_back("test_parzen_" + name + "_nats", e.value);
    figures.emplace_back("test_parzen_" + name + "_standard_error_nats", e.standard_error);
    figures.emplace_back("parzen_" + name + "_sigma", sigma);
  };
  Rng rng(run.seed(), 13);
  score("samples", trial.sample(n, rng));
  const Array train = data.train.first(n);
  score("training_images", train);
  run.note(
      "The Parzen window does not rank models: true training images score below centres by k-means "
      "(Theis et al. 2016). It is here to be set beside older papers. Windows on " +
      std::to_string(n) + " samples, and on " + std::to_string(train.shape()[0]) +
      " training images for comparison; σ chosen on " + std::to_string(valid.shape()[0]) +
      " validation images.");
}

// What was chosen where the options left it open.
std::string describe(const models::GanOptions& sizes, const Options& options) {
  std::string up, down;
  for (const std::size_t width : sizes.hidden) {
    up += std::to_string(width) + "-";
    down = "-" + std::to_string(width) + down;
  }
  std::ostringstream text;
  text << "G " << sizes.latent << "-" << up << sizes.data << ", D " << sizes.packing * sizes.data
       << down << "-1, packs of " << sizes.packing << ", noise " << options.noise << ".";
  return text.str();
}

void draw_samples(Run& run, Trial& trial, const Dataset& data) {
  Rng rng(run.seed(), 20);
  if (data.is_image()) {
    run.image("samples.png",
              models::enlarge(models::grid(trial.sample(100, rng), data.height, data.width, 10), 2),
              "100 samples: G(z), z ~ N(0, I)");
    return;
  }
  constexpr std::size_t size = 300;
  const Array test = first_two(data.test.all()), samples = trial.sample(test.shape()[0], rng);
  const models::Window window = models::window_around(test);
  std::vector<Array> images{models::scatter(test, window, size),
                            models::scatter(first_two(samples), window, size)};
  const bool plane = data.columns == 2 && trial.gan().options().packing == 1;
  if (plane) {
    Array D = trial.discriminate(models::cell_centres(window, size, size));
    D.reshape(Shape{size, size});
    images.push_back(models::heat_map(D, 0, 1));
  }
  run.image("samples.png", side_by_side(images, images.size()),
            std::string("Test points, as many samples of G") +
                (plane ? ", and D(x) from 0 (dark) to 1 (bright)" : ""));
}

// -----------------------------------------------------------------------------------------------

void train(Run& run, const Options& given) {
  const std::optional<datasets::Toy> toy = datasets::toy_named(run.options().data);
  const bool has_modes = toy && toy->modes().size() != 0;
  const Dataset data = load(run, toy.has_value());
  const Options options = chosen_for(data.is_image(), given);
  const Standardizer scaling = scaling_of(data);
  std::vector<std::unique_ptr<Trial>> trials;
  nn::NamedTensors parameters;
  for (int i = 1; i <= options.trials; ++i) {
    trials.push_back(std::make_unique<Trial>(data.train, scaling, data.is_image(), options, run,
                                             static_cast<std::uint64_t>(i - 1)));
    const std::string number = options.trials == 1 ? "" : std::to_string(i);
    for (auto& [path, tensor] : trials.back()->gan().named_parameters()) {
      parameters.emplace_back(number.empty() ? path : "trial" + number + "." + path, tensor);
    }
    trials.back()->keep(run, number);
  }
  Film film;
  run.keep("film", film);
  run.keep(parameters);
  run.expect_examples(data.train.size() * trials.size());
  const double share = 1.0 / static_cast<double>(trials.size());
  const std::size_t frame = data.is_image() ? film_images : film_points;

  while (run.next_epoch()) {
    const double left = left_of(run, options, run.epoch() - 1);
    Course course;
    double modes = 0, quality = 0, kl = 0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      course.add(trials[i]->train_epoch(run, run.lr() * left, options.noise), share);
      if (!has_modes) continue;
      const Coverage c = coverage(*trials[i], *toy, Rng(run.seed() + 1000 * i, 10));
      modes += static_cast<double>(c.modes);
      quality += c.high_quality;
      kl += c.reverse_kl;
    }
    if (run.snapshot_due() || run.epoch() == run.options().epochs) {
      Rng fixed(run.seed(), 11);  // the same z each time: one sees what each becomes
      film.add(run.epoch(), trials[0]->sample(frame, fixed));
      run.snapshot(draw(film, data));
    }
    Figures figures{{"game_value_nats", course.value},
                    {"generator_loss_nats", course.generator_loss},
                    {"real_called_real_share", course.real_right},
                    {"generated_called_generated_share", course.fake_right}};
    if (has_modes) {
      const double n = static_cast<double>(trials.size());
      figures.emplace_back("modes", modes / n);
      figures.emplace_back("high_quality_share", quality / n);
      figures.emplace_back("reverse_kl_nats", kl / n);
    }
    run.end_epoch(figures);
  }

  run.note(describe(trials[0]->gan().options(), options));
  draw_samples(run, *trials[0], data);
  if (!film.frames().empty()) {
    run.image("over-time.png", draw(film, data), captions(film, data.is_image()));
  }
  Figures figures;
  Course test;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    Rng rng(run.seed() + 1000 * i, 14);
    test.add(trials[i]->play(data.test, options.noise, rng), share);
  }
  figures.emplace_back("test_game_value_nats", test.value);
  figures.emplace_back("test_real_called_real_share", test.real_right);
  figures.emplace_back("test_generated_called_generated_share", test.fake_right);
  if (has_modes) report_coverage(run, trials, *toy, figures);
  if (data.is_image()) {
    report_parzen(run, *trials[0], data, figures);
  } else {
    std::vector<double> distances;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      Rng rng(run.seed() + 1000 * i, 15);
      const Array samples = trials[i]->sample(data.test.size(), rng);
      distances.push_back(models::sliced_wasserstein1(data.test.all(), samples, 100, rng));
    }
    figures.emplace_back("test_sliced_wasserstein1", models::mean_of(distances).value);
  }
  for (const std::unique_ptr<Trial>& trial : trials) trial->use_average();
  run.finish(figures);
}

// D alone, between two densities that are known: N(0, 1) for the data, N(1.5, 0.8²) for samples.
void optimal_discriminator(Run& run, const Options& given) {
  const Options options = chosen_for(false, given);
  const models::TwoNormals pair({0, 1}, {1.5, 0.8});
  std::vector<std::size_t> sizes{1};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  sizes.push_back(1);
  Rng rng(run.seed());
  const nn::MLP D(sizes, rng, "tanh");
  nn::Adam adam(D.parameters(), {run.lr()});
  run.keep(D.named_parameters());
  run.keep("adam", adam);
  run.keep("rng", rng);
  const std::size_t B = static_cast<std::size_t>(run.batch_size()), steps = 100;
  run.expect_examples(steps * B);
  const auto logits = [&] {
    const NoGrad no_grad;
    return D(Tensor(pair.grid())).value();
  };

  while (run.next_epoch()) {
    adam.set_lr(run.lr() * left_of(run, options, run.epoch() - 1));
    for (std::size_t step = 0; step < steps; ++step) {
      const Tensor x(pair.p().sample(B, rng)), fake(pair.q().sample(B, rng));
      const Tensor loss = -nn::game_value(D(x), D(fake));
      adam.clear_grad();
      loss.backward();
      adam.step();
      run.step(loss.item(), B);
    }
    run.end_epoch({{"game_value_nats", pair.game_value(logits())},
                   {"optimal_game_value_nats", pair.optimal_game_value()},
                   {"mean_error_of_d", pair.mean_error(logits())}});
  }

  // Both densities, and D over D*, as dots so close that they are lines.
  const Array D_of_x = sigmoid(Tensor(logits())).value();
  std::vector<std::array<double, 3>> dots;  // x, y, colour
  for (std::size_t i = 0; i < D_of_x.size(); ++i) {
    const double x = static_cast<double>(pair.grid()(i, 0));
    if (x < -3.5 || x > 4.5) continue;
    dots.push_back({x, std::exp(pair.p().log_density(x)), 0});
    dots.push_back({x, std::exp(pair.q().log_density(x)), 1});
    dots.push_back({x, 1 / (1 + std::exp(-pair.optimal_logit(x))), -1});
    dots.push_back({x, static_cast<double>(D_of_x(i, 0)), 2});
  }
  Array points = empty({dots.size(), 2});
  std::vector<int> colours;
  for (std::size_t i = 0; i < dots.size(); ++i) {
    points(i, 0) = static_cast<Real>(dots[i][0] / 5);
    points(i, 1) = static_cast<Real>(dots[i][1]);
    colours.push_back(static_cast<int>(dots[i][2]));
  }
  run.image("samples.png", models::scatter(points, colours, {-0.7, 0.9, -0.03, 1.03}, 640),
            "p, q, and over x from −3.5 to 4.5 the D that was trained on samples of both; grey "
            "below it p / (p + q)");
  const Array last = logits();
  run.finish({{"game_value_nats", pair.game_value(last)},
              {"optimal_game_value_nats", pair.optimal_game_value()},
              {"js_divergence_nats", pair.js_divergence()},
              {"mean_error_of_d", pair.mean_error(last)}});
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program(
      "gan", "Generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)");
  Options options;
  program.options().epochs = 50;
  program.options().lr = 1e-3;
  program.option("--hidden", options.hidden,
                 "widths of G's layers, D's are reversed; none: 256,512 for images, 128,128 else",
                 models::at_least(1));
  program.option("--latent", options.latent, "Z, size of z; 0: 64 for images, 2 else",
                 models::at_least(0));
  program.option("--packing", options.packing,
                 "m, examples that D sees together (PacGAN); 0: 1 for images, 2 else",
                 models::at_least(0));
  program.option("--generator-loss", options.generator_loss,
                 "G minimises E[ln(1 - D(G(z)))], or -E[ln D(G(z))]",
                 {"minimax", "non-saturating"});
  program.option("--noise", options.noise,
                 "std of normal noise on what D sees, in scaled units; -1: 0.5 for images, 0 else",
                 models::at_least(-1));
  program.option("--lr-ratio", options.lr_ratio,
                 "D's learning rate as a multiple of G's, which is --lr (two time scales)",
                 models::above(0));
  program.option("--beta1", options.beta1, "of both Adams", models::between(0, 0.9999));
  program.option("--schedule", options.schedule,
                 "of the learning rates over all epochs: to 0, or as they are",
                 {"linear", "constant"});
  program.option("--average", options.average,
                 "decay of a moving average of G's weights, which is sampled; 0: none",
                 models::between(0, 0.99999));
  program.option("--trials", options.trials,
                 "games with seeds of their own, trained side by side, for tables",
                 models::at_least(1));
  program.option("--lesson", options.lesson,
                 "the game; or D alone between two known densities, --data unused",
                 {"gan", "optimal-discriminator"});
  return program.run(argc, argv, [&](Run& run) {
    if (options.lesson == "gan") {
      train(run, options);
    } else {
      optimal_discriminator(run, options);
    }
  });
}
