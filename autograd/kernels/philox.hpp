// The generator behind Rng as plain functions of (seed, stream, counter). Compiled without
// contraction of a·b + c to a fused multiply-add (see meson.build) and without the C library's
// logarithm and sine, whose last bits differ between versions; what is left is + − × ÷ √ of IEEE
// 754 and integers, so the numbers are the same on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "autograd/array.hpp"

namespace nabla::philox {

/// Where a call starts to read: block number `counter` of a stream.
struct Position {
  std::uint64_t seed, stream, counter;
};

/// The four 32-bit words of one block, written as the paper has them (Salmon et al. 2011, §3.3):
/// the reference for the fast version below.
std::array<std::uint32_t, 4> block(const Position& at);

/// Words 4j … 4j + 3 of `out` are block counter + j; many blocks at once, vectorised.
void fill_words(const Position& at, std::uint32_t* out, std::size_t blocks);

/// Numbers that one block gives: word by word in float, two words for each in double.
constexpr std::size_t numbers_per_block = sizeof(Real) == 4 ? 4 : 2;

/// out[i] = low + (high − low) u, never `high` itself, from block counter + i / numbers_per_block.
/// u is a multiple of 2⁻²⁴ (float) or 2⁻⁵³ (double).
void fill_uniform(const Position& at, Real* out, std::size_t size, Real low, Real high);

/// out[i] = mean + std_dev z. Box and Muller (1958): z₀, z₁ = √(−2 ln u) (cos θ, sin θ).
/// |z| reaches 6.6 in float and 8.5 in double.
void fill_normal(const Position& at, Real* out, std::size_t size, Real mean, Real std_dev);

}  // namespace nabla::philox
