// .npy: NumPy's format for one array (NEP 1; versions 1.0, 2.0 and 3.0).
#pragma once

#include <string>

#include "datasets/elements.hpp"

namespace nabla::datasets {

/// What stands in front of the elements; `file` is at its beginning, and then at the first of them.
/// Throws std::runtime_error with the file's name, what is wrong and where.
Declared read_npy_header(FileReader& file);

/// An .npy file, gzip or not, little or big endian, C or Fortran order, of type b1, u1–u8, i1–i8,
/// f4 or f8. Throws std::runtime_error with the file's name, what is wrong and where. (xtensor's
/// own reader does not notice a truncated file.)
StoredArray read_npy(const std::string& path);

/// Writes version 1.0, C order, little endian, in the precision of Real.
/// Throws std::runtime_error if the file cannot be written.
void write_npy(const std::string& path, const Array& array);

}  // namespace nabla::datasets
