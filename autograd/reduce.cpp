// Reductions over any axes. Axes that are neighbours are one; sums take others pass by pass, and
// what does not split into passes brings its axes together first.
#include <algorithm>
#include <stdexcept>

#include "autograd/kernels/functions.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::Span3;
using AxisList = std::vector<std::size_t>;

AxisList all_axes(const Tensor& x) {
  AxisList axes(x.ndim());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = i;
  return axes;
}

Axes every_axis(const Tensor& x) {
  const AxisList axes = all_axes(x);
  return Axes(axes.begin(), axes.end());
}

std::size_t count_along(const Shape& shape, const AxisList& axes) {
  std::size_t count = 1;
  for (const std::size_t axis : axes) count *= shape[axis];
  return count;
}

// The order that moves `axes` behind all others, and the order that moves them back.
struct Gathering {
  Axes order, back;
};
Gathering axes_last(const Shape& shape, const AxisList& axes) {
  Gathering g;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) {
      g.order.push_back(static_cast<std::ptrdiff_t>(i));
    }
  }
  g.order.insert(g.order.end(), axes.begin(), axes.end());
  g.back.resize(g.order.size());
  for (std::size_t i = 0; i < g.order.size(); ++i) {
    g.back[static_cast<std::size_t>(g.order[i])] = static_cast<std::ptrdiff_t>(i);
  }
  return g;
}

Axes last_axes(std::size_t count) {
  Axes axes;
  for (std::size_t i = count; i > 0; --i) axes.push_back(-static_cast<std::ptrdiff_t>(i));
  return axes;
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return reshape(x, NewShape(shape.begin(), shape.end()));
}

// Σ x / divisor             dx = dy / divisor, repeated
Tensor scaled_sum(const char* operation, const Tensor& x, const AxisList& axes, bool keepdims,
                  Real divisor) {
  Array y = detail::sum_axes(x.value(), axes, keepdims);
  if (divisor != 1) y = compute(y / divisor);
  const auto backward = [axes, divisor](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      detail::expand_axes(out.grad(), axes, 1 / divisor, beta, dx);
    });
  };
  return record(operation, std::move(y), backward, x);
}

// y = max x                 dx = dy / (number of ties) where x = y, else 0
Tensor extreme(const char* operation, const Tensor& x, const Axes& requested, bool keepdims,
               void (*middle)(const Real*, Real*, Span3)) {
  const AxisList axes = normalised_axes(operation, requested, x.shape());
  const Shape shape = detail::reduced_shape(x.shape(), axes, keepdims);
  if (count_along(x.shape(), axes) == 0 && size_of(shape) != 0) {
    throw std::invalid_argument(std::string(operation) + ": nothing to choose from in " +
                                to_string(x.shape()));
  }
  const std::vector<Span3> passes = detail::reduction_passes(x.shape(), axes);
  if (passes.size() > 1) {  // ties are shared over all axes at once
    const Tensor together = permute(x, axes_last(x.shape(), axes).order);
    return reshaped(extreme(operation, together, last_axes(axes.size()), false, middle), shape);
  }
  const Span3 span = passes[0];
  Array y = empty(shape);
  middle(x.value().data(), y.data(), span);
  const auto backward = [span](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      Array chosen = empty(x.value.shape());
      Array share = empty(out.value.shape());
      const Real* const value = x.value.data();
      const Real* const best = out.value.data();
      Real* const mask = chosen.data();
      Real* const gradient = dx.data();
      detail::for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
        for (std::size_t k = 0; k < count; ++k) {
          mask[start + k] = value[start + k] == best[reduced(k)] ? Real(1) : Real(0);
        }
      });
      detail::sum_middle(mask, share.data(), span);
      evaluate_into(share, out.grad() / share);
      const Real* const part = share.data();
      if (beta == 0) dx.fill(0);
      detail::for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
        for (std::size_t k = 0; k < count; ++k) {
          gradient[start + k] += mask[start + k] != 0 ? part[reduced(k)] : Real(0);
        }
      });
    });
  };
  return record(operation, std::move(y), backward, x);
}

// y = ln Σ eˣ               dx = softmax(x) dy
Tensor logsumexp_once(const Tensor& x, Span3 span, const Shape& shape) {
  Array y = empty(shape);
  detail::logsumexp_middle(x.value().data(), y.data(), span);
  const auto backward = [span](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      // Not from y itself, which rounding has left with few digits of x − y for a large x.
      Array weights = empty(x.value.shape());
      detail::softmax_middle(x.value.data(), weights.data(), span);
      const Real* const weight = weights.data();
      const Real* const dy = out.grad().data();
      Real* const gradient = dx.data();
      if (beta == 0) dx.fill(0);
      detail::for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
        for (std::size_t k = 0; k < count; ++k) {
          gradient[start + k] += weight[start + k] * dy[reduced(k)];
        }
      });
    });
  };
  return record("logsumexp", std::move(y), backward, x);
}

// y = eˣ / Σ eˣ             dx = y (dy − Σ y dy)
Tensor softmax_span(const Tensor& x, Span3 span) {
  Array y = empty(x.shape());
  detail::softmax_middle(x.value().data(), y.data(), span);
  const auto backward = [span](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      const Array product = compute(out.value * out.grad());
      Array sums = empty(Shape{span.results()});
      detail::sum_middle(product.data(), sums.data(), span);
      const Real* const y = out.value.data();
      const Real* const y_dy = product.data();
      const Real* const sum = sums.data();
      Real* const gradient = dx.data();
      if (beta == 0) dx.fill(0);
      detail::for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
        for (std::size_t k = 0; k < count; ++k) {
          gradient[start + k] += y_dy[start + k] - y[start + k] * sum[reduced(k)];
        }
      });
    });
  };
  return record("softmax", std::move(y), backward, x);
}

// y = x − ln Σ eˣ           dx = dy − eʸ Σ dy
Tensor log_softmax_span(const Tensor& x, Span3 span) {
  Array y = empty(x.shape());
  detail::log_softmax_middle(x.value().data(), y.data(), span);
  const auto backward = [span](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      Array sums = empty(Shape{span.results()});
      detail::sum_middle(out.grad().data(), sums.data(), span);
      const Array probs = compute(simd::term<simd::exp>(out.value));
      const Real* const p = probs.data();
      const Real* const dy = out.grad().data();
      const Real* const sum = sums.data();
      Real* const gradient = dx.data();
      if (beta == 0) dx.fill(0);
      detail::for_each_line(span, [=](std::size_t start, std::size_t count, auto reduced) {
        for (std::size_t k = 0; k < count; ++k) {
          gradient[start + k] += dy[start + k] - p[start + k] * sum[reduced(k)];
        }
      });
    });
  };
  return record("log_softmax", std::move(y), backward, x);
}

// An operation along one span that keeps the shape, over any axes.
Tensor along_axes(const char* operation, const Tensor& x, const Axes& requested,
                  Tensor (*along)(const Tensor&, Span3)) {
  const AxisList axes = normalised_axes(operation, requested, x.shape());
  const std::vector<Span3> passes = detail::reduction_passes(x.shape(), axes);
  if (axes.empty()) return along(x, {x.size(), 1, 1});
  if (passes.size() == 1) return along(x, passes[0]);
  const Gathering gathering = axes_last(x.shape(), axes);
  const std::size_t count = count_along(x.shape(), axes);
  const Span3 span{count == 0 ? 0 : x.size() / count, count, 1};
  return permute(along(permute(x, gathering.order), span), gathering.back);
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims) {
  return scaled_sum("sum", x, normalised_axes("sum", axes, x.shape()), keepdims, 1);
}
Tensor sum(const Tensor& x) {
  return scaled_sum("sum", x, all_axes(x), false, 1);
}

Tensor mean(const Tensor& x, const Axes& requested, bool keepdims) {
  const AxisList axes = normalised_axes("mean", requested, x.shape());
  return scaled_sum("mean", x, axes, keepdims, static_cast<Real>(count_along(x.shape(), axes)));
}
Tensor mean(const Tensor& x) {
  return scaled_sum("mean", x, all_axes(x), false, static_cast<Real>(x.size()));
}

Tensor max(const Tensor& x, const Axes& axes, bool keepdims) {
  return extreme("max", x, axes, keepdims, detail::max_middle);
}
Tensor max(const Tensor& x) {
  return max(x, every_axis(x));
}
Tensor min(const Tensor& x, const Axes& axes, bool keepdims) {
  return extreme("min", x, axes, keepdims, detail::min_middle);
}
Tensor min(const Tensor& x) {
  return min(x, every_axis(x));
}

// Over several groups of axes it is the log-sum-exp of log-sum-exps.
Tensor logsumexp(const Tensor& x, const Axes& requested, bool keepdims) {
  const AxisList axes = normalised_axes("logsumexp", requested, x.shape());
  const std::vector<Span3> passes = detail::reduction_passes(x.shape(), axes);
  Tensor y = x;
  for (std::size_t p = 0; p < passes.size(); ++p) {
    const bool last = p + 1 == passes.size();
    y = logsumexp_once(y, passes[p],
                       last ? detail::reduced_shape(x.shape(), axes, keepdims)
                            : Shape{passes[p].outer, passes[p].inner});
  }
  return y;
}
Tensor logsumexp(const Tensor& x) {
  return logsumexp(x, every_axis(x));
}

Tensor softmax(const Tensor& x, const Axes& axes) {
  return along_axes("softmax", x, axes, softmax_span);
}
Tensor log_softmax(const Tensor& x, const Axes& axes) {
  return along_axes("log_softmax", x, axes, log_softmax_span);
}

// yᵢ = Σ_{j ≤ i} xⱼ         dxⱼ = Σ_{i ≥ j} dyᵢ
Tensor cumsum(const Tensor& x, std::ptrdiff_t axis) {
  const AxisList axes = normalised_axes("cumsum", {axis}, x.shape());
  const Span3 span = detail::reduction_passes(x.shape(), axes)[0];
  Array y = empty(x.shape());
  detail::cumsum_middle(x.value().data(), y.data(), span, detail::Direction::forward);
  const auto backward = [span](Node& out, Node& x) {
    Array dx = empty(x.value.shape());
    detail::cumsum_middle(out.grad().data(), dx.data(), span, detail::Direction::backward);
    x.accumulate(std::move(dx));
  };
  return record("cumsum", std::move(y), backward, x);
}

}  // namespace nabla
