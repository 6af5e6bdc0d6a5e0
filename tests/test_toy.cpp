// Toy densities: what is sampled is what log_density says, and the entropies are right.
#include <cmath>
#include <doctest/doctest.h>
#include <map>
#include <stdexcept>

#include "datasets/toy.hpp"

using namespace nabla;
using namespace nabla::datasets;

namespace {

// ∫ p and −∫ p ln p over a square around the centre of each mode, or over everything.
struct Integral {
  double mass = 0, entropy = 0;
};
void integrate(const Toy& toy, double cx, double cy, double half, int steps, Integral& sum) {
  const double h = 2 * half / steps;
  for (int i = 0; i < steps; ++i) {
    for (int j = 0; j < steps; ++j) {
      const double l = toy.log_density(cx - half + (i + 0.5) * h, cy - half + (j + 0.5) * h);
      if (l < -60) continue;
      sum.mass += std::exp(l) * h * h;
      sum.entropy -= std::exp(l) * l * h * h;
    }
  }
}

}  // namespace

TEST_CASE("densities integrate to 1, and to their entropy") {
  for (const std::string& name : Toy::names()) {
    CAPTURE(name);
    const Toy toy(name);
    Integral sum;
    if (toy.modes().shape()[0] != 0) {
      for (std::size_t k = 0; k < toy.modes().shape()[0]; ++k) {
        integrate(toy, static_cast<double>(toy.modes()(k, 0)),
                  static_cast<double>(toy.modes()(k, 1)), 8 * toy.std_dev(), 40, sum);
      }
    } else {
      integrate(toy, 0, 0, 4, 160, sum);
    }
    CHECK(sum.mass == doctest::Approx(1).epsilon(1e-5));
    CHECK(sum.entropy == doctest::Approx(toy.entropy()).epsilon(1e-5));
  }
  CHECK(Toy("ring8").entropy() == doctest::Approx(-4.293).epsilon(1e-3));
  CHECK(Toy("grid25").entropy() == doctest::Approx(0.0653).epsilon(1e-3));
}

TEST_CASE("samples have the density's mean log-likelihood, means and labels") {
  for (const std::string& name : Toy::names()) {
    CAPTURE(name);
    const Toy toy(name);
    Rng rng(7);
    const std::size_t n = 20000;
    const ToyPoints sample = toy.sample(n, rng);
    CHECK(sample.points.shape() == Shape{n, 2});
    CHECK(sample.labels.size() == n);
    const Array log_p = toy.log_density(sample.points);
    double mean = 0, square = 0, x = 0, y = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double l = static_cast<double>(log_p(i));
      mean += l / static_cast<double>(n);
      square += l * l / static_cast<double>(n);
      x += static_cast<double>(sample.points(i, 0)) / static_cast<double>(n);
      y += static_cast<double>(sample.points(i, 1)) / static_cast<double>(n);
    }
    const double error = std::sqrt(std::max(0., square - mean * mean) / static_cast<double>(n));
    CHECK(std::abs(mean + toy.entropy()) < 4 * error + 1e-5);
    // Centres of mass: 0 but for the moons and the roll.
    double cx = 0, cy = 0;
    if (name == "moons") cx = 0.5, cy = 0.25;
    if (name == "swiss-roll") {  // the mean of (t cos t, t sin t) / 5 over 3π of t from 1.5π
      const double pi = std::acos(-1.), a = 1.5 * pi, b = 4.5 * pi;
      cx = (b * std::sin(b) + std::cos(b) - a * std::sin(a) - std::cos(a)) / (5 * 3 * pi);
      cy = (std::sin(b) - b * std::cos(b) - std::sin(a) + a * std::cos(a)) / (5 * 3 * pi);
    }
    CHECK(std::abs(x - cx) < 0.08);
    CHECK(std::abs(y - cy) < 0.08);
  }
}

TEST_CASE("modes: 8 at equal angles, 25 on the grid, each with its share and its width") {
  for (const char* name : {"ring8", "grid25"}) {
    const Toy toy(name);
    const std::size_t modes = toy.modes().shape()[0];
    CHECK(modes == (name[0] == 'r' ? 8 : 25));
    for (std::size_t a = 0; a < modes; ++a) {  // no two coincide: linspace(0, 2π, 8) has 7
      for (std::size_t b = 0; b < a; ++b) {
        CHECK(std::hypot(toy.modes()(a, 0) - toy.modes()(b, 0),
                         toy.modes()(a, 1) - toy.modes()(b, 1)) > Real(0.7));
      }
    }
    Rng rng(1);
    const ToyPoints sample = toy.sample(50000, rng);
    std::vector<int> count(modes, 0);
    double variance = 0;
    int near = 0;
    for (std::size_t i = 0; i < 50000; ++i) {
      const std::size_t k = static_cast<std::size_t>(sample.labels(i));
      const double dx = static_cast<double>(sample.points(i, 0) - toy.modes()(k, 0));
      const double dy = static_cast<double>(sample.points(i, 1) - toy.modes()(k, 1));
      ++count[k];
      variance += (dx * dx + dy * dy) / 100000;
      near += std::hypot(dx, dy) < 3 * toy.std_dev() ? 1 : 0;
    }
    const double share = 50000. / static_cast<double>(modes);
    for (const int c : count) CHECK(std::abs(c - share) < 5 * std::sqrt(share));
    CHECK(std::sqrt(variance) == doctest::Approx(toy.std_dev()).epsilon(0.02));
    CHECK(near / 50000. == doctest::Approx(0.9889).epsilon(0.002));  // 1 − e^(−9/2)
  }
}

TEST_CASE("the checkerboard's points lie on dark squares, all of them") {
  const Toy toy("checkerboard");
  Rng rng(3);
  const ToyPoints sample = toy.sample(20000, rng);
  std::map<std::pair<int, int>, int> squares;
  for (std::size_t i = 0; i < 20000; ++i) {
    ++squares[{static_cast<int>(std::floor(sample.points(i, 0) / 2)),
               static_cast<int>(std::floor(sample.points(i, 1) / 2))}];
  }
  CHECK(squares.size() == 8);
  for (const auto& [square, count] : squares) {
    CHECK((square.first + square.second) % 2 == 0);
    CHECK(std::abs(count - 2500) < 250);
  }
  CHECK(toy.log_density(-3.9, -3.9) == doctest::Approx(-std::log(32.)));
  CHECK(std::isinf(toy.log_density(-3.9, -1.9)));
  CHECK(std::isinf(toy.log_density(4.1, 4.1)));
}

TEST_CASE("densities stay finite far away, samples repeat, names and shapes are checked") {
  CHECK(Toy("ring8").log_density(1000, 1000) < -1e9);
  CHECK(std::isfinite(Toy("moons").log_density(1e6, -1e6)));
  Rng a(5), b(5), c(6);
  const Toy toy("moons");
  const Array first = toy.sample(10, a).points;
  CHECK(first == toy.sample(10, b).points);
  CHECK(first != toy.sample(10, c).points);
  CHECK(toy.sample(0, a).points.shape() == Shape{0, 2});
  CHECK_THROWS_WITH(Toy("ring"),
                    "no toy data are called 'ring'; there are ring8, grid25, moons, swiss-roll and "
                    "checkerboard");
  CHECK_THROWS_WITH(toy.log_density(zeros({3})), "log_density: points are (n, 2), got (3,)");
}

TEST_CASE("a toy by its name, or none") {
  REQUIRE(toy_named("moons").has_value());
  CHECK(toy_named("moons")->name() == "moons");
  CHECK_FALSE(toy_named("mnist").has_value());
}
