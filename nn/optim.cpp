#include "nn/optim.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "autograd/threads.hpp"

namespace nabla::nn {
namespace {

// Work is cut into stretches of this many numbers, whatever parameter they belong to, so that two
// threads share one large matrix and many small ones alike.
constexpr std::size_t stretch_size = 16384;

void check_lr(const char* name, double lr) {
  check_number(std::isfinite(lr) && lr >= 0, name, "lr", lr, "finite and ≥ 0");
}
void check_decay(const char* name, double decay) {
  check_number(std::isfinite(decay) && decay >= 0, name, "weight_decay", decay, "finite and ≥ 0");
}
void check_rate(const char* name, const char* option, double rate) {
  check_number(rate >= 0 && rate < 1, name, option, rate, "in [0, 1)");
}
void check_epsilon(const char* name, double epsilon) {
  check_number(std::isfinite(epsilon) && epsilon > 0, name, "epsilon", epsilon, "finite and > 0");
}

Real real(double x) {
  return static_cast<Real>(x);
}

}  // namespace

Optimiser::Optimiser(const char* name, std::vector<Tensor> parameters, double lr,
                     std::vector<std::string> symbols, Rule rule)
    : operation_(name), symbols_(std::move(symbols)), rule_(std::move(rule)) {
  set_lr(lr);
  const std::vector<std::string> names = state_names(operation_, parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::vector<Array> running(symbols_.size(), zeros(parameters[i].shape()));
    slots_.push_back({parameters[i], names[i], std::move(running), 0});
  }
}

void Optimiser::step() {
  ++steps_;
  std::vector<Stretch> stretches;
  std::size_t total = 0;
  for (Slot& slot : slots_) {
    if (!slot.parameter.has_grad()) continue;
    ++slot.updates;
    Real* const w = slot.parameter.mutable_value().data();
    const Real* const g = slot.parameter.grad().data();
    const std::size_t size = slot.parameter.size();
    for (std::size_t begin = 0; begin < size; begin += stretch_size) {
      Stretch part{w + begin,
                   g + begin,
                   {nullptr, nullptr},
                   std::min(stretch_size, size - begin),
                   lr_,
                   static_cast<double>(slot.updates)};
      for (std::size_t i = 0; i < slot.running.size(); ++i) {
        part.s[i] = slot.running[i].data() + begin;
      }
      stretches.push_back(part);
    }
    total += size;
  }
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(stretches.size());
#pragma omp parallel for schedule(static) if (total >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < count; ++i) rule_(stretches[static_cast<std::size_t>(i)]);
}

std::vector<Tensor> Optimiser::parameters() const {
  std::vector<Tensor> all;
  for (const Slot& slot : slots_) all.push_back(slot.parameter);
  return all;
}

void Optimiser::clear_grad() {
  for (Slot& slot : slots_) slot.parameter.clear_grad();
}

void Optimiser::set_lr(double lr) {
  check_lr(operation_.c_str(), lr);
  lr_ = lr;
}

Optimiser::State Optimiser::state() const {
  State state;
  state.steps = steps_;
  state.lr = lr_;
  for (const Slot& slot : slots_) {
    state.updates.push_back(slot.updates);
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
      state.arrays.emplace(symbols_[i] + "." + slot.name, slot.running[i]);
    }
  }
  return state;
}

void Optimiser::load(const State& state) {
  std::map<std::string, Shape> expected;
  for (const Slot& slot : slots_) {
    for (const std::string& symbol : symbols_) {
      expected.emplace(symbol + "." + slot.name, slot.parameter.shape());
    }
  }
  check_names(operation_ + " state", expected, state.arrays);
  if (state.updates.size() != slots_.size()) {
    throw std::invalid_argument(operation_ + " state: " + std::to_string(state.updates.size()) +
                                " update counts for " + std::to_string(slots_.size()) +
                                " parameters");
  }
  set_lr(state.lr);
  steps_ = state.steps;
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    slots_[k].updates = state.updates[k];
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
      slots_[k].running[i] = state.arrays.at(symbols_[i] + "." + slots_[k].name);
    }
  }
}

// The rules. `omp simd` says that w, g and the running arrays do not overlap. The division by
// 1 − βᵗ is done once, outside the loops.

SGD::SGD(std::vector<Tensor> parameters, SGDOptions options)
    : Optimiser("sgd", std::move(parameters), options.lr,
                options.momentum != 0 ? std::vector<std::string>{"u"} : std::vector<std::string>{},
                [options](const Stretch& p) {
                  const Real alpha = real(p.lr), mu = real(options.momentum);
                  const Real lambda = real(options.weight_decay);
                  Real* const u = p.s[0];
                  if (u == nullptr) {
#pragma omp simd
                    for (std::size_t i = 0; i < p.size; ++i) {
                      p.w[i] -= alpha * (p.g[i] + lambda * p.w[i]);
                    }
                    return;
                  }
                  // −α u, or −α (g + μ u), is −α (a g + b u)
                  const Real a = options.nesterov ? 1 : 0, b = options.nesterov ? mu : 1;
#pragma omp simd
                  for (std::size_t i = 0; i < p.size; ++i) {
                    const Real g = p.g[i] + lambda * p.w[i];
                    u[i] = mu * u[i] + g;
                    p.w[i] -= alpha * (a * g + b * u[i]);
                  }
                }) {
  check_rate("sgd", "momentum", options.momentum);
  check_decay("sgd", options.weight_decay);
  check_number(!options.nesterov || options.momentum > 0, "sgd", "momentum", options.momentum,
               "> 0 for nesterov");
}

RMSprop::RMSprop(std::vector<Tensor> parameters, RMSpropOptions options)
    : Optimiser("rmsprop", std::move(parameters), options.lr,
                options.momentum != 0 ? std::vector<std::string>{"v", "u"}
                                      : std::vector<std::string>{"v"},
                [options](const Stretch& p) {
                  const Real alpha = real(p.lr), mu = real(options.momentum);
                  const Real rho = real(options.rho), rest = real(1 - options.rho);
                  const Real epsilon = real(options.epsilon), lambda = real(options.weight_decay);
                  Real* const v = p.s[0];
                  Real* const u = p.s[1];
                  if (u == nullptr) {
#pragma omp simd
                    for (std::size_t i = 0; i < p.size; ++i) {
                      const Real g = p.g[i] + lambda * p.w[i];
                      v[i] = rho * v[i] + rest * g * g;
                      p.w[i] -= alpha * g / (std::sqrt(v[i]) + epsilon);
                    }
                    return;
                  }
#pragma omp simd
                  for (std::size_t i = 0; i < p.size; ++i) {
                    const Real g = p.g[i] + lambda * p.w[i];
                    v[i] = rho * v[i] + rest * g * g;
                    u[i] = mu * u[i] + g / (std::sqrt(v[i]) + epsilon);
                    p.w[i] -= alpha * u[i];
                  }
                }) {
  check_rate("rmsprop", "rho", options.rho);
  check_rate("rmsprop", "momentum", options.momentum);
  check_epsilon("rmsprop", options.epsilon);
  check_decay("rmsprop", options.weight_decay);
}

Adagrad::Adagrad(std::vector<Tensor> parameters, AdagradOptions options)
    : Optimiser("adagrad", std::move(parameters), options.lr, {"G"}, [options](const Stretch& p) {
        const Real alpha = real(p.lr), epsilon = real(options.epsilon);
        const Real lambda = real(options.weight_decay);
        Real* const sum = p.s[0];
#pragma omp simd
        for (std::size_t i = 0; i < p.size; ++i) {
          const Real g = p.g[i] + lambda * p.w[i];
          sum[i] += g * g;
          p.w[i] -= alpha * g / (std::sqrt(sum[i]) + epsilon);
        }
      }) {
  check_epsilon("adagrad", options.epsilon);
  check_decay("adagrad", options.weight_decay);
}

namespace {

void check_adam(const char* name, const AdamOptions& options) {
  check_rate(name, "beta1", options.beta1);
  check_rate(name, "beta2", options.beta2);
  check_epsilon(name, options.epsilon);
  check_decay(name, options.weight_decay);
}

// w ← shrink · w − α m̂ / (√v̂ + ε), with g + coupled · w for the gradient.
struct AdamPass {
  Real beta1, beta2, rest1, rest2, epsilon;
  Real step;     // α / (1 − β₁ᵗ)
  Real root;     // 1 / √(1 − β₂ᵗ)
  Real coupled;  // λ of Adam
  Real shrink;   // 1 − α λ of AdamW

  AdamPass(const AdamOptions& o, double lr, double t, bool decoupled)
      : beta1(real(o.beta1)),
        beta2(real(o.beta2)),
        rest1(real(1 - o.beta1)),
        rest2(real(1 - o.beta2)),
        epsilon(real(o.epsilon)),
        step(real(lr / (1 - std::pow(o.beta1, t)))),
        root(real(1 / std::sqrt(1 - std::pow(o.beta2, t)))),
        coupled(decoupled ? 0 : real(o.weight_decay)),
        shrink(decoupled ? real(1 - lr * o.weight_decay) : 1) {}

  void run(Real* w, const Real* gradient, Real* m, Real* v, std::size_t size) const {
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
      const Real g = gradient[i] + coupled * w[i];
      m[i] = beta1 * m[i] + rest1 * g;
      v[i] = beta2 * v[i] + rest2 * g * g;
      w[i] = shrink * w[i] - step * m[i] / (std::sqrt(v[i]) * root + epsilon);
    }
  }
};

}  // namespace

Adam::Adam(std::vector<Tensor> parameters, AdamOptions options)
    : Optimiser("adam", std::move(parameters), options.lr, {"m", "v"}, [options](const Stretch& p) {
        AdamPass(options, p.lr, p.t, false).run(p.w, p.g, p.s[0], p.s[1], p.size);
      }) {
  check_adam("adam", options);
}

AdamW::AdamW(std::vector<Tensor> parameters, AdamOptions options)
    : Optimiser("adamw", std::move(parameters), options.lr, {"m", "v"},
                [options](const Stretch& p) {
                  AdamPass(options, p.lr, p.t, true).run(p.w, p.g, p.s[0], p.s[1], p.size);
                }) {
  check_adam("adamw", options);
}

// Clipping ------------------------------------------------------------------------------------

namespace {

// Σ g². NaN or infinity anywhere makes it so too; a sum that only overflows is told apart below.
double sum_of_squares(const Array& a) {
  std::vector<double> sums((a.size() + stretch_size - 1) / stretch_size);
  detail::for_each_job(sums.size(), a.size(), [&](std::size_t i) {
    const std::size_t begin = i * stretch_size, end = std::min(a.size(), begin + stretch_size);
    double total = 0;
#pragma omp simd reduction(+ : total)
    for (std::size_t k = begin; k < end; ++k) {
      total += static_cast<double>(a.data()[k]) * static_cast<double>(a.data()[k]);
    }
    sums[i] = total;
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void refuse_not_finite(const char* operation, const Tensor& parameter) {
  const Array& g = parameter.grad();
  const Real* const last = g.data() + g.size();
  const Real* const bad = std::find_if(g.data(), last, [](Real x) { return !std::isfinite(x); });
  if (bad == last) return;
  std::ostringstream text;
  text << operation << ": the gradient of " << parameter.node().describe() << " has " << *bad
       << " at flat index " << bad - g.data();
  throw std::runtime_error(text.str());
}

}  // namespace

double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm) {
  check_number(max_norm >= 0, "clip_grad_norm", "max_norm", max_norm, "≥ 0");
  double total = 0;
  for (const Tensor& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    const double squares = sum_of_squares(parameter.grad());
    if (!std::isfinite(squares)) refuse_not_finite("clip_grad_norm", parameter);
    total += squares;
  }
  const double norm = std::sqrt(total);
  if (norm <= max_norm) return norm;
  const Real scale = real(max_norm / norm);
  for (Tensor parameter : parameters) {
    if (!parameter.has_grad()) continue;
    Array& g = parameter.mutable_grad();
    evaluate_into(g, g * scale);
  }
  return norm;
}

void clip_grad_value(const std::vector<Tensor>& parameters, double limit) {
  check_number(limit >= 0, "clip_grad_value", "limit", limit, "≥ 0");
  const Real most = real(limit);
  for (const Tensor& parameter : parameters) {
    if (parameter.has_grad()) refuse_not_finite("clip_grad_value", parameter);
  }
  for (Tensor parameter : parameters) {
    if (!parameter.has_grad()) continue;
    Array& g = parameter.mutable_grad();
    Real* const p = g.data();
    for (std::size_t i = 0; i < g.size(); ++i) p[i] = std::min(std::max(p[i], -most), most);
  }
}

}  // namespace nabla::nn
