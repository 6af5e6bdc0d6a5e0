#include "nn/module.hpp"

#include <stdexcept>
#include <unordered_set>

namespace nabla::nn {

struct Module::Contents {
  NamedTensors parameters, buffers;
  std::map<std::string, Check> checks;  // of those buffers that have one
  std::vector<std::pair<std::string, Module>> children;
  bool training = true;
};

Module::Module() : contents_(std::make_shared<Contents>()) {}

NamedTensors Module::listed(NamedTensors Contents::*kind) const {
  NamedTensors list;
  std::unordered_set<const Node*> seen;
  for (const auto& own : (*contents_).*kind) {
    if (seen.insert(&own.second.node()).second) list.push_back(own);
  }
  for (const auto& [prefix, child] : contents_->children) {
    for (const auto& [name, tensor] : child.listed(kind)) {
      if (seen.insert(&tensor.node()).second) list.emplace_back(prefix + "." + name, tensor);
    }
  }
  return list;
}

NamedTensors Module::named_parameters() const {
  return listed(&Contents::parameters);
}

NamedTensors Module::named_buffers() const {
  return listed(&Contents::buffers);
}

NamedTensors Module::named_tensors() const {
  NamedTensors list = named_parameters();
  for (auto& named : named_buffers()) list.push_back(std::move(named));
  return list;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> list;
  for (const auto& named : named_parameters()) list.push_back(named.second);
  return list;
}

std::size_t Module::parameter_count() const {
  std::size_t count = 0;
  for (const Tensor& tensor : parameters()) count += tensor.size();
  return count;
}

void Module::clear_grad() const {
  for (Tensor& tensor : parameters()) tensor.clear_grad();
}

void Module::train(bool on) const {
  contents_->training = on;
  for (const auto& child : contents_->children) child.second.train(on);
}

bool Module::training() const {
  return contents_->training;
}

NamedArrays Module::state() const {
  NamedArrays values;
  for (const auto& [name, tensor] : named_tensors()) values.emplace(name, tensor.value());
  return values;
}

void Module::load(const NamedArrays& values) const {
  const NamedTensors tensors = named_tensors();
  std::map<std::string, Shape> expected;
  for (const auto& [name, tensor] : tensors) expected.emplace(name, tensor.shape());
  check_names("load", expected, values);
  std::map<const Node*, Check> checks;
  collect_checks(checks);
  for (const auto& [name, tensor] : tensors) {
    const auto check = checks.find(&tensor.node());
    if (check != checks.end()) check->second(values.at(name));
  }
  for (const auto& [name, tensor] : tensors) {
    Tensor target = tensor;
    target.mutable_value() = values.at(name);
  }
}

void Module::collect_checks(std::map<const Node*, Check>& checks) const {
  for (const auto& [name, tensor] : contents_->buffers) {
    const auto check = contents_->checks.find(name);
    if (check != contents_->checks.end()) checks.emplace(&tensor.node(), check->second);
  }
  for (const auto& child : contents_->children) child.second.collect_checks(checks);
}

Tensor Module::parameter(const std::string& name, Array initial) {
  check_name(name);
  Tensor tensor = nabla::parameter(std::move(initial));
  tensor.set_label(name);
  contents_->parameters.emplace_back(name, tensor);
  return tensor;
}

Tensor Module::buffer(const std::string& name, Array initial, Check check) {
  check_name(name);
  Tensor tensor = constant(std::move(initial));
  tensor.set_label(name);
  contents_->buffers.emplace_back(name, tensor);
  if (check) contents_->checks.emplace(name, std::move(check));
  return tensor;
}

void Module::children(const std::vector<std::pair<std::string, Module>>& list) {
  for (const auto& [name, child] : list) {
    check_name(name);
    if (child.contains(*this)) {
      throw std::invalid_argument("children: \"" + name +
                                  "\" contains the module it would go into");
    }
    contents_->children.emplace_back(name, child);
  }
  for (const auto& [path, tensor] : named_tensors()) {
    Tensor named = tensor;
    named.set_label(path);
  }
}

void Module::check_name(const std::string& name) const {
  if (name.empty() || name.find('.') != std::string::npos) {
    throw std::invalid_argument("module: \"" + name +
                                "\" cannot be a name: it must not be empty "
                                "or contain a dot");
  }
  const auto taken = [&name](const auto& list) {
    for (const auto& entry : list) {
      if (entry.first == name) return true;
    }
    return false;
  };
  if (taken(contents_->parameters) || taken(contents_->buffers) || taken(contents_->children)) {
    throw std::invalid_argument("module: the name \"" + name + "\" is already taken");
  }
}

bool Module::contains(const Module& other) const {
  if (contents_ == other.contents_) return true;
  for (const auto& child : contents_->children) {
    if (child.second.contains(other)) return true;
  }
  return false;
}

Frozen::Frozen(const Module& module) {
  for (const Tensor& tensor : module.parameters()) {
    if (!tensor.requires_grad()) continue;
    tensor.node().require_grad(false);
    parameters_.push_back(tensor);
  }
}

Frozen::~Frozen() {
  for (const Tensor& tensor : parameters_) tensor.node().require_grad(true);
}

}  // namespace nabla::nn
