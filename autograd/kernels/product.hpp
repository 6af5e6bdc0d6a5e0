// Product: one matrix product in memory, or a part of one. Internal; gemm() in gemm.hpp is
// the door.
#pragma once

#include <cstddef>

#include "autograd/array.hpp"

namespace nabla::detail {

/// C = f(β C + op(A) op(B) + bias), f(y) = max(y, slope y), op(A) (m, k), op(B) (k, n), C (m, n),
/// all row-major, op(X) = Xᵀ where the flag says so. `lda` … are the lengths of the rows in memory,
/// as stored. `bias` is (n,), added to each row, or null.
struct Product {
  bool transpose_a, transpose_b;
  std::ptrdiff_t m, n, k;
  const Real* a;
  std::ptrdiff_t lda;
  const Real* b;
  std::ptrdiff_t ldb;
  Real beta;
  Real* c;
  std::ptrdiff_t ldc;
  const Real* bias = nullptr;
  Real slope = 1;

  /// Rows [from, to) of C.
  Product rows(std::ptrdiff_t from, std::ptrdiff_t to) const {
    Product part = *this;
    part.m = to - from;
    part.a += from * (transpose_a ? 1 : lda);
    part.c += from * ldc;
    return part;
  }

  /// Columns [from, to) of C.
  Product columns(std::ptrdiff_t from, std::ptrdiff_t to) const {
    Product part = *this;
    part.n = to - from;
    part.b += from * (transpose_b ? ldb : 1);
    part.c += from;
    if (bias != nullptr) part.bias += from;
    return part;
  }

  /// Only the terms [from, to) of the sums over k, to be run in order: the first has β and the
  /// bias.
  Product slice(std::ptrdiff_t from, std::ptrdiff_t to) const {
    Product part = *this;
    part.k = to - from;
    part.a += from * (transpose_a ? lda : 1);
    part.b += from * (transpose_b ? 1 : ldb);
    if (from > 0) {
      part.beta = 1;
      part.bias = nullptr;
    }
    if (to < k) part.slope = 1;
    return part;
  }
};

/// True for the shapes that the kernel written for AVX-512 in single precision suits; never on
/// other processors and in double.
bool suits_own_kernel(const Product& product);

/// On the calling thread, by that kernel, whatever the shape. Each element is one sum in the order
/// of k: its bits do not depend on what other rows and columns of C the product has.
void run_own_kernel(const Product& product);

/// On the calling thread, by that kernel or by OpenBLAS.
void run_product(const Product& product);

}  // namespace nabla::detail
