// Array: the numbers themselves, without gradients. An xtensor array, row-major, of nabla's one
// precision and in recycled memory. What is added here is what training needs and xtensor leaves
// out: shapes in error messages, and evaluation on several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "autograd/kernels/memory.hpp"
#include "autograd/kernels/simd.hpp"
#include "autograd/real.hpp"
#include "autograd/threads.hpp"
#include "autograd/xtensor.hpp"

namespace nabla {

using Array = xt::xarray<Real, xt::layout_type::row_major, RecyclingAllocator<Real>>;
using Shape = Array::shape_type;

/// Whole numbers that select: classes, rows of an embedding table.
using IndexArray = xt::xarray<std::int64_t, xt::layout_type::row_major>;

/// Axes of an array; negative ones count from the back, as in NumPy.
using Axes = std::vector<std::ptrdiff_t>;

/// "(64, 784)", "(3,)", "()".
std::string to_string(const Shape& shape);

/// Sizes are added and multiplied by these two wherever nothing has checked them: what does not fit
/// becomes the largest number, which is the size of no array.
constexpr std::size_t too_large = std::numeric_limits<std::size_t>::max();
constexpr std::size_t add_sizes(std::size_t a, std::size_t b) {
  return a + b < a ? too_large : a + b;
}
constexpr std::size_t multiply_sizes(std::size_t a, std::size_t b) {
  return b != 0 && a > too_large / b ? too_large : a * b;
}

/// Product of the sizes, by multiply_sizes(); 1 for shape ().
std::size_t size_of(const Shape& shape);

/// The same with the axes of size 0 left out; too_large if that many numbers of eight bytes cannot
/// be addressed. Such a shape is no array's, though one axis were 0.
std::size_t extent_of(const Shape& shape);

/// Throws std::invalid_argument "pad: (4611686018427387904, 3) is too large a shape" if its extent
/// is, or if this machine has not the memory for it.
void check_shape(const char* operation, const Shape& shape);

/// Throws std::invalid_argument "layer_norm: epsilon must be finite and ≥ 0, got -1" unless the
/// value of the parameter is good.
void check_number(bool good, const char* operation, const char* parameter, double value,
                  const char* range);

/// An array of the given shape, checked in the name of the operation, whose elements are not yet
/// set.
inline Array empty(const Shape& shape, const char* operation = "array") {
  check_shape(operation, shape);
  return Array(shape);
}
inline Array full(const Shape& shape, Real value, const char* operation = "array") {
  check_shape(operation, shape);
  return Array(shape, value);
}
inline Array zeros(const Shape& shape) {
  return full(shape, 0);
}
inline Array ones(const Shape& shape) {
  return full(shape, 1);
}

/// Whether no number is ±∞ or NaN.
bool all_finite(const Real* numbers, std::size_t count);
inline bool all_finite(const Array& a) {
  return all_finite(a.data(), a.size());
}

/// The shape that NumPy broadcasting gives. Throws std::invalid_argument
/// "add: cannot broadcast (2, 3) with (4,)", or if it is too large.
Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b);

/// Axes as sorted numbers in [0, ndim). Throws std::invalid_argument on one out of range or twice.
std::vector<std::size_t> normalised_axes(const char* operation, const Axes& axes,
                                         const Shape& shape);

/// target = expression, or target += expression, without a temporary; large elementwise
/// expressions are spread over the OpenMP pool. Shapes must be equal: the caller has checked.
enum class Update { assign, add };
template <class E>
void evaluate_into(Array& target, const E& expression, Update update = Update::assign);

/// The array that an xtensor expression describes: compute(a + 2.f * xt::exp(b)).
template <class E>
Array compute(const E& expression) {
  Shape shape(expression.shape().begin(), expression.shape().end());
  Array result(shape);
  evaluate_into(result, expression);
  return result;
}

// ---------------------------------------------------------------------------------------------
// What follows is how, not what.

namespace detail {

// Expressions of arrays and numbers alone, which spread_operands() can copy.
template <class E>
struct IsSpreadable : std::is_same<E, Array> {};
template <class T>
struct IsSpreadable<xt::xscalar<T>> : std::true_type {};
template <class F, class... Operands>
struct IsSpreadable<xt::xfunction<F, Operands...>>
    : std::conjunction<IsSpreadable<std::decay_t<Operands>>...> {};

template <class E>
constexpr bool is_one_loop() {
#ifdef XTENSOR_USE_XSIMD
  return IsSpreadable<E>::value && xt::xassign_traits<Array, E>::simd_linear_assign();
#else
  return IsSpreadable<E>::value;
#endif
}

// `a` repeated to a shape that it broadcasts to and that has elements.
Array repeated(const Array& a, const Shape& shape);

// The same expression with operands that are broadcast written out in `room`, so that all of them
// lie in memory like the result.
const Array& spread_operands(const Array& a, const Shape& shape, std::deque<Array>& room);
template <class T>
const xt::xscalar<T>& spread_operands(const xt::xscalar<T>& number, const Shape& /*shape*/,
                                      std::deque<Array>& /*room*/) {
  return number;
}
template <class F, class... Operands>
xt::xfunction<F, Operands...> spread_operands(const xt::xfunction<F, Operands...>& expression,
                                              const Shape& shape, std::deque<Array>& room) {
  return std::apply(
      [&](const auto&... operands) {
        return xt::xfunction<F, Operands...>(F(expression.functor()),
                                             spread_operands(operands, shape, room)...);
      },
      expression.arguments());
}

#ifdef XTENSOR_USE_XSIMD
// The register of an expression that starts at element i and of which `count` lanes are filled: as
// xtensor's load_simd, and nothing is read beyond them.
inline simd::Vector load_part(const Array& a, std::size_t i, std::size_t count) {
  return simd::load_part(a.data() + i, count);
}
template <class T>
simd::Vector load_part(const xt::xscalar<T>& number, std::size_t i, std::size_t /*count*/) {
  return number.template load_simd<xt_simd::unaligned_mode, Real>(i);
}
template <class F, class... Operands>
auto load_part(const xt::xfunction<F, Operands...>& expression, std::size_t i, std::size_t count) {
  return std::apply(
      [&](const auto&... operands) {
        return expression.functor().simd_apply(load_part(operands, i, count)...);
      },
      expression.arguments());
}
#endif

// The one loop that an expression is compiled into: xtensor's own assignment would be five, and
// most of the time that the whole project takes to compile.
template <class E>
[[gnu::noinline]] void evaluate_range(Array& target, const E& expression, std::size_t begin,
                                      std::size_t end, Update update) {
  Real* const out = target.data();
  std::size_t i = begin;
#ifdef XTENSOR_USE_XSIMD
  for (; i + simd::lanes <= end; i += simd::lanes) {
    simd::Vector y = expression.template load_simd<xt_simd::unaligned_mode, Real>(i);
    if (update == Update::add) y = simd::load(out + i) + y;
    simd::store(out + i, y);
  }
  if (const std::size_t rest = end - i; rest != 0) {
    simd::Vector y = load_part(expression, i, rest);
    if (update == Update::add) y = simd::load_part(out + i, rest) + y;
    simd::store_part(out + i, y, rest);
  }
#else  // the library in double, for tests, goes without
  for (; i < end; ++i) {
    const Real y = static_cast<Real>(expression.data_element(i));
    out[i] = update == Update::add ? out[i] + y : y;
  }
#endif
}

template <class E>
void evaluate_linear(Array& target, const E& expression, Update update) {
  const std::size_t size = target.size();
  if (size < parallel_threshold) return evaluate_range(target, expression, 0, size, update);
  constexpr std::size_t piece = 1024;  // a multiple of every SIMD width
  const std::ptrdiff_t pieces = static_cast<std::ptrdiff_t>((size + piece - 1) / piece);
#pragma omp parallel for schedule(static)
  for (std::ptrdiff_t p = 0; p < pieces; ++p) {
    const std::size_t begin = static_cast<std::size_t>(p) * piece;
    evaluate_range(target, expression, begin, std::min(begin + piece, size), update);
  }
}

}  // namespace detail

template <class E>
void evaluate_into(Array& target, const E& expression, Update update) {
  if constexpr (detail::is_one_loop<E>()) {
    if (expression.dimension() == target.dimension() &&
        expression.has_linear_assign(target.strides())) {
      return detail::evaluate_linear(target, expression, update);
    }
    std::deque<Array> room;
    detail::evaluate_linear(target, detail::spread_operands(expression, target.shape(), room),
                            update);
  } else if (update == Update::assign) {
    xt::noalias(target) = expression;
  } else {
    xt::noalias(target) = target + expression;
  }
}

}  // namespace nabla
