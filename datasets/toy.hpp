// Points in the plane from known densities: what a model of densities can be measured against.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/random.hpp"

namespace nabla::datasets {

struct ToyPoints {
  Array points;       ///< (n, 2)
  IndexArray labels;  ///< (n,): the mode, the moon or the square a point comes from
};

/// One of
///   ring8         8 Gaussians on a circle of radius 1, σ 0.01 (Srivastava et al. 2017, VEEGAN)
///   grid25        25 Gaussians at {−4, −2, 0, 2, 4}², σ 0.05 (likewise; Lin et al. 2018, PacGAN)
///   moons         two interleaved half circles of radius 1, Gaussian noise of σ 0.1
///   swiss-roll    (t cos t, t sin t) / 5 for t uniform on [1.5π, 4.5π], Gaussian noise of σ 0.1
///   checkerboard  uniform on the 8 dark squares, of side 2, of a 4 × 4 board over [−4, 4)²
class Toy {
 public:
  /// Throws std::invalid_argument on another name.
  explicit Toy(const std::string& name);
  static const std::vector<std::string>& names();

  const std::string& name() const { return name_; }
  ToyPoints sample(std::size_t n, Rng& rng) const;

  /// ln p(x, y) in nats; −∞ outside the checkerboard's dark squares. For moons and swiss-roll the
  /// integral along the curve is done by Simpson's rule, to about 1e-6.
  double log_density(double x, double y) const;
  /// The same for points (n, 2): (n,).
  Array log_density(const Array& points) const;

  /// −E ln p in nats: the least mean negative log-likelihood a model can have, and what to subtract
  /// from its own to get the Kullback–Leibler divergence. In closed form for checkerboard and, as
  /// their modes do not overlap, ring8 and grid25; by quadrature for the others.
  double entropy() const { return entropy_; }

  /// Centres of the modes, (K, 2), for ring8 and grid25; (0, 2) for the others.
  const Array& modes() const { return modes_; }
  /// σ of the noise; 0 for the checkerboard.
  double std_dev() const { return std_dev_; }

 private:
  struct Point {
    double x, y;
  };
  struct Weighted {
    Point at;
    double weight;
  };

  Point on_curve(double t, std::size_t moon) const;
  void add_curve(std::size_t moon, double weight);

  std::string name_;
  double std_dev_ = 0, entropy_ = 0;
  double start_ = 0, length_ = 0;  // of the curve's parameter t
  Array modes_;
  std::vector<Weighted> mixture_;  // Σ weight · N(at, σ²): the modes, or nodes along the curve
};

/// The toy of that name, if there is one.
std::optional<Toy> toy_named(const std::string& name);

}  // namespace nabla::datasets
