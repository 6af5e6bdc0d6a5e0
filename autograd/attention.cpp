// Attention. Its loops, and the mathematics of its gradient, are in kernels/attention.cpp.
#include "autograd/kernels/attention.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/ops.hpp"

namespace nabla {

// y = softmax(q kᵀ / √d) v for each head
Tensor attention(const Tensor& qkv, std::size_t heads) {
  const Shape& s = qkv.shape();
  if (s.size() != 4 || s[3] % 3 != 0 || heads == 0 || s[3] / 3 % heads != 0) {
    throw std::invalid_argument(
        "attention: the input is (B, h, w, 3 C), of which the heads divide C, got " + to_string(s) +
        " and " + std::to_string(heads));
  }
  const detail::Heads h{s[0], s[1] * s[2], s[3] / 3, heads};
  Array y = empty({s[0], s[1], s[2], h.channels});
  detail::attention_forward(h, qkv.value().data(), y.data());
  const auto backward = [h](Node& out, Node& qkv) {
    qkv.accumulate_with([&](Array& gradient, Real beta) {
      detail::attention_backward(h, qkv.value.data(), out.grad().data(), beta, gradient.data());
    });
  };
  return record("attention", std::move(y), backward, qkv);
}

}  // namespace nabla
