// Registers full of numbers, for the few loops that are written by hand. The library in double, for
// tests, does with one number a register. Internal.
#pragma once

#include <cmath>
#include <cstddef>

#include "autograd/array.hpp"

namespace nabla::simd {

#ifdef XTENSOR_USE_XSIMD
using Vector = xt_simd::simd_type<Real>;
constexpr std::size_t lanes = Vector::size;

inline Vector load(const Real* p) {
  return xt_simd::load_as<Real>(p, xt_simd::unaligned_mode());
}
inline void store(Real* p, const Vector& v) {
  v.store_unaligned(p);
}
// xsimd has the sum of a register's lanes as hadd up to version 8, and as reduce_add from 9 on.
template <class V>
auto sum_lanes(const V& v) -> decltype(hadd(v)) {
  return hadd(v);
}
template <class V>
auto sum_lanes(const V& v) -> decltype(reduce_add(v)) {
  return reduce_add(v);
}
inline Vector multiply_add(const Vector& a, const Vector& b, const Vector& c) {
  return xsimd::fma(a, b, c);  // a b + c
}
inline bool all_below(const Vector& v, Real limit) {
  return xsimd::all(v < Vector(limit));  // no NaN is
}
#else
using Vector = Real;
constexpr std::size_t lanes = 1;

inline Vector load(const Real* p) {
  return *p;
}
inline void store(Real* p, Vector v) {
  *p = v;
}
inline Real sum_lanes(Vector v) {
  return v;
}
inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return a * b + c;
}
inline bool all_below(Vector v, Real limit) {
  return v < limit;
}
#endif

/// σ(a) = 1 / (1 + e⁻ᵃ)
inline Vector logistic(const Vector& a) {
  using std::exp;
  return Vector(Real(1)) / (Vector(Real(1)) + exp(-a));
}

}  // namespace nabla::simd
