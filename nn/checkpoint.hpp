// Arrays with names in a file: the safetensors format (https://github.com/huggingface/safetensors,
// "Format"), so that weights can be opened from Python with one line.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "autograd/tensor.hpp"
#include "nn/named.hpp"

namespace nabla::nn {

using DoubleArray = xt::xarray<double, xt::layout_type::row_major>;
/// F32, F64 and I64 of the format.
using StoredArray = std::variant<Array, DoubleArray, IndexArray>;

using StoredArrays = std::map<std::string, StoredArray>;

/// What a file holds.
struct TensorFile {
  StoredArrays tensors;
  std::map<std::string, std::string> metadata;
};

/// Writes the whole file or leaves the one that was there. Throws std::runtime_error with path and
/// cause; std::invalid_argument if a name is "__metadata__" or not UTF-8.
void write_tensors(const std::string& path, const TensorFile& file);

/// Reads and checks a file: header, names, types, shapes, and that the tensors fill the rest of the
/// file without gap or overlap. Throws std::runtime_error with one line that names file and tensor.
TensorFile read_tensors(const std::string& path);

/// Copies of the values, under their names. Throws std::invalid_argument if a name is there twice.
NamedArrays values_of(const NamedTensors& parameters);

/// Sets each parameter to the array of its name; nothing is changed if one is missing, too many, or
/// of another shape: then throws std::invalid_argument that starts with `source`, a path, and lists
/// what does not fit.
void set_values(const NamedTensors& parameters, const NamedArrays& values,
                const std::string& source);

/// The arrays of a file as Real; F64 is rounded. Throws std::runtime_error on an I64 tensor.
NamedArrays arrays_of(const TensorFile& file, const std::string& source);

}  // namespace nabla::nn
