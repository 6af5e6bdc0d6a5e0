// What makes NADE a NADE, on models small enough to list every vector.
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <fstream>

#include "autograd/threads.hpp"
#include "models/nade/nade.hpp"
#include "tests/models.hpp"
#include "tests/temporary_folder.hpp"

using namespace nabla;
using namespace nabla::models;
using namespace nabla::testing;

namespace {

// Weights far from 0, so that the conditionals differ.
NadeWeights some_weights(std::size_t D, std::size_t H, std::uint64_t seed) {
  Rng rng(seed);
  return {parameter(rng.normal({D, H})), parameter(rng.normal({D, H})), parameter(rng.normal({D})),
          parameter(rng.normal({H}))};
}

Nade some_nade(std::size_t D, std::size_t H, Ordering o, std::uint64_t seed = 3) {
  Rng rng(seed);
  Nade nade(D, H, std::move(o), rng);
  nn::NamedArrays values = nade.state();
  for (auto& [name, value] : values) value = rng.normal(value.shape());
  nade.load(values);
  return nade;
}

double largest_difference(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a.data()[i] - b.data()[i])));
  }
  return largest;
}

}  // namespace

TEST_CASE("the fused recursion is the one of the paper, in value and gradient") {
  struct Case {
    std::size_t B, D, H;
    Real ones;
  };
  // Blocks and chunks that are full, partly filled and one more than full; no ones and all ones.
  for (const Case c :
       {Case{1, 1, 1, Real(0.5)}, Case{3, 5, 4, Real(0.5)}, Case{2, 16, 64, 0}, Case{2, 17, 65, 1},
        Case{130, 33, 63, Real(0.2)}, Case{5, 70, 130, Real(0.5)}, Case{0, 3, 2, Real(0.5)}}) {
    INFO(c.B, " × ", c.D, ", H ", c.H);
    Rng rng(5);
    const Tensor x(rng.bernoulli({c.B, c.D}, c.ones));
    const Tensor weighting(rng.normal({c.B, c.D}));
    for (const Ordering& o : {raster_ordering(c.D), random_ordering(c.D, 2)}) {
      const NadeWeights fused = some_weights(c.D, c.H, 11), plain = some_weights(c.D, c.H, 11);
      const Tensor l = nade_logits(x, fused, o), expected = nade_logits_by_step(x, plain, o);
      const double tolerance = is_double ? 1e-11 : 2e-3;
      CHECK(largest_difference(l.value(), expected.value()) < tolerance);
      sum(l * weighting).backward();
      sum(expected * weighting).backward();
      if (c.D > 1) CHECK(largest_difference(fused.W.grad(), plain.W.grad()) < tolerance);
      CHECK(largest_difference(fused.V.grad(), plain.V.grad()) < tolerance);
      CHECK(largest_difference(fused.b.grad(), plain.b.grad()) < tolerance);
      CHECK(largest_difference(fused.c.grad(), plain.c.grad()) < tolerance);
      // A second time: gradients add up.
      sum(nade_logits(x, fused, o) * weighting).backward();
      CHECK(largest_difference(fused.V.grad(), compute(plain.V.grad() * Real(2))) < 2 * tolerance);
      CHECK(largest_difference(fused.c.grad(), compute(plain.c.grad() * Real(2))) < 2 * tolerance);
    }
  }
}

TEST_CASE("a large weight leaves the gradients at the steps before it alone") {
  Rng rng(6);
  const Tensor x(rng.bernoulli({4, 9}, Real(0.7)));
  const NadeWeights fused = some_weights(9, 5, 12), plain = some_weights(9, 5, 12);
  for (const NadeWeights* weights : {&fused, &plain}) {
    Tensor W = weights->W;
    W.mutable_value()(6, 2) = Real(1e8);
    W.mutable_value()(7, 2) = Real(-1e8);
  }
  sum(nade_logits(x, fused, raster_ordering(9))).backward();
  sum(nade_logits_by_step(x, plain, raster_ordering(9))).backward();
  CHECK(largest_difference(fused.W.grad(), plain.W.grad()) < 1e-4);
  CHECK(largest_difference(fused.V.grad(), plain.V.grad()) < 1e-4);
  CHECK(largest_difference(fused.c.grad(), plain.c.grad()) < 1e-4);
}

TEST_CASE("gradients of the fused recursion") {
  Rng rng(8);
  const Tensor x(rng.bernoulli({4, 6}, Real(0.5)));
  const Ordering o = random_ordering(6, 4);
  check_gradients(
      [&](const std::vector<Tensor>& w) {
        return nade_logits(x, {w[0], w[1], w[2], w[3]}, o);
      },
      {rng.normal({6, 5}), rng.normal({6, 5}), rng.normal({6}), rng.normal({5})});
}

TEST_CASE("probabilities of all vectors sum to 1, for every ordering and for ensembles") {
  Ordering o{0, 1, 2};
  do {
    const Nade nade = some_nade(3, 4, o);
    CHECK(sum(exp(nade.log_prob(Tensor(all_vectors(3))))).item() == doctest::Approx(1));
  } while (std::next_permutation(o.begin(), o.end()));
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const Nade nade = some_nade(10, 7, random_ordering(10, seed), seed);
    CHECK(sum(exp(nade.log_prob(Tensor(all_vectors(10))))).item() == doctest::Approx(1));
  }
  const Nade tiny = some_nade(1, 1, {0});
  CHECK(sum(exp(tiny.log_prob(Tensor(all_vectors(1))))).item() == doctest::Approx(1));

  const Nade network = some_nade(6, 3, raster_ordering(6));
  const NadeEnsemble ensemble{network, network.with_ordering(random_ordering(6, 1)),
                              some_nade(6, 9, random_ordering(6, 2), 5)};
  const Array x = all_vectors(6);
  const Array mixed = log_prob(ensemble, x);
  CHECK(sum(exp(Tensor(mixed))).item() == doctest::Approx(1));
  for (std::size_t i = 0; i < x.shape()[0]; ++i) {  // the mean of the densities, not of their logs
    double p = 0;
    for (const Nade& member : ensemble) {
      p += std::exp(static_cast<double>(member.log_prob(Tensor(x)).value()(i))) / 3;
    }
    CHECK(mixed(i) == doctest::Approx(std::log(p)).epsilon(1e-5));
  }
}

TEST_CASE("a conditional does not move when later inputs do, and moves with earlier ones") {
  const Ordering o = random_ordering(8, 3);
  const Nade nade = some_nade(8, 6, o);
  Rng rng(2);
  const Array x = rng.bernoulli({1, 8}, Real(0.5));
  const Array before = nade.logits(Tensor(x)).value();
  for (std::size_t d = 0; d < 8; ++d) {
    Array changed = x;
    changed(0, o[d]) = 1 - x(0, o[d]);
    const Array after = nade.logits(Tensor(changed)).value();
    for (std::size_t e = 0; e < 8; ++e) {
      INFO("input ", d, " of the ordering, conditional ", e);
      if (e <= d) {
        CHECK(after(0, o[e]) == doctest::Approx(before(0, o[e])).epsilon(1e-5));
      } else {
        CHECK(std::abs(after(0, o[e]) - before(0, o[e])) > 1e-4);
      }
    }
  }
}

namespace {

// Frequencies of samples (n, D) against probabilities p of all vectors: χ² with 2^D − 1 degrees of
// freedom has that mean and variance 2 (2^D − 1).
double chi_squared(const Array& samples, const std::vector<double>& p) {
  std::vector<double> counts(p.size());
  const std::size_t n = samples.shape()[0], D = samples.shape()[1];
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t index = 0;
    for (std::size_t d = 0; d < D; ++d) index |= samples(i, d) != 0 ? std::size_t{1} << d : 0;
    ++counts[index];
  }
  double total = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    const double expected = static_cast<double>(n) * p[k];
    if (p[k] == 0) {
      REQUIRE(counts[k] == 0);
    } else {
      total += (counts[k] - expected) * (counts[k] - expected) / expected;
    }
  }
  return total;
}

std::vector<double> probabilities(const Array& log_prob) {
  std::vector<double> p;
  for (const Real l : log_prob) p.push_back(std::exp(static_cast<double>(l)));
  return p;
}

Nade mild_nade(Ordering o) {  // no vector so rare that χ² would not hold for its count
  const std::size_t D = o.size();
  Rng rng(3);
  Nade nade(D, 5, std::move(o), rng);
  nn::NamedArrays values = nade.state();
  for (auto& [name, value] : values) value = rng.normal(value.shape(), 0, Real(0.6));
  nade.load(values);
  return nade;
}

}  // namespace

// Level 0.1 %: χ² of 15 degrees of freedom exceeds 37.70 with that probability, of 3 degrees 16.27.
// The seeds are fixed, so that the tests cannot fail by chance.
TEST_CASE("frequencies of ancestral samples are the probabilities") {
  const Array x = all_vectors(4);
  const Nade raster = mild_nade(raster_ordering(4)), other = mild_nade({2, 0, 3, 1});
  Rng rng(17);
  for (const Nade& nade : {raster, other}) {
    const std::vector<double> p = probabilities(nade.log_prob(Tensor(x)).value());
    CHECK(chi_squared(nade.sample(20000, rng), p) < 37.70);
  }
  const std::vector<double> p_raster = probabilities(raster.log_prob(Tensor(x)).value());
  CHECK(chi_squared(other.sample(20000, rng), p_raster) > 37.70);  // it can tell two densities
  const NadeEnsemble both{raster, other};
  CHECK(chi_squared(sample(both, 20000, rng), probabilities(log_prob(both, x))) < 37.70);
}

TEST_CASE("completions keep what is known, and are distributed as the conditional density") {
  const Ordering o{2, 0, 3, 1};
  const Nade nade = mild_nade(o);
  const Array x = all_vectors(4);
  const std::vector<double> p = probabilities(nade.log_prob(Tensor(x)).value());
  Array given = zeros({20000, 4});
  for (std::size_t i = 0; i < 20000; ++i) given(i, 2) = 1;  // x₂ = 1, x₀ = 0 come first
  Rng rng(5);
  const Array drawn = nade.complete(given, 2, rng);
  std::vector<double> conditional(16);
  double known = 0;
  for (std::size_t k = 0; k < 16; ++k) {
    if (x(k, 2) == 1 && x(k, 0) == 0) known += p[k];
  }
  for (std::size_t k = 0; k < 16; ++k) {
    if (x(k, 2) == 1 && x(k, 0) == 0) conditional[k] = p[k] / known;
  }
  CHECK(chi_squared(drawn, conditional) < 16.27);
  const Array all = nade.complete(x, 4, rng);
  CHECK(all == x);
}

TEST_CASE("samples and densities do not depend on threads or batches") {
  const Nade nade = some_nade(40, 70, random_ordering(40, 6));
  Rng rng(4);
  const Array x = rng.bernoulli({200, 40}, Real(0.4));
  const int before = threads();
  set_threads(1);
  Rng first(9);
  const Array log_prob_one = nade.log_prob(Tensor(x)).value(), one = nade.sample(200, first);
  set_threads(3);
  Rng second(9);
  CHECK(nade.log_prob(Tensor(x)).value() == log_prob_one);
  CHECK(nade.sample(200, second) == one);
  set_threads(before);
  Array row = empty({1, 40});
  std::copy_n(x.data() + 150 * 40, 40, row.data());
  CHECK(nade.log_prob(Tensor(row)).value()(0) == log_prob_one(150));
}

TEST_CASE("parameters: their number, and that each of them gets a gradient") {
  Rng rng(1);
  const Nade nade(7, 5, raster_ordering(7), rng);
  CHECK(nade.parameter_count() == 2 * 7 * 5 + 7 + 5);
  const Tensor x(rng.bernoulli({20, 7}, Real(0.5)));
  mean(nade.log_prob(x)).backward();
  check_gradient_reaches(nade);
  CHECK(&nade.with_ordering(random_ordering(7, 1)).parameters()[0].value() ==
        &nade.parameters()[0].value());
}

TEST_CASE("NADE says what is wrong with its input") {
  const Nade nade = some_nade(3, 2, raster_ordering(3));
  CHECK(message_of([&] {
          nade.log_prob(Tensor(Array{{0, 1, Real(0.5)}}));
        }).find("x must be 0 or 1, and is 0.5") != std::string::npos);
  CHECK(message_of([&] {
          nade.log_prob(Tensor(zeros({2, 4})));
        }).find("(2, 4)") != std::string::npos);
  CHECK_THROWS_AS(nade.log_prob(parameter(zeros({2, 3}))), std::invalid_argument);
  CHECK_THROWS_AS(nade.with_ordering({0, 1, 1}).log_prob(Tensor(zeros({1, 3}))),
                  std::invalid_argument);
  CHECK_THROWS_AS(nade.with_ordering({0, 1}).log_prob(Tensor(zeros({1, 3}))),
                  std::invalid_argument);
  Rng rng(1);
  CHECK_THROWS_AS(nade.complete(zeros({1, 3}), 4, rng), std::invalid_argument);
  CHECK_THROWS_AS(log_prob(NadeEnsemble{}, zeros({1, 3})), std::invalid_argument);
  CHECK_THROWS_AS(Nade(0, 3, {}, rng), std::invalid_argument);
}

TEST_CASE("orderings: raster, random by seed, and from a file") {
  CHECK(ordering_of("raster", 3, 1) == Ordering{0, 1, 2});
  const Ordering o = ordering_of("random", 50, 7);
  CHECK(o == random_ordering(50, 7));
  CHECK(o != random_ordering(50, 8));
  CHECK(Ordering(raster_ordering(50)) != o);
  CHECK(scan_ordering(2, 3, 0) == Ordering{0, 1, 2, 3, 4, 5});
  CHECK(scan_ordering(2, 3, 1) == Ordering{2, 1, 0, 5, 4, 3});
  CHECK(scan_ordering(2, 3, 2) == Ordering{3, 4, 5, 0, 1, 2});
  CHECK(scan_ordering(2, 3, 4) == Ordering{0, 3, 1, 4, 2, 5});
  CHECK(scan_ordering(2, 3, 7) == Ordering{5, 2, 4, 1, 3, 0});
  CHECK_THROWS_AS(scan_ordering(2, 3, 8), std::invalid_argument);
  const TemporaryFolder folder;
  const std::string path = folder / "ordering.txt";
  const auto read = [&](const std::string& text) -> std::string {
    std::ofstream(path) << text;
    try {
      std::string result;
      for (const std::size_t d : ordering_of(path, 3, 1)) result += std::to_string(d);
      return result;
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  };
  CHECK(read("2, 0\n1\n") == "201");
  CHECK(read("2 0") == path + ": has 2 numbers, the data 3 dimensions");
  CHECK(read("2 0 0") == path + ": 0 is there twice");
  CHECK(read("2 0 3") == path + ": \"3\" is not a number from 0 to 2");
  CHECK(read("2 0 -1") == path + ": \"-1\" is not a number from 0 to 2");
  CHECK_THROWS_AS(ordering_of(path + "x", 3, 1), std::runtime_error);
}

TEST_CASE("an ensemble completes what one of its orderings begins with; for any ordering, all") {
  const NadeEnsemble ensemble{mild_nade({2, 0, 3, 1}), mild_nade({1, 3, 0, 2})};
  const std::vector<bool> first{true, false, true, false}, second{false, true, false, true};
  CHECK(first_half(ensemble[0].ordering()) == first);
  CHECK(known_first({2, 0, 3, 1}, second) == Ordering{3, 1, 2, 0});
  const Array x = all_vectors(4);
  for (const std::size_t m : {0, 1}) {
    Rng rng(3), same(3);
    const Array drawn = complete(ensemble, x, m == 0 ? first : second, false, rng);
    CHECK(drawn == ensemble[m].complete(x, 2, same));
  }
  Rng rng(3), same(3);
  const std::vector<bool> neither{true, true, false, false};
  CHECK_THROWS_AS(complete(ensemble, x, neither, false, rng), std::invalid_argument);
  CHECK(complete(ensemble, x, neither, true, rng) ==
        ensemble[0].with_ordering({0, 1, 2, 3}).complete(x, 2, same));
  CHECK_THROWS_AS(complete(ensemble, zeros({1, 3}), first, false, rng), std::invalid_argument);
  CHECK_THROWS_AS(complete(ensemble, full({1, 4}, Real(0.5)), first, false, rng),
                  std::invalid_argument);
}

TEST_CASE("members of an ensemble: their orderings, and their weights by name") {
  datasets::DataShape image;
  image.columns = 6, image.height = 2, image.width = 3, image.channels = 1;
  const std::vector<Ordering> scans = orderings_of_members(1, 9, "raster", image, 5);
  CHECK(scans[1] == scan_ordering(2, 3, 1));
  CHECK(scans[8] == scans[0]);
  datasets::DataShape table;
  table.columns = 6;
  const std::vector<Ordering> some = orderings_of_members(1, 3, "raster", table, 5);
  CHECK(some[0] == raster_ordering(6));
  CHECK(some[2] == random_ordering(6, 7));
  CHECK(orderings_of_members(3, 1, "raster", table, 7)[0] == some[2]);

  Rng rng(1);
  const NadeEnsemble apart = make_ensemble(some, 4, false, rng);
  CHECK(NadeMembers(apart).parameter_count() == 3 * apart[0].parameter_count());
  CHECK(names(NadeMembers(apart))[4] == "member2.W");
  const NadeEnsemble shared = make_ensemble(some, 4, true, rng);
  CHECK(NadeMembers(shared).parameter_count() == shared[0].parameter_count());
  CHECK(as_orderings(orderings_as_array(shared)) == some);
}
