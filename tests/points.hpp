// Numbers to call operations with.
#pragma once

#include <algorithm>
#include <cmath>

#include "autograd/array.hpp"

namespace nabla::testing {

/// Numbers spread over [low, high] without regularity, none of them at a kink by accident.
inline Array points(const Shape& shape, double low, double high) {
  Array a = empty(shape);
  double u = 0.1234;
  std::generate(a.data(), a.data() + a.size(), [&] {
    u = std::fmod(u + 0.6180339887498949, 1.0);  // the golden ratio fills an interval evenly
    return static_cast<Real>(low + (high - low) * u);
  });
  return a;
}

}  // namespace nabla::testing
