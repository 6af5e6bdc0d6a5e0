#include "autograd/blas.hpp"

#include <algorithm>
#include <cblas.h>
#include <limits>
#include <omp.h>
#include <stdexcept>

namespace nabla {
namespace {

int to_blas(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("gemm: a matrix side of " + std::to_string(n) + " is too long");
  }
  return static_cast<int>(n);
}

CBLAS_TRANSPOSE to_blas(Transpose t) {
  return t == Transpose::yes ? CblasTrans : CblasNoTrans;
}

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const Real* a, const Real* b, Real beta, Real* c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // an empty sum
    std::for_each(c, c + m * n, [beta](Real& x) { x = beta == 0 ? Real(0) : beta * x; });
    return;
  }
  const int lda = to_blas(transpose_a == Transpose::yes ? m : k);
  const int ldb = to_blas(transpose_b == Transpose::yes ? k : n);
#ifdef NABLA_DOUBLE
  const auto routine = cblas_dgemm;
#else
  const auto routine = cblas_sgemm;
#endif
  routine(CblasRowMajor, to_blas(transpose_a), to_blas(transpose_b), to_blas(m), to_blas(n),
          to_blas(k), Real(1), a, lda, b, ldb, beta, c, to_blas(n));
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
