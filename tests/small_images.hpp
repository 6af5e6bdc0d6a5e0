// A file of a few small images, for tests of programs.
#pragma once

#include <cstddef>
#include <string>

namespace nabla::testing {

/// Patterns of size × size grey levels, as numpy.save writes them.
inline std::string images_npy(std::size_t count, std::size_t size) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                       std::to_string(count) + ", " + std::to_string(size) + ", " +
                       std::to_string(size) + "), }";
  header += std::string(64 - (10 + header.size() + 1) % 64, ' ') + "\n";
  std::string bytes = "\x93NUMPY\x01";
  bytes += {'\0', static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
  bytes += header;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t y = 0; y < size; ++y) {
      for (std::size_t x = 0; x < size; ++x) {
        const bool bright = (7 * y + 3 * x + 11 * i * i) % 23 < 6;
        bytes += static_cast<char>((bright ? 200 : 0) + (x + y + i) % 30);
      }
    }
  }
  return bytes;
}

}  // namespace nabla::testing
