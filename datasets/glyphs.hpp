// Glyphs: small grey pictures drawn by the program itself. Everything runs on them where no data
// set is installed, and what a model finds in them can be compared with what was put in.
//
//   class      uniform on the ten of glyph_names
//   factors    five numbers, each uniform on its range in glyph_factors, independent of the class
//   image      draw_glyph(class, factors): nothing else is random
#pragma once

#include <cstddef>

#include "autograd/array.hpp"
#include "autograd/random.hpp"
#include "datasets/rows.hpp"

namespace nabla::datasets {

constexpr std::size_t glyph_size = 28;  ///< pixels, both ways
constexpr std::size_t glyph_classes = 10;
extern const char* const glyph_names[glyph_classes];

/// One continuous factor of variation, in pixels or, for the slant, as dx/dy.
struct GlyphFactor {
  const char* name;
  Real low, high;
};
constexpr std::size_t glyph_factor_count = 5;
extern const GlyphFactor glyph_factors[glyph_factor_count];  ///< center_x, center_y, size,
                                                             ///< thickness, slant

struct Glyphs {
  Rows images;        ///< (n, 784), row by row; k/255 with a whole k in 0 … 255; 1 is ink
  IndexArray labels;  ///< (n,), the class
  Array factors;      ///< (n, 5), in the order of glyph_factors
};

/// n glyphs, 10 µs each. load("glyphs") draws training, validation and test images, with split 0, 1
/// and 2, from Rng(seed, stream_of(Purpose::glyphs, 0, split)): so their factors can be had too.
Glyphs draw_glyphs(std::size_t n, Rng& rng);

/// One image, 784 numbers, from its class and five factors. Coverage of a pixel is taken from the
/// distance between its centre and the outline, over one pixel's width.
/// Throws std::invalid_argument if there is no such class.
void draw_glyph(std::size_t label, const Real* factors, Real* image);

}  // namespace nabla::datasets
