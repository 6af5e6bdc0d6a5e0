#include <algorithm>

#include "models/nade/walk.hpp"

namespace nabla::models::nade {
namespace {

constexpr std::size_t backward_block = 32;  // parts of rows, of `chunk` numbers, in the first cache

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

}  // namespace

// Hidden units do not mix on the way back, so each chunk of them is a job of its own.
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

}  // namespace nabla::models::nade
