// A number, such as a time step, as a vector that a network can read.
#pragma once

#include <cstddef>

#include "autograd/array.hpp"

namespace nabla::nn {

/// t (B,) → (B, size): sin(t ωᵢ) in the first half and cos(t ωᵢ) in the second, with n = ⌊size / 2⌋
/// frequencies ωᵢ = longest^(−i / (n − 1)), from 1 down to 1 / longest; an odd size ends with a
/// column of zeros. Vaswani et al. 2017, arXiv:1706.03762, §3.5, whose exponent is −i / n, with n −
/// 1 as in Ho, Jain & Abbeel 2020. Throws std::invalid_argument unless t has one axis and longest
/// ≥ 1.
Array sinusoidal_embedding(const Array& t, std::size_t size, double longest_period = 10000);

}  // namespace nabla::nn
