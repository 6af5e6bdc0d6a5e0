// Distributions of binary vectors that are fitted by counting.
//   Chow & Liu 1968, "Approximating Discrete Probability Distributions with Dependence Trees",
//   IEEE Transactions on Information Theory 14(3)                                           [CL]
//
//   p(x) = p(x₁) p(x₂|x₁) p(x₃|x₁, x₂) … p(x_D|x₁ … x_{D−1})       chain rule, always true
//
//   full joint     p(x) = one entry of a table                      2^D − 1 free parameters
//   independent    p(x) = Π_d p(x_d)                                D
//   Markov chain   p(x) = p(x₁) Π_{d>1} p(x_d|x_{d−1})              2D − 1
//   Chow–Liu tree  p(x) = p(x_r) Π_{d≠r} p(x_d|x_{π(d)})            2D − 1         [CL]
//
// The chain rule with logistic conditionals, D (D + 1) / 2, is fvsbn.hpp.
// D dimensions, B batch, n examples, K values of a categorical. All log-probabilities in nats, sums
// in double. fit() adds `smoothing` examples to every count of a conditional, so that what was
// never seen is not impossible; with 0 it is the maximum of the likelihood. Everything throws
// std::invalid_argument of one line: a value other than 0 and 1, with its place; a wrong shape.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "autograd/random.hpp"

namespace nabla::models {

/// Examples to count, (n, D), some rows at a time: all of them as Reals need four times the room of
/// the bytes that they are in a file.
class Examples {
 public:
  Examples(const Array& x);  ///< holds a copy
  /// Anything with size(), columns() and range(from, count), such as datasets::Rows.
  template <class Rows>
  Examples(const Rows& x)
      : size_(x.size()),
        columns_(x.columns()),
        range_([x](std::size_t from, std::size_t count) { return x.range(from, count); }) {}

  std::size_t size() const { return size_; }        ///< n
  std::size_t columns() const { return columns_; }  ///< D
  /// piece (rows, D) after piece; throws if there are none, or others than 0 and 1.
  void each(const std::function<void(const Array& piece)>& count) const;

 private:
  std::size_t size_, columns_;
  std::function<Array(std::size_t from, std::size_t count)> range_;
};

/// One variable with the values 0 and 1. One free parameter.
class Bernoulli {
 public:
  Bernoulli() = default;
  /// (n₁ + s) / (n + 2s); ½ where nothing was counted.
  static Bernoulli fit(double ones, double n, double smoothing = 1);
  explicit Bernoulli(double p);  ///< of 1; throws unless it is from 0 to 1

  double probability() const { return p_; }  ///< of 1
  double log_prob(bool x) const { return log_[x ? 1 : 0]; }
  bool sample(Rng& rng) const { return static_cast<double>(rng.uniform()) < p_; }

 private:
  double p_ = 0.5;
  std::array<double, 2> log_{-0.69314718055994530942, -0.69314718055994530942};
};

/// One variable with the values 0 … K − 1. K − 1 free parameters: the last is what is left of 1.
class Categorical {
 public:
  /// (n_k + s) / (n + K s). Throws for no counts, negative ones, or nothing counted without
  /// smoothing.
  static Categorical fit(const std::vector<double>& counts, double smoothing = 1);

  const std::vector<double>& probabilities() const { return p_; }
  double log_prob(std::size_t k) const;  ///< throws std::out_of_range from K on
  std::size_t sample(Rng& rng) const;    ///< by inversion of the cumulative distribution
  std::size_t free_parameters() const { return p_.size() - 1; }

 private:
  std::vector<double> p_, cumulative_;
};

/// A categorical with 2^D values: any distribution of D binary variables, if there were data for
/// it. The value of x is Σ_d x_d 2^d.
class FullJoint {
 public:
  static constexpr std::size_t most_dimensions = 20;
  static FullJoint fit(const Examples& x, double smoothing = 1);
  explicit FullJoint(const Array& probabilities);  ///< a stored table, (2^D,)

  Array log_prob(const Array& x) const;         ///< (B, D) → (B,)
  Array sample(std::size_t n, Rng& rng) const;  ///< (n, D)
  const Categorical& table() const { return table_; }
  Array probabilities() const;  ///< (2^D,)
  std::size_t free_parameters() const { return table_.free_parameters(); }
  static const char* formula() { return "2^D - 1"; }

 private:
  FullJoint(std::size_t dimensions, Categorical table)
      : dimensions_(dimensions), table_(std::move(table)) {}

  std::size_t dimensions_;
  Categorical table_;
};

/// p(x) = Π_d p(x_d|x_{π(d)}): each variable has one parent or none. What the three models below
/// share, and all of it but the choice of π.
class OneParent {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Counts the conditionals of the given parents, π(d) for each d. Throws on a circle.
  static OneParent fit(const Examples& x, std::vector<std::size_t> parents, double smoothing = 1);
  /// Stored: what parents() or parent_numbers(), and probabilities() gave.
  OneParent(std::vector<std::size_t> parents, const Array& probabilities);
  OneParent(const Array& parent_numbers, const Array& probabilities);

  Array log_prob(const Array& x) const;         ///< (B, D) → (B,)
  Array sample(std::size_t n, Rng& rng) const;  ///< (n, D), parents before children
  /// x (B, D) with the columns that are not `known` drawn given those that are, which must include
  /// the parent of each known one: then this is exact.
  Array complete(const Array& x, const std::vector<bool>& known, Rng& rng) const;
  /// The first half of the columns, parents before children: what complete() takes.
  std::vector<bool> first_half() const;
  const std::vector<std::size_t>& parents() const { return parents_; }
  Array parent_numbers() const;  ///< (D,), for a file; −1 for none
  /// P(x_d = 1 | x_{π(d)} = v) at (d, v), (D, 2); both are the same where there is no parent.
  Array probabilities() const;
  std::size_t free_parameters() const;  ///< one for each variable and value of its parent

 private:
  explicit OneParent(std::vector<std::size_t> parents);

  std::vector<std::size_t> parents_, order_;
  std::vector<std::array<Bernoulli, 2>> given_;  // [d][value of the parent]
};

/// No variable has a parent.
class Independent : public OneParent {
 public:
  static Independent fit(const Examples& x, double smoothing = 1);
  explicit Independent(const Array& probabilities);  ///< as stored
  static const char* formula() { return "D"; }

 private:
  explicit Independent(OneParent model) : OneParent(std::move(model)) {}
};

/// The parent is the variable before, in the order of the columns.
class MarkovChain : public OneParent {
 public:
  static MarkovChain fit(const Examples& x, double smoothing = 1);
  explicit MarkovChain(const Array& probabilities);  ///< as stored
  static const char* formula() { return "2D - 1"; }

 private:
  explicit MarkovChain(OneParent model) : OneParent(std::move(model)) {}
};

/// The tree of greatest likelihood: that with the greatest sum of mutual information between parent
/// and child [CL]. Its root is column 0.
class ChowLiuTree : public OneParent {
 public:
  static ChowLiuTree fit(const Examples& x, double smoothing = 1);
  using OneParent::OneParent;
  static const char* formula() { return "2D - 1"; }

 private:
  explicit ChowLiuTree(OneParent model) : OneParent(std::move(model)) {}
};

/// I(x_i; x_j) of all pairs of columns, in nats, row after row. `smoothing` examples are spread
/// evenly over the four values of a pair.
std::vector<double> mutual_information(const Examples& x, double smoothing = 0);

/// Throws unless x is (B, dimensions) with only 0 and 1: "log_prob: values must be 0 or 1, got 0.5
/// in row 3, column 2". Any number of columns from 1 on if `dimensions` is 0. The first row is
/// called `first_row`.
void check_binary(const char* operation, const Array& x, std::size_t dimensions = 0,
                  std::size_t first_row = 0);

}  // namespace nabla::models
