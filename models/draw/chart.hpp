// Line charts as SVG, for reports.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace nabla::models {

struct Series {
  std::string name;                               // for the legend
  std::vector<std::pair<double, double>> points;  // (x, y) by rising x; gaps where y is not finite
};

struct Chart {
  std::string title;    // "elbo (nats)"
  std::string x_label;  // "epoch"
  std::vector<Series> series;
  double mark_x = 0;       // a vertical line there, if it is inside
  std::string mark_label;  // what it marks; empty for none
};

/// An <svg> element, coloured by the CSS variables --ink, --faint, --line and --series-1 … of the
/// page. A steep start that would flatten all the rest is cut off, and the chart says so.
std::string svg(const Chart& chart);

/// Round numbers from low to high, about `count` of them: steps of 1, 2 or 5 times a power of ten.
/// None where a double cannot hold such steps: low and high are too close.
std::vector<double> ticks(double low, double high, int count);

/// Text for HTML: & < > " replaced.
std::string escape_html(const std::string& text);

}  // namespace nabla::models
