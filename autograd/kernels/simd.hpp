// Registers full of numbers. What is done to an array is done register by register, to its last
// ones in a register that is full only in part: so a number's bits never depend on its place in the
// array. The library in double, for tests, does with one number a register. Internal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "autograd/real.hpp"
#include "autograd/xtensor.hpp"

#ifdef XTENSOR_USE_XSIMD
#include <immintrin.h>
#endif

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

// The first `count` lanes, fewer than all: the others are 0 when read, and not written.
#if defined(XTENSOR_USE_XSIMD) && defined(__AVX512F__)
inline __mmask16 first_lanes(std::size_t count) {
  return static_cast<__mmask16>((1u << count) - 1);
}
inline Vector load_part(const Real* p, std::size_t count) {
  return _mm512_maskz_loadu_ps(first_lanes(count), p);
}
inline void store_part(Real* p, const Vector& v, std::size_t count) {
  _mm512_mask_storeu_ps(p, first_lanes(count), v);
}
#else
inline Vector load_part(const Real* p, std::size_t count) {
  Real room[lanes] = {};
  std::copy(p, p + count, room);
  return load(room);
}
inline void store_part(Real* p, const Vector& v, std::size_t count) {
  Real room[lanes];
  store(room, v);
  std::copy(room, room + count, p);
}
#endif

}  // namespace nabla::simd
