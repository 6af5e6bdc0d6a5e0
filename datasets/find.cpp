#include "datasets/find.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace nabla::datasets {
namespace {

namespace fs = std::filesystem;

// Some unpackers turn the last hyphen but one into a point.
std::string idx_file(const fs::path& folder, const std::string& stem, const std::string& kind) {
  const std::string path = existing(folder / (stem + "-" + kind));
  return path.empty() ? existing(folder / (stem + "." + kind)) : path;
}

std::string listed(const std::vector<std::string>& items, const char* separator) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : separator) + item;
  return text;
}

bool is_name(const std::string& name) {
  const std::vector<std::string>& names = dataset_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string existing(const fs::path& base) {
  for (const char* const ending : {"", ".gz"}) {
    std::error_code error;
    const std::string path = base.string() + ending;
    if (fs::exists(path, error) || error == std::errc::permission_denied) return path;
  }
  return "";
}

bool find_idx(const fs::path& folder, IdxFiles& files) {
  files.train_images = idx_file(folder, "train-images", "idx3-ubyte");
  if (files.train_images.empty()) return false;
  const auto need = [&](const std::string& stem, const std::string& kind) {
    const std::string path = idx_file(folder, stem, kind);
    if (path.empty()) {
      throw std::runtime_error((folder / (stem + "-" + kind)).string() +
                               "[.gz] is missing beside " + files.train_images);
    }
    return path;
  };
  files.train_labels = need("train-labels", "idx1-ubyte");
  files.test_images = need("t10k-images", "idx3-ubyte");
  files.test_labels = need("t10k-labels", "idx1-ubyte");
  return true;
}

bool find_tables(const std::string& before, const std::string& after, TableFiles& files) {
  files.train = existing(before + "train" + after);
  if (files.train.empty()) return false;
  const auto need = [&](const std::string& word) {
    const std::string path = existing(before + word + after);
    if (path.empty()) {
      throw std::runtime_error(before + word + after + "[.gz] is missing beside " + files.train);
    }
    return path;
  };
  files.valid = need("valid");
  files.test = need("test");
  return true;
}

std::vector<std::string> search_folders(const LoadOptions& options) {
  std::vector<std::string> folders;
  const auto add = [&](const std::string& folder) {
    if (!folder.empty()) folders.push_back(folder);
  };
  add(options.data_dir);
  if (const char* const list = std::getenv("NABLA_DATA")) {
    std::string folder;
    for (const char* p = list; *p != '\0'; ++p) {
      if (*p != ':') {
        folder += *p;
      } else {
        add(folder);
        folder.clear();
      }
    }
    add(folder);
  }
  add(options.system_dir);
  return folders;
}

std::vector<fs::path> places_of(const std::string& name, const LoadOptions& options) {
  std::vector<fs::path> places;
  for (const std::string& folder : search_folders(options)) {
    places.push_back(fs::path(folder) / name);
    const std::string last = fs::path(folder + "/").parent_path().filename().string();
    if (last == name || !is_name(last)) places.push_back(folder);
  }
  return places;
}

void not_found(const std::string& name_or_path, const LoadOptions& options) {
  const std::string folders = listed(search_folders(options), ", ");
  if (!is_name(name_or_path)) {
    throw std::runtime_error(name_or_path +
                             ": no such file (also sought with .gz and .train.data, and in " +
                             folders + "), and no data set: " + listed(dataset_names(), ", "));
  }
  std::string hint = "put its files into one of these, or name their folder with --data-dir";
  if (name_or_path == "fashion-mnist") hint = "apt install dataset-fashion-mnist, or " + hint;
  throw std::runtime_error(name_or_path + ": not found in " + folders + "; " + hint +
                           "; --data glyphs needs no files");
}

}  // namespace nabla::datasets
