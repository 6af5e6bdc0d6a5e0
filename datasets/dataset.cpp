#include "datasets/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "autograd/random.hpp"
#include "datasets/batches.hpp"
#include "datasets/file.hpp"
#include "datasets/glyphs.hpp"
#include "datasets/idx.hpp"
#include "datasets/npy.hpp"
#include "datasets/table.hpp"
#include "datasets/toy.hpp"

namespace nabla::datasets {
namespace {

namespace fs = std::filesystem;

Dataset new_dataset(const std::string& name, const std::string& origin) {
  Dataset data;
  data.name = name;
  data.origin = origin;
  return data;
}

// Finding files ---------------------------------------------------------------------------------

// "" if there is neither BASE nor BASE.gz. A folder counts as found where a file is wanted, as does
// what may not be looked at: the reader says what is wrong.
std::string existing(const fs::path& base) {
  for (const char* const ending : {"", ".gz"}) {
    std::error_code error;
    const std::string path = base.string() + ending;
    if (fs::exists(path, error) || error == std::errc::permission_denied) return path;
  }
  return "";
}

// Images and labels of both splits. Some unpackers turn the last hyphen but one into a point.
struct IdxFiles {
  std::string train_images, train_labels, test_images, test_labels;
};

std::string idx_file(const fs::path& folder, const std::string& stem, const std::string& kind) {
  const std::string path = existing(folder / (stem + "-" + kind));
  return path.empty() ? existing(folder / (stem + "." + kind)) : path;
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

// Three tables whose names differ in one word.
struct TableFiles {
  std::string train, valid, test;
};

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

// Where the files of a named data set may stand: in its own folder, or in one given directly, as
// long as that is not another data set's (the files of MNIST and Fashion-MNIST have equal names).
std::vector<fs::path> places_of(const std::string& name, const LoadOptions& options) {
  std::vector<fs::path> places;
  for (const std::string& folder : search_folders(options)) {
    places.push_back(fs::path(folder) / name);
    const std::string last = fs::path(folder + "/").parent_path().filename().string();
    const std::vector<std::string>& names = dataset_names();
    const bool other = last != name && std::find(names.begin(), names.end(), last) != names.end();
    if (!other) places.push_back(folder);
  }
  return places;
}

std::string listed(const std::vector<std::string>& items, const char* separator) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : separator) + item;
  return text;
}

[[noreturn]] void not_found(const std::string& name, const LoadOptions& options) {
  std::string hint = "put its files into one of these, or name their folder with --data-dir";
  if (name == "fashion-mnist") hint = "apt install dataset-fashion-mnist, or " + hint;
  throw std::runtime_error(name + ": not found in " + listed(search_folders(options), ", ") + "; " +
                           hint + "; --data glyphs needs no files");
}

// Checking and splitting --------------------------------------------------------------------------

void check_finite(const Array& x, const std::string& path) {
  const Real* const begin = x.data();
  const Real* const end = begin + x.size();
  const Real* const bad = std::find_if(begin, end, [](Real v) { return !std::isfinite(v); });
  if (bad == end) return;
  const std::size_t columns = x.size() / x.shape()[0];
  const std::size_t at = static_cast<std::size_t>(bad - begin);
  throw std::runtime_error(path + ": row " + std::to_string(at / columns + 1) + ", column " +
                           std::to_string(at % columns + 1) + " is " + std::to_string(*bad) +
                           " (or too large for single precision)");
}

// (N, a, b, …) as (N, a b …), and the image's sizes where there are any.
void flatten(Array& x, const std::string& path, Dataset& data) {
  const Shape shape = x.shape();
  if (shape.empty() || x.size() == 0) {
    throw std::runtime_error(path + ": has no rows, its shape is " + to_string(shape));
  }
  if (shape.size() == 3 || (shape.size() == 4 && shape[3] <= 4)) {
    data.height = shape[1];
    data.width = shape[2];
    data.channels = shape.size() == 4 ? shape[3] : 1;
  }
  x.reshape(Shape{shape[0], x.size() / shape[0]});
}

void divide_by_255(Array& x) {
  Real* const p = x.data();
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(x.size());
#pragma omp parallel for simd schedule(static) if (x.size() >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < n; ++i) p[i] /= 255;
}

// 0 … n − 1 in parts of the given sizes: by seed which row goes where, in rising order within each.
std::vector<std::vector<std::size_t>> split_rows(std::size_t n,
                                                 const std::vector<std::size_t>& sizes,
                                                 std::uint64_t seed) {
  const std::vector<std::size_t> order = Rng(seed, stream_of(Purpose::split)).permutation(n);
  std::vector<std::vector<std::size_t>> parts;
  auto from = order.begin();
  for (const std::size_t size : sizes) {
    const auto to = from + static_cast<std::ptrdiff_t>(size);
    parts.emplace_back(from, to);
    std::sort(parts.back().begin(), parts.back().end());
    from = to;
  }
  return parts;
}

void too_few(const Dataset& data, std::size_t have, const std::string& want) {
  throw std::invalid_argument(data.name + ": " + want + ", but there are only " +
                              std::to_string(have) + " rows");
}

// Takes rows for validation out of train.
void split_off_valid(Dataset& data, std::size_t valid_size, std::uint64_t seed) {
  const std::size_t n = data.train.shape()[0];
  if (valid_size >= n) too_few(data, n, std::to_string(valid_size) + " rows are to validate");
  const auto parts = split_rows(n, {n - valid_size, valid_size}, seed);
  data.valid = take_rows(data.train, parts[1]);
  data.train = take_rows(data.train, parts[0]);
  if (data.has_labels()) {
    data.valid_labels = take_rows(data.train_labels, parts[1]);
    data.train_labels = take_rows(data.train_labels, parts[0]);
  }
}

void shorten(const Dataset& data, Array& x, IndexArray& labels, std::size_t size,
             const char* split) {
  const std::size_t n = x.shape()[0];
  if (size == 0 || size == n) return;
  if (size > n) too_few(data, n, std::to_string(size) + " rows are to " + split);
  std::vector<std::size_t> rows(size);
  for (std::size_t i = 0; i < size; ++i) rows[i] = i;
  x = take_rows(x, rows);
  if (labels.size() != 0) labels = take_rows(labels, rows);
}

void measure_range(Dataset& data) {
  data.low = std::numeric_limits<Real>::infinity();
  data.high = -data.low;
  data.binary = true;
  for (const Array* x : {&data.train, &data.valid, &data.test}) {
    const Real* const p = x->data();
    const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(x->size());
    Real low = data.low, high = data.high;
    int others = 0;
#pragma omp parallel for simd reduction(min : low) reduction(max : high) reduction(| : others)
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      low = std::min(low, p[i]);
      high = std::max(high, p[i]);
      others |= p[i] != 0 && p[i] != 1 ? 1 : 0;
    }
    data.low = low;
    data.high = high;
    data.binary = data.binary && others == 0;
  }
}

// Each kind of data ---------------------------------------------------------------------------

Dataset load_idx(const std::string& name, const IdxFiles& files, const LoadOptions& options) {
  Dataset data = new_dataset(name, files.train_images);
  const auto images = [&](const std::string& path, Array& x) {
    StoredArray stored = read_idx(path);
    x = std::move(stored.values);
    flatten(x, path, data);
    check_finite(x, path);
    if (stored.type == ElementType::u8) divide_by_255(x);
  };
  const auto labels = [](const std::string& path, const std::string& of, const Array& x) {
    IndexArray result = read_idx_labels(path);
    if (result.size() != x.shape()[0]) {
      throw std::runtime_error(path + ": " + std::to_string(result.size()) + " labels for the " +
                               std::to_string(x.shape()[0]) + " images of " + of);
    }
    return result;
  };
  images(files.train_images, data.train);
  data.train_labels = labels(files.train_labels, files.train_images, data.train);
  images(files.test_images, data.test);
  data.test_labels = labels(files.test_labels, files.test_images, data.test);
  if (data.test.shape()[1] != data.train.shape()[1]) {
    throw std::runtime_error(files.test_images + ": images of " +
                             std::to_string(data.test.shape()[1]) + " pixels, those of " +
                             files.train_images + " have " + std::to_string(data.columns()));
  }
  const std::size_t n = data.train.shape()[0];
  split_off_valid(data,
                  options.valid_size != 0 ? options.valid_size : std::max<std::size_t>(1, n / 6),
                  options.seed);
  return data;
}

Dataset load_tables(const std::string& name, const TableFiles& files) {
  Dataset data = new_dataset(name, files.train);
  data.train = read_table(files.train);
  data.valid = read_table(files.valid);
  data.test = read_table(files.test);
  const auto compare = [&](const Array& x, const std::string& path) {
    if (x.shape()[1] == data.columns()) return;
    throw std::runtime_error(path + ": " + std::to_string(x.shape()[1]) + " columns, those of " +
                             files.train + " are " + std::to_string(data.columns()));
  };
  compare(data.valid, files.valid);
  compare(data.test, files.test);
  return data;
}

// IDX, npy or a table, by what it starts with.
StoredArray read_any(const std::string& path) {
  unsigned char start[6] = {};
  FileReader(path).read(start, sizeof start);
  if (start[0] == 0 && start[1] == 0) return read_idx(path);
  if (start[0] == 0x93) return read_npy(path);
  return {read_table(path), ElementType::f32};
}

Dataset load_single(const std::string& path, const LoadOptions& options) {
  Dataset data = new_dataset(fs::path(path).filename().string(), path);
  StoredArray stored = read_any(path);
  Array& x = stored.values;
  flatten(x, path, data);
  check_finite(x, path);
  if (data.is_image() && stored.type == ElementType::u8) divide_by_255(x);
  if (options.whole_file) {
    data.valid = data.test = empty({0, x.shape()[1]});
    data.train = std::move(x);
    return data;
  }
  const std::size_t n = x.shape()[0], tenth = std::max<std::size_t>(1, n / 10);
  const std::size_t valid = options.valid_size != 0 ? options.valid_size : tenth;
  const std::size_t test = options.test_size != 0 ? options.test_size : tenth;
  if (valid >= n || test >= n - valid) {
    too_few(data, n,
            std::to_string(valid) + " and " + std::to_string(test) +
                " rows are to validate and to test");
  }
  const auto parts = split_rows(n, {n - valid - test, valid, test}, options.seed);
  data.train = take_rows(x, parts[0]);
  data.valid = take_rows(x, parts[1]);
  data.test = take_rows(x, parts[2]);
  return data;
}

// Splits of what is drawn: each from a stream of its own, so that the size of one changes no other.
template <class Draw>
Dataset draw_splits(const std::string& name, Purpose purpose, const LoadOptions& options,
                    Draw draw) {
  Dataset data = new_dataset(name, "drawn from seed " + std::to_string(options.seed));
  const auto size = [](std::size_t wanted, std::size_t usual) {
    return wanted != 0 ? wanted : usual;
  };
  const auto rng = [&](std::uint64_t split) {
    return Rng(options.seed, stream_of(purpose, 0, split));
  };
  draw(size(options.train_size, 20000), rng(0), data.train, data.train_labels);
  draw(size(options.valid_size, 4000), rng(1), data.valid, data.valid_labels);
  draw(size(options.test_size, 4000), rng(2), data.test, data.test_labels);
  return data;
}

Dataset load_glyphs(const LoadOptions& options) {
  Dataset data = draw_splits("glyphs", Purpose::glyphs, options,
                             [](std::size_t n, Rng rng, Array& x, IndexArray& labels) {
                               Glyphs glyphs = draw_glyphs(n, rng);
                               x = std::move(glyphs.images);
                               labels = std::move(glyphs.labels);
                             });
  data.height = data.width = glyph_size;
  data.channels = 1;
  return data;
}

Dataset load_toy(const std::string& name, const LoadOptions& options) {
  const Toy toy(name);
  return draw_splits(name, Purpose::points, options,
                     [&](std::size_t n, Rng rng, Array& x, IndexArray& labels) {
                       ToyPoints points = toy.sample(n, rng);
                       x = std::move(points.points);
                       labels = std::move(points.labels);
                     });
}

Dataset load_named(const std::string& name, const LoadOptions& options) {
  if (name == "glyphs") return load_glyphs(options);
  const std::vector<std::string>& toys = Toy::names();
  if (std::find(toys.begin(), toys.end(), name) != toys.end()) return load_toy(name, options);
  for (const fs::path& place : places_of(name, options)) {
    if (name == "binarized-mnist") {
      TableFiles files;
      if (find_tables((place / "binarized_mnist_").string(), ".amat", files)) {
        return load_tables(name, files);
      }
    } else {
      IdxFiles files;
      if (find_idx(place, files)) return load_idx(name, files, options);
    }
  }
  not_found(name, options);
}

Dataset load_path(const std::string& path, const LoadOptions& options) {
  std::vector<std::string> places{path};
  if (fs::path(path).is_relative()) {
    for (const std::string& folder : search_folders(options)) {
      places.push_back((fs::path(folder) / path).string());
    }
  }
  for (const std::string& place : places) {
    TableFiles tables;
    IdxFiles idx;
    std::error_code ignored;
    if (find_tables(place + ".", ".data", tables)) {
      return load_tables(fs::path(place).filename().string(), tables);
    }
    if (fs::is_directory(place, ignored)) {
      if (find_idx(place, idx)) {
        return load_idx(fs::path(place + "/").parent_path().filename().string(), idx, options);
      }
      throw std::runtime_error(place +
                               ": is a directory without train-images-idx3-ubyte; name a file, or "
                               "a data set with --data NAME --data-dir DIR");
    }
    const std::string file = existing(place);
    if (!file.empty()) return load_single(file, options);
  }
  throw std::runtime_error(path + ": no such file (also sought with .gz and .train.data, and in " +
                           listed(search_folders(options), ", ") +
                           "), and no data set: " + listed(dataset_names(), ", "));
}

}  // namespace

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names{"fashion-mnist", "mnist", "binarized-mnist", "glyphs"};
    names.insert(names.end(), Toy::names().begin(), Toy::names().end());
    return names;
  }();
  return all;
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

Dataset load(const std::string& name_or_path, const LoadOptions& options) {
  const std::vector<std::string>& names = dataset_names();
  const bool named = std::find(names.begin(), names.end(), name_or_path) != names.end();
  Dataset data = named ? load_named(name_or_path, options) : load_path(name_or_path, options);
  shorten(data, data.train, data.train_labels, options.train_size, "train");
  shorten(data, data.valid, data.valid_labels, options.valid_size, "validate");
  shorten(data, data.test, data.test_labels, options.test_size, "test");
  if (!data.is_image() && data.columns() == 784) {
    data.height = data.width = 28;
    data.channels = 1;
  }
  measure_range(data);
  return data;
}

}  // namespace nabla::datasets
