// A small classifier of images, trained on the spot: its last hidden layer describes an image by
// what it shows rather than pixel by pixel. Distances between samples and data are measured there.
//
//   h = relu(W₂ relu(W₁ x + b₁) + b₂)        features, (n, F)
//   p(class | x) = softmax(W₃ h + b₃)
//
// The published Fréchet distances (FID) are in the features of another network, trained on a
// million photographs: figures from here must not be set beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "autograd/random.hpp"
#include "autograd/tensor.hpp"
#include "datasets/dataset.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"

namespace nabla::models {

struct ClassifierOptions {
  std::vector<std::size_t> hidden{256, 64};  ///< the last is F
  std::size_t steps = 2000;                  ///< of training
  std::size_t most_epochs = 40;              ///< fewer steps on few examples
  std::size_t batch_size = 128;
  double lr = 2e-3;         ///< of Adam, falling to 0 along a cosine
  double dropout = 0.2;     ///< behind each hidden layer
  std::uint64_t seed = 11;  ///< of weights, order and dropout: not the run's, so that all runs on
                            ///< equal data are measured in the same features
};

class Classifier : public nn::Module {
 public:
  /// D numbers an image, K classes; not trained yet. Throws std::invalid_argument without a hidden
  /// layer.
  Classifier(std::size_t data, std::size_t classes, const ClassifierOptions& options, Rng& rng);

  /// Trained on data.train and its labels, a few seconds; on one machine the same bits each time.
  /// `progress` hears of steps done and in all. Throws std::invalid_argument if there are no
  /// labels, or one is negative.
  static Classifier fit(const datasets::Dataset& data, const ClassifierOptions& options = {},
                        const std::function<void(std::size_t, std::size_t)>& progress = {});

  Tensor logits(const Tensor& x) const;           ///< (n, D) → (n, K)
  Array features(const Array& images) const;      ///< (n, D) → (n, F)
  IndexArray predict(const Array& images) const;  ///< the most probable class, (n,)
  double accuracy(const Array& images, const IndexArray& labels) const;  ///< a share, 0 to 1

  std::size_t feature_count() const { return options_.hidden.back(); }

 private:
  Tensor hidden(const Tensor& x, Rng* dropout) const;  // no dropout without an Rng

  ClassifierOptions options_;
  nn::MLP layers_;
};

}  // namespace nabla::models
