#include "autograd/gradcheck.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

namespace nabla {
namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// Weights away from zero, so that no element of the output can hide.
Array weights_like(const Array& output, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  Array w = empty(output.shape());
  std::generate(w.data(), w.data() + w.size(), [&engine] {
    const double u = static_cast<double>(engine() >> 11) * 0x1p-53;  // [0, 1)
    return static_cast<Real>(u < 0.5 ? -1.5 + 2 * u : 2 * u - 0.5);  // ±[0.5, 1.5)
  });
  return w;
}

double weighted_sum(const Function& f, const std::vector<Array>& inputs, const Array& weights) {
  const NoGrad no_grad;
  std::vector<Tensor> x;
  for (const Array& input : inputs) x.emplace_back(input);
  const Tensor y = f(x);
  double total = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    total += static_cast<double>(weights.data()[i]) * static_cast<double>(y.value().data()[i]);
  }
  return total;
}

}  // namespace

GradcheckResult gradcheck(const Function& f, const std::vector<Array>& inputs,
                          GradcheckOptions options) {
  std::vector<Tensor> x;
  for (const Array& input : inputs) x.push_back(parameter(input));
  const Tensor y = f(x);
  const Array weights = weights_like(y.value(), options.seed);
  GradcheckResult result;
  if (!y.requires_grad()) {
    result.passed = false;
    result.message = "gradcheck: the result depends on no input";
    return result;
  }
  y.backward(weights);
  f(x).backward(weights);  // every gradient is now there twice

  const auto disagree = [&result](double error, const std::string& message) {
    result.largest_error = std::isnan(error) ? error : std::max(result.largest_error, error);
    result.message = result.passed ? message : result.message;
    result.passed = false;
  };
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    std::vector<Array> moved = inputs;
    for (std::size_t i = 0; i < inputs[k].size(); ++i) {
      // The step as it comes out after rounding, so that float does not lose it.
      const Real centre = inputs[k].data()[i];
      const Real up = centre + static_cast<Real>(options.step);
      const Real down = centre - static_cast<Real>(options.step);
      moved[k].data()[i] = up;
      const double above = weighted_sum(f, moved, weights);
      moved[k].data()[i] = down;
      const double below = weighted_sum(f, moved, weights);
      moved[k].data()[i] = centre;
      const double numeric =
          (above - below) / (static_cast<double>(up) - static_cast<double>(down));
      const double analytic =
          x[k].has_grad() ? static_cast<double>(x[k].grad().data()[i]) / 2 : 0.0;
      const double error =
          std::abs(analytic - numeric) / std::max({1.0, std::abs(analytic), std::abs(numeric)});
      if (!(error <= options.tolerance)) {
        std::ostringstream text;
        text << "gradcheck: input " << k << " " << to_string(inputs[k].shape()) << ", element " << i
             << ": backward gives " << analytic << ", differences give " << numeric
             << " (relative error " << error << ")";
        disagree(error, text.str());
      } else {
        result.largest_error = std::max(result.largest_error, error);
      }
    }
  }
  return result;
}

}  // namespace nabla
