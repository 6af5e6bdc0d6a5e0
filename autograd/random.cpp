#include "autograd/random.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "autograd/kernels/philox.hpp"

namespace nabla {
namespace {

philox::Position position(const Rng::State& state) {
  return {state.seed, state.stream, state.counter};
}

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw std::invalid_argument(text.str());
}

// The words of a stream one after the other, for numbers that may need more than one attempt.
class Words {
 public:
  explicit Words(const Rng::State& start) : at_(start) {}

  std::uint32_t next() {
    if (used_ == buffer_.size()) {
      philox::fill_words(position(at_), buffer_.data(), buffer_.size() / 4);
      at_.counter += buffer_.size() / 4;
      used_ = 0;
    }
    return buffer_[used_++];
  }

  // Uniform on [0, range). Lemire 2019, "Fast random integer generation in an interval": the high
  // half of word · range, drawn again in the few cases that would make some results likelier.
  std::uint64_t below(std::uint64_t range) {
    if (range <= 0xFFFFFFFF) {
      const std::uint32_t r = static_cast<std::uint32_t>(range);
      std::uint64_t product = std::uint64_t{next()} * r;
      if (static_cast<std::uint32_t>(product) < r) {
        const std::uint32_t surplus = (0u - r) % r;  // 2³² mod r
        while (static_cast<std::uint32_t>(product) < surplus) product = std::uint64_t{next()} * r;
      }
      return product >> 32;
    }
    // Wider: as many bits as the largest result has, drawn again when they are beyond it.
    std::uint64_t mask = range - 1;
    for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    while (true) {
      const std::uint64_t low = next();
      const std::uint64_t x = (std::uint64_t{next()} << 32 | low) & mask;
      if (x < range) return x;
    }
  }

  // The first block of which nothing was used.
  std::uint64_t counter() const { return at_.counter - (buffer_.size() - used_) / 4; }

 private:
  Rng::State at_;
  std::array<std::uint32_t, 256> buffer_{};
  std::size_t used_ = 256;
};

bool is_probability(Real p) {
  return p >= 0 && p <= 1;  // false for NaN
}

// 1 where a uniform number is below its probability. u < 1, so that p = 0 and 1 are exact.
template <class Probability>
void compare(Array& u, const Probability& probability) {
  Real* const out = u.data();
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(u.size());
#pragma omp parallel for schedule(static) if (u.size() >= parallel_threshold)
  for (std::ptrdiff_t i = 0; i < size; ++i) out[i] = out[i] < probability(i) ? Real(1) : Real(0);
}

}  // namespace

Rng::Rng(std::uint64_t seed, std::uint64_t stream) : state_{seed, stream, 0} {}

// Where `numbers` numbers start; the next call starts at a fresh block behind them.
Rng::State Rng::take(std::size_t numbers) {
  const State start = state_;
  state_.counter += (numbers + philox::numbers_per_block - 1) / philox::numbers_per_block;
  return start;
}

void Rng::fill_uniform(Array& out, Real low, Real high) {
  if (!(low < high) || !std::isfinite(high - low)) {
    refuse("uniform: needs low < high with a finite difference, got [", low, ", ", high, ")");
  }
  philox::fill_uniform(position(take(out.size())), out.data(), out.size(), low, high);
}

void Rng::fill_normal(Array& out, Real mean, Real std_dev) {
  if (!std::isfinite(mean) || !std::isfinite(std_dev) || std_dev < 0) {
    refuse("normal: needs a finite mean and std_dev ≥ 0, got ", mean, " and ", std_dev);
  }
  philox::fill_normal(position(take(out.size())), out.data(), out.size(), mean, std_dev);
}

Array Rng::uniform(const Shape& shape, Real low, Real high) {
  Array out = empty(shape, "uniform");
  fill_uniform(out, low, high);
  return out;
}

Array Rng::normal(const Shape& shape, Real mean, Real std_dev) {
  Array out = empty(shape, "normal");
  fill_normal(out, mean, std_dev);
  return out;
}

Array Rng::bernoulli(const Shape& shape, Real probability) {
  if (!is_probability(probability)) {
    refuse("bernoulli: ", probability, " is not a probability");
  }
  Array out = uniform(shape);
  compare(out, [probability](std::ptrdiff_t) { return probability; });
  return out;
}

Array Rng::bernoulli(const Array& probabilities) {
  const Real* const p = probabilities.data();
  const Real* const last = p + probabilities.size();
  const Real* const bad = std::find_if_not(p, last, is_probability);
  if (bad != last) {
    refuse("bernoulli: ", *bad, " at flat index ", bad - p, " of ",
           to_string(probabilities.shape()), " is not a probability");
  }
  Array out = uniform(probabilities.shape());
  compare(out, [p](std::ptrdiff_t i) { return p[i]; });
  return out;
}

IndexArray Rng::integers(const Shape& shape, std::int64_t low, std::int64_t high) {
  if (low >= high) refuse("integers: [", low, ", ", high, ") is empty");
  // Unsigned, since the width of the interval may not fit into a signed number.
  const std::uint64_t first = static_cast<std::uint64_t>(low);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - first;
  check_shape("integers", shape);
  IndexArray out(IndexArray::shape_type(shape.begin(), shape.end()));
  Words words(state_);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out.data()[i] = static_cast<std::int64_t>(first + words.below(range));
  }
  state_.counter = words.counter();
  return out;
}

std::vector<std::size_t> Rng::permutation(std::size_t n) {
  check_shape("permutation", {n});
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Words words(state_);
  // Durstenfeld 1964: place i gets any of those not yet placed, from the last place down.
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[words.below(i)]);
  state_.counter = words.counter();
  return order;
}

Real Rng::uniform() {
  Real u = 0;
  philox::fill_uniform(position(take(1)), &u, 1, 0, 1);
  return u;
}

Real Rng::normal() {
  Real z = 0;
  philox::fill_normal(position(take(1)), &z, 1, 0, 1);
  return z;
}

}  // namespace nabla
