// Runs side by side, from outside: ./nabla compare RUN...
#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <sstream>
#include <string>
#include <vector>

#include "nn/files.hpp"
#include "tests/temporary_folder.hpp"

using nabla::nn::read_file;

namespace {

struct Outcome {
  int status;
  std::string out, err;
};

// A program of models/ in a folder of its own.
class Programs {
 public:
  Programs() {
    const char* const programs = std::getenv("NABLA_PROGRAMS");
    REQUIRE_MESSAGE(programs != nullptr, "run by Meson, which sets NABLA_PROGRAMS");
    programs_ = programs;
  }

  Outcome run(const std::string& command) const {
    const std::string line = "cd '" + folder.path() + "' && '" + programs_ + "'/" + command +
                             " >out.txt 2>err.txt </dev/null";
    const int status = std::system(line.c_str());
    return {WEXITSTATUS(status), read_file(folder / "out.txt"), read_file(folder / "err.txt")};
  }
  void train(const std::string& what) const {
    INFO(what);
    REQUIRE(run("train_" + what + " --quiet --epochs 1 --threads 2").status == 0);
  }

  TemporaryFolder folder;

 private:
  std::string programs_;
};

// The rows of a Markdown table, without headings: its cells without blanks around them.
std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] != '|') continue;
    std::istringstream cells(line.substr(1));
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, '|');) {
      const std::size_t from = cell.find_first_not_of(' '), to = cell.find_last_not_of(' ');
      rows.back().push_back(from == std::string::npos ? "" : cell.substr(from, to - from + 1));
    }
  }
  REQUIRE(rows.size() > 2);
  return {rows.begin() + 2, rows.end()};
}

// Bytes of 5 × 4 pixels, as numpy.save writes them.
std::string images(std::size_t count) {
  std::string header =
      "{'descr': '|u1', 'fortran_order': False, 'shape': (" + std::to_string(count) + ", 5, 4), }";
  header += std::string(64 - (10 + header.size() + 1) % 64, ' ') + "\n";
  std::string bytes = "\x93NUMPY\x01";
  bytes += {'\0', static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
  bytes += header;
  for (std::size_t i = 0; i < 20 * count; ++i) bytes += static_cast<char>(i * i % 251);
  return bytes;
}

}  // namespace

TEST_CASE("compare: a row of real images, one of each model, three of one without a prior") {
  const Programs programs;
  const std::string glyphs = " --data glyphs --train-size 500 --hidden 16 --latent 3";
  programs.train("vae" + glyphs + " --test-samples 2 --out a");
  programs.train("autoencoder" + glyphs + " --compare 200 --out 'the second'");
  const Outcome outcome =
      programs.run("nabla_compare a 'the second' --samples 200 --out t.md --picture p.png");
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto rows = rows_of(outcome.out);
  REQUIRE(rows.size() == 5);
  CHECK(rows[0][0] == "validation set, codes from N(0, I)");
  CHECK(rows[1][0] == "a");
  CHECK(rows[2][0] == "the second, z ~ N(0, I)");
  CHECK(rows[3][0] == "the second, z ~ normal fitted to its codes");
  CHECK(rows[4][0] == "the second, z = codes of training examples");
  for (const auto& row : rows) {
    REQUIRE(row.size() == 7);
    for (std::size_t i = 3; i < 7; ++i) CHECK_FALSE(row[i].empty());
  }
  CHECK(rows[0][1].empty());
  for (const std::size_t model : {1, 2}) {
    CHECK_FALSE(rows[model][1].empty());
    CHECK_FALSE(rows[model][2].empty());
  }
  CHECK(read_file(programs.folder / "t.md") == outcome.out);
  CHECK(read_file(programs.folder / "p.png").substr(1, 3) == "PNG");
  // The same figures as at the end of its own training.
  const auto own = rows_of(read_file(programs.folder / "the second/comparison.md"));
  REQUIRE(own.size() == 4);
  for (const std::size_t row : {1, 2, 3}) {
    CAPTURE(own[row][0]);
    for (std::size_t i = 1; i < 5; ++i) CHECK(own[row][i] == rows[row + 1][i + 2]);
  }

  SUBCASE("other data are refused in one line") {
    programs.folder.write("small.npy", images(60));
    programs.train("vae --data small.npy --hidden 8 --test-samples 2 --out c");
    const Outcome shapes = programs.run("nabla_compare a c");
    CHECK(shapes.status == 2);
    CHECK(shapes.err ==
          "nabla compare: error: c is of other data than a: small.npy, images of 5 × 4 × 1, and "
          "glyphs, images of 28 × 28 × 1\n");
    const Outcome none = programs.run("nabla_compare");
    CHECK(none.status == 2);
    CHECK(none.err == "nabla compare: error: folders of runs come first (see --help)\n");
    const Outcome empty = programs.run("nabla_compare nowhere");
    CHECK(empty.status == 1);
    CHECK(empty.err ==
          "nabla compare: error: nowhere: holds no run, there is no nowhere/options.json\n");
    const Outcome other = programs.run("nabla_compare a --data small.npy");
    CHECK(other.status == 2);
    CHECK(other.err.find("nabla compare: error: --data small.npy: these are small.npy") == 0);
    CHECK(std::count(other.err.begin(), other.err.end(), '\n') == 1);
  }
}
