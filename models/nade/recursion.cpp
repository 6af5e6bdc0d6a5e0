#include "models/nade/recursion.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "autograd/broadcast.hpp"
#include "autograd/ops.hpp"
#include "models/nade/walk.hpp"

namespace nabla::models {
namespace {

using nade::Packed, nade::columns_from_order, nade::columns_to_order;

void check(const char* operation, const Shape& x, const NadeWeights& weights, const Ordering& o) {
  const std::string name = operation;
  const Shape &W = weights.W.shape(), &V = weights.V.shape(), &b = weights.b.shape(),
              &c = weights.c.shape();
  const bool fit = x.size() == 2 && W.size() == 2 && V == W && b.size() == 1 && c.size() == 1 &&
                   b[0] == W[0] && c[0] == W[1] && x[1] == W[0];
  if (!fit) {
    throw std::invalid_argument(name + ": needs x (B, D), W and V (D, H), b (D) and c (H), got " +
                                to_string(x) + ", " + to_string(W) + ", " + to_string(V) + ", " +
                                to_string(b) + " and " + to_string(c));
  }
  std::vector<bool> seen(x[1]);
  bool permutation = o.size() == x[1];
  for (const std::size_t d : o) {
    permutation = permutation && d < x[1] && !seen[d];
    if (permutation) seen[d] = true;
  }
  if (!permutation) {
    throw std::invalid_argument(name + ": the ordering must hold each of 0 … " +
                                std::to_string(x[1]) + " − 1 once, and has " +
                                std::to_string(o.size()) + " numbers");
  }
}

void check_binary(const char* operation, const Array& x) {
  const Real* const p = x.data();
  int others = 0;
#pragma omp parallel for simd reduction(| : others) if (x.size() >= parallel_threshold)
  for (std::size_t i = 0; i < x.size(); ++i) others |= p[i] != 0 && p[i] != 1 ? 1 : 0;
  if (others == 0) return;
  const Real* const bad = std::find_if(p, p + x.size(), [](Real v) { return v != 0 && v != 1; });
  throw std::invalid_argument(std::string(operation) + ": x must be 0 or 1, and is " +
                              std::to_string(*bad) + " at flat index " + std::to_string(bad - p) +
                              " of " + to_string(x.shape()));
}

}  // namespace

Tensor nade_logits(const Tensor& x, const NadeWeights& weights, const Ordering& o) {
  check("nade_logits", x.shape(), weights, o);
  check_binary("nade_logits", x.value());
  if (x.requires_grad()) {
    throw std::invalid_argument("nade_logits: x gets no gradient; detach() it");
  }
  const std::size_t B = x.size(0), D = o.size();
  Packed packed(weights, o);
  if (packed.large_W) return nade_logits_by_step(x, weights, o);
  std::vector<std::uint8_t> inputs(B * D);
  columns_to_order(x.value().data(), inputs.data(), B, o);
  Array in_order = empty({B, D}), logits = empty({B, D}), a = empty({B, packed.stride});
  nade::forward(packed, B, D, inputs, in_order, a,
                [](std::size_t, std::size_t, Real) { return false; });
  columns_from_order(in_order.data(), logits.data(), B, o);

  auto walk = [B, D, o = Ordering(o), packed = std::move(packed), inputs = std::move(inputs),
               a = std::move(a)](Node& out, Node& W, Node& V, Node& b, Node& c) {
    Array g = empty({B, D});
    columns_to_order(out.grad().data(), g.data(), B, o);
    Array dW = empty({D, packed.stride}), dV = empty({D, packed.stride});
    Array dc = empty({packed.stride});
    nade::backward(packed, B, inputs, g, a, dW, dV, dc);
    W.accumulate_with([&](Array& target, Real beta) { nade::unpack_rows(dW, o, beta, target); });
    V.accumulate_with([&](Array& target, Real beta) { nade::unpack_rows(dV, o, beta, target); });
    b.accumulate(unbroadcast(out.grad(), b.value.shape()));
    Array dc_only = empty(c.value.shape());  // without the padding
    std::copy_n(dc.data(), dc_only.size(), dc_only.data());
    c.accumulate(std::move(dc_only));
  };
  return record("nade_logits", std::move(logits), std::move(walk), weights.W, weights.V, weights.b,
                weights.c);
}

Tensor nade_logits_by_step(const Tensor& x, const NadeWeights& weights, const Ordering& o) {
  check("nade_logits_by_step", x.shape(), weights, o);
  const std::size_t H = weights.c.size();
  Tensor a = broadcast_to(weights.c, {x.size(0), H});  // a₁ = c    [UCGML, eq. 4]
  std::vector<Tensor> logits(o.size());
  for (const std::size_t o_d : o) {
    const std::ptrdiff_t d = static_cast<std::ptrdiff_t>(o_d);
    const auto row = [d](const Tensor& m) { return slice(m, 0, d, d + 1); };
    const Tensor h = sigmoid(a);                                          // (B, H)     [eq. 5]
    logits[o_d] = matmul(h, transpose(row(weights.V))) + row(weights.b);  // (B, 1)     [eq. 2]
    a = a + slice(x, 1, d, d + 1) * row(weights.W);                       // (B, H)     [eq. 6]
  }
  return concat(logits, 1);
}

Array nade_sample(const Array& x, std::size_t known, const NadeWeights& weights, const Ordering& o,
                  Rng& rng) {
  check("nade_sample", x.shape(), weights, o);
  const std::size_t B = x.shape()[0], D = o.size();
  if (known > D) {
    throw std::invalid_argument("nade_sample: " + std::to_string(known) + " of " +
                                std::to_string(D) + " dimensions cannot be known");
  }
  const Packed packed(weights, o);
  std::vector<std::uint8_t> drawn(B * D);
  columns_to_order(x.data(), drawn.data(), B, o);
  Array logits = empty({B, D}), a = empty({B, packed.stride});
  const Array u = rng.uniform({B, D});
  nade::forward(packed, B, known, drawn, logits, a, [&](std::size_t b, std::size_t d, Real l) {
    return u.data()[b * D + d] < 1 / (1 + std::exp(-l));  // x_{o_d} ~ Bernoulli(σ(l_{o_d}))
  });
  Array result = empty({B, D});
  columns_from_order(drawn.data(), result.data(), B, o);
  return result;
}

}  // namespace nabla::models
