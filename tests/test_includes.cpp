// Arrows between rooms run one way, models → nn → autograd → its kernels, with datasets beside
// them: every #include "…" of the library is held against what its file's room may see.
#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

bool starts_with(const std::string& text, const std::string& beginning) {
  return text.rfind(beginning, 0) == 0;
}

// What the files of a folder may include: all that starts with one of these, but for what starts
// with one of those.
struct Room {
  std::string folder;
  std::vector<std::string> sees, but_not;
};

// A file's room is the first whose folder it lies in.
const std::vector<Room> rooms{
    {"autograd/kernels/",
     {"autograd/kernels/", "autograd/array.hpp", "autograd/config.hpp", "autograd/real.hpp",
      "autograd/threads.hpp", "autograd/xtensor.hpp"},
     {}},
    {"autograd/", {"autograd/"}, {}},
    {"nn/", {"nn/", "autograd/"}, {"autograd/kernels/"}},
    {"datasets/",
     {"datasets/", "autograd/array.hpp", "autograd/random.hpp", "autograd/real.hpp",
      "autograd/threads.hpp", "autograd/xtensor.hpp"},
     {}},
    {"models/draw/", {"models/draw/", "autograd/array.hpp", "nn/files.hpp"}, {}},
    {"models/measure/", {"models/measure/", "nn/", "datasets/", "autograd/"}, {}},
    {"models/program/", {"models/program/", "models/draw/", "nn/", "datasets/", "autograd/"}, {}},
    // A lesson sees everything but the other lessons.
    {"models/",
     {"models/program/", "models/measure/", "models/draw/", "nn/", "datasets/", "autograd/"},
     {}},
};

struct Arrow {
  std::string from, to;  // beginnings of a file's path and of what it includes
};

// What is meant, beyond the rooms.
const std::vector<Arrow> by_design{
    // They build on the autoencoder.
    {"models/wae/", "models/autoencoder/"},
    {"models/aae/", "models/autoencoder/"},
    // Its densities are operations of their own, fused for precision and speed.
    {"nn/distributions.cpp", "autograd/kernels/functions.hpp"},
};

bool is_one_of(const std::vector<Arrow>& arrows, const std::string& file, const std::string& seen) {
  return std::any_of(arrows.begin(), arrows.end(), [&](const Arrow& a) {
    return starts_with(file, a.from) && starts_with(seen, a.to);
  });
}

bool fits(const std::string& file, const std::string& seen) {
  const auto room = std::find_if(rooms.begin(), rooms.end(),
                                 [&](const Room& r) { return starts_with(file, r.folder); });
  if (room == rooms.end()) return false;
  const auto is_in = [&](const std::vector<std::string>& list) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string& folder) { return starts_with(seen, folder); });
  };
  const std::size_t behind_own = file.find('/', room->folder.size());
  const bool is_own = room->folder == "models/" && behind_own != std::string::npos &&
                      starts_with(seen, file.substr(0, behind_own + 1));
  return is_own || (is_in(room->sees) && !is_in(room->but_not)) || is_one_of(by_design, file, seen);
}

// "nn/attention.cpp includes autograd/ops.hpp", of each of the library's own includes.
std::vector<Arrow> includes_of_library() {
  const char* const source_folder = std::getenv("NABLA_SOURCE_DIR");  // set by Meson
  const fs::path root = source_folder != nullptr ? source_folder : ".";
  const std::regex include(
      "^\\s*#\\s*include \"((autograd|nn|datasets|models|tests|bench)/[^\"]*)\"");
  std::vector<Arrow> arrows;
  for (const char* folder : {"autograd", "nn", "datasets", "models"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".cpp" && extension != ".hpp") continue;
      std::ifstream in(entry.path());
      std::smatch match;
      for (std::string line; std::getline(in, line);) {
        if (std::regex_search(line, match, include)) {
          arrows.push_back({entry.path().lexically_relative(root).generic_string(), match[1]});
        }
      }
    }
  }
  return arrows;
}

}  // namespace

TEST_CASE("no include runs against the grain") {
  const std::vector<Arrow> arrows = includes_of_library();
  CHECK(arrows.size() > 100);
  for (const Arrow& a : arrows) {
    CHECK_MESSAGE(fits(a.from, a.to),
                  a.from << " includes " << a.to << ", which its room may not see");
  }
  for (const Arrow& known : by_design) {
    const bool used = std::any_of(arrows.begin(), arrows.end(),
                                  [&](const Arrow& a) { return is_one_of({known}, a.from, a.to); });
    CHECK_MESSAGE(used,
                  known.from << " includes " << known.to << " no longer: take it from the list");
  }
}

TEST_CASE("the rules tell arrows apart") {
  CHECK(fits("autograd/kernels/conv.cpp", "autograd/kernels/gemm.hpp"));
  CHECK(fits("autograd/kernels/conv.cpp", "autograd/array.hpp"));
  for (const char* above : {"ops", "tensor", "node", "broadcast", "random"}) {
    CHECK_FALSE(fits("autograd/kernels/conv.cpp", "autograd/" + std::string(above) + ".hpp"));
  }
  CHECK(fits("autograd/conv.cpp", "autograd/kernels/conv.hpp"));
  CHECK_FALSE(fits("autograd/conv.cpp", "nn/conv.hpp"));
  CHECK_FALSE(fits("nn/norm.cpp", "autograd/kernels/moments.hpp"));
  CHECK_FALSE(fits("nn/conv.cpp", "datasets/dataset.hpp"));
  CHECK_FALSE(fits("datasets/table.cpp", "autograd/tensor.hpp"));
  CHECK_FALSE(fits("datasets/table.cpp", "nn/files.hpp"));
  CHECK_FALSE(fits("models/draw/plot.cpp", "datasets/dataset.hpp"));
  CHECK_FALSE(fits("models/program/run.cpp", "models/measure/metrics.hpp"));
  CHECK_FALSE(fits("models/measure/metrics.cpp", "models/program/run.hpp"));
  CHECK(fits("models/gan/train.cpp", "models/gan/gan.hpp"));
  CHECK(fits("models/gan/train.cpp", "autograd/kernels/gemm.hpp"));
  CHECK_FALSE(fits("models/gan/train.cpp", "models/vae/vae.hpp"));
  CHECK(fits("models/wae/wae.hpp", "models/autoencoder/autoencoder.hpp"));
  CHECK_FALSE(fits("models/autoencoder/autoencoder.hpp", "models/wae/wae.hpp"));
  CHECK_FALSE(fits("models/loose.cpp", "models/loose.hpp"));
}
