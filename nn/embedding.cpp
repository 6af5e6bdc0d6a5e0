#include "nn/embedding.hpp"

#include "autograd/ops.hpp"

namespace nabla::nn {

Embedding::Embedding(std::size_t count, std::size_t size, Rng& rng, const Initialiser& initial) {
  check_shape("Embedding", {count, size});
  weight_ = parameter("weight", initial({count, size}, rng));
}

Tensor Embedding::operator()(const IndexArray& index) const {
  return embedding(weight_, index);
}

}  // namespace nabla::nn
