// Tables of numbers as text: .csv, .amat, .data, .txt.
#pragma once

#include <string>
#include <vector>

#include "datasets/rows.hpp"

namespace nabla::datasets {

struct Table {
  Rows rows;                              ///< bytes where every number is 0 or 1
  std::vector<std::string> column_names;  ///< those of the header; empty without one
};

/// A text table, gzip or not: one row a line, fields separated by commas or by white space,
/// whichever the first line has.
///
/// A first line without a single number in it is a header; skipped are blank lines at the
/// end. Lines end in "\n" or "\r\n"; the last may lack it. Numbers are written with a point
/// whatever the locale, and are rounded correctly to Real; NaN and infinities are refused.
/// Throws std::runtime_error with the file's name, and line, column (counted in fields from 1) and
/// the offending text: "wine.csv: line 3, column 2: 'abc' is not a number".
///
/// The 50000 × 784 numbers of binarised MNIST take under half a second, most of it for gzip.
Table read_table(const std::string& path);

/// The same from text; `name` stands for the file's name in messages.
Table parse_table(const std::string& text, const std::string& name);

}  // namespace nabla::datasets
