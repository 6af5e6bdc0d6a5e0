#include "nn/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nabla::nn {
namespace {

const Real half_log_2pi = static_cast<Real>(0.5 * std::log(2 * std::acos(-1.0)));

}  // namespace

// Bernoulli -----------------------------------------------------------------------------------

Tensor Bernoulli::log_prob(const Array& x) const {
  if (x.shape() == logits_.shape()) return -binary_cross_entropy(logits_, x);
  const Shape shape = broadcast_shape("Bernoulli::log_prob", logits_.shape(), x.shape());
  const Array wide = x.shape() == shape ? x : broadcast_to(constant(x), shape).value();
  return -binary_cross_entropy(broadcast_to(logits_, shape), wide);
}

// With a = |l|, by symmetry: −σ(a) ln σ(a) − σ(−a) ln σ(−a) = softplus(−a) + a σ(−a). Both terms
// are positive, so that a tiny entropy is still exact.
Tensor Bernoulli::entropy() const {
  const Tensor a = abs(logits_);
  return softplus(-a) + a * sigmoid(-a);
}

Array Bernoulli::sample(Rng& rng) const {
  const NoGrad no_grad;
  return rng.bernoulli(probs().value());
}

// p (ln p − ln q) + (1 − p) (ln(1 − p) − ln(1 − q))
Tensor kl_divergence(const Bernoulli& p, const Bernoulli& q) {
  const Tensor& a = p.logits();
  const Tensor& b = q.logits();
  return sigmoid(a) * (log_sigmoid(a) - log_sigmoid(b)) +
         sigmoid(-a) * (log_sigmoid(-a) - log_sigmoid(-b));
}

// Categorical ---------------------------------------------------------------------------------

Categorical::Categorical(Tensor logits) : logits_(std::move(logits)) {
  if (logits_.ndim() == 0 || logits_.size(-1) == 0) {
    throw std::invalid_argument("Categorical: logits need a last axis of classes, got " +
                                to_string(logits_.shape()));
  }
}

Tensor Categorical::log_prob(const IndexArray& classes) const {
  return -cross_entropy(logits_, classes);
}

// −Σₖ pₖ ln pₖ
Tensor Categorical::entropy() const {
  return -sum(probs() * log_softmax(logits_), {-1});
}

IndexArray Categorical::sample(Rng& rng) const {
  const std::size_t classes = logits_.size(-1);
  const Shape rows(logits_.shape().begin(), logits_.shape().end() - 1);
  const Array u = rng.uniform(rows);
  IndexArray out(IndexArray::shape_type(rows.begin(), rows.end()));
  for (std::size_t row = 0; row < out.size(); ++row) {
    const Real* const l = logits_.value().data() + row * classes;
    const double largest = static_cast<double>(*std::max_element(l, l + classes));
    const auto weight = [&](std::size_t k) {
      return std::exp(static_cast<double>(l[k]) - largest);
    };
    double total = 0;
    for (std::size_t k = 0; k < classes; ++k) total += weight(k);
    if (!std::isfinite(total)) {
      throw std::invalid_argument("Categorical::sample: row " + std::to_string(row) +
                                  " of logits " + to_string(logits_.shape()) +
                                  " has a NaN, or no largest finite number");
    }
    // The first class whose cumulative weight is above u · total: never one of weight 0.
    const double threshold = static_cast<double>(u.data()[row]) * total;
    double cumulative = 0;
    std::size_t chosen = 0;
    for (std::size_t k = 0; k < classes && cumulative <= threshold; ++k) {
      const double w = weight(k);
      cumulative += w;
      if (w > 0) chosen = k;
    }
    out.data()[row] = static_cast<std::int64_t>(chosen);
  }
  return out;
}

// Σₖ pₖ (ln pₖ − ln qₖ)
Tensor kl_divergence(const Categorical& p, const Categorical& q) {
  if (p.logits().size(-1) != q.logits().size(-1)) {
    throw std::invalid_argument("kl_divergence: categoricals need the same classes, got logits " +
                                to_string(p.logits().shape()) + " and " +
                                to_string(q.logits().shape()));
  }
  return sum(p.probs() * (log_softmax(p.logits()) - log_softmax(q.logits())), {-1});
}

// Normal --------------------------------------------------------------------------------------

Normal::Normal(Tensor mean, Tensor log_std) : mean_(std::move(mean)), log_std_(std::move(log_std)) {
  shape();  // throws unless the two broadcast
}

Normal Normal::from_log_std(Tensor mean, Tensor log_std) {
  return Normal(std::move(mean), std::move(log_std));
}

Normal Normal::from_log_var(Tensor mean, const Tensor& log_var) {
  return Normal(std::move(mean), log_var * Real(0.5));
}

Shape Normal::shape() const {
  return broadcast_shape("Normal", mean_.shape(), log_std_.shape());
}

Tensor Normal::log_prob(const Tensor& x) const {
  const Tensor z = (x - mean_) * exp(-log_std_);
  return square(z) * Real(-0.5) - log_std_ - half_log_2pi;
}

Tensor Normal::entropy() const {
  return broadcast_to(log_std_ + (half_log_2pi + Real(0.5)), shape());
}

Array Normal::sample(Rng& rng) const {
  const NoGrad no_grad;
  return rsample(rng).value();
}

Tensor Normal::rsample(Rng& rng) const {
  return mean_ + std_dev() * constant(rng.normal(shape()));
}

// With d = ln σp − ln σq: ½ (e^2d − 1 − 2d) + ½ ((μp − μq)/σq)². expm1 keeps the digits where the
// two are nearly equal.
Tensor kl_divergence(const Normal& p, const Normal& q) {
  const Tensor d = (p.log_std() - q.log_std()) * Real(2);
  const Tensor z = (p.mean() - q.mean()) * exp(-q.log_std());
  return (expm1(d) - d + square(z)) * Real(0.5);
}

Tensor kl_to_standard_normal(const Normal& p) {
  const Tensor log_var = p.log_std() * Real(2);
  return (expm1(log_var) - log_var + square(p.mean())) * Real(0.5);
}

}  // namespace nabla::nn
