// Group normalisation, image by image: one of them stays in the cache between the passes.
#include <stdexcept>

#include "autograd/normalisation.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

using detail::BackwardMap;
using detail::Block;
using detail::Channel;
using detail::for_each_job;
using detail::ForwardMap;
using detail::Moments;
using detail::Room;

struct Groups {
  std::size_t images, pixels, channels, groups;
  double epsilon;

  Block block() const { return {pixels, channels}; }
  std::size_t image_size() const { return pixels * channels; }
  std::size_t width() const { return channels / groups; }  // channels of a group
  double count() const { return static_cast<double>(pixels * width()); }
};

// Moments of the groups of one image. It is read twice, the second time from the cache.
void group_moments(const Groups& g, const Real* x, Moments* moments) {
  Room room(4, g.channels);
  Real* const sums = room[0];
  Real* const near = room[1];
  g.block().sum(x, sums);
  for (std::size_t c = 0; c < g.channels; c += g.width()) {
    double total = 0;
    for (std::size_t k = 0; k < g.width(); ++k) total += static_cast<double>(sums[c + k]);
    std::fill_n(near + c, g.width(), static_cast<Real>(total / g.count()));
  }
  g.block().sum_deviations(x, near, room[2], room[3]);
  for (std::size_t c = 0; c < g.channels; c += g.width()) {
    double first = 0, second = 0;
    for (std::size_t k = c; k < c + g.width(); ++k) {
      first += static_cast<double>(room[2][k]);
      second += static_cast<double>(room[3][k]);
    }
    *moments++ = detail::moments_of(static_cast<double>(near[c]), first, second, g.count());
  }
}

ForwardMap forward_map(const Groups& g, const Moments* moments, const Real* gain,
                       const Real* shift) {
  ForwardMap map(g.channels);
  for (std::size_t c = 0; c < g.channels; ++c) {
    map.set(c, Channel(moments[c / g.width()], g.epsilon, gain[c]), shift[c]);
  }
  return map;
}

// From the sums of gradients over an image, Σ dz and Σ dz (x − centre): the map to dx, and
// d gain in the place of the second.
BackwardMap backward_map(const Groups& g, const Moments* moments, const Real* gain,
                         const Real* first, Real* second) {
  BackwardMap map(g.channels);
  for (std::size_t begin = 0; begin < g.channels; begin += g.width()) {
    const Moments& of_group = moments[begin / g.width()];
    double mean_dz = 0, mean_dz_x = 0;
    for (std::size_t c = begin; c < begin + g.width(); ++c) {
      const Channel channel(of_group, g.epsilon, gain[c]);
      const double sum = static_cast<double>(first[c]);
      const double normalised = channel.sum_normalised(sum, static_cast<double>(second[c]));
      mean_dz += channel.gain * sum / g.count();
      mean_dz_x += channel.gain * normalised / g.count();
      second[c] = static_cast<Real>(normalised);
    }
    for (std::size_t c = begin; c < begin + g.width(); ++c) {
      map.set(c, Channel(of_group, g.epsilon, gain[c]), mean_dz, mean_dz_x);
    }
  }
  return map;
}

template <bool with_silu>
void group_norm_backward(const Groups& g, const std::vector<Moments>& moments, Node& out, Node& x,
                         Node& gain, Node& shift) {
  Array first = zeros({g.images, g.channels}), second = zeros({g.images, g.channels});
  const std::size_t size = g.image_size();
  detail::with_gradient_of(x, [&](Real* dx, Real beta) {
    for_each_job(size == 0 ? 0 : g.images, g.images * size, [&](std::size_t b) {
      const Moments* const of_image = moments.data() + b * g.groups;
      const Real* const of_x = x.value.data() + b * size;
      const Real* const dy = out.grad().data() + b * size;
      Real* const to = dx == nullptr ? nullptr : dx + b * size;
      ForwardMap map = forward_map(g, of_image, gain.value.data(), shift.value.data());
      // dz waits where dx will be, unless that holds a gradient already.
      const bool keep = with_silu && to != nullptr;
      Array room = empty({keep && beta != 0 ? size : 0});
      Real* const dz = !keep ? nullptr : beta == 0 ? to : room.data();
      Real* const sums = first.data() + b * g.channels;
      Real* const products = second.data() + b * g.channels;
      g.block().sum_gradients<with_silu>(map.get(), of_x, dy, dz, sums, products);
      BackwardMap back = backward_map(g, of_image, gain.value.data(), sums, products);
      if (to != nullptr) g.block().gradient(back.get(), of_x, keep ? dz : dy, beta, to);
    });
  });
  detail::accumulate_sums(first, shift);
  detail::accumulate_sums(second, gain);
}

template <bool with_silu>
Tensor grouped(const char* operation, const Tensor& x, const Tensor& gain, const Tensor& shift,
               std::size_t groups, Real epsilon) {
  detail::check_affine(operation, x, gain, shift, 2);
  detail::check_epsilon(operation, epsilon);
  const std::size_t images = x.shape()[0], channels = x.size(-1);
  if (groups == 0 || channels % groups != 0) {
    throw std::invalid_argument(std::string(operation) +
                                ": the groups must divide the channels, got " +
                                to_string(x.shape()) + " and " + std::to_string(groups));
  }
  const std::size_t size = images == 0 ? 0 : x.size() / images;
  const Groups g{images, channels == 0 ? 0 : size / channels, channels, groups,
                 static_cast<double>(epsilon)};
  std::vector<Moments> moments(size == 0 ? 0 : images * groups);
  Array y = empty(x.shape());
  for_each_job(size == 0 ? 0 : images, x.size(), [&](std::size_t b) {
    Moments* const of_image = moments.data() + b * groups;
    group_moments(g, x.value().data() + b * size, of_image);
    ForwardMap map = forward_map(g, of_image, gain.value().data(), shift.value().data());
    g.block().apply<with_silu>(map.get(), x.value().data() + b * size, y.data() + b * size);
  });
  auto backward = [g, moments = std::move(moments)](Node& out, Node& x, Node& gain, Node& shift) {
    group_norm_backward<with_silu>(g, moments, out, x, gain, shift);
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
