#include "models/measure/features.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "autograd/ops.hpp"
#include "datasets/batches.hpp"
#include "models/measure/in_pieces.hpp"
#include "nn/dropout.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace nabla::models {
namespace {

std::vector<std::size_t> sizes(std::size_t data, std::size_t classes,
                               const ClassifierOptions& options) {
  if (options.hidden.empty()) throw std::invalid_argument("Classifier: at least one hidden layer");
  std::vector<std::size_t> result{data};
  result.insert(result.end(), options.hidden.begin(), options.hidden.end());
  result.push_back(classes);
  return result;
}

}  // namespace

Classifier::Classifier(std::size_t data, std::size_t classes, const ClassifierOptions& options,
                       Rng& rng)
    : options_(options), layers_(sizes(data, classes, options), rng) {
  children({{"layers", layers_}});
}

Tensor Classifier::hidden(const Tensor& x, Rng* dropout) const {
  const nn::Dropout drop(static_cast<Real>(options_.dropout));
  Tensor h = x;
  for (std::size_t i = 0; i + 1 < layers_.layers().size(); ++i) {
    h = relu(layers_.layers()[i](h));
    if (dropout != nullptr) h = drop(h, *dropout);
  }
  return h;
}

Tensor Classifier::logits(const Tensor& x) const {
  return layers_.layers().back()(hidden(x, nullptr));
}

Array Classifier::features(const Array& images) const {
  const NoGrad no_grad;
  return in_pieces(images, [&](const Array& x) { return hidden(Tensor(x), nullptr).value(); });
}

IndexArray Classifier::predict(const Array& images) const {
  const NoGrad no_grad;
  const Array scores = in_pieces(images, [&](const Array& x) { return logits(Tensor(x)).value(); });
  const std::size_t n = scores.shape()[0], K = scores.shape()[1];
  IndexArray classes(IndexArray::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) {
    const Real* const row = scores.data() + i * K;
    classes(i) = std::max_element(row, row + K) - row;
  }
  return classes;
}

double Classifier::accuracy(const Array& images, const IndexArray& labels) const {
  const IndexArray classes = predict(images);
  if (classes.size() != labels.size() || labels.size() == 0) {
    throw std::invalid_argument("Classifier: " + std::to_string(classes.size()) + " images and " +
                                std::to_string(labels.size()) + " labels");
  }
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += classes(i) == labels(i) ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

Classifier Classifier::fit(const datasets::Dataset& data, const ClassifierOptions& options,
                           const std::function<void(std::size_t, std::size_t)>& progress) {
  if (!data.has_labels()) {
    throw std::invalid_argument("Classifier: " + data.name + " has no labels");
  }
  const auto [least, most] =
      std::minmax_element(data.train_labels.begin(), data.train_labels.end());
  if (*least < 0) throw std::invalid_argument("Classifier: " + data.name + " has negative labels");
  const std::size_t classes = static_cast<std::size_t>(*most) + 1;
  Rng init(options.seed, 0), dropout(options.seed, 1);
  const Classifier model(data.columns, classes, options, init);
  nn::Adam adam(model.parameters(), {options.lr});
  const datasets::Batches first(data.train.size(), options.batch_size, options.seed, 1);
  const std::size_t steps = std::min(options.steps, options.most_epochs * first.size());
  std::size_t done = 0;
  for (std::uint64_t epoch = 1; done < steps; ++epoch) {
    for (const std::vector<std::size_t>& rows :
         datasets::Batches(data.train.size(), options.batch_size, options.seed, epoch)) {
      if (done == steps) break;
      if (progress) progress(done, steps);
      adam.set_lr(options.lr * nn::schedule::cosine(done, steps));
      const Tensor x(data.train.take(rows));
      const Tensor h = model.hidden(x, &dropout);
      const Tensor loss = mean(cross_entropy(model.layers_.layers().back()(h),
                                             datasets::take_rows(data.train_labels, rows)));
      adam.clear_grad();
      loss.backward();
      adam.step();
      ++done;
    }
  }
  return model;
}

}  // namespace nabla::models
