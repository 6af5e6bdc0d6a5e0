#include "datasets/transform.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <string>

#include "autograd/random.hpp"
#include "datasets/batches.hpp"

namespace nabla::datasets {
namespace {

// Row i of `out` is drawn from stream_of(purpose, epoch, example(i)), with the probabilities
// row(i, scratch): it gives where they are, and may write them to scratch[0 … columns).
template <class Row, class Example, class T>
void sample_rows(const char* operation, const Shape& shape, const Row& row, std::uint64_t seed,
                 Purpose purpose, std::uint64_t epoch, Example example, T* out) {
  const std::size_t rows = shape[0], size = size_of(shape), width = rows == 0 ? 0 : size / rows;
  std::atomic<std::size_t> bad{size};  // place of a value that is no probability
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows);
#pragma omp parallel if (size >= parallel_threshold)
  {
    Array uniform = empty({width}), scratch = empty({width});
#pragma omp for schedule(static)
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const std::size_t r = static_cast<std::size_t>(i);
      Rng(seed, stream_of(purpose, epoch, example(r))).fill_uniform(uniform);
      const Real* const p = row(r, scratch.data());
      const Real* const u = uniform.data();
      T* const to = out + r * width;
      bool good = true;
      for (std::size_t c = 0; c < width; ++c) {
        to[c] = u[c] < p[c] ? T(1) : T(0);
        good = good && p[c] >= 0 && p[c] <= 1;
      }
      if (good) continue;
      const Real* const wrong =
          std::find_if(p, p + width, [](Real v) { return !(v >= 0 && v <= 1); });
      bad = r * width + static_cast<std::size_t>(wrong - p);
    }
  }
  if (bad == size) return;
  std::vector<Real> scratch(width);
  throw std::invalid_argument(std::string(operation) + ": " +
                              std::to_string(row(bad / width, scratch.data())[bad % width]) +
                              " in row " + std::to_string(bad / width) + ", column " +
                              std::to_string(bad % width) + " of " + to_string(shape) +
                              " is no probability");
}

template <class Example>
Array sample_rows(const char* operation, const Array& x, std::uint64_t seed, Purpose purpose,
                  std::uint64_t epoch, Example example) {
  if (x.dimension() == 0) throw std::invalid_argument(std::string(operation) + ": no rows in ()");
  const std::size_t width = x.shape()[0] == 0 ? 0 : x.size() / x.shape()[0];
  Array result = empty(x.shape());
  const auto row = [&](std::size_t r, Real*) { return x.data() + r * width; };
  sample_rows(operation, x.shape(), row, seed, purpose, epoch, example, result.data());
  return result;
}

// Two passes in double: the textbook's one-pass formula loses everything for wide offsets.
template <class Row>
Standardizer fit_rows(const Shape& shape, const Row& row) {
  const std::size_t rows = shape[0], columns = shape[1];
  std::vector<double> mean(columns, 0), variance(columns, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    const Real* const p = row(r);
    for (std::size_t c = 0; c < columns; ++c) mean[c] += static_cast<double>(p[c]);
  }
  for (double& m : mean) m /= static_cast<double>(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const Real* const p = row(r);
    for (std::size_t c = 0; c < columns; ++c) {
      const double d = static_cast<double>(p[c]) - mean[c];
      variance[c] += d * d;
    }
  }
  Standardizer result{empty({columns}), empty({columns}), empty({columns})};
  for (std::size_t c = 0; c < columns; ++c) {
    const double std_dev = std::sqrt(variance[c] / static_cast<double>(rows));
    // Below the rounding of the values themselves a column is constant.
    const bool constant = std_dev <= 1e-7 * std::abs(mean[c]);
    result.mean(c) = static_cast<Real>(mean[c]);
    result.rest(c) = static_cast<Real>(mean[c] - static_cast<double>(result.mean(c)));
    result.std_dev(c) = constant ? Real(1) : static_cast<Real>(std_dev);
  }
  return result;
}

void check_table(const Shape& shape) {
  if (shape.size() == 2 && shape[0] != 0) return;
  throw std::invalid_argument("Standardizer: expected (rows, columns) with a row or more, got " +
                              to_string(shape));
}

void check_columns(const char* operation, const Array& x, std::size_t columns) {
  if (x.dimension() != 2 || x.shape()[1] != columns) {
    throw std::invalid_argument(std::string(operation) + ": expected (rows, " +
                                std::to_string(columns) + "), got " + to_string(x.shape()));
  }
}

}  // namespace

Array binarize(const Array& x, Real threshold) {
  Array result = empty(x.shape());
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(x.size());
#pragma omp parallel for simd schedule(static) if (x.size() >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    result.data()[i] = x.data()[i] > threshold ? Real(1) : Real(0);
  }
  return result;
}

Array binarize_once(const Array& x, std::uint64_t seed) {
  return sample_rows("binarize_once", x, seed, Purpose::binarize_once, 0,
                     [](std::size_t r) { return r; });
}

Rows binarize_once(const Rows& x, std::uint64_t seed) {
  Rows::Bytes result(x.size() * x.columns());
  const auto row = [&](std::size_t r, Real* scratch) {
    x.copy_row(r, scratch);
    return scratch;
  };
  sample_rows(
      "binarize_once", x.shape(), row, seed, Purpose::binarize_once, 0,
      [](std::size_t r) { return r; }, result.data());
  return Rows(std::move(result), x.size(), x.columns());
}

Array binarize_fresh(const Array& batch, const std::vector<std::size_t>& examples,
                     std::uint64_t seed, std::uint64_t epoch) {
  if (batch.dimension() == 0 || batch.shape()[0] != examples.size()) {
    throw std::invalid_argument("binarize_fresh: " + std::to_string(examples.size()) +
                                " examples for a batch of shape " + to_string(batch.shape()));
  }
  const std::size_t largest =
      examples.empty() ? 0 : *std::max_element(examples.begin(), examples.end());
  stream_of(Purpose::binarize, epoch, largest);  // refuses what is too large outside the threads
  return sample_rows("binarize_fresh", batch, seed, Purpose::binarize, epoch,
                     [&](std::size_t r) { return examples[r]; });
}

Standardizer Standardizer::fit(const Array& x) {
  check_table(x.shape());
  return fit_rows(x.shape(), [&](std::size_t r) { return x.data() + r * x.shape()[1]; });
}

Standardizer Standardizer::fit(const Rows& x) {
  check_table(x.shape());
  std::vector<Real> row(x.columns());
  return fit_rows(x.shape(), [&](std::size_t r) {
    x.copy_row(r, row.data());
    return row.data();
  });
}

Array Standardizer::apply(const Array& x) const {
  check_columns("Standardizer::apply", x, mean.size());
  return compute((x - mean - rest) / std_dev);
}

Array Standardizer::invert(const Array& z) const {
  check_columns("Standardizer::invert", z, mean.size());
  return compute(z * std_dev + rest + mean);
}

double Standardizer::log_scale() const {
  double sum = 0;
  for (const Real s : std_dev) sum += std::log(static_cast<double>(s));
  return sum;
}

}  // namespace nabla::datasets
