#include "autograd/blas.hpp"

#include <algorithm>
#include <cblas.h>
#include <limits>
#include <omp.h>
#include <stdexcept>

namespace nabla {
namespace {

// Below this many multiplications waking the second thread costs more than it brings.
constexpr std::size_t parallel_products = std::size_t{1} << 18;
constexpr std::size_t tile = 16;  // pieces are whole tiles of OpenBLAS's kernels

int to_blas(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("gemm: a matrix side of " + std::to_string(n) + " is too long");
  }
  return static_cast<int>(n);
}

// One product, with the row lengths of the matrices in memory.
struct Product {
  bool transpose_a, transpose_b;
  int m, n, k;
  const Real* a;
  int lda;
  const Real* b;
  int ldb;
  Real beta;
  Real* c;
  int ldc;

  void run() const {
#ifdef NABLA_DOUBLE
    const auto routine = cblas_dgemm;
#else
    const auto routine = cblas_sgemm;
#endif
    routine(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
            transpose_b ? CblasTrans : CblasNoTrans, m, n, k, Real(1), a, lda, b, ldb, beta, c,
            ldc);
  }

  // Rows [from, to) of C.
  Product rows(int from, int to) const {
    Product part = *this;
    part.m = to - from;
    part.a += static_cast<std::ptrdiff_t>(from) * (transpose_a ? 1 : lda);
    part.c += static_cast<std::ptrdiff_t>(from) * ldc;
    return part;
  }

  // Columns [from, to) of C.
  Product columns(int from, int to) const {
    Product part = *this;
    part.n = to - from;
    part.b += static_cast<std::ptrdiff_t>(from) * (transpose_b ? ldb : 1);
    part.c += from;
    return part;
  }
};

// The longer side of C is cut into one piece a thread. OpenBLAS would also use all threads, but it
// makes them wait for each other inside the product: on the VAE's layers that is 5 to 10 percent,
// and half of the time for the narrow ones.
void run_in_parallel(const Product& product, int pieces) {
  const bool by_rows = product.m >= product.n;
  const std::ptrdiff_t side = by_rows ? product.m : product.n;
  const std::ptrdiff_t step = (side + pieces - 1) / pieces;
  const std::ptrdiff_t whole = (step + tile - 1) / tile * tile;
#pragma omp parallel for schedule(static) num_threads(pieces)
  for (int p = 0; p < pieces; ++p) {
    const int from = static_cast<int>(std::min<std::ptrdiff_t>(side, p * whole));
    const int to = static_cast<int>(std::min<std::ptrdiff_t>(side, (p + 1) * whole));
    if (from < to) (by_rows ? product.rows(from, to) : product.columns(from, to)).run();
  }
}

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const Real* a, const Real* b, Real beta, Real* c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // an empty sum
    std::for_each(c, c + m * n, [beta](Real& x) { x = beta == 0 ? Real(0) : beta * x; });
    return;
  }
  const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
  const Product product{
      ta,   tb, to_blas(m), to_blas(n), to_blas(k), a, to_blas(ta ? m : k), b, to_blas(tb ? k : n),
      beta, c,  to_blas(n)};
  const int pieces = omp_in_parallel() ? 1 : threads();
  if (pieces > 1 && m * n * k >= parallel_products) {
    run_in_parallel(product, pieces);
  } else {
    product.run();
  }
}

int blas_threading() {
  return openblas_get_parallel();
}

void set_threads(int count) {
  if (count < 1) throw std::invalid_argument("threads: " + std::to_string(count) + " is below 1");
  omp_set_num_threads(count);
  openblas_set_num_threads(count);
}

int threads() {
  return omp_get_max_threads();
}

}  // namespace nabla
