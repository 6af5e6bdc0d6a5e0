#include "models/draw/chart.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace nabla::models {
namespace {

constexpr double width = 560, height = 300;
constexpr double left = 66, right = 14, top = 52, bottom = 42;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  double span() const { return high - low; }
  bool empty() const { return !(low <= high); }
};

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

// Pixels, to a tenth.
std::string pixel(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", v);
  return text;
}

std::string label(double x, double y, const char* anchor, const std::string& content,
                  const char* kind = "tick") {
  return "<text class=\"" + std::string(kind) + "\" x=\"" + pixel(x) + "\" y=\"" + pixel(y) +
         "\" text-anchor=\"" + anchor + "\">" + escape_html(content) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + pixel(x1) + "\" y1=\"" + pixel(y1) +
         "\" x2=\"" + pixel(x2) + "\" y2=\"" + pixel(y2) + "\"/>\n";
}

// Range of y over the points with x ≥ start.
Range values_from(const std::vector<Series>& series, double start) {
  Range range;
  for (const Series& s : series) {
    for (const auto& [x, y] : s.points) {
      if (x >= start && std::isfinite(y)) range.include(y);
    }
  }
  return range;
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    for (const Series& s : chart.series) {
      for (const auto& point : s.points) x_.include(point.first);
    }
    if (x_.empty()) x_ = {0, 1};
    if (x_.span() == 0) x_ = {x_.low - 0.5, x_.high + 0.5};
    choose_y();
  }

  std::string draw() {
    std::string out = "<svg viewBox=\"0 0 560 300\" role=\"img\" aria-label=\"" +
                      escape_html(chart_.title) + "\">\n";
    out += label(0, 16, "start", chart_.title, "title");
    out += axes() + legend() + mark();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) out += curve(i);
    if (!note_.empty()) out += label(width - right, 16, "end", note_, "note");
    return out + "</svg>\n";
  }

 private:
  // The first tenth of the epochs often spans several times what all the others do.
  void choose_y() {
    const Range all = values_from(chart_.series, x_.low);
    const Range later = values_from(chart_.series, x_.low + std::max(1.0, x_.span() / 10));
    y_ = all;
    if (x_.span() >= 5 && !later.empty() && later.span() > 0 && all.span() > 4 * later.span()) {
      const double room = later.span() / 2;
      y_ = {std::max(all.low, later.low - room), std::min(all.high, later.high + room)};
      note_ = "the start is off the scale: from " + number(all.low) + " to " + number(all.high);
    }
    if (y_.empty()) y_ = {0, 1};
    const double margin = y_.span() > 0 ? 0.05 * y_.span() : std::max(0.5, std::abs(y_.low) / 20);
    y_ = {y_.low - margin, y_.high + margin};
  }

  double px(double x) const { return left + (x - x_.low) / x_.span() * (width - left - right); }
  double py(double y) const {
    return height - bottom - (y - y_.low) / y_.span() * (height - top - bottom);
  }

  std::string axes() const {
    std::string out;
    for (const double y : ticks(y_.low, y_.high, 5)) {
      out += line(left, py(y), width - right, py(y), "grid");
      out += label(left - 8, py(y) + 4, "end", number(y));
    }
    for (const double x : ticks(x_.low, x_.high, 8)) {
      if (x != std::floor(x)) continue;  // there is no half epoch
      out += line(px(x), height - bottom, px(x), height - bottom + 4, "axis");
      out += label(px(x), height - bottom + 18, "middle", number(x));
    }
    out += line(left, height - bottom, width - right, height - bottom, "axis");
    out += label((left + width - right) / 2, height - 6, "middle", chart_.x_label);
    return out;
  }

  std::string legend() const {
    std::string out;
    double x = left;
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      const std::string& name = chart_.series[i].name;
      out += "<line class=\"curve s" + std::to_string(i % 6 + 1) + "\" x1=\"" + pixel(x) +
             "\" y1=\"36\" x2=\"" + pixel(x + 18) + "\" y2=\"36\"/>\n";
      out += label(x + 24, 40, "start", name);
      x += 24 + 7.2 * static_cast<double>(name.size()) + 18;
    }
    if (marked()) out += label(width - right, 40, "end", chart_.mark_label, "note");
    return out;
  }

  bool marked() const {
    return !chart_.mark_label.empty() && chart_.mark_x >= x_.low && chart_.mark_x <= x_.high;
  }

  std::string mark() const {
    if (!marked()) return "";
    return line(px(chart_.mark_x), top, px(chart_.mark_x), height - bottom, "mark");
  }

  // The part of a segment inside the box: only y can leave it.
  std::string curve(std::size_t index) const {
    const std::string kind = "s" + std::to_string(index % 6 + 1);
    std::string path, dots;
    const std::pair<double, double>* before = nullptr;
    bool drawing = false;  // the path ends at `before`
    for (const auto& point : chart_.series[index].points) {
      if (!std::isfinite(point.second)) {
        before = nullptr;
        continue;
      }
      if (inside(point)) {
        dots += "<circle class=\"dot " + kind + "\" cx=\"" + pixel(px(point.first)) + "\" cy=\"" +
                pixel(py(point.second)) + "\" r=\"2.2\"/>\n";
      }
      if (before == nullptr) {
        drawing = false;
      } else if (inside(*before) || inside(point)) {
        const auto from = clipped(*before, point), to = clipped(point, *before);
        if (!drawing || from != *before) path += "M" + place(from);
        path += "L" + place(to);
        drawing = to == point;
      } else {
        drawing = false;
      }
      before = &point;
    }
    std::string out;
    if (!path.empty()) out = "<path class=\"curve " + kind + "\" d=\"" + path + "\"/>\n";
    // With many points the line says it all.
    return chart_.series[index].points.size() <= 40 || path.empty() ? out + dots : out;
  }

  bool inside(const std::pair<double, double>& p) const {
    return p.second >= y_.low && p.second <= y_.high;
  }

  // `p`, moved towards `other` until it is inside.
  std::pair<double, double> clipped(const std::pair<double, double>& p,
                                    const std::pair<double, double>& other) const {
    if (inside(p)) return p;
    const double y = std::clamp(p.second, y_.low, y_.high);
    const double t = (y - p.second) / (other.second - p.second);
    return {p.first + t * (other.first - p.first), y};
  }

  std::string place(const std::pair<double, double>& p) const {
    return pixel(px(p.first)) + " " + pixel(py(p.second));
  }

  const Chart& chart_;
  Range x_, y_;
  std::string note_;
};

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  std::vector<double> result;
  if (!(low < high) || !std::isfinite(high - low) || count < 1) return result;
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3 ? 2 : lead < 7 ? 5 : 10);
  if (!(std::max(std::abs(low), std::abs(high)) / step < 1e15)) return result;
  for (double i = std::ceil(low / step); i * step <= high; ++i) result.push_back(i * step);
  return result;
}

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string svg(const Chart& chart) {
  return Drawing(chart).draw();
}

}  // namespace nabla::models
