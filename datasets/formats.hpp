// The formats of files that hold examples.
#pragma once

#include <string>
#include <vector>

#include "datasets/elements.hpp"

namespace nabla::datasets {

/// A file's examples, in the parts of a plan, and how they were stored.
struct FileRows {
  std::vector<Rows> parts;
  ElementType type = ElementType::f32;    ///< text: u8 where every number is 0 or 1, else f32
  Shape shape;                            ///< of all of the file: (N, a, b, …)
  std::vector<std::string> column_names;  ///< of a table with a header
};

/// IDX, npy or a text table, by the file's first bytes. Rows that no part of the plan wants are
/// dropped as they are read, but for text. Throws std::runtime_error of one line on a file that is
/// not as it should be, or has no rows.
FileRows read_file_rows(const std::string& path, const RowPlan& plan);

}  // namespace nabla::datasets
