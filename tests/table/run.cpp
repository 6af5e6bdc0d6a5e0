#include "tests/table/run.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nabla::testing {
namespace {

std::vector<double> doubles(const Array& a) {
  return {a.data(), a.data() + a.size()};
}

}  // namespace

Array seed_of(const Shape& shape) {
  Array seed = empty(shape);
  double u = 0.4321;
  for (Real& x : seed) {
    u = std::fmod(u + 0.7548776662466927, 1.0);
    x = static_cast<Real>(u < 0.5 ? -1.5 + 2 * u : 2 * u - 0.5);
  }
  return seed;
}

bool is_constant(const Entry& entry, std::size_t input) {
  return std::count(entry.constants.begin(), entry.constants.end(), input) != 0;
}

Run forward(const Entry& entry, const Arrays& inputs) {
  if (entry.measure) {
    std::vector<double> value = entry.measure(inputs);
    return {{value.size()}, value, {}};
  }
  const Tensor y = entry.call(Tensors(inputs.begin(), inputs.end()));
  return {y.shape(), doubles(y.value()), {}};
}

Run run(const Entry& entry, const Arrays& inputs, Seed seed) {
  if (entry.measure) return forward(entry, inputs);
  Tensors x;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    x.push_back(is_constant(entry, k) ? Tensor(inputs[k]) : parameter(inputs[k]));
  }
  const Tensor y = entry.call(x);
  Run result{y.shape(), doubles(y.value()), {}};
  if (!y.requires_grad()) return result;
  y.backward(seed == Seed::ones ? ones(y.shape()) : seed_of(y.shape()));
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (is_constant(entry, k)) {
      result.gradients.emplace_back();
    } else {
      result.gradients.push_back(doubles(x[k].has_grad() ? x[k].grad() : zeros(x[k].shape())));
    }
  }
  return result;
}

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return same_bits(x, y); });
}

std::uint64_t fingerprint(const Run& run) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a, word by word
  const auto add = [&hash](std::uint64_t word) { hash = (hash ^ word) * 1099511628211u; };
  const auto add_all = [&](const std::vector<double>& numbers) {
    add(numbers.size());
    for (const double x : numbers) {
      std::uint64_t bits = 0;
      if (!std::isnan(x)) std::memcpy(&bits, &x, sizeof x);
      add(std::isnan(x) ? ~bits : bits);
    }
  };
  for (const std::size_t size : run.shape) add(size);
  add_all(run.value);
  for (const std::vector<double>& gradient : run.gradients) add_all(gradient);
  return hash;
}

}  // namespace nabla::testing
