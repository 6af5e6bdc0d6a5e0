// Schedules of the learning rate: functions of the step, in double.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "nn/schedule.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

namespace schedule = nn::schedule;
using Steps = std::uint64_t;

// A schedule of a step and, where it has one, a length; what it gives for any of them.
Entry schedule_entry(const std::string& title, const std::string& declares,
                     double (*call)(Steps step, Steps length),
                     Quad (*reference)(Quad step, Quad length), bool has_length,
                     bool length_may_be_0) {
  Entry entry;
  entry.title = title;
  entry.declares = {declares};
  entry.measure = [=](const Arrays& x) {
    std::vector<double> y;
    for (const Real step : x[0]) {
      y.push_back(call(static_cast<Steps>(step), static_cast<Steps>(x[1](0))));
    }
    return y;
  };
  entry.reference = [=](const std::vector<Numbers>& x) {
    Numbers y = x[0];
    for (Quad& step : y.data) step = reference(step, x[1].data[0]);
    return y;
  };
  const Array steps{0, 1, 2, 9, 10, 11, 99, 100, 101, 1000000};
  for (const Real length : {1, 2, 10, 100}) entry.samples.push_back({steps, Array{length}});
  if (length_may_be_0) entry.samples.push_back({steps, Array{0}});
  entry.normwise = 1;
  entry.eps = 16;
  const auto number = [=](Wide step, Wide length) {
    Right right;
    right.refused = has_length && length == 0 && !length_may_be_0;
    if (!right.refused) {
      right.number =
          static_cast<double>(reference(static_cast<Quad>(step), static_cast<Quad>(length)));
    }
    return right;
  };
  for (const Steps length : {Steps{10}, ~Steps{0}}) {
    entry.sizes.push_back(
        {"step, of " + std::to_string(length),
         [=](std::size_t n) { return Tensor(static_cast<Real>(call(n, length))); },
         [=](Wide n) { return number(n, static_cast<Wide>(length)); }});
    if (!has_length) continue;
    entry.sizes.push_back(
        {"length, at " + std::to_string(length),
         [=](std::size_t n) { return Tensor(static_cast<Real>(call(length, n))); },
         [=](Wide n) { return number(static_cast<Wide>(length), n); }});
  }
  return entry;
}

}  // namespace

std::vector<Entry> schedule_entries() {
  std::vector<Entry> list{
      schedule_entry(
          "schedule::constant", "constant(uint64_t)",
          [](Steps step, Steps) { return schedule::constant(step); },
          [](Quad, Quad) { return 1.0L; }, false, true),
      schedule_entry(
          "schedule::step_decay", "step_decay(uint64_t, uint64_t, double)",
          [](Steps step, Steps every) { return schedule::step_decay(step, every, 0.5); },
          [](Quad step, Quad every) { return std::pow(0.5L, std::floor(step / every)); }, true,
          false),
      schedule_entry(
          "schedule::exponential", "exponential(uint64_t, double)",
          [](Steps step, Steps) { return schedule::exponential(step, 0.75); },
          [](Quad step, Quad) { return std::pow(0.75L, step); }, false, true),
      schedule_entry(
          "schedule::linear_to_zero", "linear_to_zero(uint64_t, uint64_t)",
          schedule::linear_to_zero,
          [](Quad step, Quad total) { return 1 - std::min(1.0L, step / total); }, true, false),
      schedule_entry(
          "schedule::cosine", "cosine(uint64_t, uint64_t, double)",
          [](Steps step, Steps total) { return schedule::cosine(step, total, 0.25); },
          [](Quad step, Quad total) {
            const Quad angle = std::acos(-1.0L) * std::min(1.0L, step / total);
            return 0.25L + 0.75L * (1 + std::cos(angle)) / 2;
          },
          true, false),
      schedule_entry(
          "schedule::linear_warm_up", "linear_warm_up(uint64_t, uint64_t)",
          schedule::linear_warm_up,
          [](Quad step, Quad length) {
            return length == 0 ? 1 : std::min(1.0L, (step + 1) / length);
          },
          true, true)};
  constexpr double inf = std::numeric_limits<double>::infinity(),
                   nan = std::numeric_limits<double>::quiet_NaN();
  list[1].refusals = {
      {"step_decay: the length must not be 0", [] { schedule::step_decay(1, 0, 0.5); }},
      {"step_decay: factor must be finite and ≥ 0, got -0.5",
       [] { schedule::step_decay(1, 2, -0.5); }}};
  list[2].refusals = {
      {"exponential: rate must be finite and ≥ 0, got inf", [] { schedule::exponential(1, inf); }}};
  list[3].refusals = {
      {"linear_to_zero: the length must not be 0", [] { schedule::linear_to_zero(1, 0); }}};
  list[4].refusals = {
      {"cosine: the length must not be 0", [] { schedule::cosine(1, 0); }},
      {"cosine: last must be finite and ≥ 0, got nan", [] { schedule::cosine(1, 2, nan); }}};
  return list;
}

}  // namespace nabla::testing
