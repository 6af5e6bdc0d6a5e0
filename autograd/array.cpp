#include "autograd/array.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "autograd/reduction.hpp"

namespace nabla {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::size_t size_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const std::size_t ndim = std::max(a.size(), b.size());
  Shape result(ndim, 1);
  for (std::size_t i = 1; i <= ndim; ++i) {  // from the back, where NumPy aligns
    const std::size_t p = i <= a.size() ? a[a.size() - i] : 1;
    const std::size_t q = i <= b.size() ? b[b.size() - i] : 1;
    if (p != q && p != 1 && q != 1) {
      throw std::invalid_argument(std::string(operation) + ": cannot broadcast " + to_string(a) +
                                  " with " + to_string(b));
    }
    result[ndim - i] = p == 1 ? q : p;
  }
  return result;
}

std::vector<std::size_t> normalised_axes(const char* operation, const Axes& axes,
                                         const Shape& shape) {
  const std::ptrdiff_t ndim = static_cast<std::ptrdiff_t>(shape.size());
  std::vector<std::size_t> result;
  for (const std::ptrdiff_t axis : axes) {
    if (axis < -ndim || axis >= ndim) {
      throw std::invalid_argument(std::string(operation) + ": no axis " + std::to_string(axis) +
                                  " in " + to_string(shape));
    }
    result.push_back(static_cast<std::size_t>(axis < 0 ? axis + ndim : axis));
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    throw std::invalid_argument(std::string(operation) + ": an axis is given twice for " +
                                to_string(shape));
  }
  return result;
}

Array unbroadcast(const Array& a, const Shape& shape) {
  if (a.shape() == shape) return a;
  const std::size_t added = a.dimension() - shape.size();
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < a.dimension(); ++i) {
    if (i < added || (shape[i - added] == 1 && a.shape()[i] != 1)) axes.push_back(i);
  }
  Array result = detail::sum_axes(a, axes, true);
  result.reshape(shape);
  return result;
}

namespace detail {

std::vector<Span3> reduction_passes(const Shape& shape, const std::vector<std::size_t>& axes) {
  std::vector<Span3> passes;
  std::size_t inner = 1;
  std::size_t end = shape.size();  // axes from `end` on are done
  for (std::size_t k = axes.size(); k > 0;) {
    std::size_t last = axes[k - 1] + 1;  // the group is [first, last)
    std::size_t first = axes[--k];
    while (k > 0 && axes[k - 1] + 1 == first) first = axes[--k];
    for (std::size_t i = last; i < end; ++i) inner *= shape[i];
    Span3 span{1, 1, inner};
    for (std::size_t i = 0; i < first; ++i) span.outer *= shape[i];
    for (std::size_t i = first; i < last; ++i) span.reduced *= shape[i];
    passes.push_back(span);
    end = first;
  }
  return passes;
}

Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdims) {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), i);
    if (!reduced) left.push_back(shape[i]);
    if (reduced && keepdims) left.push_back(1);
  }
  return Shape(left.begin(), left.end());
}

namespace {

// Independent partial sums vectorise; their total is taken in double every few thousand numbers,
// so that the error does not grow with the length of the row.
Real sum_row(const Real* x, std::size_t n) {
  constexpr std::size_t lanes = 64, block = 4096;
  double total = 0;
  for (std::size_t start = 0; start < n; start += block) {
    const std::size_t stop = std::min(n, start + block);
    Real partial[lanes] = {};
    std::size_t i = start;
    for (; i + lanes <= stop; i += lanes) {
      for (std::size_t l = 0; l < lanes; ++l) partial[l] += x[i + l];
    }
    for (; i < stop; ++i) partial[i % lanes] += x[i];
    for (const Real p : partial) total += static_cast<double>(p);
  }
  return static_cast<Real>(total);
}

}  // namespace

void sum_middle(const Real* in, Real* out, Span3 span) {
  const std::ptrdiff_t outer = static_cast<std::ptrdiff_t>(span.outer);
  const std::size_t block = span.reduced * span.inner;
  const bool parallel = span.outer > 1 && span.outer * block >= parallel_threshold;
#pragma omp parallel for schedule(static) if (parallel)
  for (std::ptrdiff_t o = 0; o < outer; ++o) {
    const Real* const source = in + static_cast<std::size_t>(o) * block;
    Real* const target = out + static_cast<std::size_t>(o) * span.inner;
    if (span.inner == 1) {
      *target = sum_row(source, span.reduced);
      continue;
    }
    std::fill(target, target + span.inner, Real(0));
    for (std::size_t r = 0; r < span.reduced; ++r) {
      const Real* const row = source + r * span.inner;
      for (std::size_t i = 0; i < span.inner; ++i) target[i] += row[i];
    }
  }
}

Array sum_axes(const Array& a, const std::vector<std::size_t>& axes, bool keepdims) {
  Array result = empty(reduced_shape(a.shape(), axes, keepdims));
  const std::vector<Span3> passes = reduction_passes(a.shape(), axes);
  if (passes.empty()) {
    std::copy(a.data(), a.data() + a.size(), result.data());
    return result;
  }
  const Real* source = a.data();
  Array between;
  for (std::size_t p = 0; p < passes.size(); ++p) {
    const bool last = p + 1 == passes.size();
    Array target = last ? std::move(result) : empty(Shape{passes[p].outer * passes[p].inner});
    sum_middle(source, target.data(), passes[p]);
    if (last) return target;
    between = std::move(target);
    source = between.data();
  }
  return result;
}

}  // namespace detail
}  // namespace nabla
