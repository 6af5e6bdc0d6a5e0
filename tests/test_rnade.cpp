// What makes RNADE a density: it integrates to one, its samples have its moments, and in the two
// cases where a mixture of Gaussians in a network is a Gaussian, it is that Gaussian.
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <map>
#include <set>

#include "models/rnade/folds.hpp"
#include "models/rnade/full_gaussian.hpp"
#include "models/rnade/rnade.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

constexpr double ln_2pi = 1.8378770664093454836;

Rnade tiny_rnade(std::size_t D, std::size_t K = 3, double floor = 0.1, bool scaled = false) {
  Rng rng(5);
  return Rnade({D, 6, K, floor, scaled}, rng);
}

// Sets one registered parameter, of the same shape or the same number of values.
void set(const Rnade& model, const std::string& name, const std::vector<double>& values) {
  for (auto& [path, tensor] : model.named_parameters()) {
    if (path != name) continue;
    REQUIRE(tensor.size() == values.size());
    std::transform(values.begin(), values.end(), Tensor(tensor).mutable_value().begin(),
                   [](double v) { return static_cast<Real>(v); });
    return;
  }
  FAIL("no parameter ", name);
}

void fill(const Rnade& model, const std::string& name, double value) {
  for (auto& [path, tensor] : model.named_parameters()) {
    if (path == name) Tensor(tensor).mutable_value().fill(static_cast<Real>(value));
  }
}

double log_normal(double x, double mean, double std_dev) {
  const double z = (x - mean) / std_dev;
  return -0.5 * (z * z + ln_2pi) - std::log(std_dev);
}

const Array& some_data() {
  static const Array x{{0.3, -1.2, 0.8}, {1.5, 0.2, -0.4}, {-0.7, 0.9, 2.1}, {0.1, -0.1, -1.6}};
  return x;
}

}  // namespace

TEST_CASE("the density integrates to 1 in one and in two dimensions") {
  // The plain sum over a grid converges faster than any power of the step for a smooth integrand
  // that vanishes at both ends; no σ is below the floor of 0.1, five steps of the grid or more.
  const double tolerance = is_double ? 1e-8 : 1e-4;
  const Rnade line = tiny_rnade(1);
  constexpr std::size_t n = 2001;
  Array x = empty({n, 1});
  for (std::size_t i = 0; i < n; ++i)
    x(i, 0) = static_cast<Real>(-10 + 0.01 * static_cast<double>(i));
  double total = 0;
  for (const Real log_p : line.log_prob(x)) total += std::exp(static_cast<double>(log_p)) * 0.01;
  CHECK(std::abs(total - 1) < tolerance);

  const Rnade plane = tiny_rnade(2);
  constexpr std::size_t side = 801;
  constexpr double step = 0.02;
  Array grid = empty({side * side, 2});
  for (std::size_t i = 0; i < side * side; ++i) {
    grid(i, 0) = static_cast<Real>(-8 + step * static_cast<double>(i / side));
    grid(i, 1) = static_cast<Real>(-8 + step * static_cast<double>(i % side));
  }
  total = 0;
  for (const Real log_p : plane.log_prob(grid)) {
    total += std::exp(static_cast<double>(log_p)) * step * step;
  }
  CHECK(std::abs(total - 1) < tolerance);
}

TEST_CASE("one component that ignores its inputs is a product of Gaussians") {
  const Rnade model = tiny_rnade(3, 1, 0);
  fill(model, "V", 0);
  const double mean[] = {0.5, -1, 2}, std_dev[] = {0.5, 2, 1.5};
  std::vector<double> b;  // logit, mean, ln σ for each column
  for (std::size_t d = 0; d < 3; ++d) {
    b.insert(b.end(), {0.7, mean[d], std::log(std_dev[d])});
  }
  set(model, "b", b);
  const Array log_p = model.log_prob(some_data());
  for (std::size_t r = 0; r < 4; ++r) {
    double expected = 0;
    for (std::size_t d = 0; d < 3; ++d) {
      expected += log_normal(static_cast<double>(some_data()(r, d)), mean[d], std_dev[d]);
    }
    CHECK(static_cast<double>(log_p(r)) == doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("one component with units that are never off is a correlated Gaussian") {
  // Far above 0 a ReLU is linear: x₂ | x₁ ~ N(m₂ + β x₁, s₂²), so that the pair is Gaussian with
  // variances s₁², s₂² + β² s₁² and covariance β s₁².
  Rng rng(1);
  const Rnade model({2, 1, 1, 0, false}, rng);
  const double m1 = 0.4, s1 = 0.8, m2 = -0.3, s2 = 0.5, beta = 1.7, lift = 50;
  set(model, "W", {1});
  set(model, "c", {lift});  // h₁ = 50, h₂ = 50 + x₁
  set(model, "rho", {1, 1});
  set(model, "V", {0, 0, 0, 0, beta, 0});
  set(model, "b", {0, m1, std::log(s1), 0, m2 - beta * lift, std::log(s2)});
  const double cross = beta * s1 * s1;
  const FullGaussian gaussian({m1, m2 + beta * m1},
                              {s1 * s1, cross, cross, s2 * s2 + beta * cross});
  Rng draws(2);
  const Array x = draws.normal({50, 2});
  const Array log_p = model.log_prob(x);
  const std::vector<double> expected = gaussian.log_prob(x);
  for (std::size_t r = 0; r < 50; ++r) {
    CHECK(std::abs(static_cast<double>(log_p(r)) - expected[r]) < (is_double ? 1e-9 : 1e-2));
  }
}

TEST_CASE("conditional d does not read the columns from d on") {
  const Rnade model = tiny_rnade(3);
  const NoGrad no_grad;
  const nn::MixtureOfNormals before = model.conditionals(Tensor(some_data()));
  for (std::size_t changed = 0; changed < 3; ++changed) {
    Array other = some_data();
    for (std::size_t r = 0; r < 4; ++r) other(r, changed) += Real(1.5);
    const nn::MixtureOfNormals after = model.conditionals(Tensor(other));
    for (std::size_t d = 0; d < 3; ++d) {
      bool same = true;
      for (std::size_t i = d * 12; i < (d + 1) * 12; ++i) {  // (B, K) = (4, 3) numbers each
        same = same && before.logits().value().data()[i] == after.logits().value().data()[i] &&
               before.means().value().data()[i] == after.means().value().data()[i] &&
               before.log_std().value().data()[i] == after.log_std().value().data()[i];
      }
      INFO("conditional ", d, ", column ", changed, " changed");
      CHECK(same == (d <= changed));
    }
  }
}

TEST_CASE("log_prob is the plain double loop of the paper") {
  const Rnade model = tiny_rnade(3, 2, 0.05);
  std::map<std::string, Array> p = model.state();
  const Array log_p = model.log_prob(some_data());
  for (std::size_t r = 0; r < 4; ++r) {
    std::vector<double> a(p["c"].begin(), p["c"].end());
    double total = 0;
    for (std::size_t d = 0; d < 3; ++d) {
      double out[6];
      for (std::size_t o = 0; o < 6; ++o) {
        out[o] = p["b"](d, 0, o);
        for (std::size_t h = 0; h < 6; ++h) {
          out[o] += std::max(0.0, static_cast<double>(p["rho"](d, 0, 0)) * a[h]) *
                    static_cast<double>(p["V"](d, h, o));
        }
      }
      const double x = static_cast<double>(some_data()(r, d));
      double top = 0, bottom = 0;
      for (std::size_t k = 0; k < 2; ++k) {
        bottom += std::exp(out[k]);
        top += std::exp(out[k] + log_normal(x, out[2 + k], std::exp(out[4 + k]) + 0.05));
      }
      total += std::log(top / bottom);
      for (std::size_t h = 0; d < 2 && h < 6; ++h) a[h] += x * static_cast<double>(p["W"](d, h));
    }
    CHECK(static_cast<double>(log_p(r)) ==
          doctest::Approx(total).epsilon(is_double ? 1e-12 : 1e-5));
  }
}

TEST_CASE("gradients against differences, and every parameter gets one") {
  const Rnade model = tiny_rnade(3);
  CHECK(model.parameter_count() == 2 * 6 + 6 + 3 + 3 * 6 * 9 + 3 * 9);
  check_parameter_gradients(model, [&] { return sum(model.log_prob(Tensor(some_data()))); });
  for (const bool scaled : {false, true}) {
    const Rnade fresh = tiny_rnade(3, 3, 0.1, scaled);
    mean(fresh.log_prob(Tensor(some_data()))).backward();
    check_gradient_reaches(fresh);
  }
}

TEST_CASE("the gradient of each mean is multiplied by its sigma, and nothing else") {
  const Tensor x = parameter({{1, 2}, {3, 4}}), scale = parameter({{0.5, 2}, {3, 0}});
  const Tensor y = scale_gradient(x, scale);
  CHECK(y.value() == x.value());
  y.backward(Array{{1, 10}, {100, 1000}});
  CHECK(x.grad() == Array{{0.5, 20}, {300, 0}});
  CHECK_FALSE(scale.has_grad());

  // In the first conditional of a model that ignores its inputs σ is one number for each k.
  const Rnade exact = tiny_rnade(1, 2, 0, false), scaled = tiny_rnade(1, 2, 0, true);
  Array two = empty({2, 1});
  two(0, 0) = Real(0.4);
  two(1, 0) = Real(-0.7);
  for (const Rnade* model : {&exact, &scaled}) {
    fill(*model, "V", 0);
    set(*model, "b", {0.3, -0.2, -1, 1.5, std::log(0.25), std::log(2.0)});
    sum(model->log_prob(Tensor(two))).backward();
  }
  const Array e = exact.parameters().back().grad();
  const Array s = scaled.parameters().back().grad();
  const double factor[] = {1, 1, 0.25, 2, 1, 1};
  for (std::size_t o = 0; o < 6; ++o) {
    CHECK(static_cast<double>(s(0, 0, o)) ==
          doctest::Approx(factor[o] * static_cast<double>(e(0, 0, o))).epsilon(1e-5));
  }
}

TEST_CASE("no sigma goes below the floor") {
  const Rnade model = tiny_rnade(2, 2, 0.125);
  fill(model, "V", 0);
  fill(model, "b", -200);  // e⁻²⁰⁰ is 0 in single precision
  const NoGrad no_grad;
  const Array log_std = model.conditionals(Tensor(Array{{0, 0}, {5, -5}})).log_std().value();
  for (const Real l : log_std) CHECK(static_cast<double>(l) == doctest::Approx(std::log(0.125)));
}

TEST_CASE("samples have the moments of the density") {
  const Rnade model = tiny_rnade(2);
  constexpr std::size_t side = 401;
  constexpr double step = 0.04;  // the grid's error is far below the tolerance
  Array grid = empty({side * side, 2});
  for (std::size_t i = 0; i < side * side; ++i) {
    grid(i, 0) = static_cast<Real>(-8 + step * static_cast<double>(i / side));
    grid(i, 1) = static_cast<Real>(-8 + step * static_cast<double>(i % side));
  }
  const Array log_p = model.log_prob(grid);
  const auto moments = [](double x, double y) {
    return std::vector<double>{x, y, x * x, x * y, y * y, std::cos(3 * x + 2 * y)};
  };
  std::vector<double> expected(6, 0.0), found(6, 0.0), squares(6, 0.0);
  for (std::size_t i = 0; i < side * side; ++i) {
    const std::vector<double> m = moments(grid(i, 0), grid(i, 1));
    const double p = std::exp(static_cast<double>(log_p(i))) * step * step;
    for (std::size_t j = 0; j < 6; ++j) expected[j] += p * m[j];
  }
  Rng rng(3);
  constexpr std::size_t n = 100000;
  const Array x = model.sample(n, rng);
  REQUIRE(x.shape() == Shape{n, 2});
  for (std::size_t r = 0; r < n; ++r) {
    const std::vector<double> m = moments(x(r, 0), x(r, 1));
    for (std::size_t j = 0; j < 6; ++j) {
      found[j] += m[j] / n;
      squares[j] += m[j] * m[j] / n;
    }
  }
  for (std::size_t j = 0; j < 6; ++j) {
    const double error = std::sqrt((squares[j] - found[j] * found[j]) / n);
    INFO("moment ", j, ": ", found[j], " of samples, ", expected[j], " of the density");
    CHECK(std::abs(found[j] - expected[j]) < 4 * error);
    CHECK(error < 0.02);
  }
  Rng again(3);
  CHECK(model.sample(n, again) == x);
  CHECK(tiny_rnade(1).sample(7, rng).shape() == Shape{7, 1});
}

TEST_CASE("what is known stays, and the rest is drawn given it") {
  const Rnade model = tiny_rnade(3);
  Rng rng(3), again(3);
  const Array sampled = model.sample(500, rng);
  Array x = full({500, 3}, std::numeric_limits<Real>::quiet_NaN());
  CHECK(model.complete(x, {false, false, false}, again) == sampled);
  // Of x_3 given (x_1, x_2) the mean is Σ_k π_k μ_k.
  constexpr std::size_t n = 20000;
  x = full({n, 3}, std::numeric_limits<Real>::quiet_NaN());
  for (std::size_t r = 0; r < n; ++r) {
    x(r, 0) = Real(0.5);
    x(r, 1) = Real(-1);
  }
  const Array completed = model.complete(x, {true, true, false}, rng);
  const NoGrad no_grad;
  const nn::MixtureOfNormals given = model.conditionals(Tensor(Array{{0.5, -1, 0}}));
  const Array weights = softmax(given.logits(), {-1}).value(), means = given.means().value();
  double mean = 0, squares = 0, expected = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    expected += static_cast<double>(weights(2, 0, k)) * static_cast<double>(means(2, 0, k));
  }
  for (std::size_t r = 0; r < n; ++r) {
    REQUIRE(completed(r, 0) == Real(0.5));
    REQUIRE(completed(r, 1) == Real(-1));
    const double drawn = static_cast<double>(completed(r, 2));
    mean += drawn / n;
    squares += drawn * drawn / n;
  }
  CHECK(std::abs(mean - expected) < 4 * std::sqrt((squares - mean * mean) / n));
  CHECK_THROWS_AS(model.complete(x, {false, true, false}, rng), std::invalid_argument);
  CHECK_THROWS_AS(model.complete(x, {true, true}, rng), std::invalid_argument);
  x(1, 1) = std::numeric_limits<Real>::infinity();
  CHECK_THROWS_AS(model.complete(x, {true, true, false}, rng), std::invalid_argument);
  CHECK_THROWS_AS(model.complete(zeros({2, 2}), {true, false, false}, rng), std::invalid_argument);
}

TEST_CASE("large arrays in pieces give the same densities") {
  const Rnade model = tiny_rnade(3, 50);
  Rng rng(4);
  const Array x = rng.normal({6000, 3});  // 3 × 150 numbers a row: more than one piece
  const NoGrad no_grad;
  const Array pieces = model.log_prob(x), whole = model.log_prob(Tensor(x)).value();
  double worst = 0;
  for (std::size_t i = 0; i < 6000; ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(pieces(i) - whole(i))));
  }
  CHECK(worst < 1e-4);
}

TEST_CASE("what is not a table of finite numbers is refused in one line") {
  const Rnade model = tiny_rnade(3);
  CHECK_THROWS_WITH_AS(model.log_prob(Array(zeros({2, 4}))), "Rnade: x must be (B, 3), got (2, 4)",
                       std::invalid_argument);
  Array x = some_data();
  x(2, 1) = std::numeric_limits<Real>::quiet_NaN();
  CHECK_THROWS_WITH_AS(model.log_prob(Tensor(x)), "Rnade: row 2, column 1 of x is nan",
                       std::invalid_argument);
  Rng rng(1);
  CHECK_THROWS_WITH_AS(Rnade({2, 0, 1}, rng),
                       "Rnade: columns, hidden units and components must be at least 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Rnade({2, 3, 1, -1.0}, rng),
                       "Rnade: the floor under sigma must be finite and at least 0",
                       std::invalid_argument);
  CHECK_THROWS_AS(scale_gradient(Tensor(zeros({2})), Tensor(zeros({3}))), std::invalid_argument);
}

// The protocol ----------------------------------------------------------------------------------

TEST_CASE("folds: the stretches of the published protocol, and each row once") {
  constexpr std::size_t n = 1599;
  const std::vector<std::size_t> order = row_order(n, false, 1);
  std::vector<int> tested(n, 0);
  for (std::size_t k = 0; k < 10; ++k) {
    const Fold fold = fold_of(order, 10, k, 7);
    CHECK(fold.test.front() == 159 * k);
    CHECK(fold.test.size() == (k < 9 ? 159u : 168u));
    CHECK(fold.test.back() == fold.test.front() + fold.test.size() - 1);
    CHECK(fold.valid.size() == (n - fold.test.size()) / 10);
    std::set<std::size_t> all(fold.train.begin(), fold.train.end());
    all.insert(fold.valid.begin(), fold.valid.end());
    all.insert(fold.test.begin(), fold.test.end());
    CHECK(all.size() == n);
    CHECK(fold.train.size() + fold.valid.size() + fold.test.size() == n);
    for (const std::size_t row : fold.test) ++tested[row];
    CHECK(fold_of(order, 10, k, 7).valid == fold.valid);
    CHECK(fold_of(order, 10, k, 8).valid != fold.valid);
  }
  CHECK(std::all_of(tested.begin(), tested.end(), [](int times) { return times == 1; }));
  const std::vector<std::size_t> shuffled = row_order(n, true, 1);
  CHECK(shuffled != order);
  CHECK(row_order(n, true, 1) == shuffled);
  CHECK(std::is_permutation(shuffled.begin(), shuffled.end(), order.begin()));
  CHECK(fold_of(shuffled, 10, 3, 7).test.front() == shuffled[3 * 159]);
  CHECK_THROWS_WITH_AS(fold_of(order, 10, 10, 1), "fold_of: fold 10 of 10 from 1599 rows",
                       std::invalid_argument);
  CHECK_THROWS_AS(fold_of(order, 1, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(fold_of({0, 1}, 2, 1, 1), std::invalid_argument);
}

TEST_CASE("the full-covariance Gaussian against its formula") {
  // Σ = ((2, 0.6), (0.6, 0.5)): |Σ| = 0.64, Σ⁻¹ = ((0.5, −0.6), (−0.6, 2)) / 0.64
  const FullGaussian gaussian({1, -1}, {2, 0.6, 0.6, 0.5});
  const Array x{{1, -1}, {2, 0}, {0, -3}};
  const double squares[] = {0, (0.5 - 1.2 + 2) / 0.64, (0.5 - 2.4 + 8) / 0.64};
  const std::vector<double> log_p = gaussian.log_prob(x);
  for (std::size_t r = 0; r < 3; ++r) {
    CHECK(log_p[r] == doctest::Approx(-0.5 * squares[r] - ln_2pi - 0.5 * std::log(0.64)));
  }
  // Fitted to its own rows, the mean of the squares is D whatever the rows are.
  const FullGaussian fitted = FullGaussian::fit(some_data());
  double total = 0;
  for (const double value : fitted.log_prob(some_data())) total += value;
  Array shifted = some_data();
  for (Real& value : shifted) value = value * Real(3) + Real(1);
  double shifted_total = 0;
  for (const double value : FullGaussian::fit(shifted).log_prob(shifted)) shifted_total += value;
  CHECK(total - shifted_total == doctest::Approx(4 * 3 * std::log(3.0)).epsilon(1e-5));
  CHECK_THROWS_WITH_AS(FullGaussian({0, 0}, {1, 2, 2, 4}),
                       "FullGaussian: the covariance is not positive definite: column 1 is "
                       "constant or a combination of those before it",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(gaussian.log_prob(some_data()), "FullGaussian: x must be (n, 2), got (4, 3)",
                       std::invalid_argument);
  CHECK_THROWS_AS(FullGaussian::fit(zeros({0, 2})), std::invalid_argument);
}
