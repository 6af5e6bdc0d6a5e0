// Attention of one head in one image is computed in one go, some rows of the weights at a time: the
// N × N weights of a batch can be several times as large as all else, and never lie in memory.
#include "autograd/kernels/attention.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/threads.hpp"

namespace nabla::detail {
namespace {

std::size_t rows_at_a_time(const Heads& h) {
  constexpr std::size_t weights = std::size_t{1} << 16;  // in the cache
  return std::clamp<std::size_t>(weights / std::max<std::size_t>(1, h.positions), 8, 256);
}

// What for_each_job() decides by: as many numbers as take the time of the multiplications.
std::size_t work(const Heads& h) {
  return h.images * h.positions * h.positions * h.channels / 8;
}

// Columns of a head, (N, d), out of rows of `length` numbers, or back into them.
void take(const Heads& h, const Real* rows, std::size_t length, Real scale, Real* head) {
  for (std::size_t n = 0; n < h.positions; ++n) {
    for (std::size_t c = 0; c < h.width(); ++c) *head++ = scale * rows[n * length + c];
  }
}
void put(const Heads& h, const Real* head, Real scale, Real beta, std::size_t length, Real* rows) {
  for (std::size_t n = 0; n < h.positions; ++n) {
    for (std::size_t c = 0; c < h.width(); ++c) {
      Real& to = rows[n * length + c];
      to = beta == 0 ? scale * *head++ : to + scale * *head++;
    }
  }
}

// What a head works on: q (scaled by 1 / √d), k and v, (N, d) each.
struct Head {
  Heads heads;
  Array q, k, v;

  Head(const Heads& h, const Real* qkv, std::size_t image, std::size_t head)
      : heads(h),
        q(empty({h.positions, h.width()})),
        k(empty({h.positions, h.width()})),
        v(empty({h.positions, h.width()})) {
    const Real* const from = qkv + image * h.positions * 3 * h.channels + head * h.width();
    take(h, from, 3 * h.channels, scale(), q.data());
    take(h, from + h.channels, 3 * h.channels, 1, k.data());
    take(h, from + 2 * h.channels, 3 * h.channels, 1, v.data());
  }

  Real scale() const { return 1 / std::sqrt(static_cast<Real>(heads.width())); }

  // Calls work(first row, number of rows, their weights P = softmax(q kᵀ)) for some at a time.
  template <class Work>
  void for_each_block(const Work& work) const {
    const std::size_t N = heads.positions, d = heads.width(), step = rows_at_a_time(heads);
    Array p = empty({std::min(step, N), N});
    for (std::size_t first = 0; first < N; first += step) {
      const std::size_t rows = std::min(step, N - first);
      gemm(Transpose::no, Transpose::yes, rows, N, d, q.data() + first * d, k.data(), 0, p.data());
      softmax_middle(p.data(), p.data(), {rows, N, 1});
      work(first, rows, p);
    }
  }

  // o = P v
  void forward(Real* o) const {
    const std::size_t N = heads.positions, d = heads.width();
    for_each_block([&](std::size_t first, std::size_t rows, const Array& p) {
      gemm(Transpose::no, Transpose::no, rows, d, N, p.data(), v.data(), 0, o + first * d);
    });
  }

  // dv = Pᵀ do, dP = do vᵀ, dS = P ∘ (dP − Σ_j P dP), dq = dS k, dk = dSᵀ q
  void backward(const Real* dout, Real* dq, Real* dk, Real* dv) const {
    const std::size_t N = heads.positions, d = heads.width();
    Array dp = empty({rows_at_a_time(heads), N});
    for_each_block([&](std::size_t first, std::size_t rows, const Array& p) {
      const Real beta = first == 0 ? 0 : 1;
      const Real* const of_rows = dout + first * d;
      gemm(Transpose::yes, Transpose::no, N, d, rows, p.data(), of_rows, beta, dv);
      gemm(Transpose::no, Transpose::yes, rows, N, d, of_rows, v.data(), 0, dp.data());
      for (std::size_t r = 0; r < rows; ++r) {
        Real* const of_dp = dp.data() + r * N;
        const Real* const of_p = p.data() + r * N;
        Real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (std::size_t j = 0; j < N; ++j) sum += of_p[j] * of_dp[j];
#pragma omp simd
        for (std::size_t j = 0; j < N; ++j) of_dp[j] = of_p[j] * (of_dp[j] - sum);
      }
      gemm(Transpose::no, Transpose::no, rows, d, N, dp.data(), k.data(), 0, dq + first * d);
      gemm(Transpose::yes, Transpose::no, N, d, rows, dp.data(), q.data() + first * d, beta, dk);
    });
  }
};

// Calls job(image, head) for each, on all threads.
template <class Job>
void for_each_head(const Heads& h, const Job& job) {
  if (h.positions == 0 || h.channels == 0) return;
  for_each_job(h.images * h.count, work(h), [&](std::size_t i) { job(i / h.count, i % h.count); });
}

}  // namespace

void attention_forward(const Heads& h, const Real* qkv, Real* y) {
  for_each_head(h, [&](std::size_t image, std::size_t head) {
    Array o = empty({h.positions, h.width()});
    Head(h, qkv, image, head).forward(o.data());
    put(h, o.data(), 1, 0, h.channels, y + image * h.positions * h.channels + head * h.width());
  });
}

void attention_backward(const Heads& h, const Real* qkv, const Real* dy, Real beta, Real* dqkv) {
  for_each_head(h, [&](std::size_t image, std::size_t head) {
    const Head of(h, qkv, image, head);
    const std::size_t size = h.positions * h.width();
    Array room = empty({4, size});
    Real* const dout = room.data();
    Real* const dq = dout + size;
    const std::size_t at = image * h.positions * h.channels, column = head * h.width();
    take(h, dy + at + column, h.channels, 1, dout);
    of.backward(dout, dq, dq + size, dq + 2 * size);
    for (std::size_t part = 0; part < 3; ++part) {
      put(h, dq + part * size, part == 0 ? of.scale() : Real(1), beta, 3 * h.channels,
          dqkv + 3 * at + part * h.channels + column);
    }
  });
}

}  // namespace nabla::detail
