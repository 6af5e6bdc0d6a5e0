// Means over examples that gather themselves: over the batches of an epoch, or over a data set.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.hpp"

namespace nabla::models {

/// Measured numbers in the order in which they are shown; units in the key: "test_elbo_nats".
using Figures = std::vector<std::pair<std::string, double>>;

/// a, then b.
Figures joined(Figures a, const Figures& b);

/// The figure of that key. Throws std::invalid_argument if there is none.
double value_of(const Figures& figures, const std::string& key);

class Means {
 public:
  /// One number for each of some examples: (B,).
  void add(const std::string& key, const Tensor& each);
  /// The mean of so many.
  void add(const std::string& key, double mean, std::size_t examples);

  /// Throws std::invalid_argument on a key that nothing was added under.
  double operator[](const std::string& key) const;
  /// "elbo_nats" of as("valid") is "valid_elbo_nats", of as("") itself; in the order in which they
  /// first came.
  Figures as(const std::string& split) const;

 private:
  struct Sum {
    std::string key;
    double total = 0, examples = 0;
  };
  Sum& of(const std::string& key);

  std::vector<Sum> sums_;
};

}  // namespace nabla::models
