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

// Row i is drawn from stream_of(purpose, epoch, example(i)).
template <class Example>
Array sample_rows(const char* operation, const Array& x, std::uint64_t seed, Purpose purpose,
                  std::uint64_t epoch, Example example) {
  if (x.dimension() == 0) throw std::invalid_argument(std::string(operation) + ": no rows in ()");
  const std::size_t rows = x.shape()[0];
  const std::size_t width = rows == 0 ? 0 : x.size() / rows;
  Array result = empty(x.shape());
  std::atomic<std::size_t> bad{x.size()};  // place of a value that is no probability
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(rows);
#pragma omp parallel if (x.size() >= parallel_threshold)
  {
    Array uniform = empty({width});
#pragma omp for schedule(static)
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const std::size_t r = static_cast<std::size_t>(i);
      Rng(seed, stream_of(purpose, epoch, example(r))).fill_uniform(uniform);
      const Real* const p = x.data() + r * width;
      const Real* const u = uniform.data();
      Real* const out = result.data() + r * width;
      bool good = true;
      for (std::size_t c = 0; c < width; ++c) {
        out[c] = u[c] < p[c] ? Real(1) : Real(0);
        good = good && p[c] >= 0 && p[c] <= 1;
      }
      if (good) continue;
      const Real* const wrong =
          std::find_if(p, p + width, [](Real v) { return !(v >= 0 && v <= 1); });
      bad = static_cast<std::size_t>(wrong - x.data());
    }
  }
  if (bad < x.size()) {
    throw std::invalid_argument(std::string(operation) + ": " + std::to_string(x.data()[bad]) +
                                " in row " + std::to_string(bad / width) + ", column " +
                                std::to_string(bad % width) + " of " + to_string(x.shape()) +
                                " is no probability");
  }
  return result;
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
  if (x.dimension() != 2 || x.shape()[0] == 0) {
    throw std::invalid_argument("Standardizer: expected (rows, columns) with a row or more, got " +
                                to_string(x.shape()));
  }
  const std::size_t rows = x.shape()[0], columns = x.shape()[1];
  // Two passes in double: the textbook's one-pass formula loses everything for wide offsets.
  std::vector<double> mean(columns, 0), variance(columns, 0);
  const Real* p = x.data();
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) mean[c] += static_cast<double>(*p++);
  }
  for (double& m : mean) m /= static_cast<double>(rows);
  p = x.data();
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double d = static_cast<double>(*p++) - mean[c];
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
