#include "datasets/toy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace nabla::datasets {
namespace {

constexpr double pi = 3.14159265358979323846;

// Entropy of K far-apart Gaussians in the plane, equally likely: ln K + ln(2πe σ²).
double mixture_entropy(std::size_t modes, double std_dev) {
  return std::log(static_cast<double>(modes)) + std::log(2 * pi * std_dev * std_dev) + 1;
}

}  // namespace

const std::vector<std::string>& Toy::names() {
  static const std::vector<std::string> all{"ring8", "grid25", "moons", "swiss-roll",
                                            "checkerboard"};
  return all;
}

Toy::Toy(const std::string& name) : name_(name), modes_(empty({0, 2})) {
  if (name == "ring8") {
    std_dev_ = 0.01;
    for (int k = 0; k < 8; ++k) {
      mixture_.push_back({{std::cos(2 * pi * k / 8), std::sin(2 * pi * k / 8)}, 1. / 8});
    }
  } else if (name == "grid25") {
    std_dev_ = 0.05;
    for (int k = 0; k < 25; ++k)
      mixture_.push_back({{2. * (k / 5) - 4, 2. * (k % 5) - 4}, 1. / 25});
  } else if (name == "moons") {
    std_dev_ = 0.1;
    length_ = pi;
    entropy_ = 1.00758483;  // by quadrature on a grid, as that of the roll
    add_curve(0, 0.5);
    add_curve(1, 0.5);
  } else if (name == "swiss-roll") {
    std_dev_ = 0.1;
    start_ = 1.5 * pi;
    length_ = 3 * pi;
    entropy_ = 1.96809001;
    add_curve(0, 1);
  } else if (name == "checkerboard") {
    entropy_ = std::log(32.);  // of the area of its dark squares
  } else {
    throw std::invalid_argument("no toy data are called '" + name +
                                "'; there are ring8, grid25, moons, swiss-roll and checkerboard");
  }
  if (length_ == 0 && !mixture_.empty()) {
    entropy_ = mixture_entropy(mixture_.size(), std_dev_);
    modes_ = empty({mixture_.size(), 2});
    for (std::size_t k = 0; k < mixture_.size(); ++k) {
      modes_(k, 0) = static_cast<Real>(mixture_[k].at.x);
      modes_(k, 1) = static_cast<Real>(mixture_[k].at.y);
    }
  }
}

Toy::Point Toy::on_curve(double t, std::size_t moon) const {
  if (name_ == "swiss-roll") return {t * std::cos(t) / 5, t * std::sin(t) / 5};
  if (moon == 0) return {std::cos(t), std::sin(t)};
  return {1 - std::cos(t), 0.5 - std::sin(t)};
}

// p(x) = ∫ N(x; c(t), σ²) dt / length, as a sum over Simpson's nodes. They stand closer than σ/5.
void Toy::add_curve(std::size_t moon, double weight) {
  const int intervals = name_ == "moons" ? 256 : 1024;
  for (int i = 0; i <= intervals; ++i) {
    const double simpson = i == 0 || i == intervals ? 1 : i % 2 == 1 ? 4 : 2;
    mixture_.push_back(
        {on_curve(start_ + length_ * i / intervals, moon), weight * simpson / (3. * intervals)});
  }
}

ToyPoints Toy::sample(std::size_t n, Rng& rng) const {
  ToyPoints result{empty({n, 2}), IndexArray(IndexArray::shape_type{n})};
  Real* const points = result.points.data();
  std::int64_t* const labels = result.labels.data();
  if (name_ == "checkerboard") {
    result.labels = rng.integers({n}, 0, 8);
    rng.fill_uniform(result.points, 0, 2);
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t square = result.labels.data()[i];
      const std::int64_t row = square / 2, column = 2 * (square % 2) + row % 2;
      // The sum may round up to the square's far edge, which belongs to the next one.
      const Real x = static_cast<Real>(2 * column - 4), y = static_cast<Real>(2 * row - 4);
      points[2 * i] = std::min(x + points[2 * i], std::nextafter(x + 2, x));
      points[2 * i + 1] = std::min(y + points[2 * i + 1], std::nextafter(y + 2, y));
    }
    return result;
  }
  rng.fill_normal(result.points, 0, static_cast<Real>(std_dev_));
  const std::int64_t choices = length_ == 0       ? static_cast<std::int64_t>(mixture_.size())
                               : name_ == "moons" ? 2
                                                  : 1;
  const IndexArray chosen = rng.integers({n}, 0, choices);
  const Array t = length_ == 0 ? zeros({n}) : rng.uniform({n});
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t k = static_cast<std::size_t>(chosen.data()[i]);
    const Point at = length_ == 0
                         ? mixture_[k].at
                         : on_curve(start_ + length_ * static_cast<double>(t.data()[i]), k);
    points[2 * i] += static_cast<Real>(at.x);
    points[2 * i + 1] += static_cast<Real>(at.y);
    labels[i] = chosen.data()[i];
  }
  return result;
}

double Toy::log_density(double x, double y) const {
  if (std::isnan(x) || std::isnan(y)) return x + y;
  if (name_ == "checkerboard") {
    const bool inside = x >= -4 && x < 4 && y >= -4 && y < 4;
    const bool dark = inside && static_cast<int>(std::floor(x / 2) + std::floor(y / 2)) % 2 == 0;
    return dark ? -std::log(32.) : -std::numeric_limits<double>::infinity();
  }
  // ln Σ wₖ N(x; cₖ, σ²), relative to the nearest centre so that nothing underflows
  const auto squared = [&](const Weighted& w) {
    return (x - w.at.x) * (x - w.at.x) + (y - w.at.y) * (y - w.at.y);
  };
  double nearest = std::numeric_limits<double>::infinity();
  for (const Weighted& w : mixture_) nearest = std::min(nearest, squared(w));
  if (std::isinf(nearest)) return -nearest;
  const double variance = std_dev_ * std_dev_;
  double sum = 0;
  for (const Weighted& w : mixture_) {
    const double exponent = (nearest - squared(w)) / (2 * variance);
    if (exponent > -40) sum += w.weight * std::exp(exponent);
  }
  return std::log(sum) - nearest / (2 * variance) - std::log(2 * pi * variance);
}

Array Toy::log_density(const Array& points) const {
  if (points.dimension() != 2 || points.shape()[1] != 2) {
    throw std::invalid_argument("log_density: points are (n, 2), got " + to_string(points.shape()));
  }
  Array result = empty({points.shape()[0]});
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(result.size());
#pragma omp parallel for schedule(static) if (n > 1000)
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    result.data()[i] = static_cast<Real>(log_density(
        static_cast<double>(points.data()[2 * i]), static_cast<double>(points.data()[2 * i + 1])));
  }
  return result;
}

std::optional<Toy> toy_named(const std::string& name) {
  const std::vector<std::string>& all = Toy::names();
  if (std::find(all.begin(), all.end(), name) == all.end()) return std::nullopt;
  return Toy(name);
}

}  // namespace nabla::datasets
