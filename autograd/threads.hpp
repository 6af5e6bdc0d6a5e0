// The one pool of threads: OpenMP's, for matrix products and elementwise work alike.
#pragma once

#include <cstddef>

namespace nabla {

/// Number of threads for all that nabla computes. set_threads() throws std::invalid_argument below
/// 1. OpenBLAS itself is told to use one, before main() and here: it is called from inside parallel
/// regions.
void set_threads(int count);
int threads();

/// Below this number of elements a second thread costs more than it brings.
constexpr std::size_t parallel_threshold = 1u << 15;

namespace detail {

/// Calls job(0) … job(count − 1), on all threads where the numbers to work on are many. Not through
/// OpenMP's own `if`, which sets up a team of one each time.
template <class Job>
void for_each_job(std::size_t count, std::size_t numbers, const Job& job) {
  if (count < 2 || numbers < parallel_threshold) {
    for (std::size_t j = 0; j < count; ++j) job(j);
    return;
  }
  const std::ptrdiff_t jobs = static_cast<std::ptrdiff_t>(count);
#pragma omp parallel for schedule(static)
  for (std::ptrdiff_t j = 0; j < jobs; ++j) job(static_cast<std::size_t>(j));
}

}  // namespace detail
}  // namespace nabla
