// IDX: the format of MNIST and its relatives (LeCun, Cortes, Burges, "The MNIST database").
//
//   0 0 TYPE NDIM | NDIM sizes, 4 bytes each | the elements, row-major; everything big-endian
#pragma once

#include <string>

#include "datasets/elements.hpp"

namespace nabla::datasets {

/// What stands in front of the elements; `file` is at its beginning, and then at the first of them.
/// Throws std::runtime_error with the file's name, what is wrong and where.
Declared read_idx_header(FileReader& file);

/// An IDX file of any type code (unsigned and signed byte, short, int, float, double) and any
/// number of axes, gzip or not. Values are as stored: nothing is scaled.
/// Throws as read_idx_header() and read_elements() do.
StoredArray read_idx(const std::string& path);

/// A one-dimensional IDX file of whole numbers: the classes of a data set.
IndexArray read_idx_labels(const std::string& path);

}  // namespace nabla::datasets
