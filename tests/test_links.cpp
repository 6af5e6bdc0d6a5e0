// Every link in a README that names a line of code, [text](file#L12), points at a line that holds
// the text: so the lessons follow the code when it moves.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("links from the READMEs point at what they name") {
  const char* const folder_name = std::getenv("NABLA_SOURCE_DIR");
  REQUIRE(folder_name != nullptr);
  const fs::path root = folder_name;
  const std::regex link(R"(\[([^\]\[]+)\]\(([^)#\s]+)(#L(\d+))?\))");
  std::size_t checked = 0;
  std::vector<fs::path> readmes{root / "README.md"};
  for (const char* folder : {"autograd", "nn", "models", "datasets", "tests", "bench"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() == ".md") readmes.push_back(entry.path());
    }
  }
  for (const fs::path& readme : readmes) {
    for (const std::string& line : lines_of(readme)) {
      for (std::sregex_iterator m(line.begin(), line.end(), link), last; m != last; ++m) {
        const std::string text = (*m)[1], target = (*m)[2], number = (*m)[4];
        if (target.rfind("http", 0) == 0) continue;
        ++checked;
        const fs::path file = readme.parent_path() / target;
        INFO(readme.string(), ": [", text, "](", target, "#L", number, ")");
        REQUIRE(fs::exists(file));
        if (number.empty()) continue;
        const std::vector<std::string> code = lines_of(file);
        REQUIRE(std::stoul(number) <= code.size());
        CHECK(code[std::stoul(number) - 1].find(text) != std::string::npos);
      }
    }
  }
  CHECK(checked > 0);
}
