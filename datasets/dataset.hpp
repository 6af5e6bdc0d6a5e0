// A data set in memory, from a name or a path to splits that are ready to train on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "autograd/array.hpp"
#include "datasets/rows.hpp"

namespace nabla::datasets {

inline IndexArray no_labels() {
  return IndexArray(IndexArray::shape_type{0});
}

/// What a data set's examples are, without them.
struct DataShape {
  std::string name;                                 ///< "mnist", "dna", …
  std::size_t columns = 0;                          ///< numbers of an example
  std::size_t height = 0, width = 0, channels = 0;  ///< of an image; 0 for other data
  std::size_t classes = 0;                          ///< 1 + the largest label; 0 without labels
  Real low = 0, high = 0;                           ///< smallest and largest value of all
  bool binary = false;                              ///< every value is 0 or 1
  std::vector<std::string> column_names;            ///< of a table with a header; else empty

  bool is_image() const { return channels != 0; }
  bool has_labels() const { return classes != 0; }
};

struct Dataset : DataShape {
  Rows train, valid, test;  ///< (rows, columns)
  IndexArray train_labels = no_labels(), valid_labels = no_labels(),
             test_labels = no_labels();  ///< (rows,), or (0,) where there are none
  std::string origin;                    ///< the first file, or "drawn from seed 1"
};

/// Fills in what follows from the splits and labels: columns, classes, low, high and binary.
/// load() does; for those who put a data set together themselves.
void describe(Dataset& data);

struct LoadOptions {
  std::string data_dir;                            ///< --data-dir, searched first
  std::string system_dir = "/usr/share/datasets";  ///< searched last
  /// Rows of each split; 0 for what the data set has. See load().
  std::size_t train_size = 0, valid_size = 0, test_size = 0;
  /// Of what is drawn (glyphs, points) and of splits. Two runs are comparable on equal seeds.
  std::uint64_t seed = 1;
  /// Of a single file: all rows in `train`, in the file's order, and none elsewhere. For splits of
  /// one's own, such as folds.
  bool whole_file = false;
};

/// What load() knows by name, in the order to show.
const std::vector<std::string>& dataset_names();

/// Folders that load() searches: data_dir, those of $NABLA_DATA (separated by colons), system_dir.
std::vector<std::string> search_folders(const LoadOptions& options);

/// A data set by name or path.
///
/// Names. Files stand in DIR/NAME/ or in DIR itself, with or without .gz.
///   fashion-mnist, mnist  train-images-idx3-ubyte and its three siblings; pixels / 255, flat,
///                         (N, 784). valid_size of the 60000 rows (a sixth), by seed, validate.
///   binarized-mnist       binarized_mnist_{train,valid,test}.amat (Larochelle & Murray 2011)
///   glyphs                images drawn by the program, see glyphs.hpp
///   ring8, grid25, moons, swiss-roll, checkerboard    points, see toy.hpp
/// What is drawn has 20000, 4000 and 4000 rows unless the options say otherwise.
///
/// Paths, as given or within one of the folders, with or without their .gz:
///   BASE      where BASE.train.data, BASE.valid.data and BASE.test.data stand: these three
///   FILE      IDX, npy or text table, by its first bytes. One row an example: further axes are
///             flattened, a third and fourth are an image's. 10 % of the rows, by seed, validate
///             and 10 % test, at least one each. Bytes of images are divided by 255; nothing else
///             is scaled. 784 columns are taken for 28 × 28 pixels.
///   FOLDER    that holds train-images-idx3-ubyte and its siblings
///
/// Bytes of a file stay bytes, and of IDX and npy no rows are kept that no split has. Splits by
/// seed keep the order of the file. A size that the data set's own split exceeds takes its first
/// rows. Throws std::runtime_error of one line if nothing is found (with every folder searched and
/// what to do) and on any file that is not as it should be; std::invalid_argument on sizes that the
/// data set cannot give.
Dataset load(const std::string& name_or_path, const LoadOptions& options = {});

}  // namespace nabla::datasets
