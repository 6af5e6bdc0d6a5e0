// Optimisers against hand-computed steps, against their equations in xtensor, and on a quadratic.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "autograd/random.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

using namespace nabla;
using namespace nabla::nn;

namespace {

constexpr double tolerance = sizeof(Real) == 4 ? 1e-6 : 1e-14;

void set_grad(Tensor& parameter, const Array& gradient) {
  parameter.clear_grad();
  parameter.node().accumulate(gradient);
}

// w after steps with the given gradients, from w = 1.
template <class Make>
std::vector<double> path(Make make, const std::vector<double>& gradients) {
  Tensor w = parameter(ones({1}));
  Optimiser optimiser = make(std::vector<Tensor>{w});
  std::vector<double> values;
  for (const double g : gradients) {
    set_grad(w, full({1}, static_cast<Real>(g)));
    optimiser.step();
    values.push_back(static_cast<double>(w.value()(0)));
  }
  return values;
}

void check_path(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(std::abs(got[i] - expected[i]) < tolerance * 4);
  }
}

// Runs the optimiser and a reference, one line of xtensor for each equation, side by side.
template <class Reference>
void check_against(Optimiser optimiser, std::vector<Tensor> parameters, Reference reference) {
  Rng rng(5);
  std::vector<std::vector<Array>> memory(parameters.size());
  std::vector<Array> w;
  for (Tensor& p : parameters) w.push_back(p.value());
  for (int t = 1; t <= 5; ++t) {
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      if (memory[k].empty()) memory[k] = {zeros(w[k].shape()), zeros(w[k].shape())};
      const Array g = rng.normal(w[k].shape());
      set_grad(parameters[k], g);
      reference(w[k], g, memory[k][0], memory[k][1], t);
    }
    optimiser.step();
  }
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    double worst = 0;
    for (std::size_t i = 0; i < w[k].size(); ++i) {
      worst = std::max(
          worst, static_cast<double>(std::abs(w[k].data()[i] - parameters[k].value().data()[i])));
    }
    CHECK(worst < tolerance * 5);
  }
}

// One array of several stretches, one that is spread over threads, one small, one empty.
std::vector<Tensor> some_parameters() {
  Rng rng(6);
  return {parameter(rng.normal({300, 130})), parameter(rng.normal({17})), parameter(zeros({0, 4})),
          parameter(rng.normal({}))};
}

}  // namespace

TEST_CASE("steps computed by hand") {
  using P = std::vector<Tensor>;
  check_path(path([](P p) { return SGD(p, {0.1}); }, {1, -2}), {0.9, 1.1});
  // u = 1, 2.5, −2.75
  check_path(path([](P p) { return SGD(p, {0.1, 0.5}); }, {1, 2, -4}), {0.9, 0.65, 0.925});
  // g + u/2 = 1.5, 2 + 1.25 = 3.25
  check_path(path([](P p) { return SGD(p, {0.1, 0.5, true}); }, {1, 2}), {0.85, 0.525});
  // g = 1 + 0.2 · 1, then 0 + 0.2 · 0.88
  check_path(path([](P p) { return SGD(p, {0.1, 0, false, 0.2}); }, {1, 0}), {0.88, 0.8624});
  // v = 0.1 · 4 = 0.4, then 0.36 + 0.1 · 9 = 1.26
  check_path(path(
                 [](P p) {
                   return RMSprop(p, {0.1, 0.9, 1e-30});
                 },
                 {2, 3}),
             {1 - 0.2 / std::sqrt(0.4), 1 - 0.2 / std::sqrt(0.4) - 0.3 / std::sqrt(1.26)});
  check_path(path(
                 [](P p) {
                   return RMSprop(p, {0.1, 0.9, 1e-30, 0.5});
                 },
                 {2, 3}),
             {1 - 0.2 / std::sqrt(0.4), 1 - 0.3 / std::sqrt(0.4) - 0.3 / std::sqrt(1.26)});
  check_path(path([](P p) { return Adagrad(p, {0.1, 1e-30}); }, {3, -4}), {0.9, 0.9 + 0.4 / 5});
  // The first step of Adam is α whatever the gradient; an equal gradient repeats it.
  check_path(path(
                 [](P p) {
                   return Adam(p, {0.1, 0.9, 0.999, 1e-20});
                 },
                 {5, 5, 5}),
             {0.9, 0.8, 0.7});
  // ε counts beside √v̂: g = ε halves the step. (ε inside the root, or not corrected, would not.)
  check_path(path([](P p) { return Adam(p, {0.1, 0.9, 0.999, 0.5}); }, {0.5}), {0.95});
  // m = 0.5 · 1 → 0.75, m̂ = 1; v̂ = 1 throughout; w · (1 − 0.1 · 0.5) − 0.1
  check_path(path(
                 [](P p) {
                   return AdamW(p, {0.1, 0.5, 0.9, 1e-20, 0.5});
                 },
                 {1, 1}),
             {0.85, 0.7075});
}

TEST_CASE("the fused passes are the papers' equations") {
  const Real alpha = Real(0.01), mu = Real(0.9), lambda = Real(0.1), epsilon = Real(1e-3);
  std::vector<Tensor> p = some_parameters();
  check_against(SGD(p, {0.01, 0.9, false, 0.1}), p,
                [&](Array& w, const Array& grad, Array& u, Array&, int) {
                  const Array g = grad + lambda * w;
                  u = Array(mu * u + g);
                  w = Array(w - alpha * u);
                });
  p = some_parameters();
  check_against(SGD(p, {0.01, 0.9, true, 0.1}), p,
                [&](Array& w, const Array& grad, Array& u, Array&, int) {
                  const Array g = grad + lambda * w;
                  u = Array(mu * u + g);
                  w = Array(w - alpha * (g + mu * u));
                });
  p = some_parameters();
  check_against(RMSprop(p, {0.01, 0.95, 1e-3, 0.9, 0.1}), p,
                [&](Array& w, const Array& grad, Array& v, Array& u, int) {
                  const Array g = grad + lambda * w;
                  v = Array(Real(0.95) * v + Real(0.05) * g * g);
                  u = Array(mu * u + g / (xt::sqrt(v) + epsilon));
                  w = Array(w - alpha * u);
                });
  p = some_parameters();
  check_against(Adagrad(p, {0.01, 1e-3, 0.1}), p,
                [&](Array& w, const Array& grad, Array& sum, Array&, int) {
                  const Array g = grad + lambda * w;
                  sum = Array(sum + g * g);
                  w = Array(w - alpha * g / (xt::sqrt(sum) + epsilon));
                });
  for (const bool decoupled : {false, true}) {
    p = some_parameters();
    const AdamOptions options{0.01, 0.9, 0.99, 1e-3, 0.1};
    const Optimiser optimiser = decoupled ? Optimiser(AdamW(p, options)) : Adam(p, options);
    check_against(optimiser, p, [&](Array& w, const Array& grad, Array& m, Array& v, int t) {
      const Array g = grad + (decoupled ? 0 : lambda) * w;
      m = Array(Real(0.9) * m + Real(0.1) * g);
      v = Array(Real(0.99) * v + Real(0.01) * g * g);
      const Array m_hat = m / static_cast<Real>(1 - std::pow(0.9, t));
      const Array v_hat = v / static_cast<Real>(1 - std::pow(0.99, t));
      w = Array(w - alpha * (m_hat / (xt::sqrt(v_hat) + epsilon) + (decoupled ? lambda : 0) * w));
    });
  }
}

TEST_CASE("every optimiser finds the minimum of a quadratic") {
  // f(w) = ½ Σ c (w − a)² with condition number 20
  const Array a{1, -2, Real(0.5)}, c{1, 5, 20};
  const auto distance = [&](auto make) {
    Tensor w = parameter(zeros({3}));
    Optimiser optimiser = make(std::vector<Tensor>{w});
    for (int i = 0; i < 2000; ++i) {
      set_grad(w, c * (w.value() - a));
      optimiser.set_lr(optimiser.lr() * 0.998);
      optimiser.step();
    }
    return static_cast<double>(xt::amax(xt::abs(w.value() - a))());
  };
  using P = std::vector<Tensor>;
  CHECK(distance([](P p) { return SGD(p, {0.05}); }) < 1e-4);
  CHECK(distance([](P p) { return SGD(p, {0.02, 0.9}); }) < 1e-4);
  CHECK(distance([](P p) { return SGD(p, {0.02, 0.9, true}); }) < 1e-4);
  CHECK(distance([](P p) { return RMSprop(p, {0.05}); }) < 2e-2);
  CHECK(distance([](P p) { return Adagrad(p, {1.0}); }) < 1e-4);
  CHECK(distance([](P p) { return Adam(p, {0.05}); }) < 1e-4);
  CHECK(distance([](P p) { return AdamW(p, {0.05, 0.9, 0.999, 1e-8, 0}); }) < 1e-4);
}

TEST_CASE("a parameter without a gradient is left alone, and so is its t") {
  Tensor used = parameter(ones({2})), idle = parameter(ones({2}));
  Adam optimiser({used, idle}, {0.1, 0.9, 0.999, 1e-20, 0.1});
  for (int i = 0; i < 10; ++i) {
    set_grad(used, ones({2}));
    optimiser.step();
  }
  CHECK(idle.value() == ones({2}));
  CHECK(optimiser.steps() == 10);
  CHECK(optimiser.state().updates == std::vector<std::uint64_t>{10, 0});
  set_grad(idle, ones({2}));
  used.clear_grad();
  optimiser.step();
  CHECK(std::abs(idle.value()(0) - Real(0.9)) < Real(1e-6));  // its own first step
  optimiser.clear_grad();
  CHECK_FALSE(idle.has_grad());
}

TEST_CASE("going on from a saved state is going on") {
  const auto train = [](Optimiser& optimiser, std::vector<Tensor>& p, std::uint64_t seed) {
    Rng rng(seed);
    for (int i = 0; i < 3; ++i) {
      for (Tensor& tensor : p) set_grad(tensor, rng.normal(tensor.shape()));
      optimiser.step();
    }
  };
  const auto make = [](std::vector<Tensor>& p) {
    return std::vector<Optimiser>{SGD(p, {0.1, 0.9}), RMSprop(p, {0.1, 0.9, 1e-8, 0.5}), Adagrad(p),
                                  Adam(p), AdamW(p)};
  };
  for (std::size_t kind = 0; kind < 5; ++kind) {
    std::vector<Tensor> p = {parameter(ones({3})), parameter(ones({2, 2}))};
    p[0].set_label("a");
    p[1].set_label("b.c");
    Optimiser optimiser = make(p)[kind];
    optimiser.set_lr(0.03);
    train(optimiser, p, 1);
    const Optimiser::State state = optimiser.state();
    std::vector<Tensor> q = {parameter(p[0].value()), parameter(p[1].value())};
    q[0].set_label("a");
    q[1].set_label("b.c");
    Optimiser other = make(q)[kind];
    other.load(state);
    CHECK(other.lr() == 0.03);
    CHECK(other.steps() == 3);
    train(optimiser, p, 2);
    train(other, q, 2);
    CHECK(p[0].value() == q[0].value());
    CHECK(p[1].value() == q[1].value());
  }
}

TEST_CASE("the names in a state, and refusal of one that does not fit") {
  Tensor a = parameter(ones({3})), b = parameter(ones({2}));
  CHECK(Adam({a, b}).state().arrays.count("v.1") == 1);
  a.set_label("same");
  b.set_label("same");
  CHECK(Adam({a, b}).state().arrays.count("m.0") == 1);
  b.set_label("b");
  Adam adam({a, b});
  CHECK(adam.state().arrays.count("m.same") == 1);
  CHECK(SGD({a, b}).state().arrays.empty());
  CHECK_THROWS_WITH(adam.load(SGD({a, b}, {0.1, 0.5}).state()),
                    "adam state: missing \"m.b\" (2,), \"m.same\" (3,), \"v.b\" (2,) and 1 more; "
                    "unknown \"u.b\" (2,), \"u.same\" (3,)");
  Optimiser::State state = adam.state();
  state.updates.pop_back();
  CHECK_THROWS_WITH(adam.load(state), "adam state: 1 update counts for 2 parameters");
}

TEST_CASE("bad options and parameters") {
  Tensor w = parameter(ones({2}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(SGD({w}, {-1}), "sgd: lr must be finite and ≥ 0, got -1");
  CHECK_THROWS_AS(Adam({w}).set_lr(nan), std::invalid_argument);
  CHECK_THROWS_WITH(SGD({w}, {0.1, 1}), "sgd: momentum must be in [0, 1), got 1");
  CHECK_THROWS_WITH(SGD({w}, {0.1, 0, true}), "sgd: momentum must be > 0 for nesterov, got 0");
  CHECK_THROWS_WITH(Adam({w}, {0.1, 0.9, 1.5}), "adam: beta2 must be in [0, 1), got 1.5");
  CHECK_THROWS_AS(AdamW({w}, {0.1, -0.1}), std::invalid_argument);
  CHECK_THROWS_AS(Adam({w}, {0.1, 0.9, 0.99, 0}), std::invalid_argument);
  CHECK_THROWS_AS(Adagrad({w}, {0.1, 1e-8, -1}), std::invalid_argument);
  CHECK_THROWS_AS(RMSprop({w}, {0.1, nan}), std::invalid_argument);
  CHECK_THROWS_WITH(SGD({w, w}), "sgd: parameter (2,) comes twice");
  CHECK_THROWS_WITH(SGD({w, constant(ones({3}))}), "sgd: constant (3,) is not a parameter");
  CHECK_NOTHROW(SGD({}).step());
}

TEST_CASE("a graph that read a parameter before the step refuses to run backward") {
  Tensor w = parameter(ones({2}));
  const Tensor y = record(
      "copy", w.value(), [](Node& out, Node& x) { x.accumulate(out.grad()); }, w);
  set_grad(w, ones({2}));
  SGD({w}).step();
  CHECK_THROWS_AS(y.backward(ones({2})), std::logic_error);
}

TEST_CASE("clipping by norm") {
  Tensor a = parameter(zeros({2})), b = parameter(zeros({1})), idle = parameter(zeros({1}));
  b.set_label("hidden.bias");
  const std::vector<Tensor> all = {a, b, idle};
  set_grad(a, Array{2, -3});
  set_grad(b, Array{6});
  CHECK(clip_grad_norm(all, 100) == doctest::Approx(7));
  CHECK(a.grad() == Array{2, -3});
  CHECK(clip_grad_norm(all, 3.5) == doctest::Approx(7));
  CHECK(a.grad() == Array{1, Real(-1.5)});
  CHECK(b.grad() == Array{3});
  CHECK_FALSE(idle.has_grad());
  // Squares that overflow in single precision do not: the norm is summed in double.
  set_grad(b, full({1}, Real(1e30)));
  CHECK(clip_grad_norm(all, 1) == doctest::Approx(1e30));
  CHECK(b.grad()(0) == doctest::Approx(1));
  CHECK(clip_grad_norm({}, 1) == 0);
  set_grad(b, full({1}, std::numeric_limits<Real>::quiet_NaN()));
  CHECK_THROWS_WITH(clip_grad_norm(all, 1),
                    "clip_grad_norm: the gradient of parameter \"hidden.bias\" (1,) has nan at "
                    "flat index 0");
  set_grad(b, full({1}, -std::numeric_limits<Real>::infinity()));
  CHECK_THROWS_AS(clip_grad_norm(all, 1), std::runtime_error);
  set_grad(b, Array{6});
  CHECK(clip_grad_norm(all, 0) >= 6);
  CHECK(b.grad() == Array{0});
  CHECK(clip_grad_norm(all, 0) == 0);
  CHECK_THROWS_WITH(clip_grad_norm(all, -1), "clip_grad_norm: max_norm must be ≥ 0, got -1");
  CHECK_THROWS_AS(clip_grad_norm(all, std::numeric_limits<double>::quiet_NaN()),
                  std::invalid_argument);
}

TEST_CASE("clipping by value") {
  Tensor a = parameter(zeros({3}));
  set_grad(a, Array{2, -3, Real(0.5)});
  clip_grad_value({a, parameter(zeros({1}))}, 1);
  CHECK(a.grad() == Array{1, -1, Real(0.5)});
  set_grad(a, Array{2, std::numeric_limits<Real>::infinity(), 0});
  CHECK_THROWS_WITH(clip_grad_value({a}, 1),
                    "clip_grad_value: the gradient of parameter (3,) has inf at flat index 1");
  CHECK_THROWS_WITH(clip_grad_value({a}, -1), "clip_grad_value: limit must be ≥ 0, got -1");
  set_grad(a, Array{2, -3, 0});
  clip_grad_value({a}, 0);
  CHECK(a.grad() == Array{0, 0, 0});
}

TEST_CASE("schedules: cosine ends at 0 unless told otherwise, and the last step there is") {
  CHECK(schedule::cosine(100, 100) == doctest::Approx(0));
  CHECK(schedule::linear_warm_up(~std::uint64_t{0}, 10) == 1);
}
