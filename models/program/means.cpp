#include "models/program/means.hpp"

#include <algorithm>
#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla::models {

Figures joined(Figures a, const Figures& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

double value_of(const Figures& figures, const std::string& key) {
  for (const auto& figure : figures) {
    if (figure.first == key) return figure.second;
  }
  throw std::invalid_argument("there is no figure \"" + key + "\"");
}

Means::Sum& Means::of(const std::string& key) {
  const auto found =
      std::find_if(sums_.begin(), sums_.end(), [&](const Sum& sum) { return sum.key == key; });
  if (found != sums_.end()) return *found;
  sums_.push_back({key});
  return sums_.back();
}

void Means::add(const std::string& key, const Tensor& each) {
  Sum& sum_of = of(key);
  for (const Real value : each.value()) sum_of.total += static_cast<double>(value);
  sum_of.examples += static_cast<double>(each.size());
}

void Means::add(const std::string& key, double mean, std::size_t examples) {
  Sum& sum_of = of(key);
  sum_of.total += mean * static_cast<double>(examples);
  sum_of.examples += static_cast<double>(examples);
}

double Means::operator[](const std::string& key) const {
  for (const Sum& sum : sums_) {
    if (sum.key == key) return sum.total / sum.examples;
  }
  throw std::invalid_argument("Means: nothing was added under \"" + key + "\"");
}

Figures Means::as(const std::string& split) const {
  Figures figures;
  const std::string prefix = split.empty() ? "" : split + "_";
  for (const Sum& sum : sums_) figures.emplace_back(prefix + sum.key, sum.total / sum.examples);
  return figures;
}

}  // namespace nabla::models
