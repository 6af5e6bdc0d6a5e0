#include "models/rnade/rnade.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace nabla::models {
namespace {

using std::ptrdiff_t;

Array first_weights(const Shape& shape, std::size_t fan_in, Rng& rng) {
  const Real bound = static_cast<Real>(1 / std::sqrt(static_cast<double>(fan_in)));
  return rng.uniform(shape, -bound, bound);
}

// Weights equal, the means of the K components drawn from a standard normal, σ = 1/2: on
// standardised data every component starts with something to explain.
Array first_biases(std::size_t D, std::size_t K, Rng& rng) {
  Array b = full({D, 1, multiply_sizes(3, K)}, 0, "Rnade");
  if (K == 1) return b;
  for (std::size_t d = 0; d < D; ++d) {
    for (std::size_t k = 0; k < K; ++k) {
      b(d, 0, K + k) = rng.normal();
      b(d, 0, 2 * K + k) = static_cast<Real>(std::log(0.5));
    }
  }
  return b;
}

// ln(eˢ + floor)
Tensor floored_log_std(const Tensor& s, double floor) {
  return floor > 0 ? log(exp(s) + static_cast<Real>(floor)) : s;
}

}  // namespace

Tensor scale_gradient(const Tensor& x, const Tensor& scale) {
  if (x.shape() != scale.shape()) {
    throw std::invalid_argument("scale_gradient: shapes must be equal, got " +
                                to_string(x.shape()) + " and " + to_string(scale.shape()));
  }
  return record(
      "scale_gradient", x.value(),
      [](Node& out, Node& x, Node& scale) { x.accumulate(out.grad() * scale.value); }, x, scale);
}

Rnade::Rnade(const RnadeOptions& options, Rng& rng) : options_(options) {
  const std::size_t D = options.data, H = options.hidden, K = options.components;
  if (D == 0 || H == 0 || K == 0) {
    throw std::invalid_argument("Rnade: columns, hidden units and components must be at least 1");
  }
  if (!(options.sigma_floor >= 0) || !std::isfinite(options.sigma_floor)) {
    throw std::invalid_argument("Rnade: the floor under sigma must be finite and at least 0");
  }
  if (D > 1) W_ = parameter("W", first_weights({D - 1, H}, D, rng));
  c_ = parameter("c", first_weights({H}, D, rng));
  rho_ = parameter("rho", ones({D, 1, 1}));
  V_ = parameter("V", first_weights({D, H, multiply_sizes(3, K)}, H, rng));
  b_ = parameter("b", first_biases(D, K, rng));
}

nn::MixtureOfNormals Rnade::mixture(const Tensor& a, const Tensor& rho, const Tensor& V,
                                    const Tensor& b) const {
  // h_d = ReLU(ρ_d a_d), then softmax(…), μ_d and σ_d each an affine map of it          [UML, §3]
  const Tensor out = matmul(relu(a * rho), V) + b;  // (…, B, 3K)
  const ptrdiff_t K = static_cast<ptrdiff_t>(options_.components);
  const Tensor logits = slice(out, -1, 0, K);
  Tensor means = slice(out, -1, K, 2 * K);
  // σ_d = exp(s_d) + floor
  const Tensor log_std = floored_log_std(slice(out, -1, 2 * K), options_.sigma_floor);
  if (options_.scale_mean_gradient && means.requires_grad()) {
    means = scale_gradient(means, Tensor(exp(log_std.detach())));
  }
  return {logits, means, log_std};
}

nn::MixtureOfNormals Rnade::conditionals(const Tensor& x) const {
  check(x.value());
  const ptrdiff_t D = static_cast<ptrdiff_t>(options_.data);
  const ptrdiff_t H = static_cast<ptrdiff_t>(options_.hidden);
  const ptrdiff_t B = static_cast<ptrdiff_t>(x.size(0));
  if (D == 1) {
    return mixture(broadcast_to(c_, {1, x.size(0), options_.hidden}), rho_, V_, b_);
  }
  const Tensor before = reshape(slice(transpose(x), 0, 0, D - 1), {D - 1, B, 1});
  const Tensor steps = before * reshape(W_, {D - 1, 1, H});  // x_d W_{·,d}, (D − 1, B, H)
  // a_1 = c, a_{d+1} = a_d + x_d W_{·,d}: a sum over everything before d            [UML, §2]
  const Tensor a = pad(cumsum(steps, 0), 0, 1, 0) + c_;  // (D, B, H)
  return mixture(a, rho_, V_, b_);
}

// ln p(x) = Σ_d ln p(x_d | x_<d)                                                       [UML, §2]
Tensor Rnade::log_prob(const Tensor& x) const {
  return sum(conditionals(x).log_prob(transpose(x)), {0});  // (D, B) → (B,)
}

Array Rnade::log_prob(const Array& x) const {
  check(x);
  const NoGrad no_grad;
  const std::size_t B = x.shape()[0], D = options_.data;
  const std::size_t width = D * std::max(options_.hidden, 3 * options_.components);
  const std::size_t chunk = std::max<std::size_t>(1, (std::size_t{1} << 21) / width);
  Array result = empty({B});
  for (std::size_t from = 0; from < B; from += chunk) {
    const std::size_t count = std::min(chunk, B - from);
    Array part = empty({count, D});
    std::copy_n(x.data() + from * D, count * D, part.data());
    const Tensor log_p = log_prob(Tensor(std::move(part)));
    std::copy_n(log_p.value().data(), count, result.data() + from);
  }
  return result;
}

Array Rnade::sample(std::size_t n, Rng& rng) const {
  return draw(zeros({n, options_.data}), 0, rng);
}

Array Rnade::complete(Array x, const std::vector<bool>& known, Rng& rng) const {
  const std::size_t D = options_.data;
  const auto unknown = std::find(known.begin(), known.end(), false);
  const std::size_t first = static_cast<std::size_t>(unknown - known.begin());
  if (known.size() != D || std::find(unknown, known.end(), true) != known.end()) {
    throw std::invalid_argument("Rnade: column follows column, so that only the first of the " +
                                std::to_string(D) +
                                " can be known, none of them after one that is not");
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i % D >= first) x.data()[i] = 0;  // whatever stands there
  }
  check(x);
  return draw(std::move(x), first, rng);
}

Array Rnade::draw(Array x, std::size_t first, Rng& rng) const {
  const NoGrad no_grad;
  const std::size_t n = x.shape()[0], D = options_.data, H = options_.hidden;
  const ptrdiff_t rows = static_cast<ptrdiff_t>(n), width = static_cast<ptrdiff_t>(H);
  Tensor a = broadcast_to(c_, {n, H});  // a_1 = c
  for (std::size_t d = 0; d < D; ++d) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(d);
    const auto of = [&](const Tensor& parameter) { return slice(parameter, 0, i, i + 1); };
    if (d >= first) {
      const Array x_d =  // x_d ~ p(x_d | x_<d), (1, n)
          mixture(reshape(a, {1, rows, width}), of(rho_), of(V_), of(b_)).sample(rng);
      for (std::size_t r = 0; r < n; ++r) x(r, d) = x_d(0, r);
    }
    if (d + 1 == D) break;
    a = a + slice(Tensor(x), 1, i, i + 1) * of(W_);  // (n, 1) (1, H)
  }
  return x;
}

void Rnade::check(const Array& x) const {
  const std::size_t D = options_.data;
  if (x.dimension() != 2 || x.shape()[1] != D) {
    throw std::invalid_argument("Rnade: x must be (B, " + std::to_string(D) + "), got " +
                                to_string(x.shape()));
  }
  const Real* const end = x.data() + x.size();
  const Real* const bad = std::find_if(x.data(), end, [](Real v) { return !std::isfinite(v); });
  if (bad == end) return;
  const std::size_t at = static_cast<std::size_t>(bad - x.data());
  throw std::invalid_argument("Rnade: row " + std::to_string(at / D) + ", column " +
                              std::to_string(at % D) + " of x is " + std::to_string(*bad));
}

}  // namespace nabla::models
