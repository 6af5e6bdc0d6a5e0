// Cross-validation, as the published tables of RNADE have it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nabla::models {

/// Rows of one fold, each list in rising order of its place in `order`.
struct Fold {
  std::vector<std::size_t> train, valid, test;
};

/// Cross-validation over the rows `order` (a permutation; a file's own order is 0 … n − 1): fold k
/// of `folds`, counted from 0, tests the k-th stretch of ⌊n / folds⌋ rows, the last fold also the
/// rest. Of the other rows a tenth, drawn by (seed, k), validates. Throws std::invalid_argument
/// unless 2 ≤ folds, k < folds and each part gets a row.
Fold fold_of(const std::vector<std::size_t>& order, std::size_t folds, std::size_t k,
             std::uint64_t seed);

/// 0 … n − 1, or the same shuffled by seed.
std::vector<std::size_t> row_order(std::size_t n, bool shuffled, std::uint64_t seed);

}  // namespace nabla::models
