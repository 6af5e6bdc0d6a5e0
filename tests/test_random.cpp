// Random numbers: known answers, exactness, distributions at a stated level, and bad arguments.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>

#include "autograd/random.hpp"

#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#define HAVE_RANDOM123 1
#endif
#include <doctest/doctest.h>

#include "autograd/kernels/philox.hpp"
#include "autograd/threads.hpp"

using namespace nabla;
using Block = std::array<std::uint32_t, 4>;

namespace {

constexpr bool is_float = sizeof(Real) == 4;

std::uint64_t bits_of(Real x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return bits;
}

// FNV-1a over the bit patterns.
std::uint64_t checksum(const Array& a) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < a.size(); ++i) {
    hash = (hash ^ bits_of(a.data()[i])) * 0x100000001b3;
  }
  return hash;
}

std::vector<Real> sorted(const Array& a) {
  std::vector<Real> values(a.begin(), a.end());
  std::sort(values.begin(), values.end());
  return values;
}

// Kolmogorov and Smirnov's √n sup |F_n − F|; above 1.95 with probability 0.001.
template <class Cdf>
double ks_statistic(const Array& sample, Cdf cdf) {
  const std::vector<Real> x = sorted(sample);
  const double n = static_cast<double>(x.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double f = cdf(static_cast<double>(x[i])), rank = static_cast<double>(i);
    largest = std::max({largest, f - rank / n, (rank + 1) / n - f});
  }
  return largest * std::sqrt(n);
}

double normal_cdf(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

double mean_of(const Array& a, int power) {
  double total = 0;
  for (const Real x : a) total += std::pow(static_cast<double>(x), power);
  return total / static_cast<double>(a.size());
}

}  // namespace

TEST_CASE("Philox gives the known answers that Random123 publishes") {
  using philox::block;
  CHECK(block({0, 0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint64_t all = 0xffffffffffffffff;
  CHECK(block({all, all, all}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // The digits of π.
  CHECK(block({0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  std::uint32_t fast[4];
  philox::fill_words({0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88}, fast, 1);
  CHECK(Block{fast[0], fast[1], fast[2], fast[3]} ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the fast generator is the plain one, also where a counter carries") {
  for (const std::uint64_t counter :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0xffffffc0}, std::uint64_t{0xfffffff3},
        std::uint64_t{0xffffffff}, std::uint64_t{0x12345ffffffff}, std::uint64_t{0} - 5}) {
    const std::size_t blocks = 1000;
    std::vector<std::uint32_t> fast(4 * blocks);
    philox::fill_words({0x123456789abcdef, 77, counter}, fast.data(), blocks);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < blocks; ++i) {
      const Block plain = philox::block({0x123456789abcdef, 77, counter + i});
      wrong += std::equal(plain.begin(), plain.end(), fast.begin() + 4 * i) ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

#ifdef HAVE_RANDOM123
TEST_CASE("the generator is Random123's") {
  Rng numbers(5);
  const IndexArray random = numbers.integers({3000}, std::numeric_limits<std::int64_t>::min(),
                                             std::numeric_limits<std::int64_t>::max());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i + 2 < random.size(); i += 3) {
    const auto seed = static_cast<std::uint64_t>(random(i));
    const auto stream = static_cast<std::uint64_t>(random(i + 1));
    const auto counter = static_cast<std::uint64_t>(random(i + 2));
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const philox4x32_ctr_t c = {{low(counter), low(counter >> 32), low(stream), low(stream >> 32)}};
    const philox4x32_key_t k = {{low(seed), low(seed >> 32)}};
    const philox4x32_ctr_t expected = philox4x32(c, k);
    const Block got = philox::block({seed, stream, counter});
    wrong += std::equal(got.begin(), got.end(), expected.v) ? 0 : 1;
  }
  CHECK(wrong == 0);
}
#endif

// Printed once and kept: whoever changes the stream changes every published seed.
TEST_CASE("the stream is pinned bit for bit, whatever compiler, processor and build") {
  Rng rng(1234, 5);
  const Array u = rng.uniform({1000}), z = rng.normal({100000}, Real(0.5), Real(1.7));
  const Array v = rng.uniform({999}, Real(-0.3), Real(0.7));
  const std::vector<std::uint64_t> got = {bits_of(u(0)), bits_of(u(1)),      bits_of(z(0)),
                                          bits_of(z(1)), checksum(u),        checksum(z),
                                          checksum(v),   rng.state().counter};
#ifdef NABLA_DOUBLE
  const std::vector<std::uint64_t> expected = {
      0x3fe6f4236f5f284e, 0x3fe7b2b5991164f4, 0x3ffacead8cc75f4e, 0x400147bc5ff8f612,
      0x6f74cad5f6ce62ce, 0xcb9b837fa80d8a13, 0x4ce9fda4ab083295, 0xc738};
#else
  const std::vector<std::uint64_t> expected = {
      0x3f794274,         0x3f37a11b,         0x3f5b6fa2,         0x40205f32,
      0xc83c804b3862d6be, 0x3ba1bd144e51df9e, 0x8250dbfa650b0c53, 0x639c};
#endif
  CHECK(got == expected);
}

// The transform in long double from the same words, by the C library's functions.
TEST_CASE("normal numbers are accurate to about two units in the last place") {
  const std::size_t blocks = 50000;
  std::vector<std::uint32_t> w(4 * blocks);
  philox::fill_words({3, 0, 0}, w.data(), blocks);
  const Array z = Rng(3).normal({blocks * philox::numbers_per_block});
  const long double half_pi = std::asin(1.0L);
  long double worst = 0;
  for (std::size_t i = 0; i < z.size(); i += 2) {
    // u is rounded to the precision; the angle is a quadrant and a fraction in (−½, ½) of one.
    std::uint64_t first = std::uint64_t{w[i] & ~1u} << 32, second = std::uint64_t{w[i + 1]} << 32;
    if (!is_float) {
      first = std::uint64_t{w[2 * i + 1]} << 32 | w[2 * i];
      second = std::uint64_t{w[2 * i + 3]} << 32 | w[2 * i + 2];
    }
    const std::uint64_t last_bit = is_float ? std::uint64_t{1} << 32 : 1;
    const long double u =
        std::ldexp(static_cast<long double>(static_cast<Real>(first >> 1 | last_bit)), -63);
    const std::int64_t turned = static_cast<std::int64_t>(second << 2 | 2 * last_bit);
    const long double angle = half_pi * std::ldexp(static_cast<long double>(turned), -64);
    const long double r = std::sqrt(-2 * std::log(u)), c = std::cos(angle), s = std::sin(angle);
    const long double x[4] = {c, -s, -c, s}, y[4] = {s, c, -s, -c};
    const long double exact[2] = {r * x[second >> 62], r * y[second >> 62]};
    for (std::size_t j = 0; j < 2; ++j) {
      const long double error = std::abs(static_cast<long double>(z(i + j)) - exact[j]);
      worst = std::max(worst, error / (std::abs(exact[j]) * std::numeric_limits<Real>::epsilon()));
    }
  }
  MESSAGE("largest relative error: " << static_cast<double>(worst) << " machine epsilon");
  CHECK(worst < 2.5L);
}

TEST_CASE("normal numbers have the right moments, shape and tails") {
  const std::size_t n = 4000000;
  const Array z = Rng(42).normal({n});
  const double root = std::sqrt(static_cast<double>(n));
  // Five standard errors each.
  CHECK(std::abs(mean_of(z, 1)) < 5 / root);
  CHECK(std::abs(mean_of(z, 2) - 1) < 5 * std::sqrt(2) / root);
  CHECK(std::abs(mean_of(z, 3)) < 5 * std::sqrt(15) / root);
  CHECK(std::abs(mean_of(z, 4) - 3) < 5 * std::sqrt(96) / root);
  double neighbours = 0, partners = 0;
  for (std::size_t i = 0; i + 2 < n; ++i) {
    neighbours += static_cast<double>(z(i)) * static_cast<double>(z(i + 1));
    partners += static_cast<double>(z(i)) * static_cast<double>(z(i + 2));
  }
  CHECK(std::abs(neighbours / root) < 5);
  CHECK(std::abs(partners / root) < 5);
  CHECK(ks_statistic(Rng(43).normal({200000}, 2, 3),
                     [](double x) { return normal_cdf((x - 2) / 3); }) < 1.95);
  // P(|z| > 4) = 6.33e-5: 253 expected, standard error 16.
  const auto beyond = [&](Real limit) {
    return std::count_if(z.begin(), z.end(), [&](Real x) { return std::abs(x) > limit; });
  };
  CHECK(std::abs(static_cast<double>(beyond(4)) - 253.4) < 80);
  CHECK(beyond(Real(4.9)) > 0);  // 3.8 expected
  CHECK(beyond(7) == 0);
  CHECK(mean_of(Rng(1).normal({10}, 3, 0), 1) == 3);
}

TEST_CASE("uniform numbers fill [low, high) evenly") {
  const Array u = Rng(7).uniform({200000});
  CHECK(ks_statistic(u, [](double x) { return x; }) < 1.95);
  CHECK(ks_statistic(Rng(8).uniform({200000}, -2, 3), [](double x) { return (x + 2) / 5; }) < 1.95);
  const Array large = Rng(9).uniform({20000000});
  CHECK(*std::max_element(large.begin(), large.end()) < 1);
  CHECK(*std::max_element(large.begin(), large.end()) > Real(0.99999));
  CHECK(*std::min_element(large.begin(), large.end()) >= 0);
  // Here low + range · u rounds up to high for half of the numbers unless that is prevented.
  const Real below = 1, high = std::nextafter(below, Real(2));
  const Array narrow = Rng(10).uniform({1000}, below, high);
  CHECK(std::all_of(narrow.begin(), narrow.end(), [](Real x) { return x == 1; }));
}

TEST_CASE("Bernoulli numbers are exact at 0 and 1 and right between") {
  Rng rng(11);
  CHECK(mean_of(rng.bernoulli({100000}, 0), 1) == 0);
  CHECK(mean_of(rng.bernoulli({100000}, 1), 1) == 1);
  CHECK(std::abs(mean_of(rng.bernoulli({1000000}, Real(0.3)), 1) - 0.3) < 5 * 0.46 / 1000);
  Array p = empty({90000});
  for (std::size_t i = 0; i < p.size(); ++i) p(i) = Real(0.5) * static_cast<Real>(i % 3);
  const Array x = rng.bernoulli(p);
  double half = 0;
  bool exact = true;
  for (std::size_t i = 0; i < p.size(); ++i) {
    exact = exact && (i % 3 == 1 ? x(i) == 0 || x(i) == 1 : x(i) == p(i));
    if (i % 3 == 1) half += static_cast<double>(x(i));
  }
  CHECK(exact);
  CHECK(std::abs(half / 30000 - 0.5) < 5 * 0.5 / std::sqrt(30000.0));
}

TEST_CASE("whole numbers are unbiased in small, awkward and extreme ranges") {
  Rng rng(12);
  const IndexArray die = rng.integers({600000}, 1, 7);
  std::map<std::int64_t, int> faces;
  for (const std::int64_t x : die) ++faces[x];
  CHECK(faces.size() == 6);
  CHECK(faces.begin()->first == 1);
  double chi2 = 0;
  for (const auto& face : faces) chi2 += std::pow(face.second - 100000.0, 2) / 100000.0;
  CHECK(chi2 < 20.5);  // five degrees of freedom, level 0.001

  // A range of 3/4 of all words: taken as a remainder, a third of the results comes twice as often;
  // taken as a product, a third by remainder does.
  for (const int shift : {30, 61}) {
    const std::int64_t third = std::int64_t{1} << shift;
    const IndexArray wide = rng.integers({300000}, -third, 2 * third);
    double thirds[3] = {}, residues[3] = {};
    for (const std::int64_t x : wide) {
      ++thirds[x < 0 ? 0 : x < third ? 1 : 2];
      ++residues[(x + third) % 3];
    }
    for (int i = 0; i < 3; ++i) {
      CHECK(std::abs(thirds[i] - 1e5) < 5 * 258);
      CHECK(std::abs(residues[i] - 1e5) < 5 * 258);
    }
  }

  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const IndexArray all = rng.integers({100000}, least, most);
  const auto negative = std::count_if(all.begin(), all.end(), [](std::int64_t x) { return x < 0; });
  CHECK(std::abs(static_cast<double>(negative) - 50000) < 5 * 158);
  CHECK(rng.integers({5}, most - 1, most)(4) == most - 1);
  CHECK(rng.integers({5}, least, least + 1)(4) == least);
}

TEST_CASE("a permutation is one, and every one is equally likely") {
  Rng rng(13);
  std::vector<std::size_t> order = rng.permutation(1000);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == i);
  std::map<std::vector<std::size_t>, int> counts;
  for (int i = 0; i < 24000; ++i) ++counts[rng.permutation(4)];
  CHECK(counts.size() == 24);
  double chi2 = 0;
  for (const auto& entry : counts) chi2 += std::pow(entry.second - 1000.0, 2) / 1000.0;
  CHECK(chi2 < 49.7);  // 23 degrees of freedom, level 0.001
  CHECK(rng.permutation(0).empty());
  CHECK(rng.permutation(1) == std::vector<std::size_t>{0});
}

TEST_CASE("the numbers do not depend on the number of threads") {
  const int before = threads();
  for (const std::size_t n : {std::size_t{100000}, std::size_t{1000003}}) {
    set_threads(1);
    Rng one(14);
    const Array z = one.normal({n}), u = one.uniform({n}), b = one.bernoulli({n}, Real(0.5));
    for (const int count : {2, 3}) {
      set_threads(count);
      Rng many(14);
      CHECK(many.normal({n}) == z);
      CHECK(many.uniform({n}) == u);
      CHECK(many.bernoulli({n}, Real(0.5)) == b);
    }
  }
  set_threads(before);
}

TEST_CASE("a call's first numbers do not depend on how many are asked for") {
  const Array whole = Rng(15).normal({1000});
  for (const std::size_t n : {1, 2, 3, 5, 63, 64, 65, 255, 256, 257, 999}) {
    const Array part = Rng(15).normal({n});
    CHECK(std::equal(part.begin(), part.end(), whole.begin()));
  }
  CHECK(Rng(15).normal() == whole(0));
  CHECK(Rng(15).uniform() == Rng(15).uniform({7})(0));
}

TEST_CASE("the state is saved and restored; calls never share a block") {
  Rng rng(16, 3);
  rng.normal({5});
  rng.permutation(10);
  const Rng::State state = rng.state();
  const Array z = rng.normal({10});
  const IndexArray k = rng.integers({10}, 0, 1000);
  Rng other(0);
  other.set_state(state);
  CHECK(other.state() == state);
  CHECK(other.normal({10}) == z);
  CHECK(other.integers({10}, 0, 1000) == k);
  CHECK(other.state() == rng.state());

  Rng fresh(1);
  fresh.uniform({0});
  CHECK(fresh.state().counter == 0);
  fresh.uniform();
  CHECK(fresh.state().counter == 1);
  fresh.uniform({philox::numbers_per_block});
  CHECK(fresh.state().counter == 2);
  fresh.uniform({philox::numbers_per_block + 1});
  CHECK(fresh.state().counter == 4);
  fresh.integers({9}, 0, 2);
  CHECK(fresh.state().counter == 7);
}

TEST_CASE("streams and seeds differ and are uncorrelated") {
  const std::size_t n = 100000;
  const Array a = Rng(1, 0).normal({n}), b = Rng(1, 1).normal({n}), c = Rng(2, 0).normal({n});
  for (const Array& other : {b, c}) {
    double product = 0;
    for (std::size_t i = 0; i < n; ++i) {
      product += static_cast<double>(a(i)) * static_cast<double>(other(i));
    }
    CHECK(std::abs(product) / std::sqrt(static_cast<double>(n)) < 5);
  }
  CHECK(Rng(0, 1).uniform() != Rng(1, 0).uniform());
}

TEST_CASE("shapes of size 0 and 1, and shape ()") {
  Rng rng(17);
  CHECK(rng.normal({0, 3}).size() == 0);
  CHECK(rng.integers({0}, 0, 5).size() == 0);
  CHECK(rng.bernoulli(empty({0})).size() == 0);
  CHECK(rng.normal({}).dimension() == 0);
  CHECK(rng.uniform({1, 1}).shape() == Shape{1, 1});
}

TEST_CASE("bad arguments") {
  Rng rng(18);
  constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
  constexpr Real most = std::numeric_limits<Real>::max();
  CHECK_THROWS_WITH(rng.uniform({2}, 1, 1),
                    "uniform: needs low < high with a finite difference, got [1, 1)");
  CHECK_THROWS_AS(rng.uniform({2}, -most, most), std::invalid_argument);
  CHECK_THROWS_AS(rng.uniform({2}, nan, 1), std::invalid_argument);
  CHECK_THROWS_WITH(rng.normal({2}, 0, -1),
                    "normal: needs a finite mean and std_dev ≥ 0, got 0 and -1");
  CHECK_THROWS_AS(rng.normal({2}, nan, 1), std::invalid_argument);
  CHECK_THROWS_WITH(rng.bernoulli({2}, Real(1.5)), "bernoulli: 1.5 is not a probability");
  CHECK_THROWS_AS(rng.bernoulli({2}, nan), std::invalid_argument);
  CHECK_THROWS_WITH(rng.bernoulli(Array{{Real(0.5), 1}, {-1, 0}}),
                    "bernoulli: -1 at flat index 2 of (2, 2) is not a probability");
  CHECK_THROWS_WITH(rng.integers({2}, 3, 3), "integers: [3, 3) is empty");
  const Shape wraps{std::size_t{1} << 32, std::size_t{1} << 32};
  CHECK_THROWS_WITH(rng.uniform(wraps), "uniform: (4294967296, 4294967296) is too large a shape");
  CHECK_THROWS_WITH(rng.normal(wraps), "normal: (4294967296, 4294967296) is too large a shape");
  CHECK_THROWS_AS(rng.integers(wraps, 0, 2), std::invalid_argument);
  CHECK_THROWS_AS(rng.permutation(std::size_t{1} << 63), std::invalid_argument);
  CHECK(rng.state().counter == 0);  // a refused call consumes nothing
}
