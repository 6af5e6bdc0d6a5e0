// Pictures from arrays: PNG files, and many small images as one.
#pragma once

#include <cstddef>
#include <string>

#include "autograd/array.hpp"

namespace nabla::models {

/// A PNG file in memory. `image` is (height, width) for grey or (height, width, 3) for RGB, 0 black
/// to 1 full; values outside are clipped. Throws std::invalid_argument on another shape, an empty
/// image or a NaN.
std::string encode_png(const Array& image);

/// The same into a file, written whole or not at all. Throws std::runtime_error with path and
/// cause.
void write_png(const std::string& path, const Array& image);

/// N images side by side, row after row, with `padding` pixels of mid-grey between and around them.
/// `images` is (N, …) with height · width (grey) or height · width · 3 (RGB, channels last) numbers
/// each; the result is (rows, columns of pixels) or (…, 3). Places left over in the last row are
/// padding too. Throws std::invalid_argument with all sizes.
Array grid(const Array& images, std::size_t height, std::size_t width, std::size_t columns,
           std::size_t padding = 2);

/// Each pixel as factor × factor pixels, so that small images can be looked at.
Array enlarge(const Array& image, std::size_t factor);

}  // namespace nabla::models
