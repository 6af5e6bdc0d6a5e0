// What the tests of models share.
#pragma once

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"
#include "nn/module.hpp"
#include "tests/reference.hpp"

namespace nabla::testing {

/// All 2^D vectors of 0 and 1, (2^D, D): row k holds the binary digits of k.
inline Array all_vectors(std::size_t D) {
  Array x = empty({std::size_t{1} << D, D});
  for (std::size_t k = 0; k < x.shape()[0]; ++k) {
    for (std::size_t d = 0; d < D; ++d) x(k, d) = static_cast<Real>(k >> d & 1);
  }
  return x;
}

/// gradcheck of the number f() in all of a model's parameters, at their values; in single precision
/// nothing. f must give the same each time: a fresh Rng of one seed on each call.
template <class F>
void check_parameter_gradients(const nn::Module& model, const F& f) {
  std::vector<Tensor> parameters = model.parameters();
  std::vector<Array> values;
  for (const Tensor& p : parameters) values.push_back(p.value());
  // The parameters are the inputs: put them into the model, and hand their gradients back.
  const auto objective = [&](const std::vector<Tensor>& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      parameters[i].mutable_value() = inputs[i].value();
    }
    model.clear_grad();
    const Tensor result = f();
    if (!detail::grad_enabled()) return Tensor(result.value());
    result.backward();
    return record_many(
        "objective", result.value(),
        [parameters](Node& out) {
          for (std::size_t i = 0; i < parameters.size(); ++i) {
            out.parents[i].node->accumulate(compute(out.grad() * parameters[i].grad()));
          }
        },
        inputs);
  };
  check_gradients(objective, values);
  for (std::size_t i = 0; i < values.size(); ++i) parameters[i].mutable_value() = values[i];
  model.clear_grad();
}

/// The paths of a module's parameters.
inline std::vector<std::string> names(const nn::Module& module) {
  std::vector<std::string> list;
  for (const auto& named : module.named_parameters()) list.push_back(named.first);
  return list;
}

/// That each parameter has a gradient, and not 0 throughout.
inline void check_gradient_reaches(const nn::Module& model) {
  for (const Tensor& p : model.parameters()) {
    INFO(p.label());
    REQUIRE(p.has_grad());
    CHECK(sum(abs(Tensor(p.grad()))).item() > 0);
  }
}

}  // namespace nabla::testing
