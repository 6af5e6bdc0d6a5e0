#include "autograd/blas.hpp"

#include <algorithm>
#include <cblas.h>
#include <limits>
#include <mutex>
#include <omp.h>
#include <stdexcept>
#include <string>

namespace nabla {
namespace {

using detail::Product;

// OpenBLAS works on the thread that calls it. Products come to it already cut, from inside parallel
// regions of ours: threads of its own would be a second pool there, and 0.3.34, told to use more
// than one, waits for ever for those that OpenMP does not start in a region. Some versions pass the
// number on to OpenMP, where it is put back.
void keep_openblas_alone() {
  const int ours = omp_get_max_threads();
  openblas_set_num_threads(1);
  omp_set_num_threads(ours);
}

// Said before main(), for programs that never call set_threads().
[[maybe_unused]] const bool openblas_is_alone = (keep_openblas_alone(), true);

// Below this many multiplications waking the second thread costs more than it brings.
constexpr std::ptrdiff_t parallel_products = std::ptrdiff_t{1} << 18;
// Pieces are whole tiles of the kernels, OpenBLAS's and our own.
constexpr std::ptrdiff_t tile_rows = 8, tile_columns = 16;

std::ptrdiff_t checked_side(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("gemm: a matrix side of " + std::to_string(n) + " is too long");
  }
  return static_cast<std::ptrdiff_t>(n);
}

Real apply_slope(Real y, Real slope) {
  if (slope == 0) return y < 0 ? Real(0) : y;  // −∞ too
  return y < 0 ? slope * y : y;
}

void run_openblas(Product p) {
#ifdef NABLA_DOUBLE
  const auto routine = cblas_dgemm;
#else
  const auto routine = cblas_sgemm;
#endif
  if (p.bias != nullptr) {
    for (std::ptrdiff_t i = 0; i < p.m; ++i) {
      Real* const row = p.c + i * p.ldc;
      for (std::ptrdiff_t j = 0; j < p.n; ++j) {
        row[j] = p.beta == 0 ? p.bias[j] : p.beta * row[j] + p.bias[j];
      }
    }
    p.beta = 1;
  }
  // Without threads of its own OpenBLAS may have been built without locks: one call at a time.
  static const bool has_locks = openblas_get_parallel() != 0;
  static std::mutex calls;
  std::unique_lock<std::mutex> turn(calls, std::defer_lock);
  if (!has_locks) turn.lock();
  const auto size = [](std::ptrdiff_t n) { return static_cast<int>(n); };
  routine(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans,
          p.transpose_b ? CblasTrans : CblasNoTrans, size(p.m), size(p.n), size(p.k), Real(1), p.a,
          size(p.lda), p.b, size(p.ldb), p.beta, p.c, size(p.ldc));
  if (turn) turn.unlock();
  if (p.slope == 1) return;
  for (std::ptrdiff_t i = 0; i < p.m; ++i) {
    Real* const row = p.c + i * p.ldc;
    for (std::ptrdiff_t j = 0; j < p.n; ++j) row[j] = apply_slope(row[j], p.slope);
  }
}

// The largest of `pieces` parts of `side`, in whole tiles.
std::ptrdiff_t largest_part(std::ptrdiff_t side, std::ptrdiff_t tile, int pieces) {
  const std::ptrdiff_t tiles = (side + tile - 1) / tile;
  return std::min(side, (tiles + pieces - 1) / pieces * tile);
}

// C is cut into one piece a thread, by the side that gives the more equal pieces; where they are
// the same, by the longer one, as each thread reads all of the other. OpenBLAS would also use all
// threads, but it makes them wait for each other inside the product: on the VAE's layers that is 5
// to 10 percent, and half of the time for the narrow ones.
std::vector<Product> cut(const Product& p, int pieces) {
  const std::ptrdiff_t rows = largest_part(p.m, tile_rows, pieces);
  const std::ptrdiff_t columns = largest_part(p.n, tile_columns, pieces);
  const std::ptrdiff_t if_rows = rows * p.n, if_columns = columns * p.m;  // size of a piece
  const bool by_rows = if_rows < if_columns || (if_rows == if_columns && p.m > p.n);
  const std::ptrdiff_t side = by_rows ? p.m : p.n, step = by_rows ? rows : columns;
  std::vector<Product> parts;
  for (std::ptrdiff_t from = 0; from < side; from += step) {
    const std::ptrdiff_t to = std::min(side, from + step);
    parts.push_back(by_rows ? p.rows(from, to) : p.columns(from, to));
  }
  return parts;
}

}  // namespace

void detail::run_product(const Product& product) {
  if (!run_own_kernel(product)) run_openblas(product);
}

void Products::add(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n,
                   std::size_t k, const Real* a, const Real* b, Real beta, Real* c,
                   const Epilogue& then) {
  if (m == 0 || n == 0) return;
  const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
  if (k == 0) {  // an empty sum
    for (std::size_t i = 0; i < m * n; ++i) {
      const Real y =
          (beta == 0 ? Real(0) : beta * c[i]) + (then.bias == nullptr ? Real(0) : then.bias[i % n]);
      c[i] = apply_slope(y, then.slope);
    }
    return;
  }
  const std::ptrdiff_t rows = checked_side(m), columns = checked_side(n), depth = checked_side(k);
  products_.push_back({ta, tb, rows, columns, depth, a, ta ? rows : depth, b, tb ? depth : columns,
                       beta, c, columns, then.bias, then.slope});
}

void Products::run() const {
  const int pieces = omp_in_parallel() ? 1 : threads();
  const auto is_small = [](const Product& p) { return p.m * p.n * p.k < parallel_products; };
  std::ptrdiff_t of_small = 0, before = 0;  // multiplications
  for (const Product& p : products_) of_small += is_small(p) ? p.m * p.n * p.k : 0;
  // Thread t takes the t-th part of every product: whoever has the longer one of the first is
  // waited for once, at the end. Small products stay whole; if they are many, like those of a
  // batch, thread t takes the t-th part of their row.
  std::vector<std::vector<Product>> shares(static_cast<std::size_t>(pieces));
  for (const Product& p : products_) {
    if (pieces == 1 || is_small(p)) {
      const bool alone = pieces == 1 || of_small < parallel_products;
      shares[alone ? 0 : static_cast<std::size_t>(before * pieces / of_small)].push_back(p);
      before += p.m * p.n * p.k;
      continue;
    }
    const std::vector<Product> parts = cut(p, pieces);
    for (std::size_t t = 0; t < parts.size(); ++t) shares[t].push_back(parts[t]);
  }
  const auto run_share = [&](std::size_t t) {
    for (const Product& p : shares[t]) detail::run_product(p);
  };
  if (pieces == 1 || shares[1].empty()) return run_share(0);
#pragma omp parallel for schedule(static) num_threads(pieces)
  for (int t = 0; t < pieces; ++t) run_share(static_cast<std::size_t>(t));
}

void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const Real* a, const Real* b, Real beta, Real* c, const Epilogue& then) {
  Products products;
  products.add(transpose_a, transpose_b, m, n, k, a, b, beta, c, then);
  products.run();
}

int blas_threading() {
  return openblas_get_parallel();
}

void set_threads(int count) {
  if (count < 1) throw std::invalid_argument("threads: " + std::to_string(count) + " is below 1");
  omp_set_num_threads(count);
  keep_openblas_alone();  // whatever the program has told it since
}

int threads() {
  return omp_get_max_threads();
}

}  // namespace nabla
