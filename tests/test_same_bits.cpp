// The same bits on any number of threads: the weights of each program after two epochs, and no sum
// in the sources whose order is left to OpenMP. What single operations give is held in tests/table.
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/small_images.hpp"
#include "tests/temporary_folder.hpp"

namespace fs = std::filesystem;

namespace {

std::string setting(const char* name) {
  const char* const value = std::getenv(name);
  REQUIRE_MESSAGE(value != nullptr, "run by Meson, which sets ", name);
  return value;
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Layers are as wide as by default, so that products are cut and sums have parts.
struct Training {
  std::string name, options;
};
const std::vector<Training> trainings{
    {"discrete", "--data images.npy"},
    {"nade", "--data images.npy"},
    {"rnade", "--data ring8 --train-size 300"},
    {"vae", "--data images.npy --test-samples 20"},
    {"gan", "--data images.npy"},
    {"gan", "--data ring8 --train-size 300"},
    {"autoencoder", "--data images.npy --compare 100"},
    {"wae", "--data images.npy --compare 100"},
    {"aae", "--data images.npy --compare 100"},
    {"ddpm", "--data images.npy --base-channels 8 --steps 10"},
};

}  // namespace

TEST_CASE("programs: the same weights on 1, 2, 3, 4 and 7 threads") {
  const fs::path programs = setting("NABLA_PROGRAMS");
  // More threads than cores: who waits for the others is to sleep and let them work.
  REQUIRE(::setenv("OMP_WAIT_POLICY", "passive", 1) == 0);
  const TemporaryFolder folder;
  folder.write("images.npy", nabla::testing::images_npy(240, 20));
  for (const Training& training : trainings) {
    CAPTURE(training.name);
    CAPTURE(training.options);
    const std::string program = (programs / ("train_" + training.name)).string();
    std::string first;
    for (const int count : {1, 2, 3, 4, 7}) {
      CAPTURE(count);
      const std::string out = folder / "out";
      const std::string command = "cd '" + folder.path() + "' && '" + program +
                                  "' --epochs 2 --quiet " + training.options + " --threads " +
                                  std::to_string(count) + " --overwrite --out out >/dev/null";
      REQUIRE(std::system(command.c_str()) == 0);
      const std::string weights = contents(out + "/model.safetensors");
      if (count == 1) first = weights;
      const bool same = !weights.empty() && weights == first;  // too long to be printed
      CHECK(same);
    }
  }
}

TEST_CASE("sources: no sum whose order is left to OpenMP") {
  const fs::path root = setting("NABLA_SOURCE_DIR");
  std::size_t pragmas = 0;
  for (const char* const part : {"autograd", "nn", "datasets", "models"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / part)) {
      const std::string ending = entry.path().extension().string();
      if (ending != ".cpp" && ending != ".hpp") continue;
      std::ifstream file(entry.path());
      for (std::string line, next; std::getline(file, line);) {
        while (!line.empty() && line.back() == '\\' && std::getline(file, next)) {
          line.back() = ' ';
          line += next;
        }
        if (line.find("#pragma omp") == std::string::npos) continue;
        ++pragmas;
        const auto has = [&](const char* text) { return line.find(text) != std::string::npos; };
        // Within one thread (`omp simd`) the order is that of the compiled loop.
        const bool by_threads = has("parallel") || has("omp for");
        CAPTURE(entry.path().string());
        CAPTURE(line);
        CHECK_FALSE(
            (by_threads && (has("reduction(+") || has("reduction(-") || has("reduction(*"))));
        CHECK_FALSE(has("atomic"));
        CHECK_FALSE(has("critical"));
      }
    }
  }
  CHECK(pragmas > 20);
}
