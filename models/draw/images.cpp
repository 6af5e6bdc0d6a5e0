#include "models/draw/images.hpp"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <png.h>
#include <stdexcept>
#include <vector>

#include "nn/files.hpp"

namespace nabla::models {
namespace {

std::size_t channels_of(const char* operation, const Array& image) {
  const bool grey = image.dimension() == 2;
  const bool rgb = image.dimension() == 3 && image.shape()[2] == 3;
  if ((!grey && !rgb) || image.size() == 0) {
    throw std::invalid_argument(std::string(operation) +
                                ": an image is (height, width) or (height, width, 3), got " +
                                to_string(image.shape()));
  }
  return grey ? 1 : 3;
}

std::vector<std::uint8_t> to_bytes(const Array& image) {
  std::vector<std::uint8_t> bytes(image.size());
  const Real* const p = image.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (std::isnan(p[i])) {
      throw std::invalid_argument("encode_png: nan at flat index " + std::to_string(i) +
                                  " of an image " + to_string(image.shape()));
    }
    bytes[i] = static_cast<std::uint8_t>(std::lround(std::clamp(p[i], Real(0), Real(1)) * 255));
  }
  return bytes;
}

void append(png_structp png, png_bytep data, png_size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(data), size);
}

void flush_nothing(png_structp) {}

}  // namespace

std::string encode_png(const Array& image) {
  const std::size_t channels = channels_of("encode_png", image);
  const std::size_t height = image.shape()[0], width = image.shape()[1];
  const std::vector<std::uint8_t> bytes = to_bytes(image);
  std::string result;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr) throw std::runtime_error("encode_png: libpng could not start");
  if (setjmp(png_jmpbuf(png))) {  // libpng's way to throw
    png_destroy_write_struct(&png, &info);
    throw std::runtime_error("encode_png: libpng failed on an image " + to_string(image.shape()));
  }
  png_set_write_fn(png, &result, append, flush_nothing);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
               channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (std::size_t y = 0; y < height; ++y) png_write_row(png, &bytes[y * width * channels]);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return result;
}

void write_png(const std::string& path, const Array& image) {
  nn::write_file(path, encode_png(image));
}

Array grid(const Array& images, std::size_t height, std::size_t width, std::size_t columns,
           std::size_t padding) {
  const std::size_t count = images.dimension() == 0 ? 0 : images.shape()[0];
  const std::size_t each = count == 0 ? 0 : images.size() / count;
  const std::size_t pixels = multiply_sizes(height, width);
  const bool rgb = each == multiply_sizes(pixels, 3);
  if (count == 0 || each == 0 || columns == 0 || (each != pixels && !rgb)) {
    throw std::invalid_argument("grid: images " + to_string(images.shape()) + " as " +
                                std::to_string(height) + " × " + std::to_string(width) +
                                " pixels, grey or RGB, in " + std::to_string(columns) + " columns");
  }
  columns = std::min(columns, count);
  const std::size_t channels = rgb ? 3 : 1, rows = (count + columns - 1) / columns;
  const auto length = [padding](std::size_t number, std::size_t size) {
    return add_sizes(multiply_sizes(number, add_sizes(size, padding)), padding);
  };
  Shape shape{length(rows, height), length(columns, width)};
  if (rgb) shape.push_back(3);
  Array result = full(shape, Real(0.5), "grid");
  const std::size_t line = shape[1] * channels;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t top = padding + n / columns * (height + padding);
    const std::size_t left = padding + n % columns * (width + padding);
    for (std::size_t y = 0; y < height; ++y) {
      const Real* const source = images.data() + n * each + y * width * channels;
      std::copy(source, source + width * channels,
                result.data() + (top + y) * line + left * channels);
    }
  }
  return result;
}

Array enlarge(const Array& image, std::size_t factor) {
  const std::size_t channels = channels_of("enlarge", image);
  if (factor == 0) throw std::invalid_argument("enlarge: by a factor of 0");
  Shape shape = image.shape();
  shape[0] = multiply_sizes(shape[0], factor);
  shape[1] = multiply_sizes(shape[1], factor);
  Array result = empty(shape, "enlarge");
  Real* out = result.data();
  for (std::size_t y = 0; y < shape[0]; ++y) {
    for (std::size_t x = 0; x < shape[1]; ++x) {
      const Real* const pixel =
          image.data() + (y / factor * image.shape()[1] + x / factor) * channels;
      out = std::copy(pixel, pixel + channels, out);
    }
  }
  return result;
}

}  // namespace nabla::models
