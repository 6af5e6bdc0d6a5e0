// One call of an entry of the table, forward and backward, and what it gave.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/table/table.hpp"

namespace nabla::testing {

/// Every number as double, which holds float's too.
struct Run {
  Shape shape;
  std::vector<double> value;
  std::vector<std::vector<double>> gradients;  ///< of each input; of a constant none
};

/// Where a gradient starts: numbers in ±[0.5, 1.5) without a pattern.
Array seed_of(const Shape& shape);

/// With the gradients of Σ seed ⊙ result, or Σ result where `of_sum`.
enum class Seed { weights, ones };
Run run(const Entry& entry, const Arrays& inputs, Seed seed = Seed::weights);

/// The value alone.
Run forward(const Entry& entry, const Arrays& inputs);

bool is_constant(const Entry& entry, std::size_t input);

/// Equal in every bit, all NaN being one.
bool same_bits(double a, double b);
bool same_bits(const std::vector<double>& a, const std::vector<double>& b);
/// One number for all bits of a run, so that a run need not be kept to be compared.
std::uint64_t fingerprint(const Run& run);

}  // namespace nabla::testing
