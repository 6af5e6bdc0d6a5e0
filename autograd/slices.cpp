// Parts of an axis: taken out, put together, put into something larger. Forward is a strided copy,
// backward the same copy the other way, added.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "autograd/kernels/sections.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::pack, detail::Section, detail::span_around, detail::unpack;

[[noreturn]] void refuse(const std::string& message) {
  throw std::invalid_argument(message);
}

std::ptrdiff_t as_signed(std::size_t n) {
  return static_cast<std::ptrdiff_t>(n);
}

std::size_t one_axis(const char* operation, std::ptrdiff_t axis, const Shape& shape) {
  return normalised_axes(operation, {axis}, shape)[0];
}

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
                      {span_around(x.shape(), a), static_cast<std::size_t>(first),
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
    parts.push_back(take_section("split", x, a, {span_around(x.shape(), a), start, size, 1}));
    start += size;
  }
  return parts;
}

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
    sections.push_back({span_around(shape, axis), start, extents[i], 1});
    pack(parts[i].value().data(), y.data(), sections[i], Update::assign);
    start += extents[i];
  }
  const auto backward = [sections](Node& out) {
    for (std::size_t i = 0; i < sections.size(); ++i) {
      out.parents[i].node->accumulate_with([&](Array& dx, Real beta) {
        unpack(out.grad().data(), dx.data(), sections[i], detail::update_for(beta));
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
  const Section middle{span_around(shape, a), before, x.shape()[a], 1};
  pack(x.value().data(), y.data(), middle, Update::assign);
  const auto backward = [middle](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      unpack(out.grad().data(), dx.data(), middle, detail::update_for(beta));
    });
  };
  return record("pad", std::move(y), backward, x);
}

}  // namespace nabla
