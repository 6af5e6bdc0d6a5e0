#include "nn/mixture.hpp"

#include <cmath>
#include <stdexcept>

#include "nn/distributions.hpp"

namespace nabla::nn {

MixtureOfNormals::MixtureOfNormals(Tensor logits, Tensor means, Tensor log_std)
    : logits_(std::move(logits)), means_(std::move(means)), log_std_(std::move(log_std)) {
  const bool equal = logits_.shape() == means_.shape() && logits_.shape() == log_std_.shape();
  if (!equal || logits_.ndim() == 0 || logits_.size(-1) == 0) {
    throw std::invalid_argument(
        "MixtureOfNormals: logits, means and log_std need one shape (…, K), got " +
        to_string(logits_.shape()) + ", " + to_string(means_.shape()) + " and " +
        to_string(log_std_.shape()));
  }
}

Tensor MixtureOfNormals::log_prob(const Tensor& x) const {
  NewShape column(x.shape().begin(), x.shape().end());
  column.push_back(1);
  const Tensor each = Normal::from_log_std(means_, log_std_).log_prob(reshape(x, column));
  return logsumexp(log_softmax(logits_) + each, {-1});  // (…, K) → (…)
}

Tensor MixtureOfNormals::mean() const {
  return sum(softmax(logits_) * means_, {-1});
}

Array MixtureOfNormals::sample(Rng& rng) const {
  const IndexArray component = Categorical(logits_).sample(rng);
  const std::size_t count = logits_.size(-1);
  Array x = rng.normal(Shape(component.shape().begin(), component.shape().end()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t k = i * count + static_cast<std::size_t>(component.data()[i]);
    x.data()[i] = means_.value().data()[k] + std::exp(log_std_.value().data()[k]) * x.data()[i];
  }
  return x;
}

}  // namespace nabla::nn
