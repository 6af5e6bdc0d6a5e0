#include "models/nade/recursion.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/functions.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/ops.hpp"

namespace nabla::models {
namespace {

using simd::lanes, simd::load, simd::logistic, simd::multiply_add, simd::store, simd::sum_lanes;
using simd::Vector;

constexpr std::size_t chunk = 64;  // hidden units whose state stays in registers
constexpr std::size_t registers = chunk / lanes;
constexpr std::size_t forward_block = 8;    // rows of V that stay in the first cache …
constexpr std::size_t backward_block = 32;  // … and parts of rows, of `chunk` numbers
constexpr std::size_t group_size = 64;      // examples whose hidden state stays in the second cache

std::size_t chunks_of(std::size_t H) {
  return (H + chunk - 1) / chunk;
}

// Length of a row in packed form: whole chunks, and a cache line more, as rows whose distance is a
// power of two would share a few places of the cache.
std::size_t padded(std::size_t H) {
  return chunks_of(H) * chunk + 16;
}

// On the way back a_d is a_{d+1} − W_d: what a larger weight has swallowed does not come back.
constexpr Real largest_weight = 1024;

// (D, H) with the rows in the order of the ordering, each padded with zeros. Sets `large` if there
// is a weight beyond that.
Array pack_rows(const Array& m, const Ordering& o, bool& large) {
  const std::size_t H = m.shape()[1], stride = padded(H);
  Array packed = empty({o.size(), stride});
  int others = 0;
#pragma omp parallel for schedule(static) reduction(| : others) if (m.size() >= parallel_threshold)
  for (std::size_t d = 0; d < o.size(); ++d) {
    Real* const row = packed.data() + d * stride;
    std::fill(std::copy_n(m.data() + o[d] * H, H, row), row + stride, Real(0));
    for (std::size_t k = 0; k < stride; ++k) others |= std::abs(row[k]) <= largest_weight ? 0 : 1;
  }
  large = others != 0;
  return packed;
}

// target[o_d] = beta target[o_d] + packed[d]
void unpack_rows(const Array& packed, const Ordering& o, Real beta, Array& target) {
  const std::size_t H = target.shape()[1], stride = packed.shape()[1];
#pragma omp parallel for schedule(static) if (target.size() >= parallel_threshold)
  for (std::size_t d = 0; d < o.size(); ++d) {
    const Real* const from = packed.data() + d * stride;
    Real* const to = target.data() + o[d] * H;
    if (beta == 0) {
      std::copy_n(from, H, to);
    } else {
      for (std::size_t k = 0; k < H; ++k) to[k] += from[k];
    }
  }
}

// The weights in packed form, with b in the order of the ordering.
struct Packed {
  bool large_W = false, large_V = false;
  Array W, V, b, c;
  std::size_t D, stride;

  Packed(const NadeWeights& weights, const Ordering& o)
      : W(pack_rows(weights.W.value(), o, large_W)),
        V(pack_rows(weights.V.value(), o, large_V)),
        b(empty({o.size()})),
        c(zeros({padded(weights.c.size())})),
        D(o.size()),
        stride(c.size()) {
    for (std::size_t d = 0; d < D; ++d) b.data()[d] = weights.b.value().data()[o[d]];
    std::copy_n(weights.c.value().data(), weights.c.size(), c.data());
  }
  const Real* W_row(std::size_t d) const { return W.data() + d * stride; }
  const Real* V_row(std::size_t d) const { return V.data() + d * stride; }
};

// l[i] = V_{d+i}·h for `rows` rows: that many sums at once, so that no addition waits for another.
template <std::size_t rows>
void dot_rows(const Real* V, std::size_t stride, const Real* h, Real* l) {
  Vector sums[rows];
  for (std::size_t i = 0; i < rows; ++i) sums[i] = Vector(Real(0));
  for (std::size_t k = 0; k < stride; k += lanes) {
    const Vector x = load(h + k);
    for (std::size_t i = 0; i < rows; ++i) {
      sums[i] = multiply_add(load(V + i * stride + k), x, sums[i]);
    }
  }
  for (std::size_t i = 0; i < rows; ++i) l[i] = sum_lanes(sums[i]);
}

void dot_rows(std::size_t rows, const Real* V, std::size_t stride, const Real* h, Real* l) {
  switch (rows) {
    case 1:
      return dot_rows<1>(V, stride, h, l);
    case 2:
      return dot_rows<2>(V, stride, h, l);
    case 3:
      return dot_rows<3>(V, stride, h, l);
    default:
      return dot_rows<4>(V, stride, h, l);
  }
}

void logistic_row(const Real* a, Real* h, std::size_t stride) {
  for (std::size_t k = 0; k < stride; k += lanes) store(h + k, logistic(load(a + k)));
}

// a += w, h = σ(a)
void take_in(const Real* w, Real* a, Real* h, std::size_t stride) {
  for (std::size_t k = 0; k < stride; k += lanes) {
    const Vector sum = load(a + k) + load(w + k);
    store(a + k, sum);
    store(h + k, logistic(sum));
  }
}

// What a walk through one example sees: x and l in the order of the ordering.
struct Walk {
  std::uint8_t* x;
  Real* l;
  Real *a, *h;
};

// Dimensions [from, to) of one example. `known` of its inputs are given; at the others
// draw(d, l) decides. Rows of V up to and including the next 1 are multiplied with one h.
template <class Draw>
void walk_forward(const Packed& p, Walk w, std::size_t from, std::size_t to, std::size_t known,
                  const Draw& draw) {
  for (std::size_t d = from; d < to;) {
    std::size_t rows = std::min<std::size_t>(4, to - d);
    for (std::size_t i = 0; i < rows; ++i) {
      if (d + i < known && w.x[d + i] != 0) rows = i + 1;
    }
    dot_rows(rows, p.V_row(d), p.stride, w.h, w.l + d);
    bool changed = false;
    for (const std::size_t end = d + rows; d < end && !changed; ++d) {
      w.l[d] += p.b.data()[d];
      if (d >= known) w.x[d] = draw(d, w.l[d]) ? 1 : 0;
      changed = w.x[d] != 0;
    }
    if (changed && d < p.D) take_in(p.W_row(d - 1), w.a, w.h, p.stride);
  }
}

// All examples, block after block of dimensions. x and l are (B, D) in the order of the ordering, a
// is (B, stride): a_D at the end. draw(b, d, l) is asked for what is not known.
template <class Draw>
void forward(const Packed& p, std::size_t B, std::size_t known, std::vector<std::uint8_t>& x,
             Array& l, Array& a, const Draw& draw) {
  const std::size_t pool = static_cast<std::size_t>(std::max(1, threads()));
  const std::size_t groups = std::max((B + group_size - 1) / group_size, std::min(pool, B));
  Array h = empty(a.shape());
#pragma omp parallel for schedule(dynamic)
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t first = group * B / groups, last = (group + 1) * B / groups;
    for (std::size_t b = first; b < last; ++b) {
      std::copy_n(p.c.data(), p.stride, a.data() + b * p.stride);
      logistic_row(p.c.data(), h.data() + b * p.stride, p.stride);
    }
    for (std::size_t from = 0; from < p.D; from += forward_block) {
      const std::size_t to = std::min(p.D, from + forward_block);
      for (std::size_t b = first; b < last; ++b) {
        const Walk walk{x.data() + b * p.D, l.data() + b * p.D, a.data() + b * p.stride,
                        h.data() + b * p.stride};
        walk_forward(p, walk, from, to, known,
                     [&](std::size_t d, Real logit) { return draw(b, d, logit); });
      }
    }
  }
}

// A chunk of the hidden units of one example, on the way back.
struct State {
  Vector a[registers], h[registers], da[registers], dh[registers];
};

// One example in walk_back: x and g are its rows, in the order of the ordering.
struct Example {
  const std::uint8_t* x;
  const Real* g;
  State* state;
};

// Back over an input of 1: what h has gathered goes through σ to a and to W's row, then
// h becomes that of the step before.
void take_out(State& s, Vector* h, Vector* dh, const Real* w, Real* dw) {
  for (std::size_t r = 0; r < registers; ++r) {
    s.da[r] = multiply_add(dh[r], h[r] * (Vector(Real(1)) - h[r]), s.da[r]);
    dh[r] = Vector(Real(0));
    store(dw + r * lanes, load(dw + r * lanes) + s.da[r]);
    s.a[r] = s.a[r] - load(w + r * lanes);  // a_d again, but for rounding
    h[r] = logistic(s.a[r]);
  }
}

// dh_d = Σ_{e ≥ d, same h} g_e V_e     da = Σ dh ⊙ h (1 − h)     dV_d += g_d h_d     dW_d += da
// for dimensions [from, to), last first, and hidden units [k, k + chunk). Two examples at a time,
// with h and dh of both in registers: V is read, and dV read and written, once for the two.
void walk_back(const Packed& p, const Example& first, const Example& second, std::size_t k,
               std::size_t from, std::size_t to, Real* dW, Real* dV) {
  Vector h1[registers], h2[registers], dh1[registers], dh2[registers];
  for (std::size_t r = 0; r < registers; ++r) {
    h1[r] = first.state->h[r], dh1[r] = first.state->dh[r];
    h2[r] = second.state->h[r], dh2[r] = second.state->dh[r];
  }
  for (std::size_t d = to; d-- > from;) {
    const Vector g1(first.g[d]), g2(second.g[d]);
    const Real* const v = p.V_row(d) + k;
    Real* const dv = dV + d * p.stride + k;
    for (std::size_t r = 0; r < registers; ++r) {
      const Vector V = load(v + r * lanes);
      dh1[r] = multiply_add(g1, V, dh1[r]);
      dh2[r] = multiply_add(g2, V, dh2[r]);
      const Vector sum = multiply_add(g1, h1[r], load(dv + r * lanes));
      store(dv + r * lanes, multiply_add(g2, h2[r], sum));
    }
    if (d == 0) break;
    const Real* const w = p.W_row(d - 1) + k;
    Real* const dw = dW + (d - 1) * p.stride + k;
    if (first.x[d - 1] != 0) take_out(*first.state, h1, dh1, w, dw);
    if (second.x[d - 1] != 0) take_out(*second.state, h2, dh2, w, dw);
  }
  for (std::size_t r = 0; r < registers; ++r) {
    first.state->h[r] = h1[r], first.state->dh[r] = dh1[r];
    second.state->h[r] = h2[r], second.state->dh[r] = dh2[r];
  }
}

// Gradients in packed form of Σ g ⊙ l; a is a_D. Hidden units do not mix on the way back, so each
// chunk of them is a job of its own.
void backward(const Packed& p, std::size_t B, const std::vector<std::uint8_t>& x, const Array& g,
              const Array& a, Array& dW, Array& dV, Array& dc) {
  const std::size_t chunks = p.stride / chunk;
  const std::vector<std::uint8_t> no_x(p.D);  // an odd number of examples: one of zeros is added
  const std::vector<Real> no_g(p.D);
#pragma omp parallel for schedule(static)
  for (std::size_t j = 0; j < chunks; ++j) {
    const std::size_t k = j * chunk;
    std::vector<State> states(B + B % 2);
    for (std::size_t b = 0; b < states.size(); ++b) {
      State& s = states[b];
      for (std::size_t r = 0; r < registers; ++r) {
        s.a[r] = b < B ? load(a.data() + b * p.stride + k + r * lanes) : Vector(Real(0));
        s.h[r] = logistic(s.a[r]);
        s.da[r] = s.dh[r] = Vector(Real(0));
      }
    }
    const auto example = [&](std::size_t b) {
      return b < B ? Example{x.data() + b * p.D, g.data() + b * p.D, &states[b]}
                   : Example{no_x.data(), no_g.data(), &states[b]};
    };
    std::fill_n(dW.data() + (p.D - 1) * p.stride + k, chunk, Real(0));  // an input of nothing
    for (std::size_t to = p.D; to > 0;) {
      const std::size_t from = (to - 1) / backward_block * backward_block;
      for (std::size_t d = from; d < to; ++d) {  // just before it is added to: in the first cache
        std::fill_n(dV.data() + d * p.stride + k, chunk, Real(0));
        if (d > 0) std::fill_n(dW.data() + (d - 1) * p.stride + k, chunk, Real(0));
      }
      for (std::size_t b = 0; b < states.size(); b += 2) {
        walk_back(p, example(b), example(b + 1), k, from, to, dW.data(), dV.data());
      }
      to = from;
    }
    for (std::size_t r = 0; r < registers; ++r) {
      Vector sum(Real(0));
      for (const State& s : states) {
        sum = sum + multiply_add(s.dh[r], s.h[r] * (Vector(Real(1)) - s.h[r]), s.da[r]);
      }
      store(dc.data() + k + r * lanes, sum);
    }
  }
}

// Rows of (B, D) with the columns in the order of the ordering, and back.
template <class T>
void columns_to_order(const Real* from, T* to, std::size_t B, const Ordering& o) {
  const std::size_t D = o.size();
#pragma omp parallel for schedule(static) if (B * D >= parallel_threshold)
  for (std::size_t b = 0; b < B; ++b) {
    for (std::size_t d = 0; d < D; ++d) to[b * D + d] = static_cast<T>(from[b * D + o[d]]);
  }
}
template <class T>
void columns_from_order(const T* from, Real* to, std::size_t B, const Ordering& o) {
  const std::size_t D = o.size();
#pragma omp parallel for schedule(static) if (B * D >= parallel_threshold)
  for (std::size_t b = 0; b < B; ++b) {
    for (std::size_t d = 0; d < D; ++d) to[b * D + o[d]] = static_cast<Real>(from[b * D + d]);
  }
}

void check(const char* operation, const Shape& x, const NadeWeights& weights, const Ordering& o) {
  const std::string name = operation;
  const Shape &W = weights.W.shape(), &V = weights.V.shape(), &b = weights.b.shape(),
              &c = weights.c.shape();
  const bool fit = x.size() == 2 && W.size() == 2 && V == W && b.size() == 1 && c.size() == 1 &&
                   b[0] == W[0] && c[0] == W[1] && x[1] == W[0];
  if (!fit) {
    throw std::invalid_argument(name + ": needs x (B, D), W and V (D, H), b (D) and c (H), got " +
                                to_string(x) + ", " + to_string(W) + ", " + to_string(V) + ", " +
                                to_string(b) + " and " + to_string(c));
  }
  std::vector<bool> seen(x[1]);
  bool permutation = o.size() == x[1];
  for (const std::size_t d : o) {
    permutation = permutation && d < x[1] && !seen[d];
    if (permutation) seen[d] = true;
  }
  if (!permutation) {
    throw std::invalid_argument(name + ": the ordering must hold each of 0 … " +
                                std::to_string(x[1]) + " − 1 once, and has " +
                                std::to_string(o.size()) + " numbers");
  }
}

void check_binary(const char* operation, const Array& x) {
  const Real* const p = x.data();
  int others = 0;
#pragma omp parallel for simd reduction(| : others) if (x.size() >= parallel_threshold)
  for (std::size_t i = 0; i < x.size(); ++i) others |= p[i] != 0 && p[i] != 1 ? 1 : 0;
  if (others == 0) return;
  const Real* const bad = std::find_if(p, p + x.size(), [](Real v) { return v != 0 && v != 1; });
  throw std::invalid_argument(std::string(operation) + ": x must be 0 or 1, and is " +
                              std::to_string(*bad) + " at flat index " + std::to_string(bad - p) +
                              " of " + to_string(x.shape()));
}

}  // namespace

Tensor nade_logits(const Tensor& x, const NadeWeights& weights, const Ordering& o) {
  check("nade_logits", x.shape(), weights, o);
  check_binary("nade_logits", x.value());
  if (x.requires_grad()) {
    throw std::invalid_argument("nade_logits: x gets no gradient; detach() it");
  }
  const std::size_t B = x.size(0), D = o.size();
  Packed packed(weights, o);
  if (packed.large_W) return nade_logits_by_step(x, weights, o);
  std::vector<std::uint8_t> inputs(B * D);
  columns_to_order(x.value().data(), inputs.data(), B, o);
  Array in_order = empty({B, D}), logits = empty({B, D}), a = empty({B, packed.stride});
  forward(packed, B, D, inputs, in_order, a, [](std::size_t, std::size_t, Real) { return false; });
  columns_from_order(in_order.data(), logits.data(), B, o);

  auto walk = [B, D, o = Ordering(o), packed = std::move(packed), inputs = std::move(inputs),
               a = std::move(a)](Node& out, Node& W, Node& V, Node& b, Node& c) {
    Array g = empty({B, D});
    columns_to_order(out.grad().data(), g.data(), B, o);
    Array dW = empty({D, packed.stride}), dV = empty({D, packed.stride});
    Array dc = empty({packed.stride});
    backward(packed, B, inputs, g, a, dW, dV, dc);
    W.accumulate_with([&](Array& target, Real beta) { unpack_rows(dW, o, beta, target); });
    V.accumulate_with([&](Array& target, Real beta) { unpack_rows(dV, o, beta, target); });
    accumulate_summed(b, out.grad());
    Array dc_only = empty(c.value.shape());  // without the padding
    std::copy_n(dc.data(), dc_only.size(), dc_only.data());
    c.accumulate(std::move(dc_only));
  };
  return record("nade_logits", std::move(logits), std::move(walk), weights.W, weights.V, weights.b,
                weights.c);
}

Tensor nade_logits_by_step(const Tensor& x, const NadeWeights& weights, const Ordering& o) {
  check("nade_logits_by_step", x.shape(), weights, o);
  const std::size_t H = weights.c.size();
  Tensor a = broadcast_to(weights.c, {x.size(0), H});  // a₁ = c    [UCGML, eq. 4]
  std::vector<Tensor> logits(o.size());
  for (const std::size_t o_d : o) {
    const std::ptrdiff_t d = static_cast<std::ptrdiff_t>(o_d);
    const auto row = [d](const Tensor& m) { return slice(m, 0, d, d + 1); };
    const Tensor h = sigmoid(a);                                          // (B, H)     [eq. 5]
    logits[o_d] = matmul(h, transpose(row(weights.V))) + row(weights.b);  // (B, 1)     [eq. 2]
    a = a + slice(x, 1, d, d + 1) * row(weights.W);                       // (B, H)     [eq. 6]
  }
  return concat(logits, 1);
}

Array nade_sample(const Array& x, std::size_t known, const NadeWeights& weights, const Ordering& o,
                  Rng& rng) {
  check("nade_sample", x.shape(), weights, o);
  const std::size_t B = x.shape()[0], D = o.size();
  if (known > D) {
    throw std::invalid_argument("nade_sample: " + std::to_string(known) + " of " +
                                std::to_string(D) + " dimensions cannot be known");
  }
  const Packed packed(weights, o);
  std::vector<std::uint8_t> drawn(B * D);
  columns_to_order(x.data(), drawn.data(), B, o);
  Array logits = empty({B, D}), a = empty({B, packed.stride});
  const Array u = rng.uniform({B, D});
  forward(packed, B, known, drawn, logits, a, [&](std::size_t b, std::size_t d, Real l) {
    return u.data()[b * D + d] < 1 / (1 + std::exp(-l));  // x_{o_d} ~ Bernoulli(σ(l_{o_d}))
  });
  Array result = empty({B, D});
  columns_from_order(drawn.data(), result.data(), B, o);
  return result;
}

}  // namespace nabla::models
