// What is shown: charts, the page, the progress line.
#include <cmath>
#include <doctest/doctest.h>

#include "models/draw/chart.hpp"
#include "models/draw/report.hpp"
#include "models/program/progress.hpp"

using namespace nabla::models;

namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("base64 is that of RFC 4648") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string("\xff\xfe\x00", 3)) == "//4A");
}

TEST_CASE("a table as Markdown has aligned columns, and is escaped on the page") {
  const Table table{"Title", {{"", "W₁ of a"}, {"long name", "1.5"}, {"<b>"}}};
  CHECK(markdown(table) ==
        "Title\n\n"
        "|           | W₁ of a |\n"
        "|-----------|---------|\n"
        "| long name | 1.5     |\n"
        "| <b>       |         |\n");
  Report report;
  report.tables = {table};
  const std::string page = html(report);
  CHECK(count(page, "<h2>Title</h2>") == 1);
  CHECK(count(page, "<th>W₁ of a</th>") == 1);
  CHECK(count(page, "<td>long name</td><td>1.5</td>") == 1);
  CHECK(count(page, "<td>&lt;b&gt;</td>") == 1);
}

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(ticks(0, 1, 5) == std::vector<double>{0, 0.2, 0.4, 2 * 0.2 + 0.2, 0.8, 1});
  CHECK(ticks(-103.3, -98.9, 5) == std::vector<double>{-103, -102, -101, -100, -99});
  CHECK(ticks(1, 20, 8).size() == 10);
  CHECK(ticks(1, 1, 5).empty());
  for (const double low : {0.3, 1.0, 100.0, 1e16, 1e300, -1.0}) {  // steps that no double holds
    CHECK(ticks(low, std::nextafter(low, 1e301), 5).empty());
    Chart chart;
    chart.series = {{"loss", {{1, low}, {2, std::nextafter(low, 1e301)}}}};
    CHECK(svg(chart).find("</svg>") != std::string::npos);
  }
  CHECK(ticks(0, std::nan(""), 5).empty());
  CHECK(ticks(0.3, 0.9, 5).back() <= 0.9);  // not 3 · 0.3, which is above
  CHECK(ticks(1e16, 1e16 + 10, 5).empty());
  CHECK(ticks(1e14, 1e14 + 10, 5).size() == 6);
  for (double high = 1e-6; high < 1e9; high *= 3.7) {
    const std::size_t n = ticks(0, high, 5).size();
    CHECK((n >= 3 && n <= 8));
  }
}

TEST_CASE("a chart draws every series, leaves gaps, and says what it cuts off") {
  const double nan = std::nan("");
  Chart chart{
      "elbo (nats)", "epoch", {{"train", {{1, 1}, {2, 2}, {3, nan}, {4, 3}, {5, 4}}}}, 2, "best"};
  const std::string text = svg(chart);
  CHECK(count(text, "<path") == 1);
  CHECK(count(text, "M") == 2);  // the gap at 3 starts a second stroke
  CHECK(count(text, "<circle") == 4);
  CHECK(count(text, "class=\"mark\"") == 1);
  CHECK(count(text, "nan") == 0);
  CHECK(count(text, "off the scale") == 0);

  Series steep{"valid", {}};
  for (int i = 1; i <= 20; ++i) steep.points.emplace_back(i, i == 1 ? 540 : 110 - i * 0.1);
  chart.series = {steep};
  CHECK(count(svg(chart), "the start is off the scale: from 108 to 540") == 1);

  chart.series = {{"<b>", {{3, 7}}}};  // one epoch: a dot
  CHECK(count(svg(chart), "<circle") == 1);
  CHECK(count(svg(chart), "&lt;b&gt;") == 1);
  chart.series = {{"none", {{1, nan}}}};
  CHECK(count(svg(chart), "inf") == 0);
  chart.series.clear();
  CHECK(count(svg(chart), "</svg>") == 1);
}

TEST_CASE("the page stands alone and quotes what it is given") {
  Report report;
  report.title = "A <model> & \"more\"";
  report.figures = {{"test_elbo_nats", "-98.9"}};
  report.pictures = {{"samples", "png"}};
  report.options = {{"data", "<script>alert(1)</script>"}};
  const std::string page = html(report);
  CHECK(count(page, "<script") == 0);
  CHECK(count(page, "http") == 0);
  CHECK(count(page, "A &lt;model&gt; &amp; &quot;more&quot;") == 2);
  CHECK(count(page, "data:image/png;base64,cG5n") == 1);
  CHECK(count(page, "test_elbo_nats") == 1);
}

TEST_CASE("the progress line fits any width") {
  CHECK(bar_line("epoch 1/2", 0.5, "loss 3", 60) ==
        "epoch 1/2 [=================>                ]  50 %  loss 3");
  CHECK(bar_line("epoch 1/2", -1, "loss 3", 60) == "epoch 1/2  loss 3");
  CHECK(bar_line("epoch 1/2", 0.5, "loss 3", 25) == "epoch 1/2  50 %  loss 3");
  CHECK(bar_line("epoch 1/2", 1, "", 200).size() < 70);
  for (std::size_t width = 0; width < 80; ++width) {
    CHECK(bar_line("epoch 1/2", 1.5, "loss 3  ETA 1:00", width).size() <= width);
  }
  CHECK(duration(7.4) == "0:07");
  CHECK(duration(92) == "1:32");
  CHECK(duration(7500) == "2:05:00");
  CHECK(duration(std::nan("")) == "?");
  CHECK(duration(-1) == "?");
}
