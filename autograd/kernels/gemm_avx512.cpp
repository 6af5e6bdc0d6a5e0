// Matrix products on AVX-512 registers. OpenBLAS copies both matrices into panels first, which
// costs about a tenth where one side is only a batch long. Here A is read where it lies, one number
// at a time for a whole register, B too where its rows lie along C's, and only Bᵀ is copied.
// `./nabla bench ops --benchmark_filter=gemm` has the times of both; tests/test_linalg.cpp holds
// this one against plain loops.
#include "autograd/kernels/product.hpp"

#if defined(__AVX512F__) && !defined(NABLA_DOUBLE)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // false, inside g++ 12's intrinsics
#endif
#include <algorithm>
#include <immintrin.h>

namespace nabla::detail {
namespace {

constexpr std::ptrdiff_t lanes = 16;
// A tile of C stays in registers: 8 × 3 of the 32 for sums, 3 for a row of B, 1 for a number of A.
constexpr int tile_rows = 8, tile_vectors = 3;
constexpr std::ptrdiff_t panel = tile_vectors * lanes;
constexpr std::ptrdiff_t longest = 1024;  // terms of a sum at a time: their part of B stays in L2

using Vector = __m512;

// B or a copy of a part of it, with C's columns along its rows.
struct Rows {
  const float* first;
  std::ptrdiff_t stride;
};

// R rows and N vectors of C; of the last vector only the lanes of `mask`.
template <int R, int N>
void tile(const Product& p, std::ptrdiff_t i, std::ptrdiff_t j, Rows b, __mmask16 mask) {
  const std::ptrdiff_t row_step = p.transpose_a ? 1 : p.lda, k_step = p.transpose_a ? p.lda : 1;
  const float* a = p.a + i * row_step;
  const float* row = b.first;
  const auto lanes_of = [mask](int v) { return v == N - 1 ? mask : __mmask16(0xffff); };
  Vector sums[R][N];  // stays in registers: every loop over it is unrolled
#pragma GCC unroll 8
  for (int v = 0; v < N; ++v) {
    const Vector start = p.bias == nullptr
                             ? _mm512_setzero_ps()
                             : _mm512_maskz_loadu_ps(lanes_of(v), p.bias + j + v * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sums[r][v] = start;
  }
  for (std::ptrdiff_t k = 0; k < p.k; ++k) {
    Vector of_b[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) of_b[v] = _mm512_maskz_loadu_ps(lanes_of(v), row + v * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vector of_a = _mm512_set1_ps(a[r * row_step]);
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) sums[r][v] = _mm512_fmadd_ps(of_a, of_b[v], sums[r][v]);
    }
    a += k_step;
    row += b.stride;
  }
  float* const c = p.c + i * p.ldc + j;
  if (p.beta != 0) {
    const Vector beta = _mm512_set1_ps(p.beta);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) {
        const Vector before = _mm512_maskz_loadu_ps(lanes_of(v), c + r * p.ldc + v * lanes);
        sums[r][v] = _mm512_fmadd_ps(beta, before, sums[r][v]);
      }
    }
  }
  if (p.slope != 1) {  // in this order NaN stays NaN, and an infinity is not multiplied by 0
    const Vector slope = _mm512_set1_ps(p.slope), zero = _mm512_setzero_ps();
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) {
        const Vector y = sums[r][v];
        sums[r][v] = _mm512_max_ps(p.slope == 0 ? zero : _mm512_mul_ps(slope, y), y);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) {
      _mm512_mask_storeu_ps(c + r * p.ldc + v * lanes, lanes_of(v), sums[r][v]);
    }
  }
}

// All rows of C, N vectors of columns from j on.
template <int N>
void strip(const Product& p, std::ptrdiff_t j, Rows b, __mmask16 mask) {
  std::ptrdiff_t i = 0;
  for (; i + tile_rows <= p.m; i += tile_rows) tile<tile_rows, N>(p, i, j, b, mask);
  for (; i + 4 <= p.m; i += 4) tile<4, N>(p, i, j, b, mask);
  for (; i < p.m; ++i) tile<1, N>(p, i, j, b, mask);
}

// 16 rows of 16 numbers to 16 columns: four times, interleave each with the one 8 further on.
void transpose(Vector (&rows)[16]) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high =
      _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  for (int round = 0; round < 4; ++round) {
    Vector next[16];
    for (int i = 0; i < 8; ++i) {
      next[2 * i] = _mm512_permutex2var_ps(rows[i], low, rows[i + 8]);
      next[2 * i + 1] = _mm512_permutex2var_ps(rows[i], high, rows[i + 8]);
    }
    std::copy(next, next + 16, rows);
  }
}

// Rows [j, j + count) of Bᵀ as columns of `to`, (k, panel).
void copy_transposed(const Product& p, std::ptrdiff_t j, std::ptrdiff_t count, float* to) {
  for (std::ptrdiff_t first = 0; first < count; first += lanes) {
    const std::ptrdiff_t rows = std::min(lanes, count - first);
    for (std::ptrdiff_t k = 0; k < p.k; k += lanes) {
      const std::ptrdiff_t columns = std::min(lanes, p.k - k);
      const __mmask16 mask = static_cast<__mmask16>((1u << columns) - 1);
      Vector block[16];
      for (std::ptrdiff_t r = 0; r < lanes; ++r) {
        block[r] = r < rows ? _mm512_maskz_loadu_ps(mask, p.b + (j + first + r) * p.ldb + k)
                            : _mm512_setzero_ps();
      }
      transpose(block);
      for (std::ptrdiff_t c = 0; c < columns; ++c) {
        _mm512_storeu_ps(to + (k + c) * panel + first, block[c]);
      }
    }
  }
}

void run_strips(const Product& p) {
  alignas(64) static thread_local float copy[longest * panel];
  // Strips of equal width: 4 vectors of columns as 2 + 2, as 3 + 1 would leave registers idle.
  std::ptrdiff_t vectors_left = (p.n + lanes - 1) / lanes;
  std::ptrdiff_t strips_left = (vectors_left + tile_vectors - 1) / tile_vectors;
  for (std::ptrdiff_t j = 0; j < p.n; --strips_left) {
    const std::ptrdiff_t vectors = (vectors_left + strips_left - 1) / strips_left;
    const std::ptrdiff_t columns = std::min(vectors * lanes, p.n - j);
    Rows b{p.b + j, p.ldb};
    if (p.transpose_b) {
      copy_transposed(p, j, columns, copy);
      b = {copy, panel};
    }
    const std::ptrdiff_t in_last = columns - (vectors - 1) * lanes;
    const __mmask16 mask = static_cast<__mmask16>((1u << in_last) - 1);
    if (vectors == 3) {
      strip<3>(p, j, b, mask);
    } else if (vectors == 2) {
      strip<2>(p, j, b, mask);
    } else {
      strip<1>(p, j, b, mask);
    }
    vectors_left -= vectors;
    j += columns;
  }
}

}  // namespace

bool suits_own_kernel(const Product& p) {
  return p.n >= lanes && p.m >= tile_rows;  // or most of a tile would be empty
}

void run_own_kernel(const Product& p) {
  const std::ptrdiff_t slices = (p.k + longest - 1) / longest, step = (p.k + slices - 1) / slices;
  for (std::ptrdiff_t k = 0; k < p.k; k += step) run_strips(p.slice(k, std::min(p.k, k + step)));
}

}  // namespace nabla::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#else

namespace nabla::detail {

bool suits_own_kernel(const Product& /*product*/) {
  return false;
}

void run_own_kernel(const Product& /*product*/) {}

}  // namespace nabla::detail
#endif
