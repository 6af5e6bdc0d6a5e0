#include "models/draw/rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/draw/images.hpp"
#include "models/draw/plot.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t bar = 6;  // pixels between groups

// Columns i and j, or for i = j that one at heights that mean nothing.
Array plane_of(const Array& x, std::size_t i, std::size_t j) {
  Array result = empty({x.shape()[0], 2});
  double height = 0;  // multiples of the golden ratio, modulo 1: evenly spread
  for (std::size_t r = 0; r < x.shape()[0]; ++r) {
    height = std::fmod(height + 0.6180339887498949, 1.0);
    result(r, 0) = x(r, i);
    result(r, 1) = i == j ? static_cast<Real>(height) : x(r, j);
  }
  return result;
}

}  // namespace

Array stacked(std::size_t height, std::size_t width, const std::vector<Array>& groups,
              std::size_t columns) {
  std::vector<Array> grids;
  std::size_t lines = 0;
  for (const Array& group : groups) {
    grids.push_back(grid(group, height, width, columns));
    lines += grids.back().shape()[0] + (grids.size() == 1 ? 0 : bar);
  }
  Shape shape = grids.at(0).shape();
  const std::size_t line = grids[0].size() / shape[0];
  shape[0] = lines;
  Array all = full(shape, 1);
  std::size_t at = 0;
  for (const Array& part : grids) {
    std::copy_n(part.data(), part.size(), all.data() + at * line);
    at += part.shape()[0] + bar;
  }
  return enlarge(all, 2);
}

Array one_below_the_other(const std::vector<Array>& lists, std::size_t columns) {
  const std::size_t n = lists.at(0).shape()[0], D = lists[0].shape()[1];
  Array all = empty({lists.size() * n, D});
  Real* next = all.data();
  for (std::size_t from = 0; from < n; from += columns) {
    for (const Array& list : lists) {
      next = std::copy_n(list.data() + from * D, std::min(columns, n - from) * D, next);
    }
  }
  return all;
}

Array interpolations(const Array& from, const Array& from_codes, const Array& to,
                     const Array& to_codes, const std::function<Array(const Array&)>& decode,
                     std::size_t columns) {
  const std::size_t n = from.shape()[0], D = from.shape()[1], Z = from_codes.shape()[1];
  const std::size_t steps = columns - 2;
  Array z = empty({n * steps, Z});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t s = 0; s < steps; ++s) {
      const Real t = static_cast<Real>(s) / static_cast<Real>(std::max<std::size_t>(1, steps - 1));
      for (std::size_t d = 0; d < Z; ++d) {
        z(i * steps + s, d) = (1 - t) * from_codes(i, d) + t * to_codes(i, d);
      }
    }
  }
  const Array between = decode(z);
  Array all = empty({n * columns, D});
  Real* next = all.data();
  for (std::size_t i = 0; i < n; ++i) {
    next = std::copy_n(from.data() + i * D, D, next);
    next = std::copy_n(between.data() + i * steps * D, steps * D, next);
    next = std::copy_n(to.data() + i * D, D, next);
  }
  return all;
}

Array completions(const Array& x, const std::vector<bool>& known,
                  const std::function<Array(const Array&)>& complete) {
  const std::size_t n = x.shape()[0], D = x.shape()[1];
  Array all = empty({10 * n, D});
  Real* next = all.data();
  for (std::size_t i = 0; i < n; ++i) {
    const Real* const image = x.data() + i * D;
    Array same = empty({8, D});
    for (std::size_t k = 0; k < 8; ++k) std::copy_n(image, D, same.data() + k * D);
    next = std::copy_n(image, D, next);
    for (std::size_t d = 0; d < D; ++d) *next++ = known[d] ? image[d] : Real(0.5);
    const Array completed = complete(same);
    next = std::copy_n(completed.data(), completed.size(), next);
  }
  return all;
}

Array side_by_side(const std::vector<Array>& pictures, std::size_t columns) {
  const std::size_t height = pictures.at(0).shape()[0], width = pictures[0].shape()[1];
  Array all = empty({pictures.size(), height * width * 3});
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    std::copy_n(pictures[i].data(), pictures[i].size(), all.data() + i * height * width * 3);
  }
  return grid(all, height, width, columns, 4);
}

Array first_two(const Array& points) {
  return points.shape()[1] == 2 ? points : plane_of(points, 0, points.shape()[1] == 1 ? 0 : 1);
}

Array beside_data(const Array& data, const Array& samples, std::size_t size) {
  const std::size_t D = data.shape()[1], pairs = std::clamp<std::size_t>(D / 2, 1, 4);
  std::vector<Array> pictures(2 * pairs);
  for (std::size_t p = 0; p < pairs; ++p) {
    const std::size_t i = D == 1 ? 0 : 2 * p, j = D == 1 ? 0 : 2 * p + 1;
    const Array points = plane_of(data, i, j);
    const Window window = window_around(points);
    pictures[p] = scatter(points, window, size);
    pictures[pairs + p] = scatter(plane_of(samples, i, j), window, size);
  }
  return side_by_side(pictures, D == 2 ? 2 : pairs);
}

}  // namespace nabla::models
