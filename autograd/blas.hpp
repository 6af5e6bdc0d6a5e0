// Matrix products straight into a buffer: what xt::linalg::dot lacks is the beta that adds to a
// gradient (and it takes a symmetric path when both operands start at the same address).
#pragma once

#include <cstddef>

#include "autograd/array.hpp"

namespace nabla {

enum class Transpose : bool { no, yes };

/// C = op(A) op(B) + beta · C for row-major matrices: op(A) is m × k, op(B) is k × n, C is m × n.
/// A is stored as m × k, or as k × m when it is transposed; likewise B. C may be uninitialised
/// when beta is 0. Sizes of zero are fine.
void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const Real* a, const Real* b, Real beta, Real* c);

/// The flavour of OpenBLAS: 0 one thread, 1 a thread pool of its own, 2 OpenMP (what is wanted).
int blas_threading();

/// Number of threads for gemm and for elementwise work: both share one OpenMP pool.
void set_threads(int count);
int threads();

}  // namespace nabla
