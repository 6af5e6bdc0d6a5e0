// The recursion of NADE as one operation, and as the paper writes it.
//
//   a₁ = c,   a_{d+1} = a_d + x_{o_d} W_{o_d}                                    [UCGML, eqs. 4, 6]
//   h_d = σ(a_d)                                                                 [UCGML, eq. 5]
//   l_{o_d} = b_{o_d} + V_{o_d}·h_d,   p(x_{o_d} = 1 | x_{o_<d}) = σ(l_{o_d})    [UCGML, eq. 2]
//
// o is the ordering: o_d is the dimension that comes d-th. B examples, D dimensions, H hidden
// units; W (D, H), V (D, H), b (D), c (H): the paper's W is ours transposed. [UCGML] as in
// nade.hpp.
//
// h changes only after an input that is 1. So the sigmoids, which are most of the work, are needed
// once for each 1 and not once for each dimension: an eighth, for digits.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/random.hpp"
#include "autograd/tensor.hpp"

namespace nabla::models {

/// o: each of 0 … D − 1 once.
using Ordering = std::vector<std::size_t>;

/// The parameters, as in the equations.
struct NadeWeights {
  Tensor W, V, b, c;
};

/// Logits l, (B, D), of x (B, D): the column of each is its dimension, whatever the ordering.
/// O(BDH) time, and gradients for the four weights in one walk back. Throws std::invalid_argument
/// unless all shapes fit, x is 0 or 1 throughout and takes no gradient, and o is a permutation.
/// With a number beyond 1024 in W it is nade_logits_by_step(), which takes long and loses nothing.
Tensor nade_logits(const Tensor& x, const NadeWeights& weights, const Ordering& o);

/// The same, an operation for each step of the equations: what nade_logits is tested against.
Tensor nade_logits_by_step(const Tensor& x, const NadeWeights& weights, const Ordering& o);

/// Ancestral sampling: the first `known` dimensions of the ordering are those of x (B, D), the
/// others are drawn one after another. Gives all D. Row i takes its random numbers from
/// rng.uniform({B, D}), so that the same Rng gives the same rows whatever is known.
Array nade_sample(const Array& x, std::size_t known, const NadeWeights& weights, const Ordering& o,
                  Rng& rng);

}  // namespace nabla::models
