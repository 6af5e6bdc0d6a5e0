// Arrays by name: what a checkpoint holds, and the check that it fits.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.hpp"

namespace nabla::nn {

using NamedArrays = std::map<std::string, Array>;
/// Tensors and their names, in order, as Module::named_parameters() lists them.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Throws std::invalid_argument unless `given` has exactly the expected names, each with its shape.
/// The message lists what is missing, what is unknown and whose shape differs:
/// "load: missing \"out.bias\" (10,); unknown \"b\"; \"w\" has shape (2,), expected (3,)".
void check_names(const std::string& operation, const std::map<std::string, Shape>& expected,
                 const NamedArrays& given);

/// Names for what is kept about each parameter (an optimiser's momentum, an average): their labels
/// if these tell all of them apart, else their numbers. Throws std::invalid_argument if one is not
/// a parameter or comes twice.
std::vector<std::string> state_names(const std::string& operation,
                                     const std::vector<Tensor>& parameters);

}  // namespace nabla::nn
