#include "models/discrete/discrete.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "autograd/kernels/gemm.hpp"

namespace nabla::models {
namespace {

void check_smoothing(double smoothing) {
  if (!(smoothing >= 0) || !std::isfinite(smoothing)) {
    throw std::invalid_argument("fit: smoothing must be finite and at least 0, got " +
                                std::to_string(smoothing));
  }
}

// x as a binary number, the first column its lowest digit.
std::size_t cell(const Real* x, std::size_t dimensions) {
  std::size_t k = 0;
  for (std::size_t d = 0; d < dimensions; ++d) {
    if (x[d] != 0) k |= std::size_t{1} << d;
  }
  return k;
}

// Each variable after its parent.
std::vector<std::size_t> parents_first(const std::vector<std::size_t>& parents) {
  const std::size_t D = parents.size();
  std::vector<std::vector<std::size_t>> children(D);
  std::vector<std::size_t> order;
  for (std::size_t d = 0; d < D; ++d) {
    if (parents[d] == OneParent::none) {
      order.push_back(d);
    } else if (parents[d] < D) {
      children[parents[d]].push_back(d);
    } else {
      throw std::invalid_argument("OneParent: variable " + std::to_string(d) + " of " +
                                  std::to_string(D) + " cannot have parent " +
                                  std::to_string(parents[d]));
    }
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const std::size_t child : children[order[i]]) order.push_back(child);
  }
  if (order.size() != D) throw std::invalid_argument("OneParent: the parents form a circle");
  return order;
}

// n_ij = Σ x_i x_j, the examples in which both are 1; n_ii is the count of column i alone.
std::vector<double> pair_counts(const Examples& x) {
  const std::size_t D = x.columns();
  std::vector<double> counts(D * D, 0.0);
  Array part = empty({D, D});
  x.each([&](const Array& piece) {  // a float counts exactly up to 2^24
    gemm(Transpose::yes, Transpose::no, D, D, piece.shape()[0], piece.data(), piece.data(), 0,
         part.data());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += part.data()[i];
  });
  return counts;
}

std::vector<std::size_t> no_parents(std::size_t D) {
  return std::vector<std::size_t>(D, OneParent::none);
}

std::vector<std::size_t> those_before(std::size_t D) {
  std::vector<std::size_t> parents = no_parents(D);
  for (std::size_t d = 1; d < D; ++d) parents[d] = d - 1;  // π(d) = d − 1
  return parents;
}

std::vector<std::size_t> parents_from(const Array& numbers) {
  std::vector<std::size_t> parents;
  for (const Real p : numbers) {
    parents.push_back(p < 0 ? OneParent::none : static_cast<std::size_t>(p));
  }
  return parents;
}

// Prim: a tree that grows from column 0 by the heaviest edge out of it; of equals, the first.
std::vector<std::size_t> maximum_spanning_tree(const std::vector<double>& weight, std::size_t D) {
  std::vector<std::size_t> parents(D, OneParent::none);
  std::vector<double> heaviest(D, -std::numeric_limits<double>::infinity());
  std::vector<bool> inside(D, false);
  std::size_t newest = 0;
  for (std::size_t size = 1; size < D; ++size) {
    inside[newest] = true;
    std::size_t next = OneParent::none;
    for (std::size_t j = 0; j < D; ++j) {
      if (inside[j]) continue;
      if (weight[newest * D + j] > heaviest[j]) {
        heaviest[j] = weight[newest * D + j];
        parents[j] = newest;
      }
      if (next == OneParent::none || heaviest[j] > heaviest[next]) next = j;
    }
    newest = next;
  }
  return parents;
}

}  // namespace

void check_binary(const char* operation, const Array& x, std::size_t dimensions,
                  std::size_t first_row) {
  const bool matrix = x.dimension() == 2;
  if (!matrix || x.shape()[1] == 0 || (dimensions != 0 && x.shape()[1] != dimensions)) {
    const std::string columns = dimensions == 0 ? "D" : std::to_string(dimensions);
    throw std::invalid_argument(std::string(operation) + ": x must have shape (B, " + columns +
                                "), got " + to_string(x.shape()));
  }
  const std::size_t D = x.shape()[1];
  const Real* const wrong =
      std::find_if(x.data(), x.data() + x.size(), [](Real v) { return v != 0 && v != 1; });
  if (wrong == x.data() + x.size()) return;
  const std::size_t at = static_cast<std::size_t>(wrong - x.data());
  std::ostringstream text;
  text << operation << ": values must be 0 or 1, got " << *wrong << " in row " << first_row + at / D
       << ", column " << at % D;
  throw std::invalid_argument(text.str());
}

Examples::Examples(const Array& x)
    : size_(x.dimension() == 2 ? x.shape()[0] : 0),
      columns_(x.dimension() == 2 ? x.shape()[1] : 0),
      range_([x](std::size_t from, std::size_t count) {
        const std::size_t D = x.shape()[1];
        Array piece = empty({count, D});
        std::copy_n(x.data() + from * D, count * D, piece.data());
        return piece;
      }) {
  if (x.dimension() != 2) check_binary("fit", x);
}

void Examples::each(const std::function<void(const Array& piece)>& count) const {
  constexpr std::size_t rows = 4096;
  if (size_ == 0) throw std::invalid_argument("fit: there are no examples");
  for (std::size_t from = 0; from < size_; from += rows) {
    const Array piece = range_(from, std::min(rows, size_ - from));
    check_binary("fit", piece, 0, from);
    count(piece);
  }
}

// One variable ---------------------------------------------------------------------------------

Bernoulli Bernoulli::fit(double ones, double n, double smoothing) {
  check_smoothing(smoothing);
  if (!(ones >= 0) || !(ones <= n)) {
    throw std::invalid_argument("Bernoulli: " + std::to_string(ones) + " ones of " +
                                std::to_string(n));
  }
  Bernoulli result;
  if (n + smoothing == 0) return result;
  result.p_ = (ones + smoothing) / (n + 2 * smoothing);  // (n₁ + s) / (n + 2s)
  // ln(1 − p) from the count of zeros: 1 − p would lose digits.
  result.log_ = {std::log((n - ones + smoothing) / (n + 2 * smoothing)), std::log(result.p_)};
  return result;
}

Bernoulli::Bernoulli(double p) : p_(p), log_{std::log1p(-p), std::log(p)} {
  if (!(p >= 0 && p <= 1)) {
    throw std::invalid_argument("Bernoulli: " + std::to_string(p) + " is no probability");
  }
}

Categorical Categorical::fit(const std::vector<double>& counts, double smoothing) {
  check_smoothing(smoothing);
  double total = 0;
  for (const double count : counts) {
    if (!(count >= 0)) throw std::invalid_argument("Categorical: counts must be at least 0");
    total += count + smoothing;
  }
  if (!(total > 0)) throw std::invalid_argument("Categorical: nothing was counted");
  Categorical result;
  double below = 0;
  for (const double count : counts) {
    result.p_.push_back((count + smoothing) / total);  // (n_k + s) / (n + K s)
    result.cumulative_.push_back(below += count + smoothing);
  }
  return result;
}

double Categorical::log_prob(std::size_t k) const {
  return std::log(p_.at(k));
}

std::size_t Categorical::sample(Rng& rng) const {
  // Two numbers make one of 48 bits: the 24 of a float would not tell 2^20 values well apart.
  const double fine = static_cast<double>(rng.uniform()) / (1 << 24);
  const double u = (static_cast<double>(rng.uniform()) + fine) * cumulative_.back();
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, u);
  return static_cast<std::size_t>(found - cumulative_.begin());
}

// The full joint -------------------------------------------------------------------------------

FullJoint FullJoint::fit(const Examples& x, double smoothing) {
  const std::size_t D = x.columns();
  if (D > most_dimensions) {
    throw std::invalid_argument("FullJoint: a table of 2^" + std::to_string(D) +
                                " probabilities is too large; at most " +
                                std::to_string(most_dimensions) + " columns");
  }
  std::vector<double> counts(std::size_t{1} << D, 0.0);
  x.each([&](const Array& piece) {
    for (std::size_t b = 0; b < piece.shape()[0]; ++b) counts[cell(piece.data() + b * D, D)] += 1;
  });
  return {D, Categorical::fit(counts, smoothing)};
}

FullJoint::FullJoint(const Array& probabilities)
    : dimensions_(0), table_(Categorical::fit({probabilities.begin(), probabilities.end()}, 0)) {
  while (std::size_t{1} << dimensions_ < probabilities.size()) ++dimensions_;
  if (std::size_t{1} << dimensions_ != probabilities.size()) {
    throw std::invalid_argument("FullJoint: a table has 2^D probabilities, not " +
                                std::to_string(probabilities.size()));
  }
}

Array FullJoint::probabilities() const {
  const std::vector<double>& p = table_.probabilities();
  Array result = empty({p.size()});
  std::copy(p.begin(), p.end(), result.data());
  return result;
}

Array FullJoint::log_prob(const Array& x) const {
  check_binary("FullJoint", x, dimensions_);
  Array result = empty({x.shape()[0]});
  for (std::size_t b = 0; b < result.size(); ++b) {
    const std::size_t k = cell(x.data() + b * dimensions_, dimensions_);
    result(b) = static_cast<Real>(table_.log_prob(k));  // p(x) = one entry of a table
  }
  return result;
}

Array FullJoint::sample(std::size_t n, Rng& rng) const {
  Array result = empty({n, dimensions_});
  for (std::size_t b = 0; b < n; ++b) {
    const std::size_t k = table_.sample(rng);
    for (std::size_t d = 0; d < dimensions_; ++d) {
      result(b, d) = static_cast<Real>(k >> d & 1);
    }
  }
  return result;
}

// One parent or none ---------------------------------------------------------------------------

OneParent::OneParent(std::vector<std::size_t> parents)
    : parents_(std::move(parents)), order_(parents_first(parents_)), given_(parents_.size()) {}

OneParent::OneParent(std::vector<std::size_t> parents, const Array& probabilities)
    : OneParent(std::move(parents)) {
  if (probabilities.shape() != Shape{parents_.size(), 2}) {
    throw std::invalid_argument("OneParent: " + std::to_string(parents_.size()) +
                                " parents, and probabilities of shape " +
                                to_string(probabilities.shape()));
  }
  for (std::size_t d = 0; d < parents_.size(); ++d) {
    for (const std::size_t v : {0, 1}) given_[d][v] = Bernoulli(double{probabilities(d, v)});
  }
}

OneParent::OneParent(const Array& parent_numbers, const Array& probabilities)
    : OneParent(parents_from(parent_numbers), probabilities) {}

OneParent OneParent::fit(const Examples& x, std::vector<std::size_t> parents, double smoothing) {
  const std::size_t D = x.columns();
  if (parents.size() != D) {
    throw std::invalid_argument("OneParent: " + std::to_string(parents.size()) + " parents for " +
                                std::to_string(D) + " columns");
  }
  OneParent result(std::move(parents));
  std::vector<std::array<double, 2>> seen(D), ones(D);  // [d][value of the parent]
  x.each([&](const Array& piece) {
    for (std::size_t b = 0; b < piece.shape()[0]; ++b) {
      const Real* const row = piece.data() + b * D;
      for (std::size_t d = 0; d < D; ++d) {
        const std::size_t parent = result.parents_[d];
        const std::size_t v = parent != none && row[parent] != 0 ? 1 : 0;
        seen[d][v] += 1;
        ones[d][v] += static_cast<double>(row[d]);
      }
    }
  });
  for (std::size_t d = 0; d < D; ++d) {
    if (result.parents_[d] == none) {
      result.given_[d].fill(Bernoulli::fit(ones[d][0], seen[d][0], smoothing));
      continue;
    }
    for (const std::size_t v : {0, 1}) {
      result.given_[d][v] = Bernoulli::fit(ones[d][v], seen[d][v], smoothing);
    }
  }
  return result;
}

Array OneParent::log_prob(const Array& x) const {
  const std::size_t D = parents_.size();
  check_binary("log_prob", x, D);
  Array result = empty({x.shape()[0]});
  for (std::size_t b = 0; b < result.size(); ++b) {
    const Real* const row = x.data() + b * D;
    double total = 0;
    for (std::size_t d = 0; d < D; ++d) {
      const std::size_t v = parents_[d] != none && row[parents_[d]] != 0 ? 1 : 0;
      total += given_[d][v].log_prob(row[d] != 0);  // ln p(x) = Σ_d ln p(x_d|x_π(d))
    }
    result(b) = static_cast<Real>(total);
  }
  return result;
}

Array OneParent::sample(std::size_t n, Rng& rng) const {
  const std::size_t D = parents_.size();
  return complete(zeros({n, D}), std::vector<bool>(D), rng);
}

Array OneParent::complete(const Array& x, const std::vector<bool>& known, Rng& rng) const {
  const std::size_t n = x.shape()[0], D = parents_.size();
  check_binary("complete", x, D);
  if (known.size() != D) {
    throw std::invalid_argument("complete: " + std::to_string(known.size()) + " of " +
                                std::to_string(D) + " columns are said to be known or not");
  }
  for (std::size_t d = 0; d < D; ++d) {
    if (!known[d] || parents_[d] == none || known[parents_[d]]) continue;
    throw std::invalid_argument("complete: column " + std::to_string(d) +
                                " is known and its parent, column " + std::to_string(parents_[d]) +
                                ", is not");
  }
  const Array u = rng.uniform({n, D});
  Array result = x;
  for (std::size_t b = 0; b < n; ++b) {
    for (const std::size_t d : order_) {  // x_d ~ p(x_d|x_π(d)), which is known by now
      if (known[d]) continue;
      const std::size_t v = parents_[d] != none && result(b, parents_[d]) != 0 ? 1 : 0;
      result(b, d) = static_cast<double>(u(b, d)) < given_[d][v].probability() ? 1 : 0;
    }
  }
  return result;
}

std::vector<bool> OneParent::first_half() const {
  std::vector<bool> known(parents_.size());
  for (std::size_t i = 0; i < known.size() / 2; ++i) known[order_[i]] = true;
  return known;
}

Array OneParent::parent_numbers() const {
  Array result = empty({parents_.size()});
  for (std::size_t d = 0; d < parents_.size(); ++d) {
    result(d) = parents_[d] == none ? Real(-1) : static_cast<Real>(parents_[d]);
  }
  return result;
}

Array OneParent::probabilities() const {
  Array result = empty({parents_.size(), 2});
  for (std::size_t d = 0; d < parents_.size(); ++d) {
    for (const std::size_t v : {0, 1}) {
      result(d, v) = static_cast<Real>(given_[d][v].probability());
    }
  }
  return result;
}

std::size_t OneParent::free_parameters() const {
  std::size_t count = 0;
  for (const std::size_t parent : parents_) count += parent == none ? 1 : 2;
  return count;
}

Independent::Independent(const Array& probabilities)
    : OneParent(no_parents(probabilities.shape()[0]), probabilities) {}

Independent Independent::fit(const Examples& x, double smoothing) {
  return Independent(OneParent::fit(x, no_parents(x.columns()), smoothing));
}

MarkovChain::MarkovChain(const Array& probabilities)
    : OneParent(those_before(probabilities.shape()[0]), probabilities) {}

MarkovChain MarkovChain::fit(const Examples& x, double smoothing) {
  return MarkovChain(OneParent::fit(x, those_before(x.columns()), smoothing));
}

std::vector<double> mutual_information(const Examples& x, double smoothing) {
  check_smoothing(smoothing);
  const std::size_t D = x.columns();
  const std::vector<double> counts = pair_counts(x);
  const double n = static_cast<double>(x.size()), total = n + smoothing;
  const auto term = [](double joint, double a, double b) {
    return joint > 0 ? joint * std::log(joint / (a * b)) : 0;
  };
  std::vector<double> result(D * D, 0.0);
  for (std::size_t i = 0; i < D; ++i) {
    for (std::size_t j = 0; j < D; ++j) {
      const double ni = counts[i * D + i], nj = counts[j * D + j], both = counts[i * D + j];
      const double pi = (ni + smoothing / 2) / total, pj = (nj + smoothing / 2) / total;
      const double p11 = (both + smoothing / 4) / total;
      const double p10 = (ni - both + smoothing / 4) / total;
      const double p01 = (nj - both + smoothing / 4) / total;
      const double p00 = (n - ni - nj + both + smoothing / 4) / total;
      // I = Σ p(x_i, x_j) ln p(x_i, x_j) / (p(x_i) p(x_j))                          [CL]
      result[i * D + j] = term(p11, pi, pj) + term(p10, pi, 1 - pj) + term(p01, 1 - pi, pj) +
                          term(p00, 1 - pi, 1 - pj);
    }
  }
  return result;
}

ChowLiuTree ChowLiuTree::fit(const Examples& x, double smoothing) {
  const std::vector<double> information = mutual_information(x, smoothing);
  std::vector<std::size_t> parents =
      maximum_spanning_tree(information, x.columns());  // max Σ_d I(x_d; x_π(d))   [CL]
  return ChowLiuTree(OneParent::fit(x, std::move(parents), smoothing));
}

}  // namespace nabla::models
