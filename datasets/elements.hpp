// Numbers as binary files store them: what IDX and npy have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "autograd/array.hpp"
#include "datasets/file.hpp"

namespace nabla::datasets {

enum class ElementType { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 };

std::size_t bytes_of(ElementType type);
const char* name_of(ElementType type);  ///< "uint8", "float32", …

/// An array of a file, converted to Real, and the type it was stored in.
struct StoredArray {
  Array values;
  ElementType type = ElementType::f32;
};

/// Reads the elements that a header has declared, to the last byte of the file. Throws if the file
/// holds fewer or more, before any memory is asked for where the size of the file already tells.
/// Whole numbers beyond 2²⁴ lose their last digits in single precision.
Array read_elements(FileReader& file, ElementType type, bool big_endian, const Shape& shape);

}  // namespace nabla::datasets
