// What makes a baseline a distribution, exactly: sums over all 2^D vectors, brute force over all
// trees, and samples against the probabilities that they were drawn from.
#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <vector>

#include "models/discrete/fvsbn.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

constexpr double accuracy = sizeof(Real) == 8 ? 1e-12 : 1e-5;

// n rows in which neighbours, and columns two apart, depend on each other.
Array correlated(std::size_t n, std::size_t D, std::uint64_t seed) {
  Rng rng(seed);
  const Array u = rng.uniform({n, D});
  Array x = empty({n, D});
  for (std::size_t b = 0; b < n; ++b) {
    for (std::size_t d = 0; d < D; ++d) {
      double p = 0.3 + 0.05 * static_cast<double>(d);
      if (d >= 1 && x(b, d - 1) != 0) p = 1 - p;
      if (d >= 2 && x(b, d - 2) != 0) p = 0.5 * p + 0.45;
      x(b, d) = static_cast<double>(u(b, d)) < p ? 1 : 0;
    }
  }
  return x;
}

Fvsbn random_fvsbn(std::size_t D, std::uint64_t seed) {
  Fvsbn model(D);
  Rng rng(seed);
  for (Tensor& p : model.parameters()) p.mutable_value() = rng.normal(p.shape());
  return model;
}

double mean_of(const Array& values) {
  double total = 0;
  for (const Real value : values) total += static_cast<double>(value);
  return total / static_cast<double>(values.size());
}

double total_probability(const Array& log_prob) {
  double total = 0;
  for (const Real value : log_prob) total += std::exp(static_cast<double>(value));
  return total;
}

// Pearson's statistic of sampled vectors against the model's own probabilities. With 2^4 − 1 = 15
// degrees of freedom it exceeds 37.70 with probability 0.001 if the samples are right; seeds are
// fixed, so that the test does not come and go.
template <class Model>
double chi_squared(const Model& model, std::uint64_t seed) {
  constexpr std::size_t D = 4, n = 20000;
  Rng rng(seed);
  const Array samples = model.sample(n, rng);
  REQUIRE(samples.shape() == Shape{n, D});
  std::vector<double> counts(1u << D, 0.0);
  for (std::size_t b = 0; b < n; ++b) {
    std::size_t k = 0;
    for (std::size_t d = 0; d < D; ++d) {
      REQUIRE((samples(b, d) == 0 || samples(b, d) == 1));
      if (samples(b, d) != 0) k |= std::size_t{1} << d;
    }
    counts[k] += 1;
  }
  const Array log_prob = model.log_prob(all_vectors(D));
  double statistic = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const double expected = n * std::exp(static_cast<double>(log_prob(k)));
    statistic += (counts[k] - expected) * (counts[k] - expected) / expected;
  }
  return statistic;
}
constexpr double chi_squared_limit = 37.70;

// Every tree over D variables, as parents towards column 0, from its Prüfer sequence.
void for_each_tree(std::size_t D,
                   const std::function<void(const std::vector<std::size_t>&)>& visit) {
  std::size_t count = 1;
  for (std::size_t i = 2; i < D; ++i) count *= D;
  for (std::size_t number = 0; number < count; ++number) {
    std::vector<std::size_t> code, degree(D, 1);
    for (std::size_t i = 0, rest = number; i + 2 < D; ++i, rest /= D) {
      code.push_back(rest % D);
      ++degree[rest % D];
    }
    std::vector<std::vector<std::size_t>> neighbours(D);
    const auto join = [&](std::size_t a, std::size_t b) {
      neighbours[a].push_back(b);
      neighbours[b].push_back(a);
      --degree[a];
      --degree[b];
    };
    for (const std::size_t node : code) {
      std::size_t leaf = 0;
      while (degree[leaf] != 1) ++leaf;
      join(leaf, node);
    }
    std::vector<std::size_t> last;
    for (std::size_t d = 0; d < D; ++d) {
      if (degree[d] == 1) last.push_back(d);
    }
    join(last.at(0), last.at(1));

    std::vector<std::size_t> parents(D, OneParent::none), reached{0};
    for (std::size_t i = 0; i < reached.size(); ++i) {
      for (const std::size_t next : neighbours[reached[i]]) {
        if (next == 0 || parents[next] != OneParent::none) continue;
        parents[next] = reached[i];
        reached.push_back(next);
      }
    }
    REQUIRE(reached.size() == D);
    visit(parents);
  }
}

}  // namespace

TEST_CASE("the probabilities of all vectors add up to 1") {
  for (const std::size_t D : {1, 2, 5, 8}) {
    const Array x = correlated(40, D, 1), all = all_vectors(D);
    INFO("D = ", D);
    CHECK(total_probability(FullJoint::fit(x).log_prob(all)) ==
          doctest::Approx(1).epsilon(accuracy));
    CHECK(total_probability(Independent::fit(x).log_prob(all)) ==
          doctest::Approx(1).epsilon(accuracy));
    CHECK(total_probability(MarkovChain::fit(x).log_prob(all)) ==
          doctest::Approx(1).epsilon(accuracy));
    CHECK(total_probability(ChowLiuTree::fit(x).log_prob(all)) ==
          doctest::Approx(1).epsilon(accuracy));
    CHECK(total_probability(random_fvsbn(D, 2).log_prob(all)) ==
          doctest::Approx(1).epsilon(accuracy));
  }
}

TEST_CASE("free parameters are as many as the formulas say") {
  for (const std::size_t D : {1, 2, 7}) {
    const Array x = correlated(20, D, 3);
    CHECK(FullJoint::fit(x).free_parameters() == (std::size_t{1} << D) - 1);
    CHECK(Independent::fit(x).free_parameters() == D);
    CHECK(MarkovChain::fit(x).free_parameters() == 2 * D - 1);
    CHECK(ChowLiuTree::fit(x).free_parameters() == 2 * D - 1);
    CHECK(Fvsbn(D).free_parameters() == D * (D + 1) / 2);
    CHECK(Fvsbn(D).parameter_count() == D * D + D);  // the upper part is stored, and 0
  }
  CHECK(FullJoint::fit(all_vectors(1)).table().free_parameters() == 1);
}

TEST_CASE("counts with smoothing, on numbers small enough to do by hand") {
  const Bernoulli coin = Bernoulli::fit(3, 4);  // (3 + 1) / (4 + 2)
  CHECK(coin.probability() == doctest::Approx(2.0 / 3));
  CHECK(coin.log_prob(true) == doctest::Approx(std::log(2.0 / 3)));
  CHECK(coin.log_prob(false) == doctest::Approx(std::log(1.0 / 3)));
  CHECK(Bernoulli::fit(3, 4, 0).probability() == 0.75);
  CHECK(Bernoulli::fit(0, 0, 0).probability() == 0.5);

  const Categorical die = Categorical::fit({0, 1, 2, 3});  // (n_k + 1) / (6 + 4)
  CHECK(die.free_parameters() == 3);
  for (const std::size_t k : {0, 1, 2, 3}) {
    CHECK(die.probabilities()[k] == doctest::Approx(0.1 * (static_cast<double>(k) + 1)));
    CHECK(die.log_prob(k) == doctest::Approx(std::log(0.1 * (static_cast<double>(k) + 1))));
  }
  CHECK_THROWS_AS(die.log_prob(4), std::out_of_range);

  const Array x{{0, 0}, {1, 1}, {1, 1}, {1, 0}};
  const Array both_one{{1, 1}};
  CHECK(FullJoint::fit(x).log_prob(both_one)(0) == doctest::Approx(std::log(3.0 / 8)));
  CHECK(Independent::fit(x).log_prob(both_one)(0) == doctest::Approx(std::log(4.0 / 6 * 3 / 6)));
  // p(x₁ = 1) p(x₂ = 1|x₁ = 1)
  CHECK(MarkovChain::fit(x).log_prob(both_one)(0) == doctest::Approx(std::log(4.0 / 6 * 3 / 5)));
}

TEST_CASE("smoothing leaves nothing impossible, without it what was not seen is") {
  const Array x = zeros({5, 3}), all = all_vectors(3);
  const auto finite = [&](const auto& model) { return all_finite(model.log_prob(all)); };
  CHECK(finite(FullJoint::fit(x)));
  CHECK(finite(Independent::fit(x)));
  CHECK(finite(MarkovChain::fit(x)));
  CHECK(finite(ChowLiuTree::fit(x)));
  CHECK_FALSE(finite(Independent::fit(x, 0)));
  CHECK_FALSE(finite(FullJoint::fit(x, 0)));
}

TEST_CASE("more freedom never fits the training data worse") {
  for (const std::uint64_t seed : {11, 12, 13}) {
    const Array x = correlated(200, 6, seed);
    const double independent = mean_of(Independent::fit(x, 0).log_prob(x));
    const double chain = mean_of(MarkovChain::fit(x, 0).log_prob(x));
    const double tree = mean_of(ChowLiuTree::fit(x, 0).log_prob(x));
    const double joint = mean_of(FullJoint::fit(x, 0).log_prob(x));
    CHECK(independent <= chain);
    CHECK(chain <= tree + accuracy);
    CHECK(tree <= joint);
  }
}

TEST_CASE("Chow and Liu's tree is the best of all trees") {
  for (const std::uint64_t seed : {21, 22, 23, 24}) {
    const std::size_t D = 5;  // 5³ trees
    // Columns in another order, so that the chain is not the answer.
    const Array source = correlated(100, D, seed);
    Array x = empty(source.shape());
    for (std::size_t b = 0; b < 100; ++b) {
      for (std::size_t d = 0; d < D; ++d) x(b, d) = source(b, (3 * d + 1) % D);
    }
    double best = -1e9;
    std::size_t trees = 0;
    for_each_tree(D, [&](const std::vector<std::size_t>& parents) {
      ++trees;
      best = std::max(best, mean_of(OneParent::fit(x, parents, 0).log_prob(x)));
    });
    CHECK(trees == 125);
    CHECK(mean_of(ChowLiuTree::fit(x, 0).log_prob(x)) == doctest::Approx(best).epsilon(accuracy));
  }
}

TEST_CASE("mutual information: 0 of independent columns, ln 2 of a copied fair coin") {
  const Array x{{0, 0, 0}, {0, 1, 0}, {1, 0, 1}, {1, 1, 1}};
  const std::vector<double> information = mutual_information(x);
  CHECK(information[0 * 3 + 1] == doctest::Approx(0));
  CHECK(information[0 * 3 + 2] == doctest::Approx(std::log(2)));
  CHECK(information[2 * 3 + 0] == doctest::Approx(std::log(2)));
  CHECK(mutual_information(x, 1)[0 * 3 + 2] < std::log(2));
}

TEST_CASE("a Markov chain is found again from its own samples, and so is a tree") {
  const MarkovChain truth = MarkovChain::fit(correlated(300, 6, 31));
  Rng rng(32);
  const Array x = truth.sample(100000, rng);
  const Array found = MarkovChain::fit(x).probabilities(), expected = truth.probabilities();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::abs(static_cast<double>(found.data()[i] - expected.data()[i])) < 0.01);
  }
  const ChowLiuTree tree =
      ChowLiuTree::fit(x);  // the root is column 0, so the parents are the same
  for (std::size_t d = 1; d < 6; ++d) CHECK(tree.parents()[d] == d - 1);

  // A star: column 2 decides all others.
  const Array half = rng.uniform({20000, 4});
  Array star = empty({20000, 4});
  for (std::size_t b = 0; b < 20000; ++b) {
    const bool centre = half(b, 2) < Real(0.5);
    for (std::size_t d = 0; d < 4; ++d) {
      star(b, d) = d == 2 ? centre : (half(b, d) < Real(0.9)) == centre;
    }
  }
  CHECK(ChowLiuTree::fit(star).parents() == std::vector<std::size_t>{OneParent::none, 2, 0, 2});
}

TEST_CASE("samples come as often as their probability says (χ², level 0.001)") {
  const Array x = correlated(60, 4, 41);
  CHECK(chi_squared(FullJoint::fit(x), 1) < chi_squared_limit);
  CHECK(chi_squared(Independent::fit(x), 2) < chi_squared_limit);
  CHECK(chi_squared(MarkovChain::fit(x), 3) < chi_squared_limit);
  CHECK(chi_squared(ChowLiuTree::fit(x), 4) < chi_squared_limit);
  CHECK(chi_squared(random_fvsbn(4, 42), 5) < chi_squared_limit);
  // A child that stands before its parent: the order of drawing is the tree's, not the columns'.
  CHECK(chi_squared(OneParent::fit(x, {3, 0, OneParent::none, 2}), 6) < chi_squared_limit);

  const Categorical die = Categorical::fit({5, 0, 2}, 0);
  const Bernoulli coin = Bernoulli::fit(1, 4, 0);
  Rng rng(7);
  double ones = 0;
  std::vector<double> counts(3, 0.0);
  for (int i = 0; i < 7000; ++i) {
    ++counts[die.sample(rng)];
    ones += coin.sample(rng) ? 1 : 0;
  }
  CHECK(counts[1] == 0);
  // One degree of freedom: 10.83 at level 0.001.
  CHECK((counts[0] - 5000) * (counts[0] - 5000) * (1 / 5000.0 + 1 / 2000.0) < 10.83);
  CHECK((ones - 1750) * (ones - 1750) * (1 / 1750.0 + 1 / 5250.0) < 10.83);
}

TEST_CASE("FVSBN: conditional d does not see the inputs from d on") {
  const std::size_t D = 6;
  const Fvsbn model = random_fvsbn(D, 51);
  const NoGrad no_grad;
  const Array x = correlated(10, D, 52), before = model.logits(Tensor(x)).value();
  for (std::size_t changed = 0; changed < D; ++changed) {
    Array other = x;
    for (std::size_t b = 0; b < 10; ++b) other(b, changed) = 1 - other(b, changed);
    const Array after = model.logits(Tensor(other)).value();
    for (std::size_t b = 0; b < 10; ++b) {
      for (std::size_t d = 0; d < D; ++d) CHECK((after(b, d) == before(b, d)) == (d <= changed));
    }
  }
}

TEST_CASE("FVSBN: the logits are the sums of the equation") {
  const std::size_t D = 5;
  const Fvsbn model = random_fvsbn(D, 53);
  const NoGrad no_grad;
  const Array x = correlated(7, D, 54), logits = model.logits(Tensor(x)).value();
  const Array w = model.parameters()[0].value(), bias = model.parameters()[1].value();
  for (std::size_t b = 0; b < 7; ++b) {
    for (std::size_t d = 0; d < D; ++d) {
      double expected = bias(d);
      for (std::size_t j = 0; j < d; ++j) expected += static_cast<double>(w(d, j) * x(b, j));
      CHECK(logits(b, d) == doctest::Approx(expected).epsilon(1e-5));
    }
  }
  double squares = 0;
  for (std::size_t d = 0; d < D; ++d) {
    for (std::size_t j = 0; j < d; ++j) squares += static_cast<double>(w(d, j) * w(d, j));
  }
  CHECK(model.penalty().item() == doctest::Approx(squares / 2));
}

TEST_CASE("FVSBN: gradients against differences; above the diagonal there is none") {
  const std::size_t D = 4;
  const Array x = correlated(6, D, 55);
  const Fvsbn model = random_fvsbn(D, 56);
  const std::vector<Tensor> parameters = model.parameters();
  check_parameter_gradients(
      model, [&] { return sum(model.log_prob(Tensor(x))) - model.penalty() * Real(0.3); });
  check_gradients(  // and for x, which another model may have made
      [&](const std::vector<Tensor>& inputs) { return model.logits(inputs[0]); },
      {points({3, D}, -1, 1)});

  (mean(model.log_prob(Tensor(x))) - model.penalty()).backward();
  for (std::size_t d = 0; d < D; ++d) {
    CHECK(parameters[1].grad()(d) != 0);
    for (std::size_t j = 0; j < D; ++j) CHECK((parameters[0].grad()(d, j) != 0) == (j < d));
  }
}

TEST_CASE("FVSBN starts where independence ends") {
  const Array x = correlated(50, 5, 61);
  const Independent independent = Independent::fit(x);
  Fvsbn model(5);
  CHECK(mean_of(model.log_prob(x)) == doctest::Approx(-5 * std::log(2.0)));
  model.start_from(independent);
  const Array all = all_vectors(5);
  const Array a = model.log_prob(all), b = independent.log_prob(all);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a(i) == doctest::Approx(b(i)).epsilon(1e-5));
  Fvsbn other(4);
  CHECK_THROWS_WITH_AS(other.start_from(independent), "Fvsbn: 4 dimensions cannot start from 5",
                       std::invalid_argument);
}

TEST_CASE("bad input is named with its place") {
  Array x = zeros({5, 3});
  const Independent model = Independent::fit(x);
  const Fvsbn fvsbn(3);
  x(3, 2) = Real(0.5);
  CHECK_THROWS_WITH_AS(MarkovChain::fit(x),
                       "fit: values must be 0 or 1, got 0.5 in row 3, column 2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(model.log_prob(x),
                       "log_prob: values must be 0 or 1, got 0.5 in row 3, column 2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(fvsbn.log_prob(x),
                       "Fvsbn: values must be 0 or 1, got 0.5 in row 3, column 2",
                       std::invalid_argument);
  x(3, 2) = std::numeric_limits<Real>::quiet_NaN();
  CHECK_THROWS_AS(ChowLiuTree::fit(x), std::invalid_argument);
  CHECK_THROWS_WITH_AS(model.log_prob(zeros({2, 4})),
                       "log_prob: x must have shape (B, 3), got (2, 4)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(fvsbn.logits(Tensor(zeros({2, 4}))),
                       "Fvsbn: x must have shape (B, 3), got (2, 4)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Independent::fit(zeros({0, 3})), "fit: there are no examples",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(FullJoint::fit(zeros({2, 21})),
                       "FullJoint: a table of 2^21 probabilities is too large; at most 20 columns",
                       std::invalid_argument);
  CHECK_THROWS_AS(Independent::fit(zeros({2, 3}), -1), std::invalid_argument);
  CHECK_THROWS_WITH_AS(OneParent::fit(zeros({2, 3}), {1, 0, OneParent::none}),
                       "OneParent: the parents form a circle", std::invalid_argument);
  CHECK_THROWS_WITH_AS(OneParent::fit(zeros({2, 2}), {OneParent::none, 7}),
                       "OneParent: variable 1 of 2 cannot have parent 7", std::invalid_argument);
  CHECK_THROWS_AS(Categorical::fit({}), std::invalid_argument);
  CHECK_THROWS_AS(Bernoulli::fit(3, 2), std::invalid_argument);
  CHECK_THROWS_AS(Fvsbn(0), std::invalid_argument);
}

TEST_CASE("models from what was stored of them are the same, and complete what is known") {
  const Array x = correlated(60, 4, 71), all = all_vectors(4);
  const auto same = [&](const auto& stored, const auto& fitted) {
    const Array a = stored.log_prob(all), b = fitted.log_prob(all);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a(i) == doctest::Approx(b(i)).epsilon(1e-5));
  };
  const FullJoint joint = FullJoint::fit(x);
  const Independent independent = Independent::fit(x);
  const MarkovChain chain = MarkovChain::fit(x);
  const ChowLiuTree tree = ChowLiuTree::fit(x);
  same(FullJoint(joint.probabilities()), joint);
  same(Independent(independent.probabilities()), independent);
  same(MarkovChain(chain.probabilities()), chain);
  same(ChowLiuTree(tree.parent_numbers(), tree.probabilities()), tree);
  CHECK_THROWS_AS(FullJoint(zeros({3})), std::invalid_argument);
  CHECK_THROWS_AS(OneParent(Array{-1, 0}, full({3, 2}, Real(0.5))), std::invalid_argument);
  CHECK_THROWS_AS(Independent(full({3, 2}, Real(1.5))), std::invalid_argument);

  // What is known stays; the rest is what a sample would have drawn.
  const Fvsbn fvsbn = random_fvsbn(4, 3);
  Rng rng(9), again(9), third(9);
  const Array drawn = fvsbn.sample(16, rng);
  CHECK(fvsbn.complete(drawn, 2, again) == drawn);
  const Array completed = chain.complete(all, {true, true, false, false}, third);
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(completed(i, 0) == all(i, 0));
    CHECK(completed(i, 1) == all(i, 1));
  }
  CHECK(chain.first_half() == std::vector<bool>{true, true, false, false});
  CHECK_THROWS_WITH_AS(chain.complete(all, {false, true, false, false}, third),
                       "complete: column 1 is known and its parent, column 0, is not",
                       std::invalid_argument);
  CHECK_NOTHROW(independent.complete(all, {false, true, false, true}, third));
}
