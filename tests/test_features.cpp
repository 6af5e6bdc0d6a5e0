// The classifier whose features samples are compared in, and the comparison.
#include <cmath>
#include <doctest/doctest.h>

#include "datasets/dataset.hpp"
#include "models/measure/features.hpp"
#include "models/measure/sample_score.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

// Three kinds of images of 6 pixels: a third of them bright, the rest dark, all with noise.
datasets::Dataset stripes(std::size_t n, bool labelled = true) {
  Rng rng(1);
  datasets::Dataset data;
  data.name = "stripes";
  const auto draw = [&](datasets::Rows& rows, IndexArray& labels) {
    Array x = rng.uniform({n, 6}, 0, Real(0.3));
    labels = rng.integers({n}, 0, 3);
    for (std::size_t r = 0; r < n; ++r) {
      const std::size_t at = 2 * static_cast<std::size_t>(labels(r));
      x(r, at) += Real(0.4);
      x(r, at + 1) += Real(0.4);
    }
    if (!labelled) labels = datasets::no_labels();
    rows = datasets::Rows(std::move(x));
  };
  draw(data.train, data.train_labels);
  draw(data.valid, data.valid_labels);
  draw(data.test, data.test_labels);
  data.height = 2;
  data.width = 3;
  data.channels = 1;
  describe(data);
  return data;
}

ClassifierOptions small() {
  ClassifierOptions options;
  options.hidden = {16, 4};
  options.steps = 200;
  return options;
}

}  // namespace

TEST_CASE("features: a classifier learns, and is the same each time") {
  const datasets::Dataset data = stripes(600);
  std::size_t calls = 0;
  const Classifier a = Classifier::fit(data, small(), [&](std::size_t done, std::size_t total) {
    CHECK(done < total);
    ++calls;
  });
  CHECK(calls == 200);
  CHECK(a.accuracy(data.test.all(), data.test_labels) > 0.97);
  CHECK(a.parameter_count() == (6 * 16 + 16) + (16 * 4 + 4) + (4 * 3 + 3));
  const Array features = a.features(data.test.all());
  CHECK(features.shape() == Shape{600, 4});
  CHECK(a.feature_count() == 4);
  for (const Real f : features) CHECK_UNARY(f >= 0);
  const Classifier b = Classifier::fit(data, small());
  CHECK(b.features(data.test.all()) == features);
  ClassifierOptions other = small();
  other.seed = 12;
  CHECK_FALSE(Classifier::fit(data, other).features(data.test.all()) == features);
  CHECK(a.predict(data.test.all()).size() == 600);
}

TEST_CASE("features: gradients reach every layer of the classifier") {
  Rng rng(2);
  const Classifier model(6, 3, small(), rng);
  const IndexArray classes{0, 1, 2, 1};
  const Tensor x(points({4, 6}, 0, 1));
  mean(cross_entropy(model.logits(x), classes)).backward();
  check_gradient_reaches(model);
}

TEST_CASE("features: few examples are not trained on for ever, and bad data are refused") {
  const datasets::Dataset data = stripes(100);
  ClassifierOptions options = small();
  options.most_epochs = 3;
  std::size_t calls = 0;
  Classifier::fit(data, options, [&](std::size_t, std::size_t total) {
    CHECK(total == 3);
    ++calls;
  });
  CHECK(calls == 3);
  CHECK(message_of([&] { Classifier::fit(stripes(20, false)); }) ==
        "Classifier: stripes has no labels");
  options.hidden = {};
  CHECK(message_of([&] { Classifier::fit(data, options); }) ==
        "Classifier: at least one hidden layer");
}

TEST_CASE("sample score: real images are near, noise is far, and nothing depends on the order") {
  const datasets::Dataset data = stripes(500);
  const SampleScore score(data, 400);
  CHECK(score.size() == 400);
  CHECK(score.classifier_accuracy() > 0.9);
  const SampleDistances real = score.of_real_images();
  Rng rng(3);
  const Array noise = rng.uniform({400, 6}, Real(0.4), Real(0.9));
  const SampleDistances far = score(noise), again = score(noise);
  CHECK(far.frechet_features > 3 * real.frechet_features);
  CHECK(far.sliced_wasserstein1 > 3 * real.sliced_wasserstein1);
  CHECK(far.sliced_wasserstein1_features > 3 * real.sliced_wasserstein1_features);
  CHECK(far.mmd2 > 10 * std::abs(real.mmd2));
  CHECK(far.sliced_wasserstein1 == again.sliced_wasserstein1);  // the same directions
  CHECK(message_of([&] {
          score(zeros({3, 6}));
        }) == "SampleScore: samples must be (400, 6), got (3, 6)");
}

TEST_CASE("sample score: without labels no features") {
  const SampleScore score(stripes(100, false));
  CHECK(score.size() == 100);
  CHECK_FALSE(score.has_features());
  const SampleDistances real = score.of_real_images();
  CHECK(std::isfinite(real.sliced_wasserstein1));
  CHECK(std::isnan(real.frechet_features));
  CHECK(std::isnan(score.classifier_accuracy()));
}
