#include "datasets/idx.hpp"

#include <vector>

namespace nabla::datasets {
namespace {

std::string hex(const unsigned char* bytes, std::size_t n) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    if (i != 0) text += ' ';
    text += {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
  }
  return text;
}

ElementType type_of_code(const FileReader& file, unsigned code) {
  switch (code) {
    case 0x08:
      return ElementType::u8;
    case 0x09:
      return ElementType::i8;
    case 0x0b:
      return ElementType::i16;
    case 0x0c:
      return ElementType::i32;
    case 0x0d:
      return ElementType::f32;
    case 0x0e:
      return ElementType::f64;
    default:
      break;
  }
  const unsigned char byte = static_cast<unsigned char>(code);
  file.fail("byte 3 gives the element type as 0x" + hex(&byte, 1) +
            "; IDX knows 0x08, 0x09, 0x0b, 0x0c, 0x0d and 0x0e");
}

}  // namespace

Declared read_idx_header(FileReader& file) {
  unsigned char magic[4];
  const std::size_t got = file.read(magic, 4);
  if (got < 4)
    file.fail("truncated: an IDX file starts with 4 bytes, here are " + std::to_string(got));
  if (magic[0] != 0 || magic[1] != 0) {
    file.fail("not an IDX file: it starts with " + hex(magic, 4) + " where 00 00 is expected");
  }
  const ElementType type = type_of_code(file, magic[2]);
  const std::size_t ndim = magic[3];
  if (ndim == 0) file.fail("byte 4 says that the array has no axes");
  if (ndim > 32) file.fail("byte 4 says that the array has " + std::to_string(ndim) + " axes");
  std::vector<unsigned char> sizes(4 * ndim);
  if (file.read(sizes.data(), sizes.size()) != sizes.size()) {
    file.fail("truncated: the header stops after byte " + std::to_string(file.position()) + " of " +
              std::to_string(4 + sizes.size()));
  }
  Shape shape(ndim);
  for (std::size_t i = 0; i < ndim; ++i) {
    const unsigned char* const b = sizes.data() + 4 * i;
    shape[i] = std::size_t{b[0]} << 24 | std::size_t{b[1]} << 16 | std::size_t{b[2]} << 8 | b[3];
  }
  return {type, true, false, shape};
}

StoredArray read_idx(const std::string& path) {
  FileReader file(path);
  return read_elements(file, read_idx_header(file));
}

IndexArray read_idx_labels(const std::string& path) {
  const StoredArray stored = read_idx(path);
  if (stored.values.dimension() != 1 || stored.type == ElementType::f32 ||
      stored.type == ElementType::f64) {
    throw std::runtime_error(path + ": labels are whole numbers with one axis, here are " +
                             to_string(stored.values.shape()) + " " + name_of(stored.type));
  }
  IndexArray labels(IndexArray::shape_type{stored.values.size()});
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels.data()[i] = static_cast<std::int64_t>(stored.values.data()[i]);
  }
  return labels;
}

}  // namespace nabla::datasets
