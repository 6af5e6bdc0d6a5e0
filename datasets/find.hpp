// Where the files of a data set are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"

namespace nabla::datasets {

/// BASE or BASE.gz; "" if there is neither. A folder counts as found where a file is wanted, as
/// does what may not be looked at: the reader says what is wrong.
std::string existing(const std::filesystem::path& base);

/// Images and labels of both splits, as IDX.
struct IdxFiles {
  std::string train_images, train_labels, test_images, test_labels;
};

/// False if the folder has no train-images-idx3-ubyte. Throws std::runtime_error if it has, and one
/// of the other three is missing.
bool find_idx(const std::filesystem::path& folder, IdxFiles& files);

/// Three tables whose names differ in one word.
struct TableFiles {
  std::string train, valid, test;
};

/// BEFORE{train,valid,test}AFTER. False if there is no first one; throws std::runtime_error if
/// there is, and one of the others is missing.
bool find_tables(const std::string& before, const std::string& after, TableFiles& files);

/// Where the files of a named data set may stand: in its own folder, or in one given directly, as
/// long as that is not another data set's (the files of MNIST and Fashion-MNIST have equal names).
std::vector<std::filesystem::path> places_of(const std::string& name, const LoadOptions& options);

/// Throws std::runtime_error: that there is no such file, or that a data set of that name was not
/// found; with every folder searched, and what to do.
[[noreturn]] void not_found(const std::string& name_or_path, const LoadOptions& options);

}  // namespace nabla::datasets
