// Operations that give the same numbers another shape. Forward is a strided copy, backward the same
// copy the other way, added.
#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/strided.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::copy_strided, detail::Loop, detail::row_major_strides, detail::update_for;

[[noreturn]] void refuse(const std::string& message) {
  throw std::invalid_argument(message);
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
      "broadcast_to", std::move(y), [](Node& out, Node& x) { accumulate_summed(x, out.grad()); },
      x);
}

}  // namespace nabla
