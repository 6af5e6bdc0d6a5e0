// Functions of registers, each with its limits at ±∞ and ±0 and with NaN kept: those that xsimd
// ends too early or computes too roughly, and the stable forms that several operations share.
// Internal.
#pragma once

#include <limits>
#include <type_traits>
#include <utility>

#include "autograd/kernels/simd.hpp"

namespace nabla::simd {

constexpr Real largest = std::numeric_limits<Real>::max();
constexpr Real infinity = std::numeric_limits<Real>::infinity();

#ifdef XTENSOR_USE_XSIMD
static_assert(std::is_same_v<Real, float>, "registers hold floats");

// a where the condition holds, else b
inline Vector select(const Vector::batch_bool_type& condition, const Vector& a, const Vector& b) {
  return xsimd::select(condition, a, b);
}
// The processor's own minimum and maximum give the second operand where one is NaN; xsimd's give
// one or the other, by its version.
inline __m128 larger(__m128 bound, __m128 x) {
  return _mm_max_ps(bound, x);
}
inline __m128 smaller(__m128 bound, __m128 x) {
  return _mm_min_ps(bound, x);
}
#ifdef __AVX__
inline __m256 larger(__m256 bound, __m256 x) {
  return _mm256_max_ps(bound, x);
}
inline __m256 smaller(__m256 bound, __m256 x) {
  return _mm256_min_ps(bound, x);
}
#endif
#ifdef __AVX512F__
inline __m512 larger(__m512 bound, __m512 x) {
  return _mm512_max_ps(bound, x);
}
inline __m512 smaller(__m512 bound, __m512 x) {
  return _mm512_min_ps(bound, x);
}
#endif
// NaN is kept.
inline Vector at_least(Real bound, const Vector& x) {
  return larger(Vector(bound).data, x.data);
}
inline Vector at_most(Real bound, const Vector& x) {
  return smaller(Vector(bound).data, x.data);
}

// m 2ⁿ, rounded once, for whole n that are twice beyond the exponents of float
inline Vector scaled(const Vector& m, const Vector& n) {
#ifdef __AVX512F__
  return _mm512_scalef_ps(m, n);
#else
  const auto whole = xsimd::to_int(n), half = whole >> 1;
  return xsimd::ldexp(xsimd::ldexp(m, half), whole - half);
#endif
}

// eˣ = 2ⁿ eʳ, |r| ≤ ½ ln 2, and eʳ = 1 + r + tail r² (the polynomial of Cephes). ln 2 is the sum of
// two numbers, the first so short that n times it is exact.
struct Exponent {
  Vector n, r, tail;

  explicit Exponent(const Vector& x)
      : n(xsimd::nearbyint(x * Vector(1.44269504f))),
        r(multiply_add(n, Vector(2.12194440e-4f), multiply_add(n, Vector(-0.693359375f), x))),
        tail(1.9875691500e-4f) {
    for (const float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                          5.0000001201e-1f}) {
      tail = multiply_add(tail, r, Vector(c));
    }
  }
  Vector power() const {
    return scaled(multiply_add(multiply_add(tail, r, Vector(1.f)), r, Vector(1.f)), n);
  }
};

// eˣ for x ≤ 0: denormal below −87.3, 0 below −104
inline Vector exp_of_negative(const Vector& x) {
  return Exponent(at_least(-105, x)).power();
}

inline Vector exp(const Vector& x) {
  return exp_of_negative(at_most(89, x));
}

inline Vector expm1(const Vector& x) {
  const Exponent e(at_least(-25, at_most(89, x)));
  const Vector rest = multiply_add(e.tail * e.r, e.r, e.r);  // eʳ − 1
  const Vector y = scaled(rest + (Vector(1.f) - scaled(Vector(1.f), Vector(0.f) - e.n)), e.n);
  return select(x == Vector(0.f), x, y);
}

// eˣ − 1 − x, exact near 0
inline Vector expm1_excess(const Vector& x) {
  const Exponent e(at_least(-25, at_most(89, x)));
  const Vector far = expm1(x) - at_most(largest, x);
  return select(e.n == Vector(0.f), e.tail * e.r * e.r, far);
}

inline Vector log1p(const Vector& x) {
  return select(x == Vector(0.f), x, xsimd::log1p(x));
}

inline Vector erfc(const Vector& x) {
  return xsimd::abs(xsimd::erfc(x));
}

// sin (x + shift π/2) for whole shifts. xsimd's own reduction of an angle depends on the other
// numbers in its register. Here |x| ≤ 20π is reduced to x − n π/2 in ±π/4, with π/2 as the sum of
// three numbers, and takes Cephes' polynomials; the C library does what is larger, one by one.
template <class Exactly>
Vector sine(const Vector& x, float shift, const Exactly& exactly) {
  const Vector n = xsimd::nearbyint(x * Vector(0.636619772f)), m = n + Vector(shift);
  Vector r = multiply_add(n, Vector(-1.5703125f), x);
  r = multiply_add(n, Vector(-4.83751297e-4f), r);
  r = multiply_add(n, Vector(-7.54978995e-8f), r);
  const Vector z = r * r;
  Vector sine = multiply_add(z, Vector(-1.9515295891e-4f), Vector(8.3321608736e-3f));
  sine = multiply_add(z, sine, Vector(-1.6666654611e-1f));
  sine = multiply_add(sine * z, r, r);
  Vector cosine = multiply_add(z, Vector(2.443315711809948e-5f), Vector(-1.388731625493765e-3f));
  cosine = multiply_add(z, cosine, Vector(4.166664568298827e-2f));
  cosine = multiply_add(z * z, cosine, multiply_add(z, Vector(-0.5f), Vector(1.f)));
  const Vector quadrant = m - Vector(4.f) * xsimd::floor(m * Vector(0.25f));
  const auto odd = quadrant == Vector(1.f) || quadrant == Vector(3.f);
  Vector y = select(odd, cosine, sine);
  y = select(quadrant >= Vector(2.f), Vector(-1.f) * y, y);
  const auto near = xsimd::abs(x) <= Vector(62.8f);  // false for NaN
  if (xsimd::all(near)) return y;
  float angles[lanes], exact[lanes];
  store(angles, x);
  for (std::size_t i = 0; i < lanes; ++i) {
    exact[i] = static_cast<float>(exactly(static_cast<double>(angles[i])));
  }
  return select(near, y, load(exact));
}
inline Vector sin(const Vector& x) {
  const Vector y = sine(x, 0, [](double angle) { return std::sin(angle); });
  return select(x == Vector(0.f), x, y);
}
inline Vector cos(const Vector& x) {
  return sine(x, 1, [](double angle) { return std::cos(angle); });
}

// xᵖ as IEEE 754 §9.2.1 has it: exp(p ln |x|) in double, of which the float result keeps every
// digit, and the sign of x for odd p.
inline Vector pow(const Vector& x, const Vector& p) {
  using Wide = xt_simd::simd_type<double>;
  static_assert(lanes % Wide::size == 0);
  const Vector size = xsimd::abs(x), one(1.f);
  float bases[lanes], exponents[lanes];
  store(bases, size);
  store(exponents, p);
  for (std::size_t i = 0; i < lanes; i += Wide::size) {
    const Wide logarithm = xsimd::log(Wide::load_unaligned(bases + i));
    xsimd::exp(Wide::load_unaligned(exponents + i) * logarithm).store_unaligned(bases + i);
  }
  const Vector half = p * Vector(0.5f);
  const auto whole = xsimd::floor(p) == p;  // so is ±∞, which is even
  const auto odd = whole && xsimd::floor(half) != half;
  Vector y = load(bases);
  y = select(size == one && p == p, one, y);  // and not 0 · ∞ in the exponent
  y = select(odd, xsimd::copysign(y, x), y);
  const auto outside = x < Vector(0.f) && !whole && size != Vector(infinity);
  y = select(outside, Vector(std::numeric_limits<float>::quiet_NaN()), y);
  return select(x == one || p == Vector(0.f), one, y);
}

inline Real first_lane(const Vector& v) {
  return v.get(0);
}
#else
inline Real select(bool condition, Real a, Real b) {
  return condition ? a : b;
}
inline Real at_least(Real bound, Real x) {
  return x < bound ? bound : x;
}
inline Real at_most(Real bound, Real x) {
  return x > bound ? bound : x;
}
inline Real exp(Real x) {
  return std::exp(x);
}
inline Real expm1(Real x) {
  return std::expm1(x);
}
inline Real log1p(Real x) {
  return std::log1p(x);
}
inline Real erfc(Real x) {
  return std::erfc(x);
}
inline Real sin(Real x) {
  return std::sin(x);
}
inline Real cos(Real x) {
  return std::cos(x);
}
inline Real pow(Real x, Real p) {
  return std::pow(x, p);
}
inline Real exp_of_negative(Real x) {
  return std::exp(x);
}
inline Real expm1_excess(Real x) {
  if (std::abs(x) > Real(0.5)) return std::expm1(x) - at_most(largest, x);
  Real series = 0;
  for (int k = 17; k >= 2; --k) series = (series * x + 1) / k;  // 1/2! + x/3! + …
  return series * x * x;
}
inline Real first_lane(Real x) {
  return x;
}
#endif

/// The same, with ±∞ moved to the largest finite number: where a factor that goes to 0 faster must
/// win.
inline Vector finite(const Vector& x) {
  return at_least(-largest, at_most(largest, x));
}

/// σ(x) = 1 / (1 + e⁻ˣ), to full relative precision for any x.
inline Vector logistic(const Vector& x) {
  using std::abs;  // that of a register is found by its type
  const Vector one(Real(1)), e = exp_of_negative(Vector(Real(0)) - abs(x));
  return select(x < Vector(Real(0)), e, one) / (one + e);
}

/// ln(1 + e^(−|x|)) to full relative precision, what stable forms of softplus share.
///
/// With e = e^(−|x|) ≤ 1 and s = e / (2 + e) ≤ ⅓ it is 2 artanh(s) = 2 (s + s³/3 + s⁵/5 + …), which
/// takes half the time of a general log1p.
inline Vector log1p_exp(const Vector& x) {
  using std::abs;
  constexpr int terms = sizeof(Real) == 8 ? 16 : 7;  // the rest is below 9⁻ᵗᵉʳᵐˢ / (2 terms + 1)
  const Vector e = exp_of_negative(Vector(Real(0)) - abs(x));
  const Vector s = e / (e + Vector(Real(2)));
  const Vector z = s * s;
  Vector series(Real(1) / (2 * terms - 1));
  for (int k = terms - 1; k > 0; --k) series = series * z + Vector(Real(1) / (2 * k - 1));
  return (s + s) * series;
}

/// softplus(x) − t x for t in [0, 1], which is (1 − t) |x| or t |x|, and ln(1 + e^(−|x|)): no
/// difference of what may be infinite, and 0 · ∞ is 0.
inline Vector cross_entropy(const Vector& x, const Vector& t) {
  using std::abs;
  const Vector zero(Real(0));
  const Vector share = select(x > zero, Vector(Real(1)) - t, t);
  return select(share == zero, zero, share * abs(x)) + log1p_exp(x);
}

/// x σ(x), −0 at −∞
inline Vector silu(const Vector& x) {
  return at_least(-largest, x) * logistic(x);
}
/// σ + x σ (1 − σ)
inline Vector silu_slope(const Vector& x) {
  const Vector s = logistic(x), one(Real(1));
  return s * multiply_add(finite(x), one - s, one);
}

/// x Φ(x), −0 at −∞, with Φ(x) = ½ erfc(−x / √2)
inline Vector gelu(const Vector& x) {
  const Vector root_half(Real(0.70710678118654752440));  // 1 / √2
  return at_least(-largest, x) * (Vector(Real(0.5)) * erfc(Vector(Real(0)) - root_half * x));
}
/// Φ + x φ, φ(x) = e^(−x²/2) / √2π
inline Vector gelu_slope(const Vector& x) {
  const Vector half(Real(0.5)), root_half(Real(0.70710678118654752440));
  const Vector density_at_0(Real(0.39894228040143267794));
  const Vector negative = Vector(Real(0)) - x;
  return half * erfc(root_half * negative) +
         finite(x) * (density_at_0 * exp_of_negative(half * (x * negative)));
}

/// f as the function of a term of an expression of arrays: compute(term<simd::exp>(x) + y).
template <auto f>
struct OfRegisters {
  template <class... Numbers>
  Real operator()(const Numbers&... numbers) const {
    return first_lane(f(Vector(numbers)...));
  }
  template <class Register, class... Registers>
  Vector simd_apply(const Register& first, const Registers&... others) const {
    return f(first, others...);
  }
};
template <auto f, class... Operands>
auto term(Operands&&... operands) {
  return xt::detail::make_xfunction<OfRegisters<f>>(std::forward<Operands>(operands)...);
}

}  // namespace nabla::simd
