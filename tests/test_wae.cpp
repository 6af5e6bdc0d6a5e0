// What makes the WAE the WAE: the penalty is the U-statistic of MMD² with its kernel, and its
// gradient draws the codes to the prior.
#include <cmath>
#include <doctest/doctest.h>

#include "models/measure/codes.hpp"
#include "models/wae/wae.hpp"
#include "nn/optim.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

double value_of(const Array& x, const Array& y, const Kernel& kernel) {
  return static_cast<double>(models::mmd2_unbiased(Tensor(x), Tensor(y), kernel).item());
}

AutoencoderOptions tiny_options() {
  AutoencoderOptions options;
  options.data = 5;
  options.hidden = {6};
  options.latent = 2;
  options.activation = "tanh";
  return options;
}

}  // namespace

TEST_CASE("wae: the kernel's scales, and its values by hand") {
  const Kernel kernel = prior_kernel(8);
  REQUIRE(kernel.scales.size() == 7);
  CHECK(kernel.scales[0] == doctest::Approx(1.6));
  CHECK(kernel.scales[3] == doctest::Approx(16));
  CHECK(kernel.scales[6] == doctest::Approx(160));
  CHECK(prior_kernel(2, 3).scales[3] == doctest::Approx(36));  // 2 Z σ²
  CHECK(kernel(0) == doctest::Approx(7));
  // Z = 1, C = 2 s at a distance of 1: Σ 2s / (2s + 1)
  CHECK(prior_kernel(1)(1) == doctest::Approx(0.2 / 1.2 + 0.4 / 1.4 + 1.0 / 2 + 2.0 / 3 + 4.0 / 5 +
                                              10.0 / 11 + 20.0 / 21));
  // One scale, codes 0 and 1 against draws 2 and 0 on a line: k(1), k(4), and all four pairs.
  const Kernel one = Kernel::inverse_multiquadratic({2});
  const auto k = [](double r2) { return 2 / (2 + r2); };
  const Array codes{{0, 7}, {1, 7}}, draws{{2, 7}, {0, 7}};
  CHECK(value_of(codes, draws, one) ==
        doctest::Approx(k(1) + k(4) - 2 * (k(4) + k(0) + k(1) + k(1)) / 4));
}

TEST_CASE("wae: the penalty is the U-statistic: double loop, and models::mmd2_unbiased of arrays") {
  Rng rng(1);
  for (const std::size_t Z : {1, 3, 10}) {
    const Array x = rng.normal({17, Z}, Real(0.4), Real(1.3)), y = rng.normal({12, Z});
    const Kernel kernel = prior_kernel(Z);
    const auto kernel_of = [&](const Array& a, std::size_t i, const Array& b, std::size_t j) {
      double squares = 0;
      for (std::size_t d = 0; d < Z; ++d) {
        squares += std::pow(static_cast<double>(a(i, d)) - static_cast<double>(b(j, d)), 2);
      }
      return kernel(squares);
    };
    double expected = 0;
    for (std::size_t i = 0; i < 17; ++i) {
      for (std::size_t j = 0; j < 17; ++j)
        expected += i == j ? 0 : kernel_of(x, i, x, j) / (17 * 16);
      for (std::size_t j = 0; j < 12; ++j) expected -= 2 * kernel_of(x, i, y, j) / (17 * 12);
    }
    for (std::size_t i = 0; i < 12; ++i) {
      for (std::size_t j = 0; j < 12; ++j)
        expected += i == j ? 0 : kernel_of(y, i, y, j) / (12 * 11);
    }
    const double tolerance = is_double ? 1e-12 : 1e-5;
    CHECK(std::abs(value_of(x, y, kernel) - expected) < tolerance);
    CHECK(std::abs(value_of(x, y, kernel) - models::mmd2_unbiased(x, y, kernel)) < tolerance);
  }
}

TEST_CASE("wae: the penalty's gradient for codes and draws") {
  const Kernel kernel = prior_kernel(2);
  check_gradients(
      [&](const std::vector<Tensor>& t) { return models::mmd2_unbiased(t[0], t[1], kernel); },
      {points({5, 2}, -2, 3), points({4, 2}, -1, 1)});
}

TEST_CASE("wae: for two samples of one law the penalty is around 0, on both sides of it") {
  Rng rng(2);
  const Kernel kernel = prior_kernel(4);
  constexpr int trials = 40;
  double mean = 0, squares = 0;
  int negative = 0;
  for (int t = 0; t < trials; ++t) {
    const double value = value_of(rng.normal({60, 4}), rng.normal({60, 4}), kernel);
    mean += value / trials;
    squares += value * value / trials;
    negative += value < 0 ? 1 : 0;
  }
  CHECK(std::abs(mean) < 4 * std::sqrt(squares / trials));
  CHECK(negative > 6);
  CHECK(negative < 34);
  CHECK(value_of(rng.normal({60, 4}, 1), rng.normal({60, 4}), kernel) > 5 * std::sqrt(squares));
}

TEST_CASE("wae: moving codes down the penalty's gradient takes them to the prior") {
  Rng rng(3);
  Tensor codes = parameter(rng.normal({60, 2}, Real(1.5), Real(0.3)));
  const Kernel kernel = prior_kernel(2);
  nn::Adam adam({codes}, {0.1});
  const Array held_out = rng.normal({200, 2});
  const double before = value_of(codes.value(), held_out, kernel);
  for (int step = 0; step < 60; ++step) {
    const Tensor penalty = models::mmd2_unbiased(codes, Tensor(rng.normal({60, 2})), kernel);
    adam.clear_grad();
    penalty.backward();
    adam.step();
  }
  CHECK(before > 0.5);
  CHECK(value_of(codes.value(), held_out, kernel) < 0.05 * before);
}

TEST_CASE("wae: objective, its gradients, and that every parameter gets one") {
  Rng init(4);
  const Wae model(tiny_options(), init);
  CHECK(model.parameter_count() == (5 * 6 + 6) + (6 * 2 + 2) + (2 * 6 + 6) + (6 * 5 + 5));
  const Array x = points({6, 5}, 0, 1);
  {
    Rng rng(5), again(5);
    const WaeTerms terms = model.objective(Tensor(x), rng);
    CHECK(terms.cost.shape() == Shape{6});
    CHECK(
        terms.mmd2.item() ==
        doctest::Approx(models::mmd2_unbiased(model.codes(x), again.normal({6, 2}), model.kernel()))
            .epsilon(1e-5));
    CHECK(terms.value(3).item() ==
          doctest::Approx(mean(terms.cost).item() + 3 * terms.mmd2.item()).epsilon(1e-6));
    terms.value(10).backward();
    check_gradient_reaches(model);
  }
  check_parameter_gradients(model, [&] {
    Rng rng(5);
    return model.objective(Tensor(x), rng).value(10);
  });
}

TEST_CASE("wae: what does not fit is refused") {
  CHECK(message_of([] {
          models::mmd2_unbiased(Tensor(zeros({3, 2})), Tensor(zeros({3, 4})), prior_kernel(2));
        }) == "mmd2_unbiased: needs (n, Z) and (m, Z), n and m at least 2, got (3, 2) and (3, 4)");
  CHECK(message_of([] {
          models::mmd2_unbiased(Tensor(zeros({1, 2})), Tensor(zeros({3, 2})), prior_kernel(2));
        }) == "mmd2_unbiased: needs (n, Z) and (m, Z), n and m at least 2, got (1, 2) and (3, 2)");
  CHECK(message_of([] {
          models::mmd2_unbiased(Tensor(zeros({3, 2})), Tensor(zeros({3, 2})), Kernel::gaussian(1));
        }) == "mmd2_unbiased: only inverse multiquadratic kernels have a gradient");
}
