#include "models/measure/sample_score.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

namespace nabla::models {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t projections = 100;

std::size_t common_size(const datasets::Dataset& data, std::size_t most) {
  const std::size_t n = std::min({most, data.valid.size(), data.test.size()});
  if (n < 2) {
    throw std::invalid_argument("SampleScore: needs 2 images to validate and to test, got " +
                                to_string(data.valid.shape()) + " and " +
                                to_string(data.test.shape()));
  }
  return n;
}

}  // namespace

SampleScore::SampleScore(const datasets::Dataset& data, std::size_t most,
                         const std::function<void(std::size_t, std::size_t)>& progress)
    : test_(data.test.first(common_size(data, most))),
      valid_(data.valid.first(common_size(data, most))),
      kernel_(Kernel::gaussian(median_distance(test_))),
      accuracy_(unknown) {
  if (!data.has_labels()) return;
  classifier_ = std::make_shared<const Classifier>(Classifier::fit(data, {}, progress));
  accuracy_ = classifier_->accuracy(data.test.all(), data.test_labels);
  test_features_ = classifier_->features(test_);
}

std::string SampleScore::about() const {
  const std::string n = std::to_string(size());
  std::string text = "Distances are between " + n + " samples and " + n +
                     " test images; MMD² is estimated without bias, so that near 0 it is negative "
                     "as often as not. ";
  if (!has_features()) {
    return text + "Without labels there is no classifier: no distances in features.";
  }
  std::ostringstream percent;
  percent << std::fixed << std::setprecision(1) << 100 * accuracy_;
  return text + "Features are the last hidden layer of a classifier trained here, right on " +
         percent.str() +
         " % of the test set. Fréchet distances in them are no FIDs, and not to be set beside "
         "published ones.";
}

std::vector<std::pair<std::string, double>> figures_of(const std::string& prefix,
                                                       const SampleDistances& distances) {
  std::vector<std::pair<std::string, double>> figures{
      {prefix + "sliced_wasserstein1_pixels", distances.sliced_wasserstein1},
      {prefix + "mmd2_pixels", distances.mmd2},
      {prefix + "sliced_wasserstein1_features", distances.sliced_wasserstein1_features},
      {prefix + "frechet_features", distances.frechet_features}};
  figures.erase(std::remove_if(figures.begin(), figures.end(),
                               [](const auto& figure) { return std::isnan(figure.second); }),
                figures.end());
  return figures;
}

std::vector<std::string> distance_headings(const std::string& what) {
  return {"sliced W₁, " + what, "MMD², " + what, "sliced W₁, features", "Fréchet, features"};
}

std::vector<std::string> cells_of(const SampleDistances& distances) {
  return {cell(distances.sliced_wasserstein1), cell(distances.mmd2),
          cell(distances.sliced_wasserstein1_features), cell(distances.frechet_features)};
}

std::string cell(double value) {
  if (!std::isfinite(value)) return "";
  std::ostringstream text;
  text << std::fixed << std::setprecision(std::abs(value) < 10 ? 4 : 2) << value;
  return text.str();
}

SampleDistances SampleScore::operator()(const Array& samples) const {
  if (samples.shape() != test_.shape()) {
    throw std::invalid_argument("SampleScore: samples must be " + to_string(test_.shape()) +
                                ", got " + to_string(samples.shape()));
  }
  Rng rng(1, 30), rng_features(1, 31);
  SampleDistances result{mmd2_unbiased(samples, test_, kernel_),
                         sliced_wasserstein1(samples, test_, projections, rng), unknown, unknown};
  if (classifier_ == nullptr) return result;
  const Array features = classifier_->features(samples);
  result.sliced_wasserstein1_features =
      sliced_wasserstein1(features, test_features_, projections, rng_features);
  result.frechet_features = frechet_distance(features, test_features_);
  return result;
}

}  // namespace nabla::models
