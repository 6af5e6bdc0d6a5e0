// Windows of images: means, maxima, and pixels repeated. Images go to the threads one by one.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "autograd/ops.hpp"
#include "autograd/threads.hpp"

namespace nabla {
namespace {

// Windows of size × size on images (batch, height, width, channels), one for each pixel of images
// (batch, out_height, out_width, channels).
struct Windows {
  std::size_t batch, height, width, channels, size, stride, out_height, out_width;

  std::size_t numbers() const { return batch * height * width * channels; }
  Shape out_shape() const { return {batch, out_height, out_width, channels}; }

  // Each pixel lies in one window.
  bool are_tiles() const {
    return stride == size && height == out_height * size && width == out_width * size;
  }

  // Calls visit(place of the window's pixel of the result, place of a pixel in the window) for each
  // window of an image and each of its pixels; places of the first channel, in memory.
  template <class Visit>
  void for_each_pixel(std::size_t image, const Visit& visit) const {
    for (std::size_t i = 0; i < out_height; ++i) {
      for (std::size_t j = 0; j < out_width; ++j) {
        for_each_pixel_of(image, i, j, visit);
      }
    }
  }

  template <class Visit>
  void for_each_pixel_of(std::size_t image, std::size_t i, std::size_t j,
                         const Visit& visit) const {
    const std::size_t of_result = ((image * out_height + i) * out_width + j) * channels;
    for (std::size_t u = 0; u < size; ++u) {
      const std::size_t row = (image * height + i * stride + u) * width + j * stride;
      for (std::size_t v = 0; v < size; ++v) visit(of_result, (row + v) * channels);
    }
  }

  template <class Job>
  void for_each_image(const Job& job) const {
    detail::for_each_job(batch, numbers(), job);
  }
  void clear(std::size_t image, Real* x) const {
    std::fill_n(x + image * height * width * channels, height * width * channels, Real(0));
  }
};

void check_image(const char* operation, const Tensor& x) {
  if (x.ndim() == 4) return;
  throw std::invalid_argument(std::string(operation) + ": the input has 4 axes (B, h, w, C), got " +
                              to_string(x.shape()));
}

Windows windows(const char* operation, const Tensor& x, std::size_t size, std::size_t stride) {
  check_image(operation, x);
  const Shape& s = x.shape();
  if (size == 0 || stride == 0 || s[1] < size || s[2] < size) {
    throw std::invalid_argument(std::string(operation) +
                                ": size and stride must be at least 1 and a window must fit into "
                                "the image, got " +
                                to_string(s) + ", size " + std::to_string(size) + " and stride " +
                                std::to_string(stride));
  }
  return {
      s[0], s[1], s[2], s[3], size, stride, (s[1] - size) / stride + 1, (s[2] - size) / stride + 1};
}

// y = beta · y + scale · Σ of the window, in double: a window can be a whole image
void sum_windows(const Windows& w, const Real* x, double scale, Real beta, Real* y) {
  w.for_each_image([&](std::size_t image) {
    std::vector<double> room(w.channels);
    double* const sums = room.data();
    for (std::size_t i = 0; i < w.out_height * w.out_width; ++i) {
      std::fill(room.begin(), room.end(), 0.0);
      w.for_each_pixel_of(image, i / w.out_width, i % w.out_width,
                          [&](std::size_t /*of_y*/, std::size_t of_x) {
#pragma omp simd
                            for (std::size_t c = 0; c < w.channels; ++c) {
                              sums[c] += static_cast<double>(x[of_x + c]);
                            }
                          });
      Real* const to = y + (image * w.out_height * w.out_width + i) * w.channels;
      for (std::size_t c = 0; c < w.channels; ++c) {
        to[c] = static_cast<Real>(beta == 0 ? scale * sums[c]
                                            : static_cast<double>(to[c]) + scale * sums[c]);
      }
    }
  });
}

// The adjoint: dx = beta · dx + scale · dy at each pixel of the window
void spread_windows(const Windows& w, const Real* dy, Real scale, Real beta, Real* dx) {
  w.for_each_image([&](std::size_t image) {
    if (beta == 0 && w.are_tiles()) {
      return w.for_each_pixel(image, [&](std::size_t of_y, std::size_t of_x) {
#pragma omp simd
        for (std::size_t c = 0; c < w.channels; ++c) dx[of_x + c] = scale * dy[of_y + c];
      });
    }
    if (beta == 0) w.clear(image, dx);
    w.for_each_pixel(image, [&](std::size_t of_y, std::size_t of_x) {
#pragma omp simd
      for (std::size_t c = 0; c < w.channels; ++c) dx[of_x + c] += scale * dy[of_y + c];
    });
  });
}

// dx += dy where x is the window's maximum y, shared by those that are equal.
void spread_to_maxima(const Windows& w, std::size_t image, const Real* x, const Real* y,
                      const Real* dy, Real* dx) {
  Array equal = empty({w.channels});
  for (std::size_t i = 0; i < w.out_height; ++i) {
    for (std::size_t j = 0; j < w.out_width; ++j) {
      equal.fill(0);
      w.for_each_pixel_of(image, i, j, [&](std::size_t of_y, std::size_t of_x) {
        Real* const count = equal.data();
#pragma omp simd
        for (std::size_t c = 0; c < w.channels; ++c) {
          count[c] += x[of_x + c] == y[of_y + c] ? Real(1) : Real(0);
        }
      });
      w.for_each_pixel_of(image, i, j, [&](std::size_t of_y, std::size_t of_x) {
        const Real* const count = equal.data();
#pragma omp simd
        for (std::size_t c = 0; c < w.channels; ++c) {
          dx[of_x + c] += x[of_x + c] == y[of_y + c] ? dy[of_y + c] / count[c] : Real(0);
        }
      });
    }
  }
}

}  // namespace

// y = Σ x / n over the n pixels of a window    dx: dy / n at each of them
Tensor average_pool2d(const Tensor& x, std::size_t size, std::size_t stride) {
  const Windows w = windows("average_pool2d", x, size, stride);
  const double scale = 1 / (static_cast<double>(size) * static_cast<double>(size));
  Array y = empty(w.out_shape());
  sum_windows(w, x.value().data(), scale, 0, y.data());
  const auto backward = [w, scale](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      spread_windows(w, out.grad().data(), static_cast<Real>(scale), beta, dx.data());
    });
  };
  return record("average_pool2d", std::move(y), backward, x);
}

// y = max x over a window        dx: dy where x = y, shared by those that are equal
Tensor max_pool2d(const Tensor& x, std::size_t size, std::size_t stride) {
  const Windows w = windows("max_pool2d", x, size, stride);
  Array y = full(w.out_shape(), -std::numeric_limits<Real>::infinity());
  const Real* const from = x.value().data();
  Real* const to = y.data();
  w.for_each_image([&](std::size_t image) {
    w.for_each_pixel(image, [&](std::size_t of_y, std::size_t of_x) {
#pragma omp simd
      for (std::size_t c = 0; c < w.channels; ++c) {
        const Real next = from[of_x + c];  // a NaN comes, and stays
        to[of_y + c] = next > to[of_y + c] || next != next ? next : to[of_y + c];
      }
    });
  });
  const auto backward = [w](Node& out, Node& x) {
    x.accumulate_with([&](Array& dx, Real beta) {
      w.for_each_image([&](std::size_t image) {
        if (beta == 0) w.clear(image, dx.data());
        spread_to_maxima(w, image, x.value.data(), out.value.data(), out.grad().data(), dx.data());
      });
    });
  };
  return record("max_pool2d", std::move(y), backward, x);
}

// y: x at each pixel of its window        dx = Σ dy over the window
Tensor upsample_nearest2d(const Tensor& x, std::size_t factor) {
  check_image("upsample_nearest2d", x);
  if (factor == 0) throw std::invalid_argument("upsample_nearest2d: the factor must be at least 1");
  const Shape& s = x.shape();
  const std::size_t height = multiply_sizes(s[1], factor), width = multiply_sizes(s[2], factor);
  Array y = empty({s[0], height, width, s[3]}, "upsample_nearest2d");
  const Windows w{s[0], height, width, s[3], factor, factor, s[1], s[2]};
  spread_windows(w, x.value().data(), 1, 0, y.data());
  const auto backward = [w](Node& out, Node& x) {
    x.accumulate_with(
        [&](Array& dx, Real beta) { sum_windows(w, out.grad().data(), 1, beta, dx.data()); });
  };
  return record("upsample_nearest2d", std::move(y), backward, x);
}

}  // namespace nabla
