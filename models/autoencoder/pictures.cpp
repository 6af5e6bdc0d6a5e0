#include "models/autoencoder/pictures.hpp"

#include <algorithm>

#include "datasets/batches.hpp"
#include "models/draw/plot.hpp"
#include "models/measure/sample_score.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t bar = 6;  // pixels between groups
constexpr Real bar_grey = Real(1);

}  // namespace

Array stacked(const datasets::Dataset& data, const std::vector<Array>& groups,
              std::size_t columns) {
  std::vector<Array> grids;
  std::size_t height = 0;
  for (const Array& group : groups) {
    grids.push_back(grid(group, data.height, data.width, columns));
    height += grids.back().shape()[0] + (grids.size() == 1 ? 0 : bar);
  }
  Shape shape = grids.at(0).shape();
  const std::size_t line = grids[0].size() / shape[0];
  shape[0] = height;
  Array all = full(shape, bar_grey);
  std::size_t at = 0;
  for (const Array& part : grids) {
    std::copy_n(part.data(), part.size(), all.data() + at * line);
    at += part.shape()[0] + bar;
  }
  return enlarge(all, 2);
}

Array first_rows_of(const Array& x, std::size_t count) {
  std::vector<std::size_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = i % x.shape()[0];
  return datasets::take_rows(x, rows);
}

Array first_rows_of(const datasets::Rows& x, std::size_t count) {
  std::vector<std::size_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = i % x.size();
  return x.take(rows);
}

Array one_below_the_other(const std::vector<Array>& lists, std::size_t columns) {
  const std::size_t n = lists.at(0).shape()[0], D = lists[0].shape()[1];
  Array all = empty({lists.size() * n, D});
  Real* next = all.data();
  for (std::size_t from = 0; from < n; from += columns) {
    for (const Array& list : lists) {
      next = std::copy_n(list.data() + from * D, columns * D, next);
    }
  }
  return all;
}

Array interpolations(const Array& from, const Array& from_codes, const Array& to,
                     const Array& to_codes, const std::function<Array(const Array&)>& decode,
                     std::size_t columns) {
  const std::size_t n = from.shape()[0], D = from.shape()[1], Z = from_codes.shape()[1];
  const std::size_t steps = columns - 2;
  Array z = empty({n * steps, Z});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t s = 0; s < steps; ++s) {
      const Real t = static_cast<Real>(s) / static_cast<Real>(std::max<std::size_t>(1, steps - 1));
      for (std::size_t d = 0; d < Z; ++d) {
        z(i * steps + s, d) = (1 - t) * from_codes(i, d) + t * to_codes(i, d);
      }
    }
  }
  const Array between = decode(z);
  Array all = empty({n * columns, D});
  Real* next = all.data();
  for (std::size_t i = 0; i < n; ++i) {
    next = std::copy_n(from.data() + i * D, D, next);
    next = std::copy_n(between.data() + i * steps * D, steps * D, next);
    next = std::copy_n(to.data() + i * D, D, next);
  }
  return all;
}

void draw_pictures(Run& run, const Autoencoder& model, const datasets::Dataset& data) {
  Rng rng(run.seed(), 20);
  run.image("samples.png", stacked(data, {model.images(rng.normal({100, model.latent()}))}, 10),
            "100 samples: decoded z ~ N(0, I)");
  const Array x = first_rows_of(data.test, 20);
  run.image("reconstructions.png",
            stacked(data, {one_below_the_other({x, model.reconstruct(x)}, 10)}, 10),
            "Test images, and below each its reconstruction");
  const Array from = first_rows_of(data.test, 6);
  const Array to = datasets::take_rows(first_rows_of(data.test, 12), {6, 7, 8, 9, 10, 11});
  const Array between = interpolations(
      from, model.codes(from), to, model.codes(to), [&](const Array& z) { return model.images(z); },
      12);
  run.image("interpolations.png", stacked(data, {between}, 12),
            "Between two test images: decoded points on the line between their codes");
  if (model.latent() != 2) return;
  const Array codes = model.codes(data.test.all());
  const std::vector<int> classes(data.test_labels.begin(), data.test_labels.end());
  run.image("codes.png", scatter(codes, classes, window_around(codes)),
            "Codes of the test images, coloured by class");
}

void add_sample_figures(Run& run, const Autoencoder& model, const datasets::Dataset& data,
                        std::size_t compare, Figures& figures) {
  const SampleScore score(data, compare, [&run](std::size_t done, std::size_t total) {
    run.evaluating("a classifier, for its features", done, total);
  });
  Rng rng(run.seed(), 23);
  const Array samples = model.images(rng.normal({score.size(), model.latent()}));
  for (const auto& figure : figures_of("samples_", score(samples))) figures.push_back(figure);
  for (const auto& figure : figures_of("real_", score.of_real_images())) figures.push_back(figure);
  if (score.has_features()) {
    figures.emplace_back("classifier_test_accuracy", score.classifier_accuracy());
  }
  figures.emplace_back("samples_compared", static_cast<double>(score.size()));
  run.note(score.about());
}

}  // namespace nabla::models
