#include "models/vae/vae.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nabla::models {
namespace {

// D, H₁, …, Hₙ: the layers from x to the features that μ and ln σ² are read from.
std::vector<std::size_t> encoder_sizes(const VaeOptions& options) {
  if (options.hidden.empty()) throw std::invalid_argument("Vae: at least one hidden layer");
  std::vector<std::size_t> sizes{options.data};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  return sizes;
}

// Z, Hₙ, …, H₁, D: the way back.
std::vector<std::size_t> decoder_sizes(const VaeOptions& options) {
  std::vector<std::size_t> sizes{options.latent};
  sizes.insert(sizes.end(), options.hidden.rbegin(), options.hidden.rend());
  sizes.push_back(options.data);
  return sizes;
}

}  // namespace

Tensor reparameterise(const Posterior& q, const Array& epsilon) {
  return q.mean + exp(q.log_var * Real(0.5)) * Tensor(epsilon);  // σ = exp(½ ln σ²)  [KW, eq. 10]
}

Tensor kl_to_prior(const Posterior& q) {
  return sum(square(q.mean) + exp(q.log_var) - q.log_var - 1, {-1}) * Real(0.5);  // [KW, app. B]
}

Vae::Vae(const VaeOptions& options, Rng& rng)
    : latent_(options.latent),
      encoder_(encoder_sizes(options), rng, options.activation, options.activation),
      mean_(options.hidden.back(), options.latent, rng),
      log_var_(options.hidden.back(), options.latent, rng),
      decoder_(decoder_sizes(options), rng, options.activation) {
  children({{"encoder", encoder_}, {"mean", mean_}, {"log_var", log_var_}, {"decoder", decoder_}});
}

Posterior Vae::encode(const Tensor& x) const {
  const Tensor h = encoder_(x);    // (B, H)
  return {mean_(h), log_var_(h)};  // (B, Z) each                                [KW, eq. 12]
}

Tensor Vae::decode(const Tensor& z) const {
  return decoder_(z);
}

// ln p(x|z) = Σ_d x_d ln σ(l_d) + (1 − x_d) ln(1 − σ(l_d)), l = f(z)                 [KW, eq. 11]
Tensor Vae::log_likelihood(const Tensor& x, const Tensor& z) const {
  return bernoulli_log_prob(decode(z), x);
}

Elbo Vae::elbo(const Tensor& x, Rng& rng) const {
  const Posterior q = encode(x);
  const Tensor z = reparameterise(q, rng.normal(q.mean.shape()));
  return {log_likelihood(x, z), kl_to_prior(q)};  // E_q[ln p(x|z)] and KL          [KW, eq. 3]
}

Tensor Vae::log_weights(const Tensor& x, const Posterior& q, const Array& epsilon,
                        Real beta) const {
  const Tensor z = reparameterise(q, epsilon);  // (K, B, Z)
  // ln p(z) − ln q(z|x) = ½ Σ_z (ε² + ln σ² − z²): both constants ½ ln 2π cancel.
  const Tensor prior_over_posterior =
      sum(Tensor(compute(epsilon * epsilon)) + q.log_var - square(z), {-1}) * Real(0.5);
  return log_likelihood(x, z) + prior_over_posterior * beta;  // ln w_k, (K, B)
}

// L_K(x) = ln (1/K) Σ_k w_k,  w_k = p(x, z_k) / q(z_k|x)                               [BGS, eq. 8]
Tensor Vae::importance_bound(const Tensor& x, std::size_t K, Rng& rng, Real beta) const {
  if (K == 0) throw std::invalid_argument("importance_bound: K must be at least 1");
  const Posterior q = encode(x);
  const Array epsilon = rng.normal({K, x.shape()[0], latent_});
  return logsumexp(log_weights(x, q, epsilon, beta), {0}) - std::log(static_cast<Real>(K));
}

Array Vae::log_prob(const Array& x, std::size_t K, Rng& rng) const {
  if (K == 0) throw std::invalid_argument("log_prob: K must be at least 1");
  constexpr std::size_t rows = 4096;  // decoded at a time
  const NoGrad no_grad;
  const std::size_t B = x.shape()[0], D = x.shape()[1];
  const std::size_t chunk = std::max<std::size_t>(1, std::min(B, rows / std::min(K, rows)));
  Array result = empty({B});
  for (std::size_t from = 0; from < B; from += chunk) {
    const std::size_t count = std::min(chunk, B - from);
    Array part = empty({count, D});
    std::copy(x.data() + from * D, x.data() + (from + count) * D, part.data());
    const Tensor rows_x(std::move(part));
    const Posterior q = encode(rows_x);
    Tensor total;  // ln Σ_k w_k so far, (1, count)
    for (std::size_t done = 0; done < K; done += rows) {
      const Array epsilon = rng.normal({std::min(rows, K - done), count, latent_});
      const Tensor more = logsumexp(log_weights(rows_x, q, epsilon), {0}, true);
      total = total.defined() ? logsumexp(concat({total, more}, 0), {0}, true) : more;
    }
    for (std::size_t i = 0; i < count; ++i) {
      result(from + i) = total.value().data()[i] - std::log(static_cast<Real>(K));
    }
  }
  return result;
}

Array Vae::codes(const Array& x) const {
  const NoGrad no_grad;
  return encode(Tensor(x)).mean.value();
}

Array Vae::draw_codes(const Array& x, Rng& rng) const {
  const NoGrad no_grad;
  const Posterior q = encode(Tensor(x));
  return reparameterise(q, rng.normal(q.mean.shape())).value();
}

Array Vae::images(const Array& z) const {
  const NoGrad no_grad;
  return sigmoid(decode(Tensor(z))).value();
}

Array Vae::sample(std::size_t n, Rng& rng) const {
  return images(rng.normal({n, latent_}));
}

Array Vae::reconstruct(const Array& x) const {
  return images(codes(x));
}

}  // namespace nabla::models
