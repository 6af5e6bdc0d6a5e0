#include "nn/attention.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/reduction.hpp"
#include "autograd/ops.hpp"

namespace nabla::nn {
namespace {

LinearOptions output_options(const AttentionOptions& options) {
  return {true, options.zero_output ? init::zeros() : nullptr};
}

// Attention of one head in one image is computed in one go, some rows of the weights at a time: the
// N × N weights of a batch can be several times as large as all else, and never lie in memory.
struct Heads {
  std::size_t images, positions, channels, count;

  std::size_t width() const { return channels / count; }  // of a head
  std::size_t rows_at_a_time() const {
    constexpr std::size_t weights = std::size_t{1} << 16;  // in the cache
    return std::clamp<std::size_t>(weights / std::max<std::size_t>(1, positions), 8, 256);
  }
  std::size_t work() const { return images * positions * positions * channels / 8; }
};

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

  Head(const Heads& h, const Array& qkv, std::size_t image, std::size_t head)
      : heads(h),
        q(empty({h.positions, h.width()})),
        k(empty({h.positions, h.width()})),
        v(empty({h.positions, h.width()})) {
    const Real* const from = qkv.data() + image * h.positions * 3 * h.channels + head * h.width();
    take(h, from, 3 * h.channels, scale(), q.data());
    take(h, from + h.channels, 3 * h.channels, 1, k.data());
    take(h, from + 2 * h.channels, 3 * h.channels, 1, v.data());
  }

  Real scale() const { return 1 / std::sqrt(static_cast<Real>(heads.width())); }

  // Calls work(first row, number of rows, their weights P = softmax(q kᵀ)) for some at a time.
  template <class Work>
  void for_each_block(const Work& work) const {
    const std::size_t N = heads.positions, d = heads.width(), step = heads.rows_at_a_time();
    Array p = empty({std::min(step, N), N});
    for (std::size_t first = 0; first < N; first += step) {
      const std::size_t rows = std::min(step, N - first);
      gemm(Transpose::no, Transpose::yes, rows, N, d, q.data() + first * d, k.data(), 0, p.data());
      detail::softmax_middle(p.data(), p.data(), {rows, N, 1});
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
    Array dp = empty({heads.rows_at_a_time(), N});
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
  detail::for_each_job(h.images * h.count, h.work(),
                       [&](std::size_t i) { job(i / h.count, i % h.count); });
}

// softmax(q kᵀ / √d) v for each head: (B, h, w, 3 C), which is q, k and v side by side, each cut
// into heads, → (B, h, w, C).
Tensor attention(const Tensor& qkv, std::size_t heads) {
  const Shape& s = qkv.shape();
  const Heads h{s[0], s[1] * s[2], s[3] / 3, heads};
  Array y = empty({s[0], s[1], s[2], h.channels});
  for_each_head(h, [&](std::size_t image, std::size_t head) {
    Array o = empty({h.positions, h.width()});
    Head(h, qkv.value(), image, head).forward(o.data());
    put(h, o.data(), 1, 0, h.channels,
        y.data() + image * h.positions * h.channels + head * h.width());
  });
  const auto backward = [h](Node& out, Node& qkv) {
    qkv.accumulate_with([&](Array& gradient, Real beta) {
      for_each_head(h, [&](std::size_t image, std::size_t head) {
        const Head of(h, qkv.value, image, head);
        const std::size_t size = h.positions * h.width();
        Array room = empty({4, size});
        Real* const dout = room.data();
        Real* const dq = dout + size;
        const std::size_t at = image * h.positions * h.channels, column = head * h.width();
        take(h, out.grad().data() + at + column, h.channels, 1, dout);
        of.backward(dout, dq, dq + size, dq + 2 * size);
        for (std::size_t part = 0; part < 3; ++part) {
          put(h, dq + part * size, part == 0 ? of.scale() : Real(1), beta, 3 * h.channels,
              gradient.data() + 3 * at + part * h.channels + column);
        }
      });
    });
  };
  return record("attention", std::move(y), backward, qkv);
}

}  // namespace

SelfAttention2d::SelfAttention2d(std::size_t channels, std::size_t heads, std::size_t groups,
                                 Rng& rng, const AttentionOptions& options)
    : channels_(channels),
      heads_(heads),
      norm_(groups, channels),
      qkv_(channels, multiply_sizes(3, channels), rng),
      output_(channels, channels, rng, output_options(options)) {
  if (heads == 0 || channels % heads != 0) {
    throw std::invalid_argument("SelfAttention2d: the heads must divide the channels, got " +
                                std::to_string(heads) + " and " + std::to_string(channels));
  }
  children({{"norm", norm_}, {"qkv", qkv_}, {"output", output_}});
}

Tensor SelfAttention2d::operator()(const Tensor& x) const {
  if (x.ndim() != 4 || x.size(3) != channels_) {
    throw std::invalid_argument("SelfAttention2d: the input is (B, h, w, " +
                                std::to_string(channels_) + "), got " + to_string(x.shape()));
  }
  return x + output_(attention(qkv_(norm_(x)), heads_));
}

}  // namespace nabla::nn
