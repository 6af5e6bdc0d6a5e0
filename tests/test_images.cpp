// Pictures: decoded back by libpng they are what was drawn.
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <png.h>
#include <vector>

#include "autograd/random.hpp"
#include "models/draw/images.hpp"
#include "models/draw/plot.hpp"
#include "models/draw/rows.hpp"
#include "nn/files.hpp"
#include "tests/temporary_folder.hpp"

using namespace nabla;
using namespace nabla::models;

namespace {

struct Decoded {
  std::size_t width, height;
  bool grey;
  std::vector<unsigned char> bytes;
};

Decoded decode(const std::string& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_memory(&image, png.data(), png.size()) != 0);
  const bool grey = (image.format & PNG_FORMAT_FLAG_COLOR) == 0;
  image.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<unsigned char> bytes(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, bytes.data(), 0, nullptr) != 0);
  return {image.width, image.height, grey, bytes};
}

}  // namespace

TEST_CASE("grey and colour images come back from PNG, rounded to 8 bits and clipped") {
  Array grey = empty({3, 5});
  for (std::size_t i = 0; i < 15; ++i) grey.data()[i] = Real(i) * 17 / 255;
  const Decoded a = decode(encode_png(grey));
  CHECK(a.grey);
  REQUIRE((a.width == 5 && a.height == 3));
  for (std::size_t i = 0; i < 15; ++i) CHECK(a.bytes[i] == 17 * i);

  const Array colour = {{{0, Real(0.5), 1}, {-3, 7, Real(0.2)}}};
  const TemporaryFolder folder;
  write_png(folder / "x.png", colour);
  const Decoded b = decode(nn::read_file(folder / "x.png"));
  CHECK_FALSE(b.grey);
  REQUIRE((b.width == 2 && b.height == 1));
  CHECK(b.bytes == std::vector<unsigned char>{0, 128, 255, 0, 255, 51});

  Array bad = zeros({2, 2});
  bad(1, 0) = std::numeric_limits<Real>::quiet_NaN();
  CHECK(error_of([&] { encode_png(bad); }) == "encode_png: nan at flat index 2 of an image (2, 2)");
  CHECK(error_of([&] { encode_png(zeros({4})); }) ==
        "encode_png: an image is (height, width) or (height, width, 3), got (4,)");
  CHECK_THROWS_AS(encode_png(zeros({2, 2, 4})), std::invalid_argument);
  CHECK_THROWS_AS(encode_png(zeros({0, 2})), std::invalid_argument);
}

TEST_CASE("a grid has each image in its place") {
  // Three images of 2 × 3 pixels, image n filled with n / 10, in two columns.
  Array images = empty({3, 6});
  for (std::size_t i = 0; i < 18; ++i) images.data()[i] = Real(i / 6) / 10;
  const Array g = grid(images, 2, 3, 2, 1);
  REQUIRE(g.shape() == Shape{7, 9});
  for (std::size_t y = 0; y < 7; ++y) {
    for (std::size_t x = 0; x < 9; ++x) {
      const bool padding = y % 3 == 0 || x % 4 == 0;
      const std::size_t n = (y - 1) / 3 * 2 + (x - 1) / 4;
      CHECK(g(y, x) == (padding || n > 2 ? Real(0.5) : Real(n) / 10));
    }
  }
  // Channels last, in any shape with the right number of elements; fewer images than columns.
  Array rgb = empty({1, 2, 2, 3});
  for (std::size_t i = 0; i < 12; ++i) rgb.data()[i] = Real(i);
  const Array c = grid(rgb, 2, 2, 10, 0);
  REQUIRE(c.shape() == Shape{2, 2, 3});
  CHECK(std::equal(c.begin(), c.end(), rgb.begin()));
  CHECK(error_of([&] { grid(images, 2, 2, 1); }) ==
        "grid: images (3, 6) as 2 × 2 pixels, grey or RGB, in 1 columns");
  CHECK_THROWS_AS(grid(images, 2, 3, 0), std::invalid_argument);
  CHECK_THROWS_AS(grid(empty({0, 6}), 2, 3, 1), std::invalid_argument);

  const Array big = enlarge(Array{{0, 1}, {Real(0.5), 0}}, 2);
  CHECK(big == Array{{0, 0, 1, 1},
                     {0, 0, 1, 1},
                     {Real(0.5), Real(0.5), 0, 0},
                     {Real(0.5), Real(0.5), 0, 0}});
}

TEST_CASE("dots are where the points are, with y upwards") {
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Array points = {{Real(0.25), Real(0.75)}, {5, 5}, {nan, Real(0.1)}};
  const Array image = scatter(points, {1, 1, 1}, {0, 1, 0, 1}, 100);
  REQUIRE(image.shape() == Shape{100, 100, 3});
  CHECK(image(25, 25, 0) > image(25, 25, 1) + Real(0.2));  // the second class is red
  std::size_t coloured = 0;
  for (std::size_t y = 0; y < 100; ++y) {
    for (std::size_t x = 0; x < 100; ++x) {
      if (image(y, x, 1) == 1) continue;
      ++coloured;
      CHECK((std::abs(int(y) - 25) <= 3 && std::abs(int(x) - 25) <= 3));
    }
  }
  CHECK(coloured >= 9);
  CHECK(scatter(points, {0, 2, 0, 1}, 100).shape() == Shape{50, 100, 3});
  CHECK_THROWS_AS(scatter(zeros({2, 3}), {0, 1, 0, 1}), std::invalid_argument);
  CHECK_THROWS_AS(scatter(points, {1}, {0, 1, 0, 1}), std::invalid_argument);
  CHECK_THROWS_AS(scatter(points, {1, 1, 0, 1}), std::invalid_argument);

  const Window w = window_around({{0, 0}, {2, 1}});
  CHECK(w.x_low == doctest::Approx(-0.1));
  CHECK(w.x_high == doctest::Approx(2.1));
  CHECK(w.y_low == doctest::Approx(-0.6));
  CHECK(w.y_high == doctest::Approx(1.6));
}

TEST_CASE("a heat map grows brighter, with its first row at the bottom") {
  const Array image = heat_map({{0, 1}, {2, 4}});
  REQUIRE(image.shape() == Shape{2, 2, 3});
  const auto brightness = [&](std::size_t y, std::size_t x) {
    return image(y, x, 0) + image(y, x, 1) + image(y, x, 2);
  };
  CHECK(brightness(1, 0) < brightness(1, 1));
  CHECK(brightness(1, 1) < brightness(0, 0));
  CHECK(brightness(0, 0) < brightness(0, 1));
  CHECK(heat_map({{3, 3}}).size() == 6);  // no range to divide by
  CHECK_THROWS_AS(heat_map(zeros({3})), std::invalid_argument);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {-infinity, 1}, {0, infinity}, {std::nan(""), 1}, {0, std::nan("")}, {2, 1}}) {
    CHECK_THROWS_WITH_AS(heat_map(zeros({2, 2}), low, high),
                         "heat_map: low and high must be finite, and low not above high",
                         std::invalid_argument);
  }
  CHECK(heat_map(full({1, 1}, std::numeric_limits<Real>::infinity())).size() ==
        3);  // none is finite
  CHECK(heat_map({{0, 1}}, -1e308, 1e308)(0, 0, 0) == heat_map({{0, 1}}, -1, 1)(0, 0, 0));

  const Array centres = cell_centres({0, 2, 10, 20}, 1, 2);
  CHECK(centres == Array{{Real(0.5), 15}, {Real(1.5), 15}});
}

namespace {

// Images of one pixel each: (n, 1).
Array pixels(const std::vector<Real>& values) {
  Array x = empty({values.size(), 1});
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

}  // namespace

TEST_CASE("lists of images one below the other, also where the last rows are not full") {
  const Array a = pixels({1, 2, 3}), b = pixels({10, 20, 30});
  CHECK(one_below_the_other({a, b}, 3) == pixels({1, 2, 3, 10, 20, 30}));
  CHECK(one_below_the_other({a, b}, 1) == pixels({1, 10, 2, 20, 3, 30}));
  CHECK(one_below_the_other({a, b}, 2) == pixels({1, 2, 10, 20, 3, 30}));
}

TEST_CASE("groups of images in grids below each other, with a white bar between") {
  const Array two = zeros({2, 6}), three = ones({3, 6});  // of 2 × 3 pixels
  const Array picture = stacked(2, 3, {two, three}, 2);
  // Grids of 1 and 2 rows of two images, 2 pixels around each, 6 between; twice as large.
  CHECK(picture.shape() == Shape{2 * (6 + 6 + 10), 2 * 12});
  CHECK(picture(4, 4) == 0);
  for (std::size_t y = 12; y < 24; ++y) CHECK(picture(y, 9) == 1);
}

TEST_CASE("interpolations begin and end with the images themselves") {
  const Array from{{0, 0}, {5, 5}}, to{{1, 1}, {7, 7}};
  const Array rows = interpolations(
      from, pixels({0, 10}), to, pixels({2, 20}),
      [](const Array& z) {  // both pixels are the code
        Array x = empty({z.shape()[0], 2});
        for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = z.data()[i / 2];
        return x;
      },
      5);
  CHECK(
      rows ==
      Array{{0, 0}, {0, 0}, {1, 1}, {2, 2}, {1, 1}, {5, 5}, {10, 10}, {15, 15}, {20, 20}, {7, 7}});
}

TEST_CASE("completions show the image, what is known of it, and eight draws") {
  const Array x{{1, 0}, {0, 1}};
  const Array rows =
      completions(x, {true, false}, [](const Array& same) { return compute(same * 2); });
  REQUIRE(rows.shape() == Shape{20, 2});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(rows(10 * i, 1) == x(i, 1));
    CHECK(rows(10 * i + 1, 0) == x(i, 0));
    CHECK(rows(10 * i + 1, 1) == Real(0.5));
    for (std::size_t k = 2; k < 10; ++k) CHECK(rows(10 * i + k, 0) == 2 * x(i, 0));
  }
}

TEST_CASE("data beside samples: the plane, pairs of columns, and one column") {
  Rng rng(1);
  for (const std::size_t D : {1, 2, 3, 5, 20}) {
    CAPTURE(D);
    const std::size_t pairs = std::clamp<std::size_t>(D / 2, 1, 4);
    const Array picture = beside_data(rng.normal({30, D}), rng.normal({20, D}), 50);
    const std::size_t across = D == 2 ? 2 : pairs, down = D == 2 ? 1 : 2;
    CHECK(picture.shape() == Shape{54 * down + 4, 54 * across + 4, 3});
  }
  CHECK(first_two(rng.normal({4, 3})).shape() == Shape{4, 2});
}
