// Embedding: a learned vector for each of a number of things.
#pragma once

#include <cstddef>

#include "autograd/random.hpp"
#include "nn/init.hpp"
#include "nn/module.hpp"

namespace nabla::nn {

/// Rows of a table by number: indices of shape S → S + (size,). Parameter "weight" (count, size),
/// standard normal unless told otherwise.
class Embedding : public Module {
 public:
  Embedding(std::size_t count, std::size_t size, Rng& rng,
            const Initialiser& initial = init::normal(0, 1));

  /// Throws std::invalid_argument for an index outside [0, count).
  Tensor operator()(const IndexArray& index) const;

  const Tensor& weight() const { return weight_; }

 private:
  Tensor weight_;
};

}  // namespace nabla::nn
