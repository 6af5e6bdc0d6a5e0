// A Gaussian over real numbers as a distribution over k grey levels: the decoder of Ho, Jain &
// Abbeel 2020, arXiv:2006.11239, eq. 13.
#pragma once

#include <cstddef>

#include "autograd/tensor.hpp"

namespace nabla::models {

/// ln ∫ N(u; μ, σ²) du over the cell of x, for each element, in nats: x is one of the k levels
/// −1, −1 + 2/(k−1), …, 1; its cell reaches 1/(k−1) to both sides, those of −1 and 1 to ±∞, so that
/// the k cells have probability 1 together. x, mean (…) and std_dev (…) have one shape; a gradient
/// for the mean only. Finite however far x is from the mean. Throws std::invalid_argument for
/// k < 2, shapes that differ, or a σ that is not finite and > 0.
Tensor discretised_gaussian_log_prob(const Array& x, const Tensor& mean, const Array& std_dev,
                                     std::size_t levels);

}  // namespace nabla::models
