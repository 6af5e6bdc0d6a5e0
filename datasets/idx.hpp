// IDX: the format of MNIST and its relatives (LeCun, Cortes, Burges, "The MNIST database").
//
//   0 0 TYPE NDIM | NDIM sizes, 4 bytes each | the elements, row-major; everything big-endian
#pragma once

#include <string>

#include "datasets/elements.hpp"

namespace nabla::datasets {

/// An IDX file of any type code (unsigned and signed byte, short, int, float, double) and any
/// number of axes, gzip or not. Values are as stored: nothing is scaled.
/// Throws std::runtime_error with the file's name, what is wrong and where.
StoredArray read_idx(const std::string& path);

/// A one-dimensional IDX file of whole numbers: the classes of a data set.
IndexArray read_idx_labels(const std::string& path);

}  // namespace nabla::datasets
