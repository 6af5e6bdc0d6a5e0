#include "datasets/glyphs.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace nabla::datasets {

const char* const glyph_names[glyph_classes] = {"ring", "disc",  "box",  "diamond", "triangle",
                                                "plus", "cross", "bars", "zed",     "ess"};

const GlyphFactor glyph_factors[glyph_factor_count] = {
    {"center_x", -2, 2},
    {"center_y", -2, 2},
    {"size", 6, Real(8.75)},              // from the centre to the top
    {"thickness", Real(1.5), Real(3.5)},  // of the stroke
    {"slant", Real(-0.1), Real(0.3)},     // to the right, as in handwriting
};

namespace {

struct Point {
  Real x, y;  // y grows downwards
};

// A glyph is drawn by strokes along lines; a filled one has its inside inked too (convex outlines,
// clockwise on the screen). Coordinates are in units of the factor `size`.
struct Outline {
  std::vector<std::vector<Point>> lines;
  bool filled = false;
};

std::vector<Point> ellipse(Real width, Real height) {
  std::vector<Point> points;
  for (int i = 0; i <= 24; ++i) {
    const double angle = 2 * 3.14159265358979323846 * (i % 24) / 24;
    points.push_back(
        {width * static_cast<Real>(std::cos(angle)), height * static_cast<Real>(std::sin(angle))});
  }
  return points;
}

std::vector<Point> wave() {
  std::vector<Point> points;
  for (int i = -8; i <= 8; ++i) {
    const double t = i / 8.;
    points.push_back(
        {static_cast<Real>(0.7 * std::sin(3.14159265358979323846 * t)), static_cast<Real>(t)});
  }
  return points;
}

const std::vector<Outline>& outlines() {
  const Real b = Real(0.85), c = Real(0.7), h = Real(0.75);
  static const std::vector<Outline> all{
      {{ellipse(h, 1)}},
      {{ellipse(b, b)}, true},
      {{{{-b, -b}, {b, -b}, {b, b}, {-b, b}, {-b, -b}}}},
      {{{{0, -1}, {b, 0}, {0, 1}, {-b, 0}, {0, -1}}}, true},
      {{{{0, -1}, {b, h}, {-b, h}, {0, -1}}}},
      {{{{0, -1}, {0, 1}}, {{-b, 0}, {b, 0}}}},
      {{{{-h, -b}, {h, b}}, {{-h, b}, {h, -b}}}},
      {{{{-c, -b}, {c, -b}}, {{-c, 0}, {c, 0}}, {{-c, b}, {c, b}}}},
      {{{{-c, -b}, {c, -b}, {-c, b}, {c, b}}}},
      {{wave()}},
  };
  return all;
}

constexpr std::ptrdiff_t side = static_cast<std::ptrdiff_t>(glyph_size);

Real pixel_centre(std::ptrdiff_t i) {
  return static_cast<Real>(i) + Real(0.5);
}

// From which to which pixel the interval [low, high] reaches.
struct Range {
  std::ptrdiff_t first, last;
};
Range pixels(Real low, Real high) {
  const auto inside = [](Real x) {
    return static_cast<std::ptrdiff_t>(std::clamp<Real>(x, 0, static_cast<Real>(side)));
  };
  return {inside(std::floor(low)), inside(std::ceil(high))};
}

// Ink within thickness / 2 of the segment from a to b; its ends are round.
void stroke(Point a, Point b, Real thickness, Real* image) {
  const Real reach = thickness / 2 + Real(0.5);
  const Range rows = pixels(std::min(a.y, b.y) - reach, std::max(a.y, b.y) + reach);
  const Range columns = pixels(std::min(a.x, b.x) - reach, std::max(a.x, b.x) + reach);
  const Real dx = b.x - a.x, dy = b.y - a.y;
  const Real per_length = 1 / std::max(dx * dx + dy * dy, Real(1e-12));
  for (std::ptrdiff_t r = rows.first; r < rows.last; ++r) {
    const Real py = pixel_centre(r) - a.y;
    Real* const row = image + r * side;
    for (std::ptrdiff_t c = columns.first; c < columns.last; ++c) {
      const Real px = pixel_centre(c) - a.x;
      const Real along = std::min(std::max((px * dx + py * dy) * per_length, Real(0)), Real(1));
      const Real ex = px - along * dx, ey = py - along * dy;
      const Real coverage = std::min(reach - std::sqrt(ex * ex + ey * ey), Real(1));
      row[c] = std::max(row[c], coverage);
    }
  }
}

// Ink inside a convex closed line: a point's distance from it is the largest of those from the
// lines through its edges.
void fill(const std::vector<Point>& line, Real* image) {
  for (std::ptrdiff_t r = 0; r < side; ++r) {
    Real outside[side];
    std::fill(outside, outside + side, Real(-1e3));
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
      const Real dx = line[i + 1].x - line[i].x, dy = line[i + 1].y - line[i].y;
      const Real length = std::sqrt(dx * dx + dy * dy);
      const Real nx = dy / length, ny = -dx / length;  // the normal that points outwards
      const Real offset = (pixel_centre(r) - line[i].y) * ny - line[i].x * nx;
      for (std::ptrdiff_t c = 0; c < side; ++c) {
        outside[c] = std::max(outside[c], pixel_centre(c) * nx + offset);
      }
    }
    Real* const row = image + r * side;
    for (std::ptrdiff_t c = 0; c < side; ++c) {
      row[c] = std::max(row[c], std::min(Real(0.5) - outside[c], Real(1)));
    }
  }
}

}  // namespace

void draw_glyph(std::size_t label, const Real* factors, Real* image) {
  if (label >= glyph_classes) {
    throw std::invalid_argument("draw_glyph: no class " + std::to_string(label) + " among 10");
  }
  const Real middle = static_cast<Real>(glyph_size) / 2;
  const Real size = factors[2], thickness = factors[3], slant = factors[4];
  std::fill(image, image + glyph_size * glyph_size, Real(0));
  const Outline& outline = outlines()[label];
  for (std::vector<Point> line : outline.lines) {
    for (Point& p : line) {
      p = {middle + factors[0] + size * (p.x - slant * p.y), middle + factors[1] + size * p.y};
    }
    if (outline.filled) fill(line, image);
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
      stroke(line[i], line[i + 1], thickness, image);
    }
  }
  // To 256 grey levels, as image files have: a picture survives being written and read.
  for (std::size_t i = 0; i < glyph_size * glyph_size; ++i) {
    image[i] = std::floor(std::max(image[i], Real(0)) * 255 + Real(0.5)) / 255;
  }
}

Glyphs draw_glyphs(std::size_t n, Rng& rng) {
  constexpr std::size_t pixels_each = glyph_size * glyph_size;
  check_shape("glyphs", {n, pixels_each});
  Glyphs glyphs{{}, rng.integers({n}, 0, glyph_classes), rng.uniform({n, glyph_factor_count})};
  Real* const factors = glyphs.factors.data();
  for (std::size_t i = 0; i < glyphs.factors.size(); ++i) {
    const GlyphFactor& factor = glyph_factors[i % glyph_factor_count];
    factors[i] = factor.low + (factor.high - factor.low) * factors[i];
  }
  Rows::Bytes levels(n * pixels_each);
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(n);
#pragma omp parallel for schedule(static) if (n >= 64)
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const std::size_t k = static_cast<std::size_t>(i);
    Real image[pixels_each];
    draw_glyph(static_cast<std::size_t>(glyphs.labels.data()[k]), factors + k * glyph_factor_count,
               image);
    for (std::size_t p = 0; p < pixels_each; ++p) {
      levels[k * pixels_each + p] = static_cast<std::uint8_t>(std::lround(image[p] * 255));
    }
  }
  glyphs.images = Rows(std::move(levels), n, pixels_each, 255);
  return glyphs;
}

}  // namespace nabla::datasets
