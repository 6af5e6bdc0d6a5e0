#include "datasets/dataset.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "autograd/random.hpp"
#include "datasets/batches.hpp"
#include "datasets/find.hpp"
#include "datasets/formats.hpp"
#include "datasets/glyphs.hpp"
#include "datasets/idx.hpp"
#include "datasets/splits.hpp"
#include "datasets/toy.hpp"

namespace nabla::datasets {
namespace {

namespace fs = std::filesystem;

using Indices = std::vector<std::size_t>;

Dataset new_dataset(const std::string& name, const std::string& origin) {
  Dataset data;
  data.name = name;
  data.origin = origin;
  return data;
}

// The image's sizes, where there are any: (N, height, width) or (N, height, width, channels).
void take_shape(Dataset& data, const FileRows& file) {
  const Shape& shape = file.shape;
  if (shape.size() == 3 || (shape.size() == 4 && shape[3] <= 4)) {
    data.height = shape[1];
    data.width = shape[2];
    data.channels = shape.size() == 4 ? shape[3] : 1;
  }
  data.column_names = file.column_names;
}

// Bytes of images are grey levels.
void to_unit_interval(FileRows& file) {
  if (file.type != ElementType::u8) return;
  for (Rows& rows : file.parts) rows = rows.with_unit(255);
}

// Each kind of data ---------------------------------------------------------------------------

Dataset load_idx(const std::string& name, const IdxFiles& files, const LoadOptions& options) {
  Dataset data = new_dataset(name, files.train_images);
  const auto images = [](const std::string& path, const RowPlan& plan) {
    FileRows file = read_file_rows(path, plan);
    to_unit_interval(file);
    return file;
  };
  const auto labels = [](const std::string& path, const std::string& of, const FileRows& images) {
    IndexArray result = read_idx_labels(path);
    if (result.size() != images.shape[0]) {
      throw std::runtime_error(path + ": " + std::to_string(result.size()) + " labels for the " +
                               std::to_string(images.shape[0]) + " images of " + of);
    }
    return result;
  };
  std::vector<Indices> parts;
  const FileRows train = images(files.train_images, [&](std::size_t n) {
    const std::size_t valid =
        options.valid_size != 0 ? options.valid_size : std::max<std::size_t>(1, n / 6);
    if (valid >= n) too_few(name, n, std::to_string(valid) + " rows are to validate");
    parts = split_rows(n, {n - valid, valid}, options.seed);
    shorten(parts[0], options.train_size, name, "train");
    return parts;
  });
  take_shape(data, train);
  data.train = train.parts[0];
  data.valid = train.parts[1];
  const IndexArray classes = labels(files.train_labels, files.train_images, train);
  data.train_labels = take_rows(classes, parts[0]);
  data.valid_labels = take_rows(classes, parts[1]);

  Indices rows;
  const FileRows test = images(files.test_images, [&](std::size_t n) {
    rows = in_order(n, options.test_size, name, "test");
    return std::vector<Indices>{rows};
  });
  data.test = test.parts[0];
  data.test_labels = take_rows(labels(files.test_labels, files.test_images, test), rows);
  if (data.test.columns() != data.train.columns()) {
    throw std::runtime_error(files.test_images + ": images of " +
                             std::to_string(data.test.columns()) + " pixels, those of " +
                             files.train_images + " have " + std::to_string(data.train.columns()));
  }
  return data;
}

Dataset load_tables(const std::string& name, const TableFiles& files, const LoadOptions& options) {
  Dataset data = new_dataset(name, files.train);
  const auto read = [&](const std::string& path, std::size_t size, const char* split) {
    return read_file_rows(path, [&, size, split](std::size_t n) {
      return std::vector<Indices>{in_order(n, size, name, split)};
    });
  };
  const FileRows train = read(files.train, options.train_size, "train");
  data.column_names = train.column_names;
  data.train = train.parts[0];
  data.valid = read(files.valid, options.valid_size, "validate").parts[0];
  data.test = read(files.test, options.test_size, "test").parts[0];
  const auto compare = [&](const Rows& x, const std::string& path) {
    if (x.columns() == data.train.columns()) return;
    throw std::runtime_error(path + ": " + std::to_string(x.columns()) + " columns, those of " +
                             files.train + " are " + std::to_string(data.train.columns()));
  };
  compare(data.valid, files.valid);
  compare(data.test, files.test);
  return data;
}

Dataset load_single(const std::string& path, const LoadOptions& options) {
  Dataset data = new_dataset(fs::path(path).filename().string(), path);
  FileRows file = read_file_rows(path, [&](std::size_t n) -> std::vector<Indices> {
    if (options.whole_file) {
      return {in_order(n, options.train_size, data.name, "train"),
              in_order(0, options.valid_size, data.name, "validate"),
              in_order(0, options.test_size, data.name, "test")};
    }
    const std::size_t tenth = std::max<std::size_t>(1, n / 10);
    const std::size_t valid = options.valid_size != 0 ? options.valid_size : tenth;
    const std::size_t test = options.test_size != 0 ? options.test_size : tenth;
    if (valid >= n || test >= n - valid) {
      too_few(data.name, n,
              std::to_string(valid) + " and " + std::to_string(test) +
                  " rows are to validate and to test");
    }
    std::vector<Indices> parts = split_rows(n, {n - valid - test, valid, test}, options.seed);
    shorten(parts[0], options.train_size, data.name, "train");
    return parts;
  });
  take_shape(data, file);
  if (data.is_image()) to_unit_interval(file);
  data.train = file.parts[0];
  data.valid = file.parts[1];
  data.test = file.parts[2];
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
                             [](std::size_t n, Rng rng, Rows& x, IndexArray& labels) {
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
                     [&](std::size_t n, Rng rng, Rows& x, IndexArray& labels) {
                       ToyPoints points = toy.sample(n, rng);
                       x = Rows(std::move(points.points));
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
        return load_tables(name, files, options);
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
      return load_tables(fs::path(place).filename().string(), tables, options);
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
  not_found(path, options);
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

void describe(Dataset& data) {
  data.columns = data.train.columns();
  data.low = std::numeric_limits<Real>::infinity();
  data.high = -data.low;
  data.binary = true;
  for (const Rows* rows : {&data.train, &data.valid, &data.test}) {
    const ValueRange range = rows->value_range();
    data.low = std::min(data.low, range.low);
    data.high = std::max(data.high, range.high);
    data.binary = data.binary && range.binary;
  }
  data.classes = data.train_labels.size() == 0 ? 0 : 1;
  for (const IndexArray* labels : {&data.train_labels, &data.valid_labels, &data.test_labels}) {
    for (const std::int64_t label : *labels) {
      if (label > 0) data.classes = std::max(data.classes, static_cast<std::size_t>(label) + 1);
    }
  }
}

Dataset load(const std::string& name_or_path, const LoadOptions& options) {
  const std::vector<std::string>& names = dataset_names();
  const bool named = std::find(names.begin(), names.end(), name_or_path) != names.end();
  Dataset data = named ? load_named(name_or_path, options) : load_path(name_or_path, options);
  describe(data);
  if (!data.is_image() && data.columns == 784) {
    data.height = data.width = 28;
    data.channels = 1;
  }
  return data;
}

}  // namespace nabla::datasets
