// Samples of any image model against test images: the same figures, from the same test images and
// in the same features, for all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.hpp"
#include "models/measure/features.hpp"
#include "models/measure/metrics.hpp"

namespace nabla::models {

/// How far samples are from test images. Where the data have no labels there are no features: the
/// figures in features are NaN.
struct SampleDistances {
  double mmd2;                          ///< unbiased, Gaussian kernel on pixels: may be negative
  double sliced_wasserstein1;           ///< on pixels
  double sliced_wasserstein1_features;  ///< in a classifier's features
  double frechet_features;              ///< likewise; biased, comparable at equal size() only
};

/// Under keys such as "PREFIXfrechet_features"; those not measured are left out.
std::vector<std::pair<std::string, double>> figures_of(const std::string& prefix,
                                                       const SampleDistances& distances);

/// For a table: the same figures as text, in the order of distance_headings(); empty where they
/// were not measured. `what` samples are of: "pixels".
std::vector<std::string> distance_headings(const std::string& what = "pixels");
std::vector<std::string> cells_of(const SampleDistances& distances);
std::string cell(double value);  ///< "0.0082", "28.31"; "" of NaN

class SampleScore {
 public:
  /// size() is min(most, validation images, test images). Trains the classifier, if there are
  /// labels. Throws std::invalid_argument on data with less than 2 images to test or validate.
  explicit SampleScore(const datasets::Dataset& data, std::size_t most = 5000,
                       const std::function<void(std::size_t, std::size_t)>& progress = {});

  std::size_t size() const { return test_.shape()[0]; }  ///< samples to hand in, and test images

  /// samples (size(), D) against the test images. The directions of the slices are the same each
  /// time. Throws std::invalid_argument on another shape.
  SampleDistances operator()(const Array& samples) const;

  /// What validation images score, images that no model has seen either: the scale of all other
  /// figures. Nothing but memory gets below it systematically.
  SampleDistances of_real_images() const { return (*this)(valid_); }

  bool has_features() const { return classifier_ != nullptr; }
  /// Of the test set; NaN without labels.
  double classifier_accuracy() const { return accuracy_; }
  /// What a reader of the figures must know: the classifier's accuracy, and what not to compare.
  std::string about() const;

 private:
  Array test_, valid_, test_features_;
  Kernel kernel_;
  std::shared_ptr<const Classifier> classifier_;
  double accuracy_;
};

}  // namespace nabla::models
