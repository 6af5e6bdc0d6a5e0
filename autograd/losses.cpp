// Losses: one number per element or example, from logits, so that no logarithm of a rounded
// probability is ever taken. In the comments g is the gradient of the result, out.grad().
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/channels.hpp"
#include "autograd/kernels/functions.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/ops.hpp"

namespace nabla {

using simd::term;

// Arrays are captured by initialisers, [t = Array(t)]: a plain [t] of a const reference makes a
// const member, and that is copied each time the lambda moves.

namespace {

void check_probabilities(const char* operation, const Array& targets) {
  const Real* const t = targets.data();
  int outside = 0;  // NaN fails both comparisons
#pragma omp parallel for simd reduction(| : outside) if (targets.size() >= parallel_threshold)
  for (std::size_t i = 0; i < targets.size(); ++i) outside |= t[i] >= 0 && t[i] <= 1 ? 0 : 1;
  if (outside == 0) return;
  const Real* const bad =
      std::find_if(t, t + targets.size(), [](Real p) { return !(p >= 0 && p <= 1); });
  throw std::invalid_argument(std::string(operation) + ": target " + std::to_string(*bad) +
                              " at flat index " + std::to_string(bad - t) + " of " +
                              to_string(targets.shape()) + " is outside [0, 1]");
}

void check_classes(const Shape& logits, const IndexArray& classes) {
  const Shape shape(classes.shape().begin(), classes.shape().end());
  if (logits.empty() || shape != Shape(logits.begin(), logits.end() - 1)) {
    throw std::invalid_argument("cross_entropy: logits (…, K) need one class for each row, got " +
                                to_string(logits) + " and classes " + to_string(shape));
  }
  const std::int64_t count = static_cast<std::int64_t>(logits.back());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::int64_t c = classes.data()[i];
    if (c >= 0 && c < count) continue;
    throw std::invalid_argument("cross_entropy: class " + std::to_string(c) + " at flat index " +
                                std::to_string(i) + " of " + to_string(shape) + " is outside [0, " +
                                std::to_string(count) + ")");
  }
}

}  // namespace

// −t ln σ(l) − (1 − t) ln(1 − σ(l)) = max(l, 0) − t l + ln(1 + e^(−|l|))         dl = g (σ(l) − t)
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& targets) {
  if (targets.shape() != logits.shape()) {
    throw std::invalid_argument("binary_cross_entropy: targets must have the logits' shape, got " +
                                to_string(logits.shape()) + " and " + to_string(targets.shape()));
  }
  if (targets.requires_grad()) {
    throw std::invalid_argument("binary_cross_entropy: targets get no gradient; detach() them");
  }
  check_probabilities("binary_cross_entropy", targets.value());
  const Array& l = logits.value();
  const Array& t = targets.value();
  return record(
      "binary_cross_entropy", compute(term<simd::cross_entropy>(l, t)),
      [](Node& out, Node& l, Node& t) {
        l.accumulate(out.grad() * (term<simd::logistic>(l.value) - t.value));
      },
      logits, targets);
}

Tensor binary_cross_entropy(const Tensor& logits, const Array& targets) {
  return binary_cross_entropy(logits, Tensor(targets));
}

// Σ_d x_d l_d − softplus(l_d), softplus(l) = max(l, 0) + ln(1 + e^(−|l|))        dl = g (x − σ(l))
// One pass forward and one back, where the same of single operations would be ten.
Tensor bernoulli_log_prob(const Tensor& logits, const Tensor& x) {
  const Shape &shape = logits.shape(), &own = x.shape();
  const bool fits = !own.empty() && own.size() <= shape.size() &&
                    std::equal(own.rbegin(), own.rend(), shape.rbegin());
  if (!fits) {
    throw std::invalid_argument(
        "bernoulli_log_prob: logits (…, D) need x of their last axes, got " + to_string(shape) +
        " and " + to_string(own));
  }
  if (x.requires_grad()) {
    throw std::invalid_argument("bernoulli_log_prob: x gets no gradient; detach() it");
  }
  check_probabilities("bernoulli_log_prob", x.value());
  const std::size_t D = shape.back();
  Array result = empty(Shape(shape.begin(), shape.end() - 1));
  const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(result.size());
  const std::size_t own_rows = D == 0 ? 1 : x.size() / D;
#pragma omp parallel for schedule(static) if (logits.size() >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const std::size_t row = static_cast<std::size_t>(i);
    const Real* const l = logits.value().data() + row * D;
    const Real* const t = x.value().data() + row % own_rows * D;
    result.data()[row] =
        static_cast<Real>(-detail::sum_along<1>(D, [&](std::size_t d, const auto& column) {
          return detail::Vectors<1>{simd::cross_entropy(column.load(l + d), column.load(t + d))};
        })[0]);
  }
  const auto backward = [D, rows, own_rows](Node& out, Node& logits, Node& x) {
    logits.accumulate_with([&](Array& gradient, Real beta) {
#pragma omp parallel for schedule(static) if (gradient.size() >= parallel_threshold)
      for (std::ptrdiff_t i = 0; i < rows; ++i) {
        const std::size_t row = static_cast<std::size_t>(i);
        const Real* const l = logits.value.data() + row * D;
        const Real* const t = x.value.data() + row % own_rows * D;
        const simd::Vector g(out.grad().data()[row]);
        Real* const dl = gradient.data() + row * D;
        detail::for_each_column(D, [&](std::size_t d, const auto& column) {
          const simd::Vector slope = g * (column.load(t + d) - simd::logistic(column.load(l + d)));
          column.store(dl + d, beta == 0 ? slope : simd::Vector(slope + column.load(dl + d)));
        });
      }
    });
  };
  return record("bernoulli_log_prob", std::move(result), backward, logits, x);
}

// −ln softmax(l)[c] = ln Σₖ e^(lₖ − m) − (l_c − m), m = max l       dlₖ = g (softmax(l)ₖ − [k = c])
Tensor cross_entropy(const Tensor& logits, const IndexArray& classes) {
  check_classes(logits.shape(), classes);
  const std::size_t K = logits.shape().back();
  const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(classes.size());
  Array loss = empty(Shape(classes.shape().begin(), classes.shape().end()));
  Array probs = empty(logits.shape());  // first l − m, then their exponentials, then softmax(l)
#pragma omp parallel for schedule(static) if (probs.size() >= parallel_threshold)
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    const Real* const l = logits.value().data() + static_cast<std::size_t>(r) * K;
    Real* const p = probs.data() + static_cast<std::size_t>(r) * K;
    Real m = l[0];
#pragma omp simd reduction(max : m)
    for (std::size_t k = 0; k < K; ++k) m = l[k] > m ? l[k] : m;
    for (std::size_t k = 0; k < K; ++k) p[k] = l[k] - m;
    loss.data()[r] = -p[classes.data()[r]];
  }
  evaluate_into(probs, term<simd::exp>(probs));
#pragma omp parallel for schedule(static) if (probs.size() >= parallel_threshold)
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    Real* const p = probs.data() + static_cast<std::size_t>(r) * K;
    Real sum = 0;
    detail::sum_middle(p, &sum, {1, K, 1});
    const Real scale = 1 / sum;
    for (std::size_t k = 0; k < K; ++k) p[k] *= scale;
    loss.data()[r] += std::log(sum);
  }
  auto backward = [rows, K, classes = IndexArray(classes), probs = std::move(probs)](Node& out,
                                                                                     Node& logits) {
    logits.accumulate_with([&](Array& dl, Real beta) {
      if (beta == 0) dl.fill(0);
#pragma omp parallel for schedule(static) if (probs.size() >= parallel_threshold)
      for (std::ptrdiff_t r = 0; r < rows; ++r) {
        const Real g = out.grad().data()[r];
        const Real* const p = probs.data() + static_cast<std::size_t>(r) * K;
        Real* const d = dl.data() + static_cast<std::size_t>(r) * K;
        for (std::size_t k = 0; k < K; ++k) d[k] += g * p[k];
        d[classes.data()[r]] -= g;
      }
    });
  };
  return record("cross_entropy", std::move(loss), std::move(backward), logits);
}

// (p − t)² / n, summed over all n elements         dp = g 2 (p − t) / n, dt = −dp
Tensor mean_squared_error(const Tensor& prediction, const Tensor& target) {
  if (prediction.shape() != target.shape()) {  // (N, 1) and (N) would silently pair all with all
    throw std::invalid_argument("mean_squared_error: shapes must be equal, got " +
                                to_string(prediction.shape()) + " and " +
                                to_string(target.shape()));
  }
  const Real n = static_cast<Real>(prediction.size());
  const Array difference = compute(prediction.value() - target.value());
  const Array squares = compute(difference * difference);
  Array total = unbroadcast(squares, Shape{});
  return record(
      "mean_squared_error", compute(total / n),
      [n](Node& out, Node& prediction, Node& target) {
        const Real scale = 2 * *out.grad().data() / n;
        prediction.accumulate(scale * (prediction.value - target.value));
        target.accumulate(scale * (target.value - prediction.value));
      },
      prediction, target);
}

}  // namespace nabla
