// Glyphs: the picture follows from its class and factors, and nothing else.
#include <cmath>
#include <doctest/doctest.h>
#include <stdexcept>

#include "datasets/glyphs.hpp"

using namespace nabla;
using namespace nabla::datasets;

namespace {

struct Moments {
  double ink = 0, x = 0, y = 0, xy = 0, yy = 0;  // total, centre, second moments about it
};
Moments moments_of(const Real* image) {
  Moments m;
  const auto over = [&](auto&& f) {
    for (std::size_t i = 0; i < 784; ++i) {
      f(static_cast<double>(image[i]), static_cast<double>(i % 28) + 0.5,
        static_cast<double>(i / 28) + 0.5);
    }
  };
  over([&](double v, double x, double y) { m.ink += v, m.x += v * x, m.y += v * y; });
  m.x /= m.ink;
  m.y /= m.ink;
  over([&](double v, double x, double y) {
    m.xy += v * (x - m.x) * (y - m.y) / m.ink;
    m.yy += v * (y - m.y) * (y - m.y) / m.ink;
  });
  return m;
}

Moments moments_of(std::size_t label, const std::vector<Real>& factors) {
  std::vector<Real> image(784);
  draw_glyph(label, factors.data(), image.data());
  return moments_of(image.data());
}

}  // namespace

TEST_CASE("images are in [0, 1], on 256 levels, away from the border, with factors in range") {
  Rng rng(1);
  const std::size_t n = 3000;
  const Glyphs glyphs = draw_glyphs(n, rng);
  const Array images = glyphs.images.all();
  CHECK(glyphs.images.shape() == Shape{n, 784});
  CHECK(glyphs.factors.shape() == Shape{n, 5});
  std::vector<int> count(10, 0);
  bool levels = true, border = false, ranges = true;
  std::vector<Real> again(784);
  bool same = true;
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Real* const image = images.data() + i * 784;
    ++count[static_cast<std::size_t>(glyphs.labels(i))];
    for (std::size_t p = 0; p < 784; ++p) {
      const Real v = image[p];
      mean += static_cast<double>(v) / (784. * static_cast<double>(n));
      levels = levels && v >= 0 && v <= 1 && std::abs(v * 255 - std::round(v * 255)) < Real(1e-4);
      const bool edge = p < 28 || p >= 756 || p % 28 == 0 || p % 28 == 27;
      border = border || (edge && v > Real(0.5));
    }
    for (std::size_t f = 0; f < 5; ++f) {
      const Real v = glyphs.factors(i, f);
      ranges = ranges && v >= glyph_factors[f].low && v <= glyph_factors[f].high;
    }
    draw_glyph(static_cast<std::size_t>(glyphs.labels(i)), glyphs.factors.data() + i * 5,
               again.data());
    same = same && std::equal(again.begin(), again.end(), image);
  }
  CHECK(levels);
  CHECK_FALSE(border);
  CHECK(ranges);
  CHECK(same);  // the picture is a function of class and factors
  CHECK(mean > 0.08);
  CHECK(mean < 0.25);  // MNIST: 0.13
  for (const int c : count) CHECK(std::abs(c - 300) < 90);
}

TEST_CASE("each factor does what its name says") {
  for (std::size_t label = 0; label < glyph_classes; ++label) {
    CAPTURE(std::string(glyph_names[label]));
    const Moments plain = moments_of(label, {0, 0, 7, 2, 0});
    const Moments moved = moments_of(label, {Real(1.5), -1, 7, 2, 0});
    CHECK(moved.x - plain.x == doctest::Approx(1.5).epsilon(0.02));
    CHECK(moved.y - plain.y == doctest::Approx(-1).epsilon(0.02));
    const Moments larger = moments_of(label, {0, 0, Real(8.5), 2, 0});
    CHECK(larger.yy > 1.2 * plain.yy);
    CHECK(moments_of(label, {0, 0, 7, 3, 0}).ink > 1.04 * plain.ink);
    // A slant shears the glyph: x moves by −slant · y, the covariance by −slant · var(y). Strokes
    // keep their width while slanting ones change their length, so it differs a little.
    const Moments slanted = moments_of(label, {0, 0, 7, 2, Real(0.2)});
    CHECK(slanted.xy - plain.xy == doctest::Approx(-0.2 * plain.yy).epsilon(0.4));
  }
}

TEST_CASE("ink has the area of the shape") {
  const double pi = std::acos(-1.);
  // A disc of radius 0.85 · 8 with an outline of 2 around it; 24 corners miss a little.
  CHECK(moments_of(1, {0, 0, 8, 2, 0}).ink == doctest::Approx(pi * 7.8 * 7.8).epsilon(0.015));
  // A plus: strokes of 16 and 13.6 by 2, less the square they share, more two round caps each.
  CHECK(moments_of(5, {0, 0, 8, 2, 0}).ink ==
        doctest::Approx(16 * 2 + 13.6 * 2 - 4 + 2 * pi).epsilon(0.02));
}

TEST_CASE("the same seed draws the same glyphs; classes are checked") {
  Rng a(9), b(9), c(10);
  const Glyphs first = draw_glyphs(100, a);
  CHECK(first.images.all() == draw_glyphs(100, b).images.all());
  CHECK(first.images.all() != draw_glyphs(100, c).images.all());
  CHECK(draw_glyphs(0, a).images.shape() == Shape{0, 784});
  std::vector<Real> image(784);
  const std::vector<Real> factors{0, 0, 7, 2, 0};
  CHECK_THROWS_WITH(draw_glyph(10, factors.data(), image.data()),
                    "draw_glyph: no class 10 among 10");
}
