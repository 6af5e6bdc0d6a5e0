// Operations that move numbers and change none. Forward is a strided copy, backward the same copy
// the other way, added.
#include <algorithm>
#include <stdexcept>

#include "autograd/kernels/reduction.hpp"
#include "autograd/kernels/strided.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::copy_strided;
using detail::Loop;
using detail::row_major_strides;
using detail::Span3;

[[noreturn]] void refuse(const std::string& message) {
  throw std::invalid_argument(message);
}

Update update_for(Real beta) {
  return beta == 0 ? Update::assign : Update::add;
}

std::ptrdiff_t as_signed(std::size_t n) {
  return static_cast<std::ptrdiff_t>(n);
}

std::string list(const std::vector<std::ptrdiff_t>& numbers) {
  std::string text = "(";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(numbers[i]);
  }
  return text + (numbers.size() == 1 ? ",)" : ")");
}

std::size_t one_axis(const char* operation, std::ptrdiff_t axis, const Shape& shape) {
  return normalised_axes(operation, {axis}, shape)[0];
}

// The array as outer × axis × inner.
Span3 around(const Shape& shape, std::size_t axis) {
  Span3 span{1, shape[axis], 1};
  for (std::size_t i = 0; i < axis; ++i) span.outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.size(); ++i) span.inner *= shape[i];
  return span;
}

// A run of `count` positions along the middle axis of an array: from `start` on, every `step`.
struct Section {
  Span3 span;
  std::size_t start, count, step;

  std::ptrdiff_t offset() const { return as_signed(start * span.inner); }
  std::ptrdiff_t outer_stride() const { return as_signed(span.reduced * span.inner); }
  std::ptrdiff_t stride() const { return as_signed(step * span.inner); }
};

// packed = section of `whole`, or the other way; the packed side holds nothing else.
void unpack(const Real* whole, Real* packed, const Section& s, Update update) {
  const std::ptrdiff_t inner = as_signed(s.span.inner);
  copy_strided(whole + s.offset(), packed,
               {{s.span.outer, s.outer_stride(), as_signed(s.count) * inner},
                {s.count, s.stride(), inner},
                {s.span.inner, 1, 1}},
               update);
}
void pack(const Real* packed, Real* whole, const Section& s, Update update) {
  const std::ptrdiff_t inner = as_signed(s.span.inner);
  copy_strided(packed, whole + s.offset(),
               {{s.span.outer, as_signed(s.count) * inner, s.outer_stride()},
                {s.count, inner, s.stride()},
                {s.span.inner, 1, 1}},
               update);
}

Shape resolved(const Shape& from, const NewShape& wanted) {
  const auto fail = [&](const char* why) {
    refuse("reshape: " + to_string(from) + " to " + list(wanted) + ": " + why);
  };
  Shape shape(wanted.size(), 1);
  std::size_t known = 1, open = wanted.size();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1) {
      if (open != wanted.size()) fail("only one size may be -1");
      open = i;
    } else if (wanted[i] < 0) {
      fail("a size is negative");
    } else {
      shape[i] = static_cast<std::size_t>(wanted[i]);
      known = multiply_sizes(known, shape[i]);
    }
  }
  const std::size_t size = size_of(from);
  if (open != wanted.size()) {
    if (known == 0 || size % known != 0) fail("no size fits in place of -1");
    shape[open] = size / known;
  } else if (known != size) {
    fail("the numbers of elements differ");
  }
  check_shape("reshape", shape);
  return shape;
}

}  // namespace

Tensor reshape(const Tensor& x, const NewShape& shape) {
  Array y = x.value();
  y.reshape(resolved(x.shape(), shape));
  const auto backward = [](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      copy_strided(out.grad().data(), dx.data(), {{dx.size(), 1, 1}}, update_for(beta));
    });
  };
  return record("reshape", std::move(y), backward, x);
}

// y[i…] = x[i… in another order]
Tensor permute(const Tensor& x, const Axes& order) {
  const std::size_t ndim = x.ndim();
  if (order.size() != ndim) {
    refuse("permute: " + std::to_string(ndim) + " axes are to be ordered, got " + list(order) +
           " for " + to_string(x.shape()));
  }
  normalised_axes("permute", order, x.shape());  // each axis in range, none twice
  const std::vector<std::ptrdiff_t> from = row_major_strides(x.shape());
  Shape shape(ndim, 1);
  std::vector<std::size_t> source(ndim);
  for (std::size_t i = 0; i < ndim; ++i) {
    source[i] = static_cast<std::size_t>(order[i] < 0 ? order[i] + as_signed(ndim) : order[i]);
    shape[i] = x.shape()[source[i]];
  }
  const std::vector<std::ptrdiff_t> to = row_major_strides(shape);
  std::vector<Loop> forward(ndim), backward_loops(ndim);
  for (std::size_t i = 0; i < ndim; ++i) {
    forward[i] = {shape[i], from[source[i]], to[i]};
    backward_loops[source[i]] = {shape[i], to[i], from[source[i]]};
  }
  Array y = empty(shape);
  copy_strided(x.value().data(), y.data(), forward);
  const auto backward = [loops = std::move(backward_loops)](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      copy_strided(out.grad().data(), dx.data(), loops, update_for(beta));
    });
  };
  return record("permute", std::move(y), backward, x);
}

Tensor transpose(const Tensor& x) {
  if (x.ndim() < 2) refuse("transpose: needs at least 2 axes, got " + to_string(x.shape()));
  Axes order(x.ndim());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = as_signed(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return permute(x, order);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  const std::size_t added = shape.size() - x.ndim();
  bool fits = x.ndim() <= shape.size();
  for (std::size_t i = 0; fits && i < x.ndim(); ++i) {
    fits = x.shape()[i] == 1 || x.shape()[i] == shape[added + i];
  }
  if (!fits) {
    refuse("broadcast_to: " + to_string(x.shape()) + " does not broadcast to " + to_string(shape));
  }
  const std::vector<std::ptrdiff_t> from = row_major_strides(x.shape());
  const std::vector<std::ptrdiff_t> to = row_major_strides(shape);
  std::vector<Loop> loops(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool repeats = i < added || x.shape()[i - added] == 1;
    loops[i] = {shape[i], repeats ? 0 : from[i - added], to[i]};
  }
  Array y = empty(shape, "broadcast_to");
  copy_strided(x.value().data(), y.data(), std::move(loops));
  return record(
      "broadcast_to", std::move(y),
      [](Node& out, Node& x) { x.accumulate(unbroadcast(out.grad(), x.value.shape())); }, x);
}

namespace {

Tensor take_section(const char* operation, const Tensor& x, std::size_t axis,
                    const Section& section) {
  Shape shape = x.shape();
  shape[axis] = section.count;
  Array y = empty(shape);
  unpack(x.value().data(), y.data(), section, Update::assign);
  const auto backward = [section](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      if (beta == 0) dx.fill(0);
      pack(out.grad().data(), dx.data(), section, Update::add);
    });
  };
  return record(operation, std::move(y), backward, x);
}

}  // namespace

Tensor slice(const Tensor& x, std::ptrdiff_t axis, std::ptrdiff_t start, std::ptrdiff_t stop,
             std::ptrdiff_t step) {
  const std::size_t a = one_axis("slice", axis, x.shape());
  if (step < 1) {
    refuse("slice: step " + std::to_string(step) + " is below 1, for " + to_string(x.shape()));
  }
  const std::ptrdiff_t n = as_signed(x.shape()[a]);
  const auto position = [n](std::ptrdiff_t i) {
    return std::clamp<std::ptrdiff_t>(i < 0 ? i + n : i, 0, n);
  };
  const std::ptrdiff_t first = position(start), last = position(stop);
  const std::ptrdiff_t count = last > first ? (last - first - 1) / step + 1 : 0;
  if (count < 2) step = 1;  // which no one takes: it may be beyond all memory
  return take_section("slice", x, a,
                      {around(x.shape(), a), static_cast<std::size_t>(first),
                       static_cast<std::size_t>(count), static_cast<std::size_t>(step)});
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::size_t>& sizes,
                          std::ptrdiff_t axis) {
  const std::size_t a = one_axis("split", axis, x.shape());
  std::size_t total = 0;
  for (const std::size_t size : sizes) total = add_sizes(total, size);
  if (total != x.shape()[a]) {
    refuse("split: sizes " + to_string(Shape(sizes.begin(), sizes.end())) + " add up to " +
           std::to_string(total) + ", but axis " + std::to_string(a) + " of " +
           to_string(x.shape()) + " has " + std::to_string(x.shape()[a]));
  }
  std::vector<Tensor> parts;
  std::size_t start = 0;
  for (const std::size_t size : sizes) {
    parts.push_back(take_section("split", x, a, {around(x.shape(), a), start, size, 1}));
    start += size;
  }
  return parts;
}

// concat, stack, pad --------------------------------------------------------------------------

namespace {

std::string shapes_of(const std::vector<Tensor>& parts) {
  std::string text;
  for (const Tensor& part : parts) text += (text.empty() ? "" : ", ") + to_string(part.shape());
  return text;
}

// Parts one behind another along `axis` of the result; `extents` are their sizes there.
Tensor join(const char* operation, const std::vector<Tensor>& parts, const Shape& shape,
            std::size_t axis, const std::vector<std::size_t>& extents) {
  Array y = empty(shape, operation);
  std::vector<Section> sections;
  std::size_t start = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sections.push_back({around(shape, axis), start, extents[i], 1});
    pack(parts[i].value().data(), y.data(), sections[i], Update::assign);
    start += extents[i];
  }
  const auto backward = [sections](Node& out) {
    for (std::size_t i = 0; i < sections.size(); ++i) {
      out.parents[i].node->accumulate_with([&](Array& dx, Real beta) {
        unpack(out.grad().data(), dx.data(), sections[i], update_for(beta));
      });
    }
  };
  return record_many(operation, std::move(y), backward, parts);
}

}  // namespace

Tensor concat(const std::vector<Tensor>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) refuse("concat: there is nothing to join");
  Shape shape = parts[0].shape();
  const std::size_t a = one_axis("concat", axis, shape);
  std::vector<std::size_t> extents;
  std::size_t total = 0;
  for (const Tensor& part : parts) {
    Shape other = part.shape();
    bool fits = other.size() == shape.size();
    if (fits) {
      extents.push_back(other[a]);
      total = add_sizes(total, other[a]);
      other[a] = shape[a];
      fits = other == shape;
    }
    if (!fits) {
      refuse("concat: shapes must agree but for axis " + std::to_string(a) + ", got " +
             shapes_of(parts));
    }
  }
  shape[a] = total;
  return join("concat", parts, shape, a, extents);
}

Tensor stack(const std::vector<Tensor>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) refuse("stack: there is nothing to join");
  Shape shape = parts[0].shape();
  for (const Tensor& part : parts) {
    if (part.shape() != shape) refuse("stack: shapes must be equal, got " + shapes_of(parts));
  }
  const std::ptrdiff_t ndim = as_signed(shape.size()) + 1;
  if (axis < -ndim || axis >= ndim) {
    refuse("stack: no axis " + std::to_string(axis) + " in a stack of " + to_string(shape));
  }
  const std::ptrdiff_t a = axis < 0 ? axis + ndim : axis;
  shape.push_back(parts.size());
  std::rotate(shape.begin() + a, shape.end() - 1, shape.end());
  return join("stack", parts, shape, static_cast<std::size_t>(a),
              std::vector<std::size_t>(parts.size(), 1));
}

Tensor pad(const Tensor& x, std::ptrdiff_t axis, std::size_t before, std::size_t after,
           Real value) {
  const std::size_t a = one_axis("pad", axis, x.shape());
  Shape shape = x.shape();
  shape[a] = add_sizes(shape[a], add_sizes(before, after));
  Array y = full(shape, value, "pad");
  const Section middle{around(shape, a), before, x.shape()[a], 1};
  pack(x.value().data(), y.data(), middle, Update::assign);
  const auto backward = [middle](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      unpack(out.grad().data(), dx.data(), middle, update_for(beta));
    });
  };
  return record("pad", std::move(y), backward, x);
}

// Selection by index --------------------------------------------------------------------------

namespace {

// Each index checked once, forward; kept as offsets for the way back.
std::vector<std::size_t> checked(const char* operation, const IndexArray& index, std::size_t limit,
                                 const std::string& what) {
  const std::int64_t* const p = index.data();
  std::vector<std::size_t> result(index.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (p[i] < 0 || static_cast<std::size_t>(p[i]) >= limit) {
      const Shape shape(index.shape().begin(), index.shape().end());
      std::vector<std::ptrdiff_t> position(shape.size());
      std::size_t rest = i;
      for (std::size_t axis = shape.size(); axis > 0; --axis) {
        position[axis - 1] = as_signed(rest % shape[axis - 1]);
        rest /= shape[axis - 1];
      }
      refuse(std::string(operation) + ": index " + std::to_string(p[i]) + " at " + list(position) +
             " of " + to_string(shape) + " is outside 0 … " + std::to_string(as_signed(limit) - 1) +
             ", " + what);
    }
    result[i] = static_cast<std::size_t>(p[i]);
  }
  return result;
}

}  // namespace

// dx[…, index[i…], …] += dy[i…]
Tensor gather(const Tensor& x, std::ptrdiff_t axis, const IndexArray& index) {
  const std::size_t a = one_axis("gather", axis, x.shape());
  const Shape shape(index.shape().begin(), index.shape().end());
  Shape expected = x.shape();
  if (shape.size() == expected.size()) expected[a] = shape[a];
  if (shape != expected) {
    refuse("gather: the index must have the shape of x but for axis " + std::to_string(a) +
           ", got x " + to_string(x.shape()) + " and index " + to_string(shape));
  }
  const Span3 from = around(x.shape(), a), to = around(shape, a);
  std::vector<std::size_t> place = checked(
      "gather", index, from.reduced, "axis " + std::to_string(a) + " of x " + to_string(x.shape()));
  for (std::size_t o = 0, i = 0; o < to.outer; ++o) {
    for (std::size_t r = 0; r < to.reduced; ++r) {
      for (std::size_t k = 0; k < to.inner; ++k, ++i) {
        place[i] = (o * from.reduced + place[i]) * from.inner + k;
      }
    }
  }
  Array y = empty(shape);
  for (std::size_t i = 0; i < place.size(); ++i) y.data()[i] = x.value().data()[place[i]];
  const auto backward = [place = std::move(place)](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      detail::scatter_sums(out.grad().data(), place, 1, dx.size(), beta, dx.data());
    });
  };
  return record("gather", std::move(y), backward, x);
}

// dtable[index[i]] += dy[i]
Tensor embedding(const Tensor& table, const IndexArray& index) {
  if (table.ndim() != 2) {
    refuse("embedding: the table has two axes (rows, width), got " + to_string(table.shape()));
  }
  const std::size_t width = table.size(1);
  std::vector<std::size_t> rows = checked("embedding", index, table.size(0),
                                          "the rows of the table " + to_string(table.shape()));
  Shape shape(index.shape().begin(), index.shape().end());
  shape.push_back(width);
  Array y = empty(shape, "embedding");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Real* const row = table.value().data() + rows[i] * width;
    std::copy(row, row + width, y.data() + i * width);
  }
  const auto backward = [rows = std::move(rows), width](Node& out, Node& table) {
    table.accumulate_with([&](Array& gradient, Real beta) {
      detail::scatter_sums(out.grad().data(), rows, width, gradient.shape()[0], beta,
                           gradient.data());
    });
  };
  return record("embedding", std::move(y), backward, table);
}

}  // namespace nabla
