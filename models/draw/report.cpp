#include "models/draw/report.hpp"

#include <algorithm>

namespace nabla::models {
namespace {

constexpr char style[] = R"(
:root { color-scheme: light dark;
  --paper: #fcfcfb; --card: #ffffff; --ink: #1c2127; --faint: #5b6570; --line: #dde1e5;
  --series-1: #1f6fb4; --series-2: #d2571c; --series-3: #2b8a4b; --series-4: #8452b8;
  --series-5: #b0246f; --series-6: #6b6a1d; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --card: #1c2024; --ink: #e6e9ec; --faint: #9aa4ae; --line: #343b42;
  --series-1: #62aef0; --series-2: #f5965a; --series-3: #66c587; --series-4: #bd93ea;
  --series-5: #ee7fb6; --series-6: #c6c45f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 1240px; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .8rem; }
.subtitle, .status { color: var(--faint); margin: .3rem 0 0; }
.cards, .charts, .columns, .strip { display: grid; gap: 1rem; }
.cards { grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 560px)); }
.columns { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 2.5rem; }
.strip { grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); }
.card, .chart { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .8rem 1rem; }
.card b { display: block; font-size: 1.45rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.card span { color: var(--faint); font-size: .85rem; overflow-wrap: anywhere; }
figure { margin: 0 0 1.2rem; }
figcaption { color: var(--faint); font-size: .88rem; margin-top: .35rem; }
figure img { display: block; width: auto; max-width: 100%; border: 1px solid var(--line);
  border-radius: 4px; }
.pictures { display: flex; flex-wrap: wrap; align-items: flex-start; gap: .4rem 2rem; }
.pictures img { min-width: min(100%, 300px); }
.strip img { width: 100%; }
.strip figure { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td { border-top: 1px solid var(--line); padding: .3rem .8rem .3rem 0; vertical-align: top;
  overflow-wrap: anywhere; }
th { text-align: left; font-weight: 600; padding: .3rem .8rem .3rem 0; vertical-align: bottom; }
.wide { overflow-x: auto; }
.wide td + td { font-variant-numeric: tabular-nums; }
td:first-child { color: var(--faint); white-space: nowrap; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, "DejaVu Sans", sans-serif; }
svg text { fill: var(--faint); } svg .title { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg .note { font-size: 11px; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--faint); }
svg .mark { stroke: var(--faint); stroke-dasharray: 3 4; }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .s1 { stroke: var(--series-1); } svg .s2 { stroke: var(--series-2); }
svg .s3 { stroke: var(--series-3); } svg .s4 { stroke: var(--series-4); }
svg .s5 { stroke: var(--series-5); } svg .s6 { stroke: var(--series-6); }
svg .dot { stroke: none; }
svg .dot.s1 { fill: var(--series-1); } svg .dot.s2 { fill: var(--series-2); }
svg .dot.s3 { fill: var(--series-3); } svg .dot.s4 { fill: var(--series-4); }
svg .dot.s5 { fill: var(--series-5); } svg .dot.s6 { fill: var(--series-6); }
)";

std::string table(const char* heading, const Rows& rows) {
  if (rows.empty()) return "";
  std::string out = "<section>\n<h2>" + std::string(heading) + "</h2>\n<table>\n";
  for (const auto& [key, value] : rows) {
    out += "<tr><td>" + escape_html(key) + "</td><td>" + escape_html(value) + "</td></tr>\n";
  }
  return out + "</table>\n</section>\n";
}

std::string table(const Table& table) {
  std::string out = "<h2>" + escape_html(table.title) + "</h2>\n<div class=\"wide\"><table>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const std::string cell = r == 0 ? "th" : "td";
    out += "<tr>";
    for (const std::string& text : table.rows[r]) {
      out += "<" + cell + ">" + escape_html(text) + "</" + cell + ">";
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

// Columns that a text takes on a screen: code points, of UTF-8 (no wide ones are used here).
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string figure(const Picture& picture) {
  const std::string caption = escape_html(picture.caption);
  return "<figure><img alt=\"" + caption + "\" src=\"data:image/png;base64," + base64(picture.png) +
         "\"><figcaption>" + caption + "</figcaption></figure>\n";
}

}  // namespace

std::string markdown(const Table& table) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : table.rows) {
    widths.resize(std::max(widths.size(), row.size()), 3);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  }
  std::string out = table.title + "\n\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string text = c < table.rows[r].size() ? table.rows[r][c] : "";
      out += "| " + text + std::string(widths[c] - width(text) + 1, ' ');
    }
    out += "|\n";
    if (r != 0) continue;
    for (const std::size_t w : widths) out += "|" + std::string(w + 2, '-');
    out += "|\n";
  }
  return out;
}

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (unsigned k = 0; k < 4; ++k) {
      out += i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

std::string html(const Report& report) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>" +
      escape_html(report.title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n";
  out += "<h1>" + escape_html(report.title) + "</h1>\n";
  out += "<p class=\"subtitle\">" + escape_html(report.subtitle) + "</p>\n";
  out += "<p class=\"status\">" + escape_html(report.status) + "</p>\n";
  if (!report.figures.empty()) {
    out += "<h2>Figures</h2>\n<div class=\"cards\">\n";
    for (const auto& [key, value] : report.figures) {
      out += "<div class=\"card\"><b>" + escape_html(value) + "</b><span>" + escape_html(key) +
             "</span></div>\n";
    }
    out += "</div>\n";
  }
  for (const std::string& note : report.notes) out += "<p>" + escape_html(note) + "</p>\n";
  for (const Table& entry : report.tables) out += table(entry);
  if (!report.charts.empty()) {
    out += "<h2>Curves</h2>\n<div class=\"charts\">\n";
    for (const Chart& chart : report.charts)
      out += "<div class=\"chart\">\n" + svg(chart) + "</div>\n";
    out += "</div>\n";
  }
  if (!report.pictures.empty()) {
    out += "<h2>Pictures</h2>\n<div class=\"pictures\">\n";
    for (const Picture& picture : report.pictures) out += figure(picture);
    out += "</div>\n";
  }
  if (!report.progress.empty()) {
    out += "<h2>Over time</h2>\n<div class=\"strip\">\n";
    for (const Picture& picture : report.progress) out += figure(picture);
    out += "</div>\n";
  }
  out += "<div class=\"columns\">\n" + table("Options", report.options) +
         table("Environment", report.environment) + "</div>\n";
  return out + "</body>\n</html>\n";
}

}  // namespace nabla::models
