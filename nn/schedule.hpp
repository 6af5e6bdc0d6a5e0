// Learning-rate schedules: pure functions of the step (or epoch), each a factor for the base rate,
// so that they multiply:
//
//   optimiser.set_lr(1e-3 * schedule::linear_warm_up(step, 500) * schedule::cosine(step, total));
//
// Steps count from 0. Throws std::invalid_argument on a length of 0 where it divides, and on a
// factor that is negative or not finite.
#pragma once

#include <cstdint>

namespace nabla::nn::schedule {

/// 1.
double constant(std::uint64_t step);
/// factor^⌊step / every⌋.
double step_decay(std::uint64_t step, std::uint64_t every, double factor);
/// rate^step.
double exponential(std::uint64_t step, double rate);
/// (1 − step / total), 0 from `total` on.
double linear_to_zero(std::uint64_t step, std::uint64_t total);
/// last + (1 − last) ½ (1 + cos(π step / total)), `last` from `total` on. Loshchilov & Hutter 2017,
/// eq. 5, without restarts.
double cosine(std::uint64_t step, std::uint64_t total, double last = 0);
/// (step + 1) / length, so that the first step moves; 1 from step length − 1 on and for length 0.
double linear_warm_up(std::uint64_t step, std::uint64_t length);

}  // namespace nabla::nn::schedule
