#include "autograd/kernels/philox.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nabla::philox {
namespace {

// Constants of Philox 4×32 (Salmon et al. 2011, Table 2 and §3.3).
constexpr std::uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr std::uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;  // golden ratio, √3 − 1
constexpr int rounds = 10;

constexpr std::uint32_t low_word(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
constexpr std::uint32_t high_word(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}

// Blocks that are worked on side by side: a few vector registers of words.
constexpr std::size_t lanes = 64;
constexpr std::size_t numbers = lanes * numbers_per_block;

struct Lanes {
  alignas(64) std::uint32_t word[4][lanes];
};

struct Counter {
  std::uint32_t a, b, c, d;
};

inline void one_round(Counter& x, std::uint32_t key_0, std::uint32_t key_1) {
  const std::uint64_t p = std::uint64_t{multiplier_0} * x.a;
  const std::uint64_t q = std::uint64_t{multiplier_1} * x.c;
  x = {high_word(q) ^ x.b ^ key_0, low_word(q), high_word(p) ^ x.d ^ key_1, low_word(p)};
}

// The rounds are written out, not looped over, so that compilers vectorise the loop over lanes.
void generate(const Position& at, std::uint64_t counter, Lanes& out) {
  const std::uint32_t k0 = low_word(at.seed), k1 = high_word(at.seed);
  const std::uint32_t stream_0 = low_word(at.stream), stream_1 = high_word(at.stream);
  const std::uint32_t first = low_word(counter), until_carry = 0u - first;
  const std::uint32_t above = high_word(counter);
  for (std::uint32_t i = 0; i < lanes; ++i) {
    const std::uint32_t carry = first != 0 && i >= until_carry ? 1 : 0;
    Counter x{first + i, above + carry, stream_0, stream_1};
    one_round(x, k0, k1);
    one_round(x, k0 + 1 * weyl_0, k1 + 1 * weyl_1);
    one_round(x, k0 + 2 * weyl_0, k1 + 2 * weyl_1);
    one_round(x, k0 + 3 * weyl_0, k1 + 3 * weyl_1);
    one_round(x, k0 + 4 * weyl_0, k1 + 4 * weyl_1);
    one_round(x, k0 + 5 * weyl_0, k1 + 5 * weyl_1);
    one_round(x, k0 + 6 * weyl_0, k1 + 6 * weyl_1);
    one_round(x, k0 + 7 * weyl_0, k1 + 7 * weyl_1);
    one_round(x, k0 + 8 * weyl_0, k1 + 8 * weyl_1);
    one_round(x, k0 + 9 * weyl_0, k1 + 9 * weyl_1);
    out.word[0][i] = x.a;
    out.word[1][i] = x.b;
    out.word[2][i] = x.c;
    out.word[3][i] = x.d;
  }
}

// What differs between the precisions. 2 ln 2 comes in two parts, the first so short that its
// product with a small integer is exact.
#ifdef NABLA_DOUBLE
using Bits = std::uint64_t;
using Signed = std::int64_t;
constexpr int mantissa_bits = 52, log_terms = 11, sine_terms = 9, cosine_terms = 9;
constexpr Bits sqrt_half = 0x3FE6A09E667F3BCD;  // √½ as bits
constexpr Real two_ln2_high = 0x1.62e42fefap+0, two_ln2_low = 0x1.cf79abc9e3b3ap-39;
#else
using Bits = std::uint32_t;
using Signed = std::int32_t;
constexpr int mantissa_bits = 23, log_terms = 4, sine_terms = 4, cosine_terms = 5;
constexpr Bits sqrt_half = 0x3F3504F3;
constexpr Real two_ln2_high = 0x1.62ep+0f, two_ln2_low = 0x1.0bfbe8p-14f;
#endif
constexpr int width = 8 * sizeof(Bits);
constexpr Real quarter_pi = Real(0x1.921fb54442d18p-1);

// Series with rational coefficients instead of fitted ones: nothing to look up or to get wrong, and
// float and double differ in the number of terms only. Each is summed from its smallest term.

// ln m for m in [√½, √2], as 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), s = (m − 1) / (m + 1), |s| <
// 0.172
inline Real log_near_one(Real m) {
  const Real s = (m - 1) / (m + 1), s2 = s * s;
  Real sum = Real(1) / (2 * log_terms + 1);
  for (int k = log_terms - 1; k > 0; --k) sum = sum * s2 + Real(1) / (2 * k + 1);
  return 2 * s + 2 * s * (s2 * sum);
}

// sin x = x − x³/3! + …  and  cos x = 1 − x²/2! + …  for |x| ≤ π/4
inline Real sine(Real x) {
  const Real x2 = x * x;
  Real factor = 0;
  for (int k = sine_terms; k > 0; --k)
    factor = x2 * (Real(1) / (2 * k * (2 * k + 1))) * (1 - factor);
  return x - x * factor;
}
inline Real cosine(Real x) {
  const Real x2 = x * x;
  Real factor = 0;
  for (int k = cosine_terms; k > 0; --k)
    factor = x2 * (Real(1) / ((2 * k - 1) * 2 * k)) * (1 - factor);
  return 1 - factor;
}

// Two normals from two words of random bits.
inline void box_muller(Bits w1, Bits w2, Real& z0, Real& z1) {
  // u = v / 2^(width − 1) with v odd: the middles of equal cells, so never 0. v = m 2^exponent,
  // m near 1.
  const Real v = static_cast<Real>(static_cast<Signed>((w1 >> 1) | 1));
  Bits bits;
  std::memcpy(&bits, &v, sizeof bits);
  const Bits exponent = (bits - sqrt_half) >> mantissa_bits;
  bits -= exponent << mantissa_bits;
  Real m;
  std::memcpy(&m, &bits, sizeof m);

  // r² = −2 ln u = 2 k ln 2 − 2 ln m
  const Real k = static_cast<Real>(width - 1 - static_cast<Signed>(exponent));
  const Real r = std::sqrt(k * two_ln2_high + (k * two_ln2_low - 2 * log_near_one(m)));

  // θ: the two highest bits are the quadrant, the others an angle in (−π/4, π/4).
  const Signed quadrant = static_cast<Signed>(w2 >> (width - 2));
  constexpr Real unit = quarter_pi / static_cast<Real>(Bits{1} << (width - 1));
  const Real angle = static_cast<Real>(static_cast<Signed>((w2 << 2) | 2)) * unit;
  const Real s = sine(angle), c = cosine(angle);
  const bool swap = (quadrant & 1) != 0;
  const Real sign_x = static_cast<Real>(1 - ((quadrant + 1) & 2));  // + − − +
  const Real sign_y = static_cast<Real>(1 - (quadrant & 2));        // + + − −
  z0 = r * (sign_x * (swap ? s : c));
  z1 = r * (sign_y * (swap ? c : s));
}

#ifdef NABLA_DOUBLE
inline std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}
#endif

// The lanes' words become numbers, block by block in order.
void uniform_numbers(const Lanes& in, Real low, Real range, Real largest, Real* out) {
  for (std::size_t i = 0; i < lanes; ++i) {
#ifdef NABLA_DOUBLE
    for (std::size_t j = 0; j < 2; ++j) {
      const std::uint64_t w = join(in.word[2 * j][i], in.word[2 * j + 1][i]);
      const double x = low + range * (static_cast<double>(w >> 11) * 0x1p-53);
      out[2 * i + j] = x < largest ? x : largest;
    }
#else
    for (std::size_t j = 0; j < 4; ++j) {
      const float u = static_cast<float>(static_cast<std::int32_t>(in.word[j][i] >> 8)) * 0x1p-24f;
      const float x = low + range * u;
      out[4 * i + j] = x < largest ? x : largest;
    }
#endif
  }
}

void normal_numbers(const Lanes& in, Real mean, Real std_dev, Real* out) {
  for (std::size_t i = 0; i < lanes; ++i) {
#ifdef NABLA_DOUBLE
    double a, b;
    box_muller(join(in.word[0][i], in.word[1][i]), join(in.word[2][i], in.word[3][i]), a, b);
    out[2 * i] = mean + std_dev * a;
    out[2 * i + 1] = mean + std_dev * b;
#else
    float a, b, c, d;
    box_muller(in.word[0][i], in.word[1][i], a, b);
    box_muller(in.word[2][i], in.word[3][i], c, d);
    out[4 * i] = mean + std_dev * a;
    out[4 * i + 1] = mean + std_dev * b;
    out[4 * i + 2] = mean + std_dev * c;
    out[4 * i + 3] = mean + std_dev * d;
#endif
  }
}

// Calls convert(lanes, pointer to `numbers` results) until `size` results are there. Element i
// depends on its position alone, so chunks may be computed by any thread.
template <class Convert>
void fill(const Position& at, Real* out, std::size_t size, Convert convert) {
  const std::ptrdiff_t chunks = static_cast<std::ptrdiff_t>((size + numbers - 1) / numbers);
#pragma omp parallel for schedule(static) if (size >= parallel_threshold)
  for (std::ptrdiff_t chunk = 0; chunk < chunks; ++chunk) {
    const std::size_t done = static_cast<std::size_t>(chunk) * numbers;
    Lanes words;
    generate(at, at.counter + static_cast<std::uint64_t>(chunk) * lanes, words);
    if (size - done >= numbers) {
      convert(words, out + done);
    } else {
      Real rest[numbers];
      convert(words, rest);
      std::copy(rest, rest + (size - done), out + done);
    }
  }
}

}  // namespace

std::array<std::uint32_t, 4> block(const Position& at) {
  std::array<std::uint32_t, 4> x{low_word(at.counter), high_word(at.counter), low_word(at.stream),
                                 high_word(at.stream)};
  std::uint32_t key_0 = low_word(at.seed), key_1 = high_word(at.seed);
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t p = std::uint64_t{multiplier_0} * x[0];
    const std::uint64_t q = std::uint64_t{multiplier_1} * x[2];
    x = {high_word(q) ^ x[1] ^ key_0, low_word(q), high_word(p) ^ x[3] ^ key_1, low_word(p)};
    key_0 += weyl_0;
    key_1 += weyl_1;
  }
  return x;
}

void fill_words(const Position& at, std::uint32_t* out, std::size_t blocks) {
  for (std::size_t done = 0; done < blocks; done += lanes) {
    Lanes words;
    generate(at, at.counter + done, words);
    const std::size_t count = std::min(lanes, blocks - done);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < 4; ++j) out[4 * (done + i) + j] = words.word[j][i];
    }
  }
}

void fill_uniform(const Position& at, Real* out, std::size_t size, Real low, Real high) {
  const Real range = high - low;
  const Real largest = std::nextafter(high, low);  // low + range · u may round up to high
  fill(at, out, size,
       [=](const Lanes& words, Real* to) { uniform_numbers(words, low, range, largest, to); });
}

void fill_normal(const Position& at, Real* out, std::size_t size, Real mean, Real std_dev) {
  fill(at, out, size,
       [=](const Lanes& words, Real* to) { normal_numbers(words, mean, std_dev, to); });
}

}  // namespace nabla::philox
