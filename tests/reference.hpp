// What the tests of elementwise operations share: points, and comparison with long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"
#include "tests/points.hpp"

namespace nabla::testing {

constexpr bool is_double = sizeof(Real) == 8;

/// The largest |y − f(x…)| / max(|f(x…)|, floor), in units of Real's precision; NaN counts as
/// infinite unless both are NaN. `reference(i)` gives element i in long double.
template <class Reference>
double error_in_eps(const Array& y, Reference reference, long double floor = 0) {
  double worst = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const long double expected = reference(i), got = y.data()[i];
    if (static_cast<Real>(expected) == y.data()[i]) continue;
    if (std::isnan(expected) && std::isnan(got)) continue;
    const long double scale = std::max(
        {std::abs(expected), floor, static_cast<long double>(std::numeric_limits<Real>::min())});
    const long double error =
        std::abs(got - expected) / scale / std::numeric_limits<Real>::epsilon();
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity()
                              : std::max(worst, static_cast<double>(error));
  }
  return worst;
}

/// The gradient of Σ f(x) at x.
template <class F>
Array gradient(F f, const Array& x) {
  Tensor t = parameter(x);
  const Tensor y = f(t);
  y.backward(ones(y.shape()));
  return t.grad();
}

/// gradcheck at 1e-6; in single precision, where differences are worth little, nothing.
template <class F>
void check_gradients(F f, const std::vector<Array>& inputs) {
  if (!is_double) return;
  const GradcheckResult result = gradcheck(f, inputs);
  CHECK_MESSAGE(result.passed, result.message);
}

/// What f throws says, for tests of error messages.
template <class Exception = std::invalid_argument, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace nabla::testing
