#include "autograd/kernels/reduction.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/kernels/channels.hpp"

namespace nabla::detail {

std::vector<Span3> reduction_passes(const Shape& shape, const std::vector<std::size_t>& axes) {
  if (axes.empty()) return {Span3{1, 1, size_of(shape)}};
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

Span3 span_around(const Shape& shape, std::size_t axis) {
  Span3 span{1, shape[axis], 1};
  for (std::size_t i = 0; i < axis; ++i) span.outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.size(); ++i) span.inner *= shape[i];
  return span;
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

Array reduce_axes(const Array& a, const std::vector<std::size_t>& axes, bool keepdims,
                  void (*middle)(const Real*, Real*, Span3)) {
  const std::vector<Span3> passes = reduction_passes(a.shape(), axes);
  const Real* source = a.data();
  Array between;
  for (std::size_t p = 0; p + 1 < passes.size(); ++p) {
    Array target = empty(Shape{passes[p].results()});
    middle(source, target.data(), passes[p]);
    between = std::move(target);
    source = between.data();
  }
  Array result = empty(reduced_shape(a.shape(), axes, keepdims));
  middle(source, result.data(), passes.back());
  return result;
}

Array sum_axes(const Array& a, const std::vector<std::size_t>& axes, bool keepdims) {
  return reduce_axes(a, axes, keepdims, sum_middle);
}

void expand_axes(const Array& a, const std::vector<std::size_t>& axes, Real scale, Real beta,
                 Array& target) {
  const std::vector<Span3> passes = reduction_passes(target.shape(), axes);
  const auto expand = [](const Real* __restrict in, Real* __restrict out, Span3 span, Real scale,
                         Real beta) {
    for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
      if (beta == 0) {
        for (std::size_t k = 0; k < count; ++k) out[start + k] = scale * in[reduced(k)];
      } else {
        for (std::size_t k = 0; k < count; ++k) out[start + k] += scale * in[reduced(k)];
      }
    });
  };
  const Real* source = a.data();
  Array between;
  for (std::size_t p = passes.size() - 1; p > 0; --p) {
    Array wider = empty(Shape{passes[p].size()});
    expand(source, wider.data(), passes[p], 1, 0);
    between = std::move(wider);
    source = between.data();
  }
  expand(source, target.data(), passes[0], scale, beta);
}

// Sums ----------------------------------------------------------------------------------------

namespace {

// Rounding errors grow with the number of additions one total has seen. So no float sees more than
// a few dozen before it moves on to a double or to the next level of the tree.
constexpr std::size_t lanes = 64;             // independent partial results: such loops vectorise
constexpr std::size_t row_block = 2048;       // numbers of a row between two additions in double
constexpr std::size_t chunk_rows = 128;       // rows that are added up before the tree begins
constexpr std::size_t chunk_size = 1u << 14;  // and numbers

Real sum_block(const Real* x, std::size_t n) {
  std::size_t i = 0;
  Real total = 0;
  if (n >= lanes) {
    Real partial[lanes] = {};
    for (; i + lanes <= n; i += lanes) {
      for (std::size_t l = 0; l < lanes; ++l) partial[l] += x[i + l];
    }
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
      for (std::size_t l = 0; l < half; ++l) partial[l] += partial[l + half];
    }
    total = partial[0];
  }
  Real rest = 0;
  for (; i < n; ++i) rest += x[i];
  return total + rest;
}

Real sum_row(const Real* x, std::size_t n) {
  if (n <= row_block) return sum_block(x, n);
  double total = 0;
  for (std::size_t start = 0; start < n; start += row_block) {
    total += static_cast<double>(sum_block(x + start, std::min(row_block, n - start)));
  }
  return static_cast<Real>(total);
}

void sum_rows(const Real* __restrict in, Real* __restrict out, std::size_t rows,
              std::size_t inner) {
  if (inner == 1) {
    *out = sum_row(in, rows);
    return;
  }
  std::fill(out, out + inner, Real(0));
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {  // four rows at once: a quarter of the traffic on `out`
    const Real* const row = in + r * inner;
    for (std::size_t i = 0; i < inner; ++i) {
      out[i] += (row[i] + row[inner + i]) + (row[2 * inner + i] + row[3 * inner + i]);
    }
  }
  for (; r < rows; ++r) {
    for (std::size_t i = 0; i < inner; ++i) out[i] += in[r * inner + i];
  }
}

// How many rows one leaf of the tree adds up.
std::size_t rows_per_chunk(Span3 span) {
  const std::size_t most = span.inner == 1 ? chunk_size : chunk_rows;
  return std::min(most,
                  std::max<std::size_t>(4, chunk_size / std::max<std::size_t>(1, span.inner)));
}

}  // namespace

void sum_middle(const Real* in, Real* out, Span3 span) {
  if (span.reduced == 0) {
    std::fill(out, out + span.results(), Real(0));
    return;
  }
  const std::size_t step = rows_per_chunk(span);
  const std::size_t chunks = (span.reduced + step - 1) / step;
  Array partial;
  if (chunks > 1) partial = empty(Shape{span.outer * chunks * span.inner});
  Real* const target = chunks > 1 ? partial.data() : out;
  for_each_job(span.outer * chunks, span.size(), [=](std::size_t job) {
    const std::size_t first = job % chunks * step;
    sum_rows(in + (job / chunks * span.reduced + first) * span.inner, target + job * span.inner,
             std::min(step, span.reduced - first), span.inner);
  });
  if (chunks > 1) sum_middle(target, out, {span.outer, chunks, span.inner});
}

void cumsum_middle(const Real* in, Real* out, Span3 span, Direction direction) {
  const std::size_t n = span.reduced, inner = span.inner;
  if (n == 0) return;
  const bool forward = direction == Direction::forward;
  for_each_job(span.outer, span.size(), [=](std::size_t o) {
    std::vector<double> sums(inner);
    for (std::size_t r = 0; r < n; ++r) {
      const std::size_t row = (o * n + (forward ? r : n - 1 - r)) * inner;
      for (std::size_t i = 0; i < inner; ++i) {
        sums[i] += static_cast<double>(in[row + i]);
        out[row + i] = static_cast<Real>(sums[i]);
      }
    }
  });
}

void scatter_sums(const Real* in, const std::vector<std::size_t>& places, std::size_t width,
                  std::size_t rows, Real beta, Real* out) {
  // The rows of `in` in the order of their places, those of one place in their own order.
  std::vector<std::size_t> ends(rows + 1), order(places.size());
  for (const std::size_t place : places) ++ends[place + 1];
  for (std::size_t i = 0; i < rows; ++i) ends[i + 1] += ends[i];
  std::vector<std::size_t> next(ends.begin(), ends.end() - 1);
  for (std::size_t i = 0; i < places.size(); ++i) order[next[places[i]]++] = i;
  std::vector<double> sums(width);
  for (std::size_t place = 0; place < rows; ++place) {
    if (ends[place] == ends[place + 1] && beta != 0) continue;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t i = ends[place]; i < ends[place + 1]; ++i) {
      const Real* const row = in + order[i] * width;
      for (std::size_t k = 0; k < width; ++k) sums[k] += static_cast<double>(row[k]);
    }
    Real* const to = out + place * width;
    for (std::size_t k = 0; k < width; ++k) {
      to[k] = static_cast<Real>(beta == 0 ? sums[k] : static_cast<double>(to[k]) + sums[k]);
    }
  }
}

// Extremes ------------------------------------------------------------------------------------

namespace {

struct Greater {
  static constexpr Real worst = -std::numeric_limits<Real>::infinity();
  static bool better(Real a, Real b) { return a > b; }
};
struct Less {
  static constexpr Real worst = std::numeric_limits<Real>::infinity();
  static bool better(Real a, Real b) { return a < b; }
};

template <class Order>
Real choose(Real candidate, Real best) {
  // A NaN replaces any number and is replaced by none.
  return Order::better(candidate, best) || candidate != candidate ? candidate : best;
}

template <class Order>
Real best_of_row(const Real* x, std::size_t n) {
  Real best = Order::worst;
  std::size_t i = 0;
  if (n >= lanes) {
    Real partial[lanes];
    std::fill(partial, partial + lanes, Order::worst);
    for (; i + lanes <= n; i += lanes) {
      for (std::size_t l = 0; l < lanes; ++l) partial[l] = choose<Order>(x[i + l], partial[l]);
    }
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
      for (std::size_t l = 0; l < half; ++l) {
        partial[l] = choose<Order>(partial[l + half], partial[l]);
      }
    }
    best = partial[0];
  }
  for (; i < n; ++i) best = choose<Order>(x[i], best);
  return best;
}

template <class Order>
void best_of_rows(const Real* __restrict in, Real* __restrict out, std::size_t rows,
                  std::size_t inner) {
  if (inner == 1) {
    *out = best_of_row<Order>(in, rows);
    return;
  }
  std::fill(out, out + inner, Order::worst);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < inner; ++i) {
      out[i] = choose<Order>(in[r * inner + i], out[i]);
    }
  }
}

template <class Order>
void best_middle(const Real* in, Real* out, Span3 span) {
  for_each_job(span.outer, span.size(), [=](std::size_t o) {
    best_of_rows<Order>(in + o * span.reduced * span.inner, out + o * span.inner, span.reduced,
                        span.inner);
  });
}

}  // namespace

void max_middle(const Real* in, Real* out, Span3 span) {
  best_middle<Greater>(in, out, span);
}

void min_middle(const Real* in, Real* out, Span3 span) {
  best_middle<Less>(in, out, span);
}

// Sums of exponentials ------------------------------------------------------------------------

namespace {

template <class F>
void apply_in_place(Real* x, std::size_t n, F f) {
  for_each_column(
      n, [=](std::size_t i, const auto& column) { column.store(x + i, f(column.load(x + i))); });
}

void exp_in_place(Real* x, std::size_t n) {
  apply_in_place(x, n, [](const simd::Vector& y) { return simd::exp(y); });
}

void log_in_place(Real* x, std::size_t n) {
  using std::log;  // that of a register is found by its type
  apply_in_place(x, n, [](const simd::Vector& y) { return simd::Vector(log(y)); });
}

// y = e^(x − shift) and its sums. The shift is the maximum, or the finite number next to it: ∞ − ∞
// must not appear, and beside an ∞ every finite number is 0.
void shifted_exponentials(const Real* __restrict x, Real* __restrict y, Real* __restrict shift,
                          Real* __restrict sums, Span3 span) {
  max_middle(x, shift, span);
  for (std::size_t i = 0; i < span.results(); ++i) {
    shift[i] =
        std::clamp(shift[i], std::numeric_limits<Real>::lowest(), std::numeric_limits<Real>::max());
  }
  for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
    for (std::size_t k = 0; k < count; ++k) y[start + k] = x[start + k] - shift[reduced(k)];
  });
  exp_in_place(y, span.size());
  sum_middle(y, sums, span);
}

// Calls body(first outer index, piece) for pieces of the outer axis that fit the first cache, where
// the several passes above cost little.
template <class Body>
void for_each_piece(Span3 span, const Body& body) {
  constexpr std::size_t piece_size = 1u << 12;
  const std::size_t slab = std::max<std::size_t>(1, span.reduced * span.inner);
  const std::size_t step = std::max<std::size_t>(1, piece_size / slab);
  for_each_job((span.outer + step - 1) / step, span.size(), [&](std::size_t piece) {
    const std::size_t first = piece * step;
    body(first, Span3{std::min(step, span.outer - first), span.reduced, span.inner});
  });
}

}  // namespace

void logsumexp_middle(const Real* in, Real* out, Span3 span) {
  for_each_piece(span, [=](std::size_t first, Span3 piece) {
    Array y = empty(Shape{piece.size()});
    Array shift = empty(Shape{piece.results()});
    Real* const target = out + first * span.inner;
    shifted_exponentials(in + first * span.reduced * span.inner, y.data(), shift.data(), target,
                         piece);
    log_in_place(target, piece.results());
    for (std::size_t i = 0; i < piece.results(); ++i) target[i] += shift.data()[i];
  });
}

void softmax_middle(const Real* in, Real* out, Span3 span) {
  for_each_piece(span, [=](std::size_t first, Span3 piece) {
    Array shift = empty(Shape{piece.results()});
    Array sums = empty(Shape{piece.results()});
    const std::size_t at = first * span.reduced * span.inner;
    Real* const y = out + at;
    Real* const scale = sums.data();
    shifted_exponentials(in + at, y, shift.data(), scale, piece);
    for (std::size_t i = 0; i < piece.results(); ++i) {
      scale[i] = scale[i] == 0 ? Real(0) : 1 / scale[i];
    }
    for_each_line(piece, [=](std::size_t start, std::size_t count, auto reduced) {
      for (std::size_t k = 0; k < count; ++k) y[start + k] *= scale[reduced(k)];
    });
  });
}

void log_softmax_middle(const Real* in, Real* out, Span3 span) {
  for_each_piece(span, [=](std::size_t first, Span3 piece) {
    Array shift = empty(Shape{piece.results()});
    Array sums = empty(Shape{piece.results()});
    const std::size_t at = first * span.reduced * span.inner;
    const Real* const x = in + at;
    Real* const y = out + at;
    const Real* const m = shift.data();
    Real* const total = sums.data();
    shifted_exponentials(x, y, shift.data(), total, piece);
    for (std::size_t i = 0; i < piece.results(); ++i) total[i] = total[i] == 0 ? 1 : total[i];
    log_in_place(total, piece.results());
    for_each_line(piece, [=](std::size_t start, std::size_t count, auto reduced) {
      for (std::size_t k = 0; k < count; ++k) {
        y[start + k] = (x[start + k] - m[reduced(k)]) - total[reduced(k)];
      }
    });
  });
}

}  // namespace nabla::detail
