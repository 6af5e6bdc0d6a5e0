// What makes MADE a MADE, on models small enough to list every vector.
#include <cmath>
#include <doctest/doctest.h>

#include "autograd/ops.hpp"
#include "models/made/made.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

// Weights far from 0, so that the conditionals differ.
Made some_made(const MadeOptions& options, std::uint64_t seed = 3) {
  Rng rng(seed);
  Made made(options, rng);
  nn::NamedArrays values = made.state();
  for (auto& [name, value] : values) value = rng.normal(value.shape());
  made.load(values);
  return made;
}

double total_probability(const Array& log_prob) {
  double total = 0;
  for (const Real value : log_prob) total += std::exp(static_cast<double>(value));
  return total;
}

const std::vector<MadeOptions> kinds{{6, {9}, 1, false, 1},
                                     {6, {9, 7}, 3, true, 2},
                                     {6, {4, 5, 6}, 2, false, 5},
                                     {2, {1}, 2, true, 1},
                                     {1, {3}, 1, false, 1}};

}  // namespace

TEST_CASE("probabilities of all vectors sum to 1, for each set of masks and their mean") {
  for (const MadeOptions& options : kinds) {
    CAPTURE(options.data);
    const Made made = some_made(options);
    const Array all = all_vectors(options.data);
    for (std::size_t m = 0; m < made.masks(); ++m) {
      CHECK(total_probability(made.log_prob(Tensor(all), m).value()) == doctest::Approx(1));
    }
    CHECK(total_probability(made.log_prob_of_mean(all)) == doctest::Approx(1));
  }
}

TEST_CASE("a logit depends on what comes before it in the ordering, and on nothing else") {
  for (const MadeOptions& options : kinds) {
    const Made made = some_made(options);
    const std::size_t D = options.data;
    Rng rng(8);
    const Array x = rng.bernoulli({1, D}, Real(0.5));
    std::size_t connected = 0;
    for (std::size_t m = 0; m < made.masks(); ++m) {
      const Array before = made.logits(Tensor(x), m).value();
      for (std::size_t i = 0; i < D; ++i) {
        Array other = x;
        other(0, made.ordering(m)[i]) += Real(0.37);
        const Array after = made.logits(Tensor(other), m).value();
        for (std::size_t j = 0; j < D; ++j) {
          const std::size_t d = made.ordering(m)[j];
          if (j <= i) CHECK(after(0, d) == before(0, d));  // bit for bit
          connected += after(0, d) != before(0, d) ? 1 : 0;
        }
      }
    }
    if (D > 2) CHECK(connected > 0);
  }
}

TEST_CASE("gradients of ln p agree with differences") {
  const Made made = some_made({5, {4, 3}, 2, true, 7});
  const Array x{{1, 0, 1, 1, 0}, {0, 0, 1, 0, 1}};
  for (std::size_t m = 0; m < 2; ++m) {
    check_parameter_gradients(made, [&] { return sum(made.log_prob(Tensor(x), m)); });
  }
}

TEST_CASE("draws have the model's frequencies, and completions keep what is known") {
  const Made made = some_made({3, {8}, 2, true, 4}, 5);
  const Array all = all_vectors(3), log_prob = made.log_prob_of_mean(all);
  Rng rng(6);
  const std::size_t n = 40000;
  const Array drawn = made.sample(n, rng);
  std::vector<double> share(8, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t v = 0; v < 8; ++v) {
      if (drawn(i, 0) == all(v, 0) && drawn(i, 1) == all(v, 1) && drawn(i, 2) == all(v, 2)) {
        share[v] += 1.0 / static_cast<double>(n);
      }
    }
  }
  for (std::size_t v = 0; v < 8; ++v) {
    const double p = std::exp(static_cast<double>(log_prob(v)));
    CHECK(std::abs(share[v] - p) < 5 * std::sqrt(p * (1 - p) / static_cast<double>(n)) + 1e-6);
  }
  const Array x{{1, 1, 1}, {0, 0, 0}};
  const Array completed = made.complete(x, 2, rng);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(completed(i, made.ordering()[k]) == x(i, made.ordering()[k]));
    }
  }
}

TEST_CASE("each parameter gets a gradient, and sizes are refused by name") {
  MadeOptions options{7, {20, 20}, 1, false, 3};
  const Made made = some_made(options);
  CHECK(made.parameter_count() == 7 * 20 + 20 + 20 * 20 + 20 + 20 * 7 + 7);
  Rng rng(2);
  mean(made.log_prob(Tensor(rng.bernoulli({9, 7}, Real(0.5))))).backward();
  for (const auto& entry : made.named_parameters()) {
    CAPTURE(entry.first);
    CHECK(max(abs(Tensor(entry.second.grad()))).item() > 0);
  }
  CHECK_THROWS_WITH_AS(made.logits(Tensor(zeros({2, 6}))), "Made: x must be (B, 7), got (2, 6)",
                       std::invalid_argument);
  for (const MadeOptions& bad :
       {MadeOptions{0, {3}}, MadeOptions{3, {}}, MadeOptions{3, {2, 0}}, MadeOptions{3, {2}, 0}}) {
    CHECK_THROWS_AS(Made(bad, rng), std::invalid_argument);
  }
}
