#include "models/ddpm/diffusion.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "models/ddpm/discretised.hpp"

namespace nabla::models {
namespace {

constexpr double ln_2pi = 1.8378770664093454836;

// f(t_b) for each row, (B, 1): what multiplies (B, D).
template <class F>
Array column(const IndexArray& t, const F& f) {
  Array values = empty({t.size(), 1});
  for (std::size_t b = 0; b < t.size(); ++b) {
    values.data()[b] = static_cast<Real>(f(static_cast<std::size_t>(t.data()[b])));
  }
  return values;
}

Array column(const IndexArray& t, const std::vector<double>& table) {
  return column(t, [&](std::size_t at) { return table[at]; });
}

Array column_of_roots(const IndexArray& t, const std::vector<double>& table) {
  return column(t, [&](std::size_t at) { return std::sqrt(table[at]); });
}

void check_rows(const char* name, const Array& x, const IndexArray& t) {
  if (x.dimension() == 2 && t.dimension() == 1 && x.shape()[0] == t.size()) return;
  throw std::invalid_argument(std::string(name) + ": x is (B, D) and t (B,), got " +
                              to_string(x.shape()) + " and " +
                              to_string(Shape(t.shape().begin(), t.shape().end())));
}

void check_times(const char* name, const IndexArray& t, std::size_t first, std::size_t T) {
  for (const std::int64_t at : t) {
    if (at >= static_cast<std::int64_t>(first) && at <= static_cast<std::int64_t>(T)) continue;
    throw std::invalid_argument(std::string(name) + ": t must be from " + std::to_string(first) +
                                " to " + std::to_string(T) + ", got " + std::to_string(at));
  }
}

void check_same(const char* name, const Array& a, const Array& b) {
  if (a.shape() == b.shape()) return;
  throw std::invalid_argument(std::string(name) + ": shapes must be equal, got " +
                              to_string(a.shape()) + " and " + to_string(b.shape()));
}

template <class Choice>
Choice named(const char* what, const std::string& name,
             const std::vector<std::pair<std::string, Choice>>& all) {
  std::string list;
  for (const auto& [word, choice] : all) {
    if (word == name) return choice;
    list += (list.empty() ? "" : ", ") + word;
  }
  throw std::invalid_argument(std::string(what) + " is none of " + list + ": '" + name + "'");
}

}  // namespace

Prediction prediction_named(const std::string& name) {
  return named<Prediction>("prediction", name,
                           {{"noise", Prediction::noise},
                            {"data", Prediction::data},
                            {"velocity", Prediction::velocity}});
}

ReverseVariance reverse_variance_named(const std::string& name) {
  return named<ReverseVariance>(
      "reverse variance", name,
      {{"beta", ReverseVariance::beta}, {"posterior", ReverseVariance::posterior}});
}

IndexArray draw_times(std::size_t B, std::size_t T, Rng& rng, bool spread) {
  if (!spread) return rng.integers({B}, 1, static_cast<std::int64_t>(T) + 1);
  check_shape("draw_times", {B});
  IndexArray t(IndexArray::shape_type{B});
  const double u = static_cast<double>(rng.uniform());
  for (std::size_t i = 0; i < B; ++i) {
    const double at = std::fmod(u + static_cast<double>(i) / static_cast<double>(B), 1.0);
    t.data()[i] = 1 + std::min<std::int64_t>(static_cast<std::int64_t>(at * static_cast<double>(T)),
                                             static_cast<std::int64_t>(T) - 1);
  }
  return t;
}

IndexArray same_time(std::size_t B, std::size_t t) {
  return IndexArray(IndexArray::shape_type{B}, static_cast<std::int64_t>(t));
}

IndexArray no_classes(std::size_t B) {
  return IndexArray(IndexArray::shape_type{B}, -1);
}

IndexArray drop_classes(const IndexArray& classes, double probability, Rng& rng) {
  IndexArray result = classes;
  const Array dropped = rng.bernoulli({classes.size()}, static_cast<Real>(probability));
  for (std::size_t b = 0; b < classes.size(); ++b) {
    if (dropped.data()[b] > 0) result.data()[b] = -1;
  }
  return result;
}

Diffusion::Diffusion(NoiseSchedule schedule, DiffusionOptions options)
    : schedule_(std::move(schedule)), options_(options) {
  if (!(options.low < options.high)) {
    throw std::invalid_argument("Diffusion: the range of x̂_0 must not be empty");
  }
}

// q --------------------------------------------------------------------------------------------

RowGaussian Diffusion::q_mean_variance(const Array& x0, const IndexArray& t) const {
  check_rows("q_mean_variance", x0, t);
  check_times("q_mean_variance", t, 0, steps());
  return {compute(column(t, schedule_.mean_coefficient) * x0), column(t, schedule_.variance)};
}

Array Diffusion::q_sample(const Array& x0, const IndexArray& t, const Array& noise) const {
  check_same("q_sample", x0, noise);
  check_rows("q_sample", x0, t);
  check_times("q_sample", t, 0, steps());
  const Array mean = column(t, schedule_.mean_coefficient);
  const Array std_dev = column_of_roots(t, schedule_.variance);
  return compute(mean * x0 + std_dev * noise);  // [eq. 4]
}

Array Diffusion::q_step(const Array& before, const IndexArray& t, const Array& noise) const {
  check_same("q_step", before, noise);
  check_rows("q_step", before, t);
  check_times("q_step", t, 1, steps());
  const Array mean = column_of_roots(t, schedule_.alpha);
  const Array std_dev = column_of_roots(t, schedule_.beta);
  return compute(mean * before + std_dev * noise);  // [eq. 2]
}

RowGaussian Diffusion::q_posterior(const Array& x0, const Array& x_t, const IndexArray& t) const {
  check_same("q_posterior", x0, x_t);
  check_rows("q_posterior", x0, t);
  check_times("q_posterior", t, 1, steps());
  const Array of_x0 = column(t, schedule_.posterior_x0);
  const Array of_xt = column(t, schedule_.posterior_xt);
  return {compute(of_x0 * x0 + of_xt * x_t), column(t, schedule_.posterior_variance)};  // [eq. 7]
}

// What the network says ------------------------------------------------------------------------

Array Diffusion::target(const Array& x0, const IndexArray& t, const Array& noise) const {
  check_same("target", x0, noise);
  check_rows("target", x0, t);
  check_times("target", t, 0, steps());
  if (options_.prediction == Prediction::noise) return noise;
  if (options_.prediction == Prediction::data) return x0;
  const Array root = column(t, schedule_.mean_coefficient);
  const Array rest = column_of_roots(t, schedule_.variance);
  return compute(root * noise - rest * x0);  // v = √ᾱ ε − √(1 − ᾱ) x_0
}

Diffusion::Affine Diffusion::x0_from(std::size_t t) const {
  const double root = schedule_.mean_coefficient[t], rest = std::sqrt(schedule_.variance[t]);
  if (options_.prediction == Prediction::noise) return {1 / root, -rest / root};  // [eq. 15]
  if (options_.prediction == Prediction::data) return {0, 1};
  return {root, -rest};  // x_0 = √ᾱ x_t − √(1 − ᾱ) v
}

Diffusion::Affine Diffusion::noise_from(std::size_t t) const {
  const double root = schedule_.mean_coefficient[t], rest = std::sqrt(schedule_.variance[t]);
  if (options_.prediction == Prediction::noise) return {0, 1};
  if (options_.prediction == Prediction::data) return {1 / rest, -root / rest};
  return {rest, root};  // ε = √(1 − ᾱ) x_t + √ᾱ v
}

Tensor Diffusion::predict_x0(const Array& x_t, const IndexArray& t, const Tensor& output) const {
  check_same("predict_x0", x_t, output.value());
  check_rows("predict_x0", x_t, t);
  check_times("predict_x0", t, 0, steps());
  const Array of_x = column(t, [&](std::size_t at) { return x0_from(at).of_x; });
  const Array of_output = column(t, [&](std::size_t at) { return x0_from(at).of_output; });
  return Tensor(compute(of_x * x_t)) + Tensor(of_output) * output;
}

Tensor Diffusion::predict_noise(const Array& x_t, const IndexArray& t, const Tensor& output) const {
  check_same("predict_noise", x_t, output.value());
  check_rows("predict_noise", x_t, t);
  check_times("predict_noise", t, 1, steps());
  const Array of_x = column(t, [&](std::size_t at) { return noise_from(at).of_x; });
  const Array of_output = column(t, [&](std::size_t at) { return noise_from(at).of_output; });
  return Tensor(compute(of_x * x_t)) + Tensor(of_output) * output;
}

Tensor Diffusion::ask(const Denoiser& network, const Array& x_t, const IndexArray& t,
                      const IndexArray& classes) const {
  check_rows("Diffusion", x_t, t);
  check_times("Diffusion", t, 1, steps());
  Array time = column(t, schedule_.time);
  time.reshape(Shape{t.size()});
  Tensor output = network(Tensor(x_t), time, classes);
  check_same("the network's input and output", x_t, output.value());
  return output;
}

// p --------------------------------------------------------------------------------------------

double Diffusion::reverse_log_variance(std::size_t t) const {
  return options_.variance == ReverseVariance::beta ? std::log(schedule_.beta[t])
                                                    : schedule_.posterior_log_variance[t];
}

Tensor Diffusion::clipped(const Tensor& x0_hat) const {
  if (std::isinf(options_.low) && std::isinf(options_.high)) return x0_hat;
  return clamp(x0_hat, static_cast<Real>(options_.low), static_cast<Real>(options_.high));
}

ReverseStep Diffusion::p_mean_variance(const Denoiser& network, const Array& x_t,
                                       const IndexArray& t, const IndexArray& classes) const {
  const NoGrad no_grad;
  Array x0 = clipped(predict_x0(x_t, t, ask(network, x_t, t, classes))).value();
  RowGaussian q = q_posterior(x0, x_t, t);  // [eq. 11]
  return {std::move(q.mean), column(t, [&](std::size_t at) { return reverse_log_variance(at); }),
          std::move(x0)};
}

Array Diffusion::p_sample(const Denoiser& network, const Array& x_t, const IndexArray& t,
                          const IndexArray& classes, Rng& rng) const {
  ReverseStep p = p_mean_variance(network, x_t, t, classes);
  if (std::all_of(t.begin(), t.end(), [](std::int64_t at) { return at == 1; })) return p.mean;
  const Array noise = rng.normal(x_t.shape());
  const Array std_dev = column(
      t, [&](std::size_t at) { return at == 1 ? 0 : std::exp(0.5 * reverse_log_variance(at)); });
  return compute(p.mean + std_dev * noise);
}

// Losses and the bound -------------------------------------------------------------------------

Tensor Diffusion::loss_simple(const Denoiser& network, const Array& x0, const IndexArray& t,
                              const Array& noise, const IndexArray& classes) const {
  const Tensor output = ask(network, q_sample(x0, t, noise), t, classes);
  return mean(square(output - Tensor(target(x0, t, noise))), {-1});  // [eq. 14]
}

// −ln p(x_0 | x_1): the mean of p is x̂_0 there.
Tensor Diffusion::decoder_term(const Tensor& x0_hat, const Array& x0) const {
  const double log_variance = reverse_log_variance(1);
  if (options_.levels != 0) {
    const Array std_dev = full(x0.shape(), static_cast<Real>(std::exp(0.5 * log_variance)));
    return -sum(discretised_gaussian_log_prob(x0, x0_hat, std_dev, options_.levels), {-1});
  }
  const double D = static_cast<double>(x0.shape()[1]);
  return sum(square(x0_hat - Tensor(x0)), {-1}) * static_cast<Real>(0.5 * std::exp(-log_variance)) +
         static_cast<Real>(0.5 * D * (ln_2pi + log_variance));
}

// L_{t−1} of each row, or L_0 where t = 1. Two Gaussians of variances β̃ and σ², whose means are
// c (x_0 − x̂_0) apart:  KL = c² ‖x_0 − x̂_0‖² / 2σ² + D/2 (β̃/σ² − 1 − ln β̃/σ²)      [eq. 8]
Tensor Diffusion::bound_term(const Tensor& x0_hat, const Array& x0, const IndexArray& t) const {
  const std::size_t B = t.size();
  const double D = static_cast<double>(x0.shape()[1]);
  Array weight = empty({B}), rest = empty({B}), is_first = empty({B});
  bool some_first = false;
  for (std::size_t b = 0; b < B; ++b) {
    const std::size_t at = static_cast<std::size_t>(t.data()[b]);
    const double log_variance = reverse_log_variance(at), c = schedule_.posterior_x0[at];
    const double log_ratio = at == 1 ? 0 : schedule_.posterior_log_variance[at] - log_variance;
    weight.data()[b] = static_cast<Real>(0.5 * c * c * std::exp(-log_variance));
    rest.data()[b] = static_cast<Real>(0.5 * D * (std::expm1(log_ratio) - log_ratio));
    is_first.data()[b] = static_cast<Real>(at == 1);
    some_first = some_first || at == 1;
  }
  const Tensor kl = Tensor(weight) * sum(square(x0_hat - Tensor(x0)), {-1}) + Tensor(rest);
  return some_first ? where(is_first, decoder_term(x0_hat, x0), kl) : kl;
}

Tensor Diffusion::loss_bound(const Denoiser& network, const Array& x0, const IndexArray& t,
                             const Array& noise, const IndexArray& classes) const {
  const Array x_t = q_sample(x0, t, noise);
  const Tensor x0_hat = predict_x0(x_t, t, ask(network, x_t, t, classes));
  // Not clipped: outside the range there would be no gradient to come back by.
  return bound_term(x0_hat, x0, t) * static_cast<Real>(steps());
}

// KL(N(√ᾱ x_0, v I) ‖ N(0, I)) = ½ Σ_d (ᾱ x_0² + v − 1 − ln v), where v = 1 − ᾱ
Array Diffusion::prior_term(const Array& x0) const {
  check_rows("prior_term", x0, same_time(x0.dimension() == 0 ? 0 : x0.shape()[0], 0));
  const std::size_t B = x0.shape()[0], D = x0.shape()[1], T = steps();
  const double alpha_bar = schedule_.alpha_bar[T];
  const double rest = -alpha_bar - std::log1p(-alpha_bar);
  Array result = empty({B});
  for (std::size_t b = 0; b < B; ++b) {
    double squares = 0;
    for (std::size_t d = 0; d < D; ++d) {
      const double x = static_cast<double>(x0.data()[b * D + d]);
      squares += x * x;
    }
    result.data()[b] =
        static_cast<Real>(0.5 * (alpha_bar * squares + static_cast<double>(D) * rest));
  }
  return result;
}

Array VariationalBound::total() const {
  return compute(prior + steps + decoder);
}

VariationalBound Diffusion::variational_bound(const Denoiser& network, const Array& x0,
                                              const IndexArray& classes, Rng& rng,
                                              std::size_t times) const {
  const NoGrad no_grad;
  const std::size_t B = x0.shape()[0], others = steps() - 1;
  const bool all = times == 0 || times >= others;
  const std::size_t count = all ? others : times;
  const auto term = [&](const IndexArray& t) {
    const Array x_t = q_sample(x0, t, rng.normal(x0.shape()));
    const Tensor x0_hat = clipped(predict_x0(x_t, t, ask(network, x_t, t, classes)));
    return bound_term(x0_hat, x0, t).value();
  };
  VariationalBound bound{prior_term(x0), zeros({B}), term(same_time(B, 1))};
  const auto border = [&](std::size_t i) {  // between parts that grow like 1, 3, 5, …
    const double along = static_cast<double>(i) / static_cast<double>(count);
    return static_cast<double>(others) * along * along;
  };
  for (std::size_t i = 0; i < count; ++i) {
    IndexArray t = same_time(B, 2 + i);
    const double width = all ? 1 : border(i + 1) - border(i);
    if (!all) {
      const Array u = rng.uniform({B});
      for (std::size_t b = 0; b < B; ++b) {
        const double at = border(i) + static_cast<double>(u.data()[b]) * width;
        t.data()[b] = 2 + std::min<std::int64_t>(static_cast<std::int64_t>(at),
                                                 static_cast<std::int64_t>(others) - 1);
      }
    }
    bound.steps = compute(bound.steps + term(t) * static_cast<Real>(width));
  }
  return bound;
}

}  // namespace nabla::models
