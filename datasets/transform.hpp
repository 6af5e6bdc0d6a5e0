// What happens to data between the file and the model: binarisation and standardisation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "autograd/array.hpp"
#include "datasets/rows.hpp"

namespace nabla::datasets {

/// 1 where x > threshold, else 0.
Array binarize(const Array& x, Real threshold = Real(0.5));

/// Each value of x (rows, …) is a probability, and the result 1 with that probability, else 0: once
/// and for all epochs, as in Larochelle's binarised MNIST. Row r depends on (seed, r) alone.
/// Throws std::invalid_argument on a value outside [0, 1].
Array binarize_once(const Array& x, std::uint64_t seed);
/// The same, as bytes.
Rows binarize_once(const Rows& x, std::uint64_t seed);

/// Fresh in each epoch (Salakhutdinov & Murray 2008; Burda et al. 2016): row i of the batch is
/// example examples[i], and depends on (seed, epoch, that number) alone, whatever batch it is in.
/// Throws std::invalid_argument on a value outside [0, 1], or if rows and examples do not match.
Array binarize_fresh(const Array& batch, const std::vector<std::size_t>& examples,
                     std::uint64_t seed, std::uint64_t epoch);

/// z = (x − mean) / std, column by column, with mean and standard deviation of the training rows.
/// A constant column has std 1: its training rows become 0.
struct Standardizer {
  Array mean, std_dev;  ///< (columns,)
  Array rest;           ///< what `mean` is short of the mean, as a Real cannot hold all of it

  /// Of x (rows, columns), rows ≥ 1. The deviation is that of the rows themselves (÷ n).
  static Standardizer fit(const Array& x);
  static Standardizer fit(const Rows& x);

  Array apply(const Array& x) const;
  Array invert(const Array& z) const;

  /// Σ ln std: ln p(x) = ln p(z) − log_scale(). To report densities in the data's own units.
  double log_scale() const;
};

}  // namespace nabla::datasets
