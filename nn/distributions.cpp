#include "nn/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/functions.hpp"

namespace nabla::nn {
namespace {

using simd::term, simd::Vector;

const Real half_log_2pi = static_cast<Real>(0.5 * std::log(2 * std::acos(-1.0)));

// w v, and 0 where w is, whatever v: what has probability 0 adds nothing to a mean, though its
// logarithm is −∞.
Vector weigh(const Vector& w, const Vector& v) {
  const Vector zero(Real(0));
  return simd::select(w == zero, zero, w * v);
}
// By w, whose own slope is 0 where w is: there v, which may be huge or −∞, must not meet it.
Vector slope_of_weight(const Vector& w, const Vector& v) {
  const Vector zero(Real(0));
  return simd::select(w == zero, zero, v);
}
Tensor weighted(const Tensor& weight, const Tensor& value) {
  const Shape shape = broadcast_shape("weighted", weight.shape(), value.shape());
  return record(
      "weighted", compute(term<weigh>(spread(weight.value(), shape), spread(value.value(), shape))),
      [](Node& out, Node& w, Node& v) {
        const Shape& shape = out.value.shape();
        accumulate_summed(
            w, out.grad() * term<slope_of_weight>(spread(w.value, shape), spread(v.value, shape)));
        accumulate_summed(v, term<weigh>(spread(w.value, shape), out.grad()));
      },
      weight, value);
}

// (d e^(−s/2)) e^(−s/2): e⁻ˢ alone would overflow, and meet d = 0, long before d e⁻ˢ does. Beyond
// the bounds of s its square is 0 or ∞ for any d ≠ 0.
Vector per_scale(const Vector& d, const Vector& s) {
  const Real bound = sizeof(Real) == 8 ? 1400 : 172;
  const Vector within = simd::at_least(-bound, simd::at_most(bound, s));
  const Vector root = simd::exp(Vector(Real(-0.5)) * within);
  return d * root * root;
}

// z = (x − μ) / σ, σ = e^log_std         dx = g / σ, dμ = −g / σ, d log_std = −g z
Tensor standardised(const Tensor& x, const Tensor& mean, const Tensor& log_std) {
  const Tensor difference = x - mean;
  const Shape shape = broadcast_shape("Normal", difference.shape(), log_std.shape());
  return record(
      "standardised",
      compute(term<per_scale>(spread(difference.value(), shape), spread(log_std.value(), shape))),
      [](Node& out, Node& d, Node& s) {
        accumulate_summed(d, term<per_scale>(out.grad(), spread(s.value, out.value.shape())));
        accumulate_summed(s, Real(-1) * term<weigh>(out.grad(), out.value));
      },
      difference, log_std);
}

// ½ z²         dz = g z, and 0 where g is, also for infinite z: a component of a mixture that has
// no share in x
Tensor half_square(const Tensor& z) {
  return record(
      "half_square", compute(Real(0.5) * z.value() * z.value()),
      [](Node& out, Node& z) { z.accumulate(term<weigh>(out.grad(), z.value)); }, z);
}

// ½ (e^2s − 1) − s, which σ = eˢ adds to a divergence; 2s may be beyond the largest number
Vector scale_excess(const Vector& s) {
  using std::abs;
  const Vector half(Real(0.5)), twice = s + s;
  return simd::select(abs(s) < Vector(Real(100)), half * simd::expm1_excess(twice),
                      half * simd::expm1(twice) - simd::at_most(simd::largest, s));
}
Vector scale_excess_slope(const Vector& s) {
  return simd::expm1(s + s);
}
Tensor excess_of_scale(const Tensor& s) {
  return record(
      "excess_of_scale", compute(term<scale_excess>(s.value())),
      [](Node& out, Node& s) { s.accumulate(out.grad() * term<scale_excess_slope>(s.value)); }, s);
}

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
  return softplus(-a) + weighted(sigmoid(-a), a);
}

Array Bernoulli::sample(Rng& rng) const {
  const NoGrad no_grad;
  return rng.bernoulli(probs().value());
}

namespace {

Vector log_logistic(const Vector& x) {
  return simd::at_most(0, x) - simd::log1p_exp(x);
}
// p (ln p − ln q) + (1 − p) (ln(1 − p) − ln(1 − q)) of p = σ(a), q = σ(b)
Vector bernoulli_kl(const Vector& a, const Vector& b) {
  const Vector zero(Real(0)), not_a = zero - a, not_b = zero - b;
  return weigh(simd::logistic(a), log_logistic(a) - log_logistic(b)) +
         weigh(simd::logistic(not_a), log_logistic(not_a) - log_logistic(not_b));
}
// p (1 − p) (a − b), where p = 0 and p = 1 stay what they are, whatever b is
Vector bernoulli_kl_by_a(const Vector& a, const Vector& b) {
  const Vector deviation = simd::logistic(a) * simd::logistic(Vector(Real(0)) - a);
  return simd::select(b == b, weigh(deviation, a - b), b);
}
// q − p
Vector bernoulli_kl_by_b(const Vector& a, const Vector& b) {
  return simd::logistic(b) - simd::logistic(a);
}

}  // namespace

Tensor kl_divergence(const Bernoulli& p, const Bernoulli& q) {
  const Shape shape = broadcast_shape("kl_divergence", p.logits().shape(), q.logits().shape());
  return record(
      "kl_divergence",
      compute(
          term<bernoulli_kl>(spread(p.logits().value(), shape), spread(q.logits().value(), shape))),
      [](Node& out, Node& a, Node& b) {
        const Shape& shape = out.value.shape();
        accumulate_summed(a, out.grad() * term<bernoulli_kl_by_a>(spread(a.value, shape),
                                                                  spread(b.value, shape)));
        accumulate_summed(b, out.grad() * term<bernoulli_kl_by_b>(spread(a.value, shape),
                                                                  spread(b.value, shape)));
      },
      p.logits(), q.logits());
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
  return -sum(weighted(probs(), log_softmax(logits_)), {-1});
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
  return sum(weighted(p.probs(), log_softmax(p.logits()) - log_softmax(q.logits())), {-1});
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
  const Tensor z = standardised(x, mean_, log_std_);
  return -half_square(z) - log_std_ - half_log_2pi;
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

// With d = ln σp − ln σq: ½ (e^2d − 1) − d + ½ ((μp − μq)/σq)². The first part keeps its digits
// where the two are nearly equal.
Tensor kl_divergence(const Normal& p, const Normal& q) {
  const Tensor z = standardised(p.mean(), q.mean(), q.log_std());
  return excess_of_scale(p.log_std() - q.log_std()) + half_square(z);
}

Tensor kl_to_standard_normal(const Normal& p) {
  return excess_of_scale(p.log_std()) + square(p.mean()) * Real(0.5);
}

}  // namespace nabla::nn
