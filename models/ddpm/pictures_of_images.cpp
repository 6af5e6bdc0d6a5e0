// Pictures and figures of diffusions over images.
#include <iomanip>
#include <sstream>

#include "models/ddpm/sampling.hpp"
#include "models/draw/rows.hpp"
#include "models/measure/sample_score.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t columns = 12;  // of the films

Array draw(const Array& images, const datasets::DataShape& data, std::size_t per_row) {
  return stacked(data.height, data.width, {images}, per_row);
}

// Rows of the k-th of each of `lists` (n, D), one film for each k: (n · lists, D).
Array films(const std::vector<Array>& lists) {
  return one_below_the_other(lists, 1);
}

// x_t of test images from t = 0 to T.
void draw_forward(const DiffusionModel& model, const Data& data, Run& run) {
  const Array x0 = model.scaling.apply(data.test.first(4));
  Rng rng(run.seed(), 21);
  const Array noise = rng.normal(x0.shape());
  std::vector<Array> stages;
  for (std::size_t i = 0; i < columns; ++i) {
    const IndexArray t = same_time(x0.shape()[0], model.diffusion.steps() * i / (columns - 1));
    stages.push_back(model.scaling.invert(model.diffusion.q_sample(x0, t, noise)));
  }
  run.image("forward.png", draw(films(stages), data, columns),
            "q: test images as noise is added, t from 0 to T in equal steps");
}

void draw_reverse(const DiffusionModel& model, const Data& data, Run& run) {
  constexpr std::size_t n = 6;
  Rng rng(run.seed(), 22);
  std::vector<Array> stages;
  const Watch watch = [&](double time, const Array& x) {
    const double due = 1000.0 * static_cast<double>(columns - 1 - stages.size()) / (columns - 1);
    if (stages.size() < columns && time <= due + 1e-6) {
      stages.push_back(model.scaling.invert(x));
    }
  };
  model.decode(rng.normal({n, model.dimensions()}), model.classes_of(n), model.sampler, rng, watch);
  run.image("reverse.png", draw(films(stages), data, stages.size()),
            "p: images on their way from noise, t from T to 0 in equal steps");
}

// Decoded by DDIM with η = 0, which makes one image of one noise.
void draw_interpolations(const DiffusionModel& model, const Data& data, Run& run) {
  constexpr std::size_t n = 6;
  Rng rng(run.seed(), 23);
  const Array from = rng.normal({n, model.dimensions()});
  const Array to = rng.normal({n, model.dimensions()});
  std::vector<Array> noises;
  for (std::size_t i = 0; i < columns; ++i) {
    noises.push_back(slerp(from, to, static_cast<double>(i) / (columns - 1)));
  }
  const Array x_T = films(noises);
  IndexArray classes = model.classes_of(x_T.shape()[0]);
  for (std::size_t i = 0; model.classes != 0 && i < classes.size(); ++i) {
    classes.data()[i] = model.classes_of(n).data()[i / columns];  // one class a row
  }
  SamplerOptions how = model.sampler;
  how.ddim = true;
  how.eta = 0;
  run.image("interpolations.png", draw(model.decode(x_T, classes, how, rng), data, columns),
            "In each row from one noise to another along a great circle, decoded by DDIM");
}

void draw_classes(const DiffusionModel& model, const Data& data, Run& run) {
  if (model.classes == 0) return;
  Rng rng(run.seed(), 24);
  DiffusionModel all = model;
  all.only = -1;
  const std::size_t n = 10 * model.classes;
  run.image("classes.png", draw(all.sample(n, rng, &run), data, model.classes),
            "Samples of each class, one class a column");
}

std::string text_of(double x) {
  std::ostringstream text;
  text << std::setprecision(3) << x;
  return text.str();
}

// Samplers beside each other, at few steps and at many: what Song et al. 2021 have in table 1.
void table_of_samplers(const DiffusionModel& model, const SampleScore& score, Run& run) {
  struct Kind {
    std::string name;
    bool ddim;
    double eta;
    ReverseVariance variance;
  };
  const std::vector<Kind> kinds{{"DDIM, η = 0", true, 0, ReverseVariance::posterior},
                                {"DDIM, η = 1", true, 1, ReverseVariance::posterior},
                                {"ancestral, σ² = β", false, 0, ReverseVariance::beta}};
  std::vector<std::vector<std::string>> rows{{"steps"}};
  for (const Kind& kind : kinds) rows[0].push_back(kind.name);
  for (const std::size_t steps : {10u, 20u, 50u, 100u, 200u}) {
    if (steps > model.diffusion.steps()) continue;
    rows.push_back({std::to_string(steps)});
    for (const Kind& kind : kinds) {
      DiffusionModel other = model;
      DiffusionOptions how = model.diffusion.options();
      how.variance = kind.variance;
      other.diffusion = Diffusion(model.diffusion.schedule(), how);
      other.sampler = {kind.ddim, kind.eta, steps};
      Rng rng(run.seed(), 25);  // the same noise for all
      rows.back().push_back(text_of(score(other.sample(score.size(), rng, &run)).frechet_features));
    }
  }
  run.table("samplers.md",
            "Fréchet distance in the classifier's features, " + std::to_string(score.size()) +
                " samples each; " + std::to_string(score.size()) + " validation images have " +
                text_of(score.of_real_images().frechet_features),
            rows);
}

SampleScore make_score(const Data& data, std::size_t most, Run& run) {
  datasets::Dataset all;  // which shares the rows
  static_cast<datasets::DataShape&>(all) = data;
  all.train = data.train;
  all.valid = data.valid;
  all.test = data.test;
  all.train_labels = data.train_labels;
  all.valid_labels = data.valid_labels;
  all.test_labels = data.test_labels;
  return SampleScore(all, most, [&run](std::size_t done, std::size_t total) {
    run.evaluating("a classifier, for its features", done, total);
  });
}

}  // namespace

Array draw_images(const Data& data, const Array& x) {
  return draw(x, data, columns);
}

Figures report_images(const DiffusionModel& model, const SamplingOptions& options, const Data& data,
                      Run& run) {
  Figures figures;
  Rng rng = run.rng(Stream::pictures);
  run.image("samples.png", draw(model.sample(100, rng, &run), data, 10), "100 samples");
  draw_forward(model, data, run);
  draw_reverse(model, data, run);
  draw_interpolations(model, data, run);
  draw_classes(model, data, run);
  if (options.compare > 1) {
    const SampleScore score = make_score(data, options.compare, run);
    const SampleDistances of_samples = score(model.sample(score.size(), rng, &run));
    for (const auto& figure : figures_of("samples_", of_samples)) figures.push_back(figure);
    for (const auto& figure : figures_of("real_", score.of_real_images())) {
      figures.push_back(figure);
    }
    if (score.has_features()) {
      figures.emplace_back("classifier_test_accuracy", score.classifier_accuracy());
    }
    figures.emplace_back("samples_compared", static_cast<double>(score.size()));
    run.note(score.about());
  }
  if (options.orderings > 1) {
    const SampleScore score = make_score(data, options.orderings, run);
    if (!score.has_features()) throw UsageError("--orderings: these data have no labels");
    table_of_samplers(model, score, run);
  }
  return figures;
}

}  // namespace nabla::models
