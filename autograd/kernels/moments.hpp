// Mean and variance of many numbers.
//
// The mean is kept to double precision, as a number that Real can hold, the centre, and a small
// rest, and everything is computed from x − centre: data far from 0 lose nothing in single
// precision.
#pragma once

#include <algorithm>
#include <vector>

#include "autograd/array.hpp"

namespace nabla {

struct Moments {
  double mean = 0, variance = 0;  // variance divided by n
};

namespace detail {

/// Moments from the sums of x − near and (x − near)², where `near` is close to the mean.
inline Moments moments_of(double near, double first, double second, double count) {
  const double rest = first / count;
  return {near + rest, std::max(0.0, second / count - rest * rest)};
}

/// Of each channel, over all axes but the last; x must not be empty.
std::vector<Moments> channel_moments(const Array& x);

}  // namespace detail
}  // namespace nabla
