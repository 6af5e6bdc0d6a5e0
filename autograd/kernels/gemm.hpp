// Matrix products straight into a buffer: what xt::linalg::dot lacks is the beta that adds to a
// gradient (and it takes a symmetric path when both operands start at the same address).
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/kernels/product.hpp"

namespace nabla {

enum class Transpose : bool { no, yes };

/// What happens to the sums on their way to memory: f(y + bias), f(y) = max(y, slope · y). The bias
/// is n numbers, added to each row, or null; slope is in [0, 1], and 1 makes f the identity.
struct Epilogue {
  const Real* bias = nullptr;
  Real slope = 1;
};

/// C = f(op(A) op(B) + beta · C + bias) for row-major matrices: op(A) is m × k, op(B) is k × n, C
/// is m × n. A is stored as m × k, or as k × m when it is transposed; likewise B. C may be
/// uninitialised when beta is 0. Sizes of zero are fine.
void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const Real* a, const Real* b, Real beta, Real* c, const Epilogue& then = {});

/// Several such products, none of which reads what another writes: the threads wait for each other
/// once, and not after each.
class Products {
 public:
  void add(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n,
           std::size_t k, const Real* a, const Real* b, Real beta, Real* c,
           const Epilogue& then = {});
  void run() const;

 private:
  std::vector<detail::Product> products_;
};

namespace detail {

/// Tells OpenBLAS to work on the thread that calls it. Said before main(), and by set_threads().
void keep_openblas_alone();

/// While one lives, its thread calls OpenBLAS, by itself or by xt::linalg: wherever that is,
/// OpenBLAS does it on that thread alone, so that the bits do not depend on the number of threads.
class OpenblasCall {
 public:
  OpenblasCall();
  ~OpenblasCall();
  OpenblasCall(const OpenblasCall&) = delete;
  OpenblasCall& operator=(const OpenblasCall&) = delete;

 private:
  int threads_;  // OpenMP's, to be put back
  std::unique_lock<std::mutex> turn_;
};

}  // namespace detail

/// The flavour of OpenBLAS: 0 one thread, 1 a thread pool of its own, 2 OpenMP (what is wanted).
int blas_threading();

}  // namespace nabla
