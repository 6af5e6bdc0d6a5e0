// Trains the autoencoder of autoencoder.hpp, and beside it on the same batches models of which it
// is a part: ./nabla train autoencoder --help. The lesson is in README.md.
#include <cmath>
#include <cstdio>
#include <sstream>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "models/autoencoder/contestants.hpp"
#include "models/autoencoder/pictures.hpp"
#include "models/draw/plot.hpp"
#include "models/measure/in_pieces.hpp"
#include "models/measure/sample_score.hpp"
#include "models/program/run.hpp"
#include "models/wae/wae.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using models::Contestant;
using models::Run;

struct Options {
  std::string beside = "vae";
  std::vector<int> hidden{400};
  int latent = 8;
  std::string activation = "relu";
  std::string cost = "bernoulli";
  std::string schedule = "cosine";
  double lambda = 100;
  std::vector<int> discriminator{64, 64};
  double discriminator_lr = 1e-4, encoder_lr = 3e-4;
  int compare = 5000;
};

using Contestants = std::vector<std::unique_ptr<Contestant>>;

// The autoencoder, and those named in --beside, in their order.
Contestants make_contestants(const Run& run, const Options& options, std::size_t D) {
  models::ContestantOptions shared;
  shared.shape.data = D;
  shared.shape.hidden.assign(options.hidden.begin(), options.hidden.end());
  shared.shape.latent = static_cast<std::size_t>(options.latent);
  shared.shape.activation = options.activation;
  shared.shape.cost = models::cost_named(options.cost);
  shared.lr = run.lr();
  shared.lambda = options.lambda;
  shared.discriminator.assign(options.discriminator.begin(), options.discriminator.end());
  shared.discriminator_lr = options.discriminator_lr;
  shared.encoder_lr = options.encoder_lr;
  shared.seed = run.seed();

  Contestants all;
  all.push_back(models::make_contestant("ae", shared));
  std::istringstream names(options.beside);
  for (std::string name; std::getline(names, name, ',');) {
    bool fresh = name == "vae" || name == "wae" || name == "aae";
    for (const auto& other : all) fresh = fresh && other->name() != name;
    if (!fresh) {
      throw models::UsageError("--beside " + options.beside + ": \"" + name +
                               "\"; takes vae, wae and aae, each once, with commas between");
    }
    all.push_back(models::make_contestant(name, shared));
  }
  return all;
}

// MMD² of codes to as many draws of the prior.
double mmd2_codes_prior(const Array& codes, Rng rng) {
  return models::mmd2_unbiased(codes, rng.normal(codes.shape()),
                               models::prior_kernel(codes.shape()[1]));
}

// One row of the table: samples of one kind from one model.
struct Row {
  std::string key, name;
  double reconstruction_mse, mmd2_codes_prior;  // NaN where they do not depend on the kind
  models::SampleDistances samples;
};

std::string number(double x) {
  if (!std::isfinite(x)) return "";
  char text[32];
  std::snprintf(text, sizeof text, std::abs(x) < 10 ? "%.4f" : "%.2f", x);
  return text;
}

// Everything that the table says. The images drawn on the way are kept for the picture.
class Comparison {
 public:
  static constexpr std::size_t columns = 12;

  Comparison(Run& run, const Dataset& data, const Options& options)
      : run_(run),
        data_(data),
        score_(data, static_cast<std::size_t>(options.compare),
               [&run](std::size_t done, std::size_t total) {
                 run.evaluating("a classifier, for its features", done, total);
               }) {
    const double nan = std::nan("");
    rows_.push_back(
        {"real", "validation images, codes from N(0, I)", nan,
         mmd2_codes_prior(
             Rng(run.seed(), 21).normal({score_.size(), static_cast<std::size_t>(options.latent)}),
             Rng(run.seed(), 22)),
         score_.of_real_images()});
    show(models::first_rows_of(data.valid, score_.size()), "images of the validation set");
  }

  void add(const Contestant& model, std::size_t Z) {
    run_.evaluating("samples of the " + title(model), 0, score_.size());
    Rng rng(run_.seed(), 23);
    const std::size_t n = score_.size();
    const Array test = data_.test.all();
    const Array codes = model.codes(models::first_rows_of(data_.test, n), rng);
    rows_.push_back({model.name(),
                     title(model) + ", z ~ N(0, I)",
                     models::mean_squared_error_of(test, model.reconstruct(test)),
                     mmd2_codes_prior(codes, Rng(run_.seed(), 22)),
                     {}});
    measure(model, rng.normal({n, Z}));
    if (model.name() != "ae") return;
    const double nan = std::nan("");
    const Array train_codes =
        models::in_pieces(data_.train, [&](const Array& x) { return model.codes(x, rng); });
    rows_.push_back({"ae_gaussian", "AE, z ~ normal fitted to its codes", nan, nan, {}});
    measure(model, models::CodeGaussian(train_codes).sample(n, rng));
    rows_.push_back({"ae_own_codes", "AE, z = codes of training images", nan, nan, {}});
    measure(model, models::draw_rows(train_codes, n, rng));
  }

  void report(models::Figures& figures) const {
    std::vector<std::vector<std::string>> table{{"", "reconstruction, squared error a pixel",
                                                 "MMD² of codes to N(0, I)",
                                                 "sliced W₁ of samples, pixels", "MMD², pixels",
                                                 "sliced W₁, features", "Fréchet, features"}};
    for (const Row& row : rows_) {
      const models::SampleDistances& samples = row.samples;
      table.push_back({row.name, number(row.reconstruction_mse), number(row.mmd2_codes_prior),
                       number(samples.sliced_wasserstein1), number(samples.mmd2),
                       number(samples.sliced_wasserstein1_features),
                       number(samples.frechet_features)});
      const auto add = [&](const std::string& key, double value) {
        if (std::isfinite(value)) figures.emplace_back(row.key + key, value);
      };
      add("_reconstruction_mse", row.reconstruction_mse);
      add("_mmd2_codes_prior", row.mmd2_codes_prior);
      for (const auto& figure : models::figures_of(row.key + "_", samples)) {
        figures.push_back(figure);
      }
    }
    const std::size_t n = score_.size();
    if (score_.has_features()) {
      figures.emplace_back("classifier_test_accuracy", score_.classifier_accuracy());
    }
    figures.emplace_back("samples_compared", static_cast<double>(n));
    run_.note(score_.about());
    run_.table("comparison.md",
               std::to_string(n) + " samples of each against " + std::to_string(n) +
                   " test images, reconstructions of all test images",
               table);
    run_.image("samples.png", models::stacked(data_, shown_, columns),
               "From the top: " + captions_);
  }

 private:
  static std::string title(const Contestant& model) {
    std::string result = model.name();
    for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return result;
  }

  void measure(const Contestant& model, const Array& z) {
    const Array images = model.images(z);
    rows_.back().samples = score_(images);
    show(images, rows_.back().name);
  }
  void show(const Array& images, const std::string& caption) {
    shown_.push_back(models::first_rows_of(images, 2 * columns));
    captions_ += (captions_.empty() ? "" : "; ") + caption;
  }

  Run& run_;
  const Dataset& data_;
  models::SampleScore score_;
  std::vector<Row> rows_;
  std::vector<Array> shown_;
  std::string captions_;
};

void draw_pictures(Run& run, const Contestants& all, const Dataset& data) {
  constexpr std::size_t columns = 12;
  const Array x = models::first_rows_of(data.test, 2 * columns);
  std::vector<Array> below{x}, between;
  std::string names;
  for (const auto& model : all) {
    Rng rng(run.seed(), 24);
    below.push_back(model->reconstruct(x));
    const Array from = models::first_rows_of(data.test, 4),
                eight = models::first_rows_of(data.test, 8);
    const Array to = datasets::take_rows(eight, {4, 5, 6, 7});
    between.push_back(models::interpolations(
        from, model->codes(from, rng), to, model->codes(to, rng),
        [&](const Array& z) { return model->images(z); }, columns));
    names += (names.empty() ? "" : ", ") + model->name();
  }
  run.image("reconstructions.png",
            models::stacked(data, {models::one_below_the_other(below, columns)}, columns),
            "Test images, and below each what is made of them by " + names);
  run.image("interpolations.png", models::stacked(data, between, columns),
            "Between two test images: decoded points on the line between their codes, by " + names);
  for (const auto& model : all) {
    Rng rng(run.seed(), 25);
    const Array codes = model->codes(data.test.all(), rng);
    if (codes.shape()[1] != 2) return;
    const std::vector<int> classes(data.test_labels.begin(), data.test_labels.end());
    run.image("codes-" + model->name() + ".png",
              models::scatter(codes, classes, models::window_around(codes)),
              "Codes of the test images, coloured by class: " + model->name());
  }
}

void train(Run& run, const Options& options) {
  const Dataset data = datasets::load(run.options().data, models::load_options(run.options()));
  if (!data.is_image() || data.low < 0 || data.high > 1) {
    throw models::UsageError("--data " + run.options().data +
                             ": the autoencoder takes images with values from 0 to 1");
  }
  const Contestants all = make_contestants(run, options, data.columns);
  if (run.batch_size() < 2) {
    throw models::UsageError("--batch-size 1: the WAE compares codes of a batch in pairs");
  }
  nn::NamedTensors parameters;
  for (const auto& model : all) {
    for (const auto& entry : model->parameters()) parameters.push_back(entry);
  }
  run.keep(parameters);
  for (const auto& model : all) model->keep(run);
  run.expect_examples(data.train.size());

  while (run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    if (options.schedule == "cosine") {
      const double factor = nn::schedule::cosine(epoch - 1, run.options().epochs);
      for (const auto& model : all) model->scale_rate(factor);
    }
    std::vector<double> losses(all.size(), 0.0);
    double seen = 0;
    // Grey pixels as they are, for all: a probability's cross-entropy is least where the
    // reconstruction is equal to it.
    for (const std::vector<std::size_t>& rows : Batches(
             data.train.size(), static_cast<std::size_t>(run.batch_size()), run.seed(), epoch)) {
      if (rows.size() < 2) continue;          // a rest of one has no pair of codes
      const Tensor x(data.train.take(rows));  // (B, D), one batch for all
      double together = 0;
      for (std::size_t m = 0; m < all.size(); ++m) {
        const double loss = all[m]->step(x);
        losses[m] += loss * static_cast<double>(rows.size());
        together += loss / static_cast<double>(all.size());
      }
      run.step(together, rows.size());
      seen += static_cast<double>(rows.size());
    }
    models::Figures figures;
    const Array some = data.valid.first(2000), valid = data.valid.all();
    for (std::size_t m = 0; m < all.size(); ++m) {
      Rng rng(run.seed(), 10);
      figures.emplace_back("train_" + all[m]->name() + "_loss", losses[m] / seen);
      figures.emplace_back("valid_" + all[m]->name() + "_reconstruction_mse",
                           models::mean_squared_error_of(valid, all[m]->reconstruct(valid)));
      figures.emplace_back("valid_" + all[m]->name() + "_mmd2_codes_prior",
                           mmd2_codes_prior(all[m]->codes(some, rng), Rng(run.seed(), 11)));
    }
    if (run.snapshot_due()) {
      std::vector<Array> samples;  // the same z each time and for all
      for (const auto& model : all) {
        Rng fixed(run.seed(), 12);
        samples.push_back(
            model->images(fixed.normal({12, static_cast<std::size_t>(options.latent)})));
      }
      run.snapshot(models::stacked(data, samples, 12));
    }
    run.end_epoch(figures);
  }

  models::Figures figures;
  Comparison comparison(run, data, options);
  for (const auto& model : all) comparison.add(*model, static_cast<std::size_t>(options.latent));
  run.note(
      "Losses in training, in nats or as the cost is: the VAE's is −ELBO with a Bernoulli decoder, "
      "those of the others "
      "begin with the " +
      options.cost + " cost. The last epoch counts for all.");
  comparison.report(figures);
  draw_pictures(run, all, data);
  run.finish(figures);
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program("autoencoder",
                          "Autoencoder, and why it alone is no generative model (Hinton & "
                          "Salakhutdinov 2006; beside it VAE, WAE, AAE)");
  Options options;
  program.options().epochs = 20;
  program.option("--beside", options.beside,
                 "models to train on the same batches and compare with: of vae, wae and aae, with "
                 "commas between; '' for none");
  program.option("--hidden", options.hidden,
                 "widths of the encoders' layers; the decoders' are reversed", models::at_least(1));
  program.option("--latent", options.latent, "Z, size of the codes", models::at_least(1));
  program.option("--activation", options.activation, "of the hidden layers",
                 {"relu", "tanh", "silu", "elu", "softplus"});
  program.option("--cost", options.cost,
                 "of a reconstruction: cross-entropy, or squared error summed over pixels",
                 {"bernoulli", "squared"});
  program.option("--schedule", options.schedule, "of the learning rates over all epochs",
                 {"cosine", "constant"});
  program.option("--lambda", options.lambda, "λ, weight of the WAE's MMD²", models::at_least(0));
  program.option("--discriminator", options.discriminator,
                 "widths of the hidden layers of the AAE's discriminator", models::at_least(1));
  program.option("--discriminator-lr", options.discriminator_lr,
                 "learning rate of the AAE's discriminator", models::above(0));
  program.option("--encoder-lr", options.encoder_lr,
                 "learning rate of the AAE's encoder where it plays the generator",
                 models::above(0));
  program.option("--compare", options.compare,
                 "samples of each model, and test images, that distances are measured on",
                 models::at_least(100));
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
