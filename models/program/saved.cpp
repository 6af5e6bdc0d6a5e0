#include <filesystem>
#include <stdexcept>

#include "models/program/state.hpp"
#include "nn/files.hpp"

namespace nabla::models {

Saved::Saved(const std::string& folder) : folder_(folder), file_(folder + "/options.json") {
  const std::string weights = folder + "/model.safetensors";
  if (!std::filesystem::exists(file_)) {
    throw std::runtime_error(folder + ": holds no run, there is no " + file_);
  }
  options_ = nn::read_file(file_);
  const Json object = Json::parse(options_, nullptr, false);
  if (!object.is_object() || !object.contains("model") || !object["model"].is_string()) {
    throw std::runtime_error(file_ + ": not the options of a run");
  }
  model_ = object["model"];
  const std::string go_on = "go on with ./nabla train " + model_ + " --resume " + folder;
  if (!object.contains("format")) {
    throw std::runtime_error(file_ +
                             ": written by an earlier nabla, it does not say what the data " +
                             "were; " + go_on + ", which adds it");
  }
  if (object["format"] != format) {
    throw std::runtime_error(file_ + ": its format is " + object["format"].dump() +
                             ", this nabla reads " + std::to_string(format));
  }
  try {
    data_ = data_shape_of(object.at("data_shape"));
  } catch (const Json::exception&) {
    throw std::runtime_error(file_ + ": \"data_shape\" is missing or damaged");
  }
  seed_ = object.value("seed", std::uint64_t{1});
  part_ = object.value("part", std::size_t{0});
  if (!std::filesystem::exists(weights) && object.contains("runs")) {
    throw std::runtime_error(folder + ": holds " + std::to_string(object["runs"].size()) +
                             " runs; open one of them, " + folder + "/" +
                             object["runs"].at(0).get<std::string>() + " for one");
  }
  if (!std::filesystem::exists(weights)) {
    throw std::runtime_error(folder + ": its training has not finished, there is no " + weights +
                             "; " + go_on);
  }
  arrays_ = nn::arrays_of(nn::read_tensors(weights), weights);
}

std::uint64_t Saved::data_seed() const {
  return outer_seed(seed_, part_);
}

void Saved::load(const nn::Module& network) const {
  nn::NamedArrays parameters;
  for (const auto& [name, value] : arrays_) {
    if (name.rfind(constant_prefix, 0) != 0) parameters.emplace(name, value);
  }
  try {
    network.load(parameters);
  } catch (const std::invalid_argument& e) {
    throw std::runtime_error(folder_ + "/model.safetensors: " + e.what());
  }
}

const Array& Saved::parameter(const std::string& name) const {
  const auto found = arrays_.find(name);
  if (found != arrays_.end()) return found->second;
  throw std::runtime_error(folder_ + "/model.safetensors: there is no \"" + name + "\"");
}

const Array& Saved::array(const std::string& name) const {
  return parameter(constant_prefix + name);
}

datasets::Standardizer Saved::scaling() const {
  if (arrays_.count(std::string(constant_prefix) + "scaling.mean") == 0) {
    return {zeros({data_.columns}), ones({data_.columns}), zeros({data_.columns})};
  }
  return {array("scaling.mean"), array("scaling.std_dev"), array("scaling.rest")};
}

}  // namespace nabla::models
