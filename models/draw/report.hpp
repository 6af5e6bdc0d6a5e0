// report.html: one run on one page, in one file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/draw/chart.hpp"

namespace nabla::models {

struct Picture {
  std::string caption;
  std::string png;  // the file's bytes
};

/// Text in cells; the first row holds the headings.
struct Table {
  std::string title;
  std::vector<std::vector<std::string>> rows;
};

using Rows = std::vector<std::pair<std::string, std::string>>;

struct Report {
  std::string title, subtitle, status;
  Rows figures;  // the final ones, with units in the key
  std::vector<std::string> notes;
  std::vector<Table> tables;
  std::vector<Chart> charts;
  std::vector<Picture> pictures;  // large, one below the other
  std::vector<Picture> progress;  // small, side by side: samples over time
  Rows options, environment;
};

/// The page: no scripts, nothing loaded from elsewhere, readable on light and dark screens.
std::string html(const Report& report);

/// The title and the table, with columns aligned for reading as plain text too.
std::string markdown(const Table& table);

std::string base64(const std::string& bytes);

}  // namespace nabla::models
