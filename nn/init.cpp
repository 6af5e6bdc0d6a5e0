#include "nn/init.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nabla::nn {
namespace {

// Uniform and normal numbers of the variance that a rule derives from the fans. Var U(−a, a) =
// a²/3.
template <class Variance>
Initialiser uniform_of(Variance variance) {
  return [variance](const Shape& shape, Rng& rng) {
    const Real a = static_cast<Real>(std::sqrt(3 * variance(fans(shape))));
    return size_of(shape) == 0 ? empty(shape) : rng.uniform(shape, -a, a);
  };
}
template <class Variance>
Initialiser normal_of(Variance variance) {
  return [variance](const Shape& shape, Rng& rng) {
    const Real std_dev = static_cast<Real>(std::sqrt(variance(fans(shape))));
    return size_of(shape) == 0 ? empty(shape) : rng.normal(shape, 0, std_dev);
  };
}

void check_gain(const char* name, Real gain) {
  check_number(std::isfinite(gain) && gain > 0, name, "gain", gain, "finite and > 0");
}

double inverse(std::size_t fan) {
  return 1 / static_cast<double>(fan);
}
double xavier_variance(const Fans& fan) {
  return 2 * inverse(fan.in + fan.out);
}
double he_variance(const Fans& fan) {
  return 2 * inverse(fan.in);
}

// Makes `count` vectors of the given length orthonormal, in place. Gram and Schmidt, each vector
// twice: once is not enough in floating point, twice is (Giraud et al. 2005). The projections are
// onto normal vectors with positive coefficient, hence uniform over all orthogonal matrices.
void orthonormalise(std::vector<double>& vectors, std::size_t count, std::size_t length) {
  const auto dot = [length](const double* a, const double* b) {
    double total = 0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < length; ++i) total += a[i] * b[i];
    return total;
  };
  for (std::size_t k = 0; k < count; ++k) {
    double* const v = vectors.data() + k * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < k; ++j) {
        const double* const q = vectors.data() + j * length;
        const double share = dot(q, v);
        for (std::size_t i = 0; i < length; ++i) v[i] -= share * q[i];
      }
    }
    const double scale = 1 / std::sqrt(dot(v, v));
    for (std::size_t i = 0; i < length; ++i) v[i] *= scale;
  }
}

}  // namespace

Fans fans(const Shape& shape) {
  if (shape.size() < 2) {
    throw std::invalid_argument("fans: a weight has axes (in, out) or (kh, kw, in, out), got " +
                                to_string(shape));
  }
  check_shape("fans", shape);
  std::size_t window = 1;
  for (std::size_t axis = 0; axis + 2 < shape.size(); ++axis) window *= shape[axis];
  return {window * shape[shape.size() - 2], window * shape[shape.size() - 1]};
}

namespace init {

Initialiser constant(Real value) {
  return [value](const Shape& shape, Rng&) { return full(shape, value); };
}

Initialiser zeros() {
  return constant(0);
}

Initialiser uniform(Real low, Real high) {
  return [low, high](const Shape& shape, Rng& rng) { return rng.uniform(shape, low, high); };
}

Initialiser normal(Real mean, Real std_dev) {
  return [mean, std_dev](const Shape& shape, Rng& rng) { return rng.normal(shape, mean, std_dev); };
}

Initialiser fan_in_uniform() {
  return uniform_of([](const Fans& fan) { return inverse(fan.in) / 3; });
}

Initialiser xavier_uniform(Real gain) {
  check_gain("xavier_uniform", gain);
  return uniform_of([gain](const Fans& fan) { return gain * gain * xavier_variance(fan); });
}

Initialiser xavier_normal(Real gain) {
  check_gain("xavier_normal", gain);
  return normal_of([gain](const Fans& fan) { return gain * gain * xavier_variance(fan); });
}

Initialiser he_uniform() {
  return uniform_of(he_variance);
}

Initialiser he_normal() {
  return normal_of(he_variance);
}

Initialiser lecun_normal() {
  return normal_of([](const Fans& fan) { return inverse(fan.in); });
}

Initialiser orthogonal(Real gain) {
  check_gain("orthogonal", gain);
  return [gain](const Shape& shape, Rng& rng) {
    fans(shape);  // checks the number of axes
    const std::size_t columns = shape[shape.size() - 1];
    const std::size_t rows = columns == 0 ? 0 : size_of(shape) / columns;
    const bool tall = rows >= columns;
    const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
    const Array start = rng.normal({count, length});
    std::vector<double> vectors(start.begin(), start.end());
    orthonormalise(vectors, count, length);
    Array out = empty(shape);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        const double q = tall ? vectors[c * length + r] : vectors[r * length + c];
        out.data()[r * columns + c] = gain * static_cast<Real>(q);
      }
    }
    return out;
  };
}

}  // namespace init

Initialiser initialiser(const std::string& name) {
  const std::vector<std::pair<std::string, Initialiser>> known = {
      {"zeros", init::zeros()},
      {"fan_in_uniform", init::fan_in_uniform()},
      {"xavier_uniform", init::xavier_uniform()},
      {"xavier_normal", init::xavier_normal()},
      {"he_uniform", init::he_uniform()},
      {"he_normal", init::he_normal()},
      {"kaiming_uniform", init::he_uniform()},
      {"kaiming_normal", init::he_normal()},
      {"lecun_normal", init::lecun_normal()},
      {"orthogonal", init::orthogonal()},
  };
  std::string names;
  for (const auto& [known_name, value] : known) {
    if (known_name == name) return value;
    names += (names.empty() ? "" : ", ") + known_name;
  }
  throw std::invalid_argument("initialiser: \"" + name + "\" is none of " + names);
}

}  // namespace nabla::nn
