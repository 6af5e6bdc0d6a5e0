#include "datasets/elements.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

namespace nabla::datasets {
namespace {

template <class T>
T load(const char* bytes, bool swap) {
  char copy[sizeof(T)];
  std::memcpy(copy, bytes, sizeof(T));
  if (swap) std::reverse(copy, copy + sizeof(T));
  T value;
  std::memcpy(&value, copy, sizeof(T));
  return value;
}

template <class T>
void decode(const char* bytes, std::size_t n, bool swap, Real* out) {
  if (swap) {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<Real>(load<T>(bytes + i * sizeof(T), true));
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<Real>(load<T>(bytes + i * sizeof(T), false));
    }
  }
}

void decode_as(ElementType type, const char* bytes, std::size_t n, bool swap, Real* out) {
  switch (type) {
    case ElementType::boolean:
      for (std::size_t i = 0; i < n; ++i) out[i] = bytes[i] != 0 ? 1 : 0;
      return;
    case ElementType::u8:
      return decode<std::uint8_t>(bytes, n, false, out);
    case ElementType::i8:
      return decode<std::int8_t>(bytes, n, false, out);
    case ElementType::u16:
      return decode<std::uint16_t>(bytes, n, swap, out);
    case ElementType::i16:
      return decode<std::int16_t>(bytes, n, swap, out);
    case ElementType::u32:
      return decode<std::uint32_t>(bytes, n, swap, out);
    case ElementType::i32:
      return decode<std::int32_t>(bytes, n, swap, out);
    case ElementType::u64:
      return decode<std::uint64_t>(bytes, n, swap, out);
    case ElementType::i64:
      return decode<std::int64_t>(bytes, n, swap, out);
    case ElementType::f32:
      return decode<float>(bytes, n, swap, out);
    case ElementType::f64:
      return decode<double>(bytes, n, swap, out);
  }
}

bool machine_is_big_endian() {
  const std::uint16_t one = 1;
  char first;
  std::memcpy(&first, &one, 1);
  return first == 0;
}

}  // namespace

std::size_t bytes_of(ElementType type) {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
    case ElementType::i8:
      return 1;
    case ElementType::u16:
    case ElementType::i16:
      return 2;
    case ElementType::u32:
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    default:
      return 8;
  }
}

const char* name_of(ElementType type) {
  static const char* const names[] = {"bool",  "uint8",  "int8",  "uint16",  "int16",  "uint32",
                                      "int32", "uint64", "int64", "float32", "float64"};
  return names[static_cast<std::size_t>(type)];
}

Array read_elements(FileReader& file, ElementType type, bool big_endian, const Shape& shape) {
  const std::size_t width = bytes_of(type);
  std::string declaration = "the header declares " + to_string(shape) + " " + name_of(type);
  if (extent_of(shape) == too_large) file.fail(declaration + ", more than any file can hold");
  const std::uint64_t bytes = size_of(shape) * width;
  declaration += ", " + std::to_string(bytes) + " bytes";
  const std::uint64_t header = file.position();
  const std::uint64_t most = file.most_bytes() - std::min(header, file.most_bytes());
  if (bytes > most) {
    file.fail("truncated: " + declaration + ", but " +
              (file.gzipped() ? "gzip data of this length cannot unpack to more than "
                              : "after the header there are ") +
              std::to_string(most));
  }

  Array values = empty(shape);
  const bool swap = big_endian != machine_is_big_endian();
  const std::size_t block = (std::size_t{1} << 18) / width;  // elements; fits the cache
  std::vector<char> buffer(std::min<std::size_t>(block, values.size()) * width);
  for (std::size_t i = 0; i < values.size(); i += block) {
    const std::size_t n = std::min(block, values.size() - i);
    if (file.read(buffer.data(), n * width) != n * width) {
      file.fail("truncated: " + declaration + ", but after the header there are " +
                std::to_string(file.position() - header));
    }
    decode_as(type, buffer.data(), n, swap, values.data() + i);
  }
  file.expect_end(declaration);
  return values;
}

}  // namespace nabla::datasets
