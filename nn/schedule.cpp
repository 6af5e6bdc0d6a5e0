#include "nn/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "autograd/array.hpp"

namespace nabla::nn::schedule {
namespace {

double share(const char* name, std::uint64_t step, std::uint64_t total) {
  if (total == 0) throw std::invalid_argument(std::string(name) + ": the length must not be 0");
  return std::min(1.0, static_cast<double>(step) / static_cast<double>(total));
}

void check_factor(const char* name, const char* parameter, double factor) {
  check_number(std::isfinite(factor) && factor >= 0, name, parameter, factor, "finite and ≥ 0");
}

}  // namespace

double constant(std::uint64_t) {
  return 1;
}

double step_decay(std::uint64_t step, std::uint64_t every, double factor) {
  if (every == 0) throw std::invalid_argument("step_decay: the length must not be 0");
  check_factor("step_decay", "factor", factor);
  return std::pow(factor, static_cast<double>(step / every));
}

double exponential(std::uint64_t step, double rate) {
  check_factor("exponential", "rate", rate);
  return std::pow(rate, static_cast<double>(step));
}

double linear_to_zero(std::uint64_t step, std::uint64_t total) {
  return 1 - share("linear_to_zero", step, total);
}

double cosine(std::uint64_t step, std::uint64_t total, double last) {
  check_factor("cosine", "last", last);
  const double pi = std::acos(-1.0);
  return last + (1 - last) * 0.5 * (1 + std::cos(pi * share("cosine", step, total)));
}

double linear_warm_up(std::uint64_t step, std::uint64_t length) {
  return length == 0 ? 1 : share("linear_warm_up", std::min(step, length - 1) + 1, length);
}

}  // namespace nabla::nn::schedule
