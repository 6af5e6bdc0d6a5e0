// Numbers as binary files store them: what IDX and npy have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/array.hpp"
#include "datasets/file.hpp"
#include "datasets/rows.hpp"

namespace nabla::datasets {

enum class ElementType { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 };

std::size_t bytes_of(ElementType type);
const char* name_of(ElementType type);  ///< "uint8", "float32", …

/// What the header of a file says of the elements behind it.
struct Declared {
  ElementType type = ElementType::f32;
  bool big_endian = false;
  bool fortran_order = false;  ///< the first axis runs fastest
  Shape shape;
};

/// An array of a file, converted to Real, and the type it was stored in.
struct StoredArray {
  Array values;
  ElementType type = ElementType::f32;
};

/// Reads the elements that a header has declared, to the last byte of the file. Throws if the file
/// holds fewer or more, before any memory is asked for where the size of the file already tells.
/// Whole numbers beyond 2²⁴ lose their last digits in single precision.
StoredArray read_elements(FileReader& file, const Declared& declared);

/// Given the number n of examples in a file, which of them each part gets: rising indices below n.
using RowPlan = std::function<std::vector<std::vector<std::size_t>>(std::size_t n)>;

/// The same for examples: (N, a, b, …) as rows of a b … columns, in the parts of the plan. Rows
/// that none of them wants are dropped as they come, and bytes (u8, bool) stay bytes, in units
/// of 1. Throws also if there are no rows, or on a number that is not finite.
std::vector<Rows> read_rows(FileReader& file, const Declared& declared, const RowPlan& plan);

}  // namespace nabla::datasets
