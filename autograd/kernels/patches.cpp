#include "autograd/kernels/patches.hpp"

#include <algorithm>

#include "autograd/kernels/simd.hpp"
#include "autograd/threads.hpp"

namespace nabla::detail {
namespace {

// A line of a patch, one row of the kernel: within the patch `left` numbers that lie outside the
// image, `inside` that are there, and `right` outside again. Those inside start at `image` in x.
struct Line {
  std::size_t patch, left, inside, right, image;
};

// Calls visit(line) for each kernel row of each of the output pixels.
template <class Visit>
void for_each_line(const ConvShape& s, std::size_t first, std::size_t count, const Visit& visit) {
  const std::size_t line = s.kernel_width * s.in;
  std::size_t at = 0;
  std::size_t image = first / s.out_pixels();
  std::size_t i = first % s.out_pixels() / s.out_width, j = first % s.out_width;
  for (std::size_t row = 0; row < count; ++row) {
    // Positions in the padded image; it is the image from `padding` to `padding + size`.
    const std::size_t column = j * s.stride, last = s.padding + s.width;
    const std::size_t from = std::clamp(s.padding, column, column + s.kernel_width);
    const std::size_t to = std::clamp(last, from, column + s.kernel_width);
    const std::size_t left = (from - column) * s.in, inside = (to - from) * s.in;
    for (std::size_t u = 0; u < s.kernel_height; ++u, at += line) {
      const std::size_t y = i * s.stride + u;
      if (y < s.padding || y >= s.padding + s.height || inside == 0) {
        visit(Line{at, line, 0, 0, 0});
        continue;
      }
      const std::size_t pixel = (image * s.height + y - s.padding) * s.width + from - s.padding;
      visit(Line{at, left, inside, line - left - inside, pixel * s.in});
    }
    if (++j == s.out_width) {
      j = 0;
      if (++i == s.out_height) {
        i = 0;
        ++image;
      }
    }
  }
}

// Written out, because a call of memcpy for a few numbers costs more than they do.
void copy(const Real* from, std::size_t count, Real* to) {
  std::size_t k = 0;
  for (; k + simd::lanes <= count; k += simd::lanes) simd::store(to + k, simd::load(from + k));
#pragma GCC unroll 1
  for (; k < count; ++k) to[k] = from[k];
}

}  // namespace

void gather_patches(const ConvShape& shape, const Real* x, std::size_t first, std::size_t count,
                    Real* patches) {
  for_each_line(shape, first, count, [&](const Line& line) {
    Real* const to = patches + line.patch;
    std::fill_n(to, line.left, Real(0));
    copy(x + line.image, line.inside, to + line.left);
    std::fill_n(to + line.left + line.inside, line.right, Real(0));
  });
}

void scatter_patches(const ConvShape& shape, const Real* patches, std::size_t first,
                     std::size_t count, Real* dx) {
  for_each_line(shape, first, count, [&](const Line& line) {
    const Real* const from = patches + line.patch + line.left;
    Real* const to = dx + line.image;
    for (std::size_t k = 0; k < line.inside; ++k) to[k] += from[k];
  });
}

void add_parts(const Array& parts, Real beta, Real* dw) {
  constexpr std::size_t stretch = 4096;
  const std::size_t count = parts.shape()[0], size = parts.shape()[1];
  for_each_job((size + stretch - 1) / stretch, parts.size(), [&](std::size_t job) {
    const std::size_t begin = job * stretch, end = std::min(size, begin + stretch);
    if (beta == 0) std::fill(dw + begin, dw + end, Real(0));
    for (std::size_t p = 0; p < count; ++p) {
      const Real* const part = parts.data() + p * size;
      for (std::size_t i = begin; i < end; ++i) dw[i] += part[i];
    }
  });
}

Array exchange_channels(const Real* weight, const Shape& shape, Kernel kernel) {
  const std::size_t places = shape[0] * shape[1], in = shape[2], out = shape[3];
  Array result = empty({shape[0], shape[1], out, in});
  for (std::size_t k = 0; k < places; ++k) {
    const Real* const from = weight + (kernel == Kernel::turned ? places - 1 - k : k) * in * out;
    Real* const to = result.data() + k * in * out;
    for (std::size_t c = 0; c < in; ++c) {
      for (std::size_t o = 0; o < out; ++o) to[o * in + c] = from[c * out + o];
    }
  }
  return result;
}

}  // namespace nabla::detail
