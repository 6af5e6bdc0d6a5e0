// The program in README.md is tests/readme_example.cpp to the letter, and prints what its comments
// say.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  REQUIRE_MESSAGE(value != nullptr, name, " is not set: run this through `meson test`");
  return value;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string words(const std::string& text) {  // with single spaces
  std::istringstream stream(text);
  std::string result;
  for (std::string word; stream >> word;) result += (result.empty() ? "" : " ") + word;
  return result;
}

}  // namespace

TEST_CASE("the example in README.md is the one that is compiled") {
  const std::string folder = environment("NABLA_SOURCE_DIR");
  const std::string readme = text_of(folder + "/README.md");
  const std::string code = text_of(folder + "/tests/readme_example.cpp");
  CHECK(readme.find("```cpp\n" + code + "```\n") != std::string::npos);
}

TEST_CASE("the example prints what its comments say") {
  const char* const emulator = std::getenv("MESON_EXE_WRAPPER");  // of another processor
  const std::string command = (emulator == nullptr ? "" : std::string(emulator) + " ") + "'" +
                              environment("NABLA_README_EXAMPLE") + "'";
  std::FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string printed;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) printed += buffer.data();
  CHECK(pclose(pipe) == 0);

  std::string promised;
  std::istringstream code(text_of(environment("NABLA_SOURCE_DIR") + "/tests/readme_example.cpp"));
  const std::string mark = "// prints ";
  for (std::string line; std::getline(code, line);) {
    const std::size_t at = line.find(mark);
    if (at != std::string::npos) promised += line.substr(at + mark.size()) + " ";
  }
  CHECK(words(printed) == words(promised));
}
