// Group normalisation, image by image: one of them stays in the cache between the passes.
#include "autograd/kernels/channel_maps.hpp"
#include "autograd/kernels/normalise.hpp"

namespace nabla::detail {
namespace {

Block block_of(const Groups& g) {
  return {g.pixels, g.channels};
}

// Moments of the groups of one image. It is read twice, the second time from the cache.
void group_moments(const Groups& g, const Real* x, Moments* moments) {
  Room room(4, g.channels);
  Real* const sums = room[0];
  Real* const near = room[1];
  block_of(g).sum(x, sums);
  for (std::size_t c = 0; c < g.channels; c += g.width()) {
    double total = 0;
    for (std::size_t k = 0; k < g.width(); ++k) total += static_cast<double>(sums[c + k]);
    std::fill_n(near + c, g.width(), static_cast<Real>(total / g.count()));
  }
  block_of(g).sum_deviations(x, near, room[2], room[3]);
  for (std::size_t c = 0; c < g.channels; c += g.width()) {
    double first = 0, second = 0;
    for (std::size_t k = c; k < c + g.width(); ++k) {
      first += static_cast<double>(room[2][k]);
      second += static_cast<double>(room[3][k]);
    }
    *moments++ = moments_of(static_cast<double>(near[c]), first, second, g.count());
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

// Calls job(b) for each image that has pixels.
template <class Job>
void for_each_image(const Groups& g, const Job& job) {
  const std::size_t size = g.image_size();
  for_each_job(size == 0 ? 0 : g.images, g.images * size, job);
}

}  // namespace

template <bool with_silu>
std::vector<Moments> normalise_groups(const Groups& g, const Real* x, const Real* gain,
                                      const Real* shift, Real* y) {
  const std::size_t size = g.image_size();
  std::vector<Moments> moments(size == 0 ? 0 : g.images * g.groups);
  for_each_image(g, [&](std::size_t b) {
    Moments* const of_image = moments.data() + b * g.groups;
    group_moments(g, x + b * size, of_image);
    ForwardMap map = forward_map(g, of_image, gain, shift);
    block_of(g).apply<with_silu>(map.get(), x + b * size, y + b * size);
  });
  return moments;
}

template <bool with_silu>
AffineGradients normalise_groups_back(const Groups& g, const std::vector<Moments>& moments,
                                      const Real* x, const Real* gain, const Real* shift,
                                      const Real* dy, Real beta, Real* dx) {
  Array first = zeros({g.images, g.channels}), second = zeros({g.images, g.channels});
  const std::size_t size = g.image_size();
  for_each_image(g, [&](std::size_t b) {
    const Moments* const of_image = moments.data() + b * g.groups;
    const Real* const of_x = x + b * size;
    const Real* const of_dy = dy + b * size;
    Real* const to = dx == nullptr ? nullptr : dx + b * size;
    ForwardMap map = forward_map(g, of_image, gain, shift);
    // dz waits where dx will be, unless that holds a gradient already.
    const bool keep = with_silu && to != nullptr;
    Array room = empty({keep && beta != 0 ? size : 0});
    Real* const dz = !keep ? nullptr : beta == 0 ? to : room.data();
    Real* const sums = first.data() + b * g.channels;
    Real* const products = second.data() + b * g.channels;
    block_of(g).sum_gradients<with_silu>(map.get(), of_x, of_dy, dz, sums, products);
    BackwardMap back = backward_map(g, of_image, gain, sums, products);
    if (to != nullptr) block_of(g).gradient(back.get(), of_x, keep ? dz : of_dy, beta, to);
  });
  return {sum_parts(second), sum_parts(first)};
}

template std::vector<Moments> normalise_groups<false>(const Groups&, const Real*, const Real*,
                                                      const Real*, Real*);
template std::vector<Moments> normalise_groups<true>(const Groups&, const Real*, const Real*,
                                                     const Real*, Real*);
template AffineGradients normalise_groups_back<false>(const Groups&, const std::vector<Moments>&,
                                                      const Real*, const Real*, const Real*,
                                                      const Real*, Real, Real*);
template AffineGradients normalise_groups_back<true>(const Groups&, const std::vector<Moments>&,
                                                     const Real*, const Real*, const Real*,
                                                     const Real*, Real, Real*);

}  // namespace nabla::detail
