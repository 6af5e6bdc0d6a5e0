#include "nn/named.hpp"

#include <set>
#include <stdexcept>

namespace nabla::nn {
namespace {

constexpr std::size_t most_listed = 3;  // of each kind: the first few show what went wrong

std::string joined(const std::string& heading, const std::vector<std::string>& items) {
  std::string text = heading;
  for (std::size_t i = 0; i < items.size() && i < most_listed; ++i) {
    text += (i == 0 ? "" : ", ") + items[i];
  }
  if (items.size() > most_listed) {
    text += " and " + std::to_string(items.size() - most_listed) + " more";
  }
  return text;
}

}  // namespace

void check_names(const std::string& operation, const std::map<std::string, Shape>& expected,
                 const NamedArrays& given) {
  std::vector<std::string> missing, unknown, misshaped;
  for (const auto& [name, shape] : expected) {
    const auto found = given.find(name);
    if (found == given.end()) {
      missing.push_back("\"" + name + "\" " + to_string(shape));
    } else if (found->second.shape() != shape) {
      misshaped.push_back("\"" + name + "\" has shape " + to_string(found->second.shape()) +
                          ", expected " + to_string(shape));
    }
  }
  for (const auto& [name, array] : given) {
    if (expected.count(name) == 0)
      unknown.push_back("\"" + name + "\" " + to_string(array.shape()));
  }
  std::vector<std::string> complaints;
  if (!missing.empty()) complaints.push_back(joined("missing ", missing));
  if (!unknown.empty()) complaints.push_back(joined("unknown ", unknown));
  if (!misshaped.empty()) complaints.push_back(joined("", misshaped));
  if (complaints.empty()) return;
  std::string text = operation + ": " + complaints[0];
  for (std::size_t i = 1; i < complaints.size(); ++i) text += "; " + complaints[i];
  throw std::invalid_argument(text);
}

std::vector<std::string> state_names(const std::string& operation,
                                     const std::vector<Tensor>& parameters) {
  std::set<const Node*> nodes;
  std::set<std::string> distinct;
  std::vector<std::string> labels, numbers;
  for (const Tensor& parameter : parameters) {
    const Node& node = parameter.node();
    if (!node.is_leaf() || !node.requires_grad()) {
      throw std::invalid_argument(operation + ": " + node.describe() + " is not a parameter");
    }
    if (!nodes.insert(&node).second) {
      throw std::invalid_argument(operation + ": " + node.describe() + " comes twice");
    }
    numbers.push_back(std::to_string(numbers.size()));
    labels.push_back(node.label);
    if (!node.label.empty()) distinct.insert(node.label);
  }
  return distinct.size() == parameters.size() ? labels : numbers;
}

}  // namespace nabla::nn
