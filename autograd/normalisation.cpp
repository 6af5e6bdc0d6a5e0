// Normalisations: x̂ = (x − μ) / √(σ² + ε), y = gain x̂ + shift. Their gradients are derived in
// kernels/normalise.hpp.
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/kernels/normalise.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::AffineGradients;

void check_epsilon(const char* operation, Real epsilon) {
  check_number(std::isfinite(epsilon) && epsilon >= 0, operation, "epsilon", epsilon,
               "finite and ≥ 0");
}

void check_affine(const char* operation, const Tensor& x, const Tensor& gain, const Tensor& shift,
                  std::size_t least_axes) {
  if (x.ndim() < least_axes) {
    throw std::invalid_argument(std::string(operation) + ": the input needs at least " +
                                std::to_string(least_axes) + (least_axes == 1 ? " axis" : " axes") +
                                ", got " + to_string(x.shape()));
  }
  const Shape channels{x.size(-1)};
  if (gain.shape() == channels && shift.shape() == channels) return;
  throw std::invalid_argument(std::string(operation) + ": gain and shift must have shape " +
                              to_string(channels) + " for the input " + to_string(x.shape()) +
                              ", got " + to_string(gain.shape()) + " and " +
                              to_string(shift.shape()));
}

// back(dx, beta) adds to the gradient of x, or is given null if none is wanted, and returns those
// of gain and shift.
template <class Back>
void accumulate_all(Node& x, Node& gain, Node& shift, const Back& back) {
  AffineGradients sums;
  if (x.requires_grad()) {
    x.accumulate_with([&](Array& dx, Real beta) { sums = back(dx.data(), beta); });
  } else {
    sums = back(nullptr, Real(0));
  }
  gain.accumulate(std::move(sums.gain));
  shift.accumulate(std::move(sums.shift));
}

}  // namespace

// μ_c, σ_c over all rows
Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon,
                  std::vector<Moments>* moments_of_x) {
  check_affine("batch_norm", x, gain, shift, 2);
  check_epsilon("batch_norm", epsilon);
  if (x.size() == 0) {
    throw std::invalid_argument("batch_norm: an empty batch has no mean, got " +
                                to_string(x.shape()));
  }
  const double e = static_cast<double>(epsilon);
  std::vector<Moments> moments = detail::channel_moments(x.value());
  if (moments_of_x != nullptr) *moments_of_x = moments;
  Array y = empty(x.shape());
  detail::normalise_channels(x.value(), gain.value().data(), shift.value().data(), e, moments,
                             y.data());
  auto backward = [e, moments = std::move(moments)](Node& out, Node& x, Node& gain, Node& shift) {
    accumulate_all(x, gain, shift, [&](Real* dx, Real beta) {
      return detail::normalise_channels_back(x.value, gain.value.data(), shift.value.data(), e,
                                             moments, out.grad().data(), beta, dx);
    });
  };
  return record("batch_norm", std::move(y), std::move(backward), x, gain, shift);
}

// μ, σ over each row
Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon) {
  check_affine("layer_norm", x, gain, shift, 1);
  check_epsilon("layer_norm", epsilon);
  const double e = static_cast<double>(epsilon);
  Array y = empty(x.shape());
  std::vector<Moments> moments =
      detail::normalise_rows(x.value(), gain.value().data(), shift.value().data(), e, y.data());
  auto backward = [e, moments = std::move(moments)](Node& out, Node& x, Node& gain, Node& shift) {
    accumulate_all(x, gain, shift, [&](Real* dx, Real beta) {
      return detail::normalise_rows_back(x.value, gain.value.data(), e, moments, out.grad().data(),
                                         beta, dx);
    });
  };
  return record("layer_norm", std::move(y), std::move(backward), x, gain, shift);
}

namespace {

// μ, σ over each group of channels of each image
template <bool with_silu>
Tensor grouped(const char* operation, const Tensor& x, const Tensor& gain, const Tensor& shift,
               std::size_t groups, Real epsilon) {
  check_affine(operation, x, gain, shift, 2);
  check_epsilon(operation, epsilon);
  const std::size_t images = x.shape()[0], channels = x.size(-1);
  if (groups == 0 || channels % groups != 0) {
    throw std::invalid_argument(std::string(operation) +
                                ": the groups must divide the channels, got " +
                                to_string(x.shape()) + " and " + std::to_string(groups));
  }
  const std::size_t size = images == 0 ? 0 : x.size() / images;
  const detail::Groups g{images, channels == 0 ? 0 : size / channels, channels, groups,
                         static_cast<double>(epsilon)};
  Array y = empty(x.shape());
  std::vector<Moments> moments = detail::normalise_groups<with_silu>(
      g, x.value().data(), gain.value().data(), shift.value().data(), y.data());
  auto backward = [g, moments = std::move(moments)](Node& out, Node& x, Node& gain, Node& shift) {
    accumulate_all(x, gain, shift, [&](Real* dx, Real beta) {
      return detail::normalise_groups_back<with_silu>(g, moments, x.value.data(), gain.value.data(),
                                                      shift.value.data(), out.grad().data(), beta,
                                                      dx);
    });
  };
  return record(operation, std::move(y), std::move(backward), x, gain, shift);
}

}  // namespace

Tensor group_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, std::size_t groups,
                  Real epsilon) {
  return grouped<false>("group_norm", x, gain, shift, groups, epsilon);
}

Tensor group_norm_silu(const Tensor& x, const Tensor& gain, const Tensor& shift, std::size_t groups,
                       Real epsilon) {
  return grouped<true>("group_norm_silu", x, gain, shift, groups, epsilon);
}

}  // namespace nabla
