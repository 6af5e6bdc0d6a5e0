#include "models/draw/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace nabla::models {
namespace {

using Colour = std::array<Real, 3>;

// Ten hues that stay apart on white, in an order in which neighbours differ.
Colour class_colour(int c) {
  static const int hex[] = {0x1f77b4, 0xd62728, 0x2ca02c, 0xff7f0e, 0x9467bd,
                            0x17becf, 0xe377c2, 0x8c564b, 0xbcbd22, 0x3f3f8f};
  const int rgb = c < 0 ? 0x303030 : hex[c % 10];
  return {Real(rgb >> 16 & 255) / 255, Real(rgb >> 8 & 255) / 255, Real(rgb & 255) / 255};
}

// From night blue over violet and orange to pale yellow, ever brighter: it also reads in grey.
Colour heat_colour(double t) {
  static const double stops[][3] = {{0.02, 0.02, 0.10}, {0.25, 0.07, 0.43}, {0.58, 0.15, 0.45},
                                    {0.88, 0.32, 0.25}, {0.98, 0.62, 0.12}, {0.99, 0.98, 0.72}};
  constexpr int last = 5;
  const double place = std::clamp(t, 0.0, 1.0) * last;
  const int i = std::min(static_cast<int>(place), last - 1);
  Colour colour;
  for (std::size_t k = 0; k < 3; ++k) {
    colour[k] = static_cast<Real>(stops[i][k] + (place - i) * (stops[i + 1][k] - stops[i][k]));
  }
  return colour;
}

void check_points(const char* operation, const Array& points) {
  if (points.dimension() == 2 && points.shape()[1] == 2) return;
  throw std::invalid_argument(std::string(operation) + ": points are (N, 2), got " +
                              to_string(points.shape()));
}

void check_window(const char* operation, const Window& w) {
  if (w.x_low < w.x_high && w.y_low < w.y_high) return;
  throw std::invalid_argument(std::string(operation) + ": an empty window");
}

// A mark of about 3 × 3 pixels with soft corners, centred between pixels where the point is.
void draw_dot(Array& image, double x, double y, const Colour& colour) {
  constexpr double radius = 1.7, opacity = 0.65;
  const std::ptrdiff_t height = static_cast<std::ptrdiff_t>(image.shape()[0]);
  const std::ptrdiff_t width = static_cast<std::ptrdiff_t>(image.shape()[1]);
  const std::ptrdiff_t column = std::lround(std::floor(x)), row = std::lround(std::floor(y));
  for (std::ptrdiff_t r = std::max<std::ptrdiff_t>(0, row - 2); r <= std::min(height - 1, row + 2);
       ++r) {
    for (std::ptrdiff_t c = std::max<std::ptrdiff_t>(0, column - 2);
         c <= std::min(width - 1, column + 2); ++c) {
      const double distance =
          std::hypot(static_cast<double>(c) + 0.5 - x, static_cast<double>(r) + 0.5 - y);
      const double cover = opacity * std::clamp(radius + 0.5 - distance, 0.0, 1.0);
      Real* const pixel = image.data() + (r * width + c) * 3;
      for (std::size_t k = 0; k < 3; ++k)
        pixel[k] += static_cast<Real>(cover) * (colour[k] - pixel[k]);
    }
  }
}

}  // namespace

Window window_around(const Array& points) {
  check_points("window_around", points);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double low[2] = {infinity, infinity}, high[2] = {-infinity, -infinity};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double v = static_cast<double>(points.data()[i]);
    if (!std::isfinite(v)) continue;
    low[i % 2] = std::min(low[i % 2], v);
    high[i % 2] = std::max(high[i % 2], v);
  }
  if (!(low[0] <= high[0] && low[1] <= high[1])) return {-1, 1, -1, 1};
  double half = 0.55 * std::max(high[0] - low[0], high[1] - low[1]);
  if (half == 0) half = 1;
  const double x = (low[0] + high[0]) / 2, y = (low[1] + high[1]) / 2;
  return {x - half, x + half, y - half, y + half};
}

Array scatter(const Array& points, const std::vector<int>& classes, const Window& window,
              std::size_t width) {
  check_points("scatter", points);
  check_window("scatter", window);
  const std::size_t count = points.shape()[0];
  if (width == 0 || (!classes.empty() && classes.size() != count)) {
    throw std::invalid_argument("scatter: " + to_string(points.shape()) + " points with " +
                                std::to_string(classes.size()) + " classes, " +
                                std::to_string(width) + " pixels wide");
  }
  const double scale = static_cast<double>(width) / (window.x_high - window.x_low);
  const double rows = std::max(1.0, std::round(scale * (window.y_high - window.y_low)));
  Array image = ones({static_cast<std::size_t>(rows), width, 3});
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(points.data()[2 * i]);
    const double y = static_cast<double>(points.data()[2 * i + 1]);
    const bool inside = x >= window.x_low && x <= window.x_high && y >= window.y_low &&
                        y <= window.y_high;  // false for NaN
    if (!inside) continue;
    draw_dot(image, (x - window.x_low) * scale, (window.y_high - y) * scale,
             class_colour(classes.empty() ? 0 : classes[i]));
  }
  return image;
}

Array scatter(const Array& points, const Window& window, std::size_t width) {
  return scatter(points, {}, window, width);
}

Array heat_map(const Array& values, double low, double high) {
  if (values.dimension() != 2 || values.size() == 0) {
    throw std::invalid_argument("heat_map: values are (rows, columns), got " +
                                to_string(values.shape()));
  }
  if (!std::isfinite(low) || !std::isfinite(high) || low > high) {
    throw std::invalid_argument("heat_map: low and high must be finite, and low not above high");
  }
  const std::size_t rows = values.shape()[0], columns = values.shape()[1];
  const double half_span = high > low ? high / 2 - low / 2 : 0.5;  // high − low may be too large
  Array image = empty({rows, columns, 3});
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double v = static_cast<double>(values.data()[(rows - 1 - r) * columns + c]);
      const Colour colour = heat_colour(std::isfinite(v) ? (v / 2 - low / 2) / half_span : 0);
      std::copy(colour.begin(), colour.end(), image.data() + (r * columns + c) * 3);
    }
  }
  return image;
}

Array heat_map(const Array& values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(values.data()[i]);
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (low > high) low = high = 0;  // nothing is finite
  return heat_map(values, low, high);
}

Array cell_centres(const Window& window, std::size_t rows, std::size_t columns) {
  check_window("cell_centres", window);
  Array points = empty({multiply_sizes(rows, columns), 2}, "cell_centres");
  Real* out = points.data();
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double x = (static_cast<double>(c) + 0.5) / static_cast<double>(columns);
      const double y = (static_cast<double>(r) + 0.5) / static_cast<double>(rows);
      *out++ = static_cast<Real>(window.x_low + x * (window.x_high - window.x_low));
      *out++ = static_cast<Real>(window.y_low + y * (window.y_high - window.y_low));
    }
  }
  return points;
}

}  // namespace nabla::models
