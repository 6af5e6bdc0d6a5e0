// Rng: reproducible random numbers.
//
// Counter-based (Philox 4×32-10; Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy
// as 1, 2, 3"): number i of a stream is a function of (seed, stream, i) alone. So the whole state
// is a few integers, threads fill one array together, and the numbers are the same bit for bit on
// every machine and for every number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "autograd/array.hpp"

namespace nabla {

class Rng {
 public:
  /// Streams of one seed are independent of each other, as are those of different seeds.
  explicit Rng(std::uint64_t seed, std::uint64_t stream = 0);

  /// Uniform on [low, high). Throws std::invalid_argument unless low < high, and high − low is
  /// finite.
  Array uniform(const Shape& shape, Real low = 0, Real high = 1);
  /// Normal by Box and Muller's transform. Throws std::invalid_argument unless both are finite and
  /// std_dev ≥ 0.
  Array normal(const Shape& shape, Real mean = 0, Real std_dev = 1);
  /// 1 with the given probability, else 0. Throws std::invalid_argument outside [0, 1] (or NaN).
  Array bernoulli(const Shape& shape, Real probability);
  Array bernoulli(const Array& probabilities);
  /// Whole numbers uniform on [low, high), without modulo bias. Throws if the interval is empty.
  IndexArray integers(const Shape& shape, std::int64_t low, std::int64_t high);
  /// 0 … n − 1 in random order (Fisher and Yates).
  std::vector<std::size_t> permutation(std::size_t n);

  /// The same, into an existing array.
  void fill_uniform(Array& out, Real low = 0, Real high = 1);
  void fill_normal(Array& out, Real mean = 0, Real std_dev = 1);

  /// One number; costs a whole block of the generator.
  Real uniform();
  Real normal();

  /// Seed, stream, and the counter of the next unused block of four 32-bit words.
  struct State {
    std::uint64_t seed, stream, counter;
    bool operator==(const State& other) const {
      return seed == other.seed && stream == other.stream && counter == other.counter;
    }
  };
  State state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  State take(std::size_t numbers);

  State state_;
};

}  // namespace nabla
