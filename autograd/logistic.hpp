// What the stable forms of softplus, log-sigmoid and binary cross-entropy share: internal.
#pragma once

#include <cmath>

#include "autograd/array.hpp"

namespace nabla::detail {

/// ln(1 + e^(−|x|)) to full relative precision, as a term of an expression of arrays:
/// xt::make_lambda_xfunction(log1p_exp, a). x is a number or a register full of them.
///
/// With e = e^(−|x|) ≤ 1 and s = e / (2 + e) ≤ ⅓ it is 2 artanh(s) = 2 (s + s³/3 + s⁵/5 + …), which
/// takes half the time of a general log1p.
constexpr auto log1p_exp = [](const auto& x) {
  using Number = std::decay_t<decltype(x)>;
  using std::abs, std::exp;                          // those of a register are found by its type
  constexpr int terms = sizeof(Real) == 8 ? 16 : 7;  // the rest is below 9⁻ᵗᵉʳᵐˢ / (2 terms + 1)
  const Number e = exp(-abs(x));
  const Number s = e / (e + Number(Real(2)));
  const Number z = s * s;
  Number series(Real(1) / (2 * terms - 1));
  for (int k = terms - 1; k > 0; --k) series = series * z + Number(Real(1) / (2 * k - 1));
  return Number((s + s) * series);
};

}  // namespace nabla::detail
