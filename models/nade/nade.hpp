// Neural autoregressive distribution estimator, for binary data.
//   Larochelle & Murray 2011, "The Neural Autoregressive Distribution Estimator", AISTATS      [LM]
//   Uria, Côté, Gregor, Murray & Larochelle 2016, "Neural Autoregressive Distribution
//   Estimation", arXiv:1605.02226                                                          [UCGML]
//   Uria, Murray & Larochelle 2014, "A Deep and Tractable Density Estimator", arXiv:1310.1757 [UML]
//
//   p(x)  = Π_d p(x_{o_d} | x_{o_<d})                 chain rule, in ordering o  [UCGML, eq. 1]
//   p(x_{o_d} = 1 | x_{o_<d}) = σ(b_{o_d} + V_{o_d}·h_d)                         [UCGML, eq. 2]
//   h_d   = σ(W_{o_<d} x_{o_<d} + c)                  weights shared by all d    [UCGML, eq. 3]
//   p̄(x)  = (1/M) Σ_m p_m(x)                          ensemble over orderings    [UML]
//
// B examples, D dimensions, H hidden units, M members of an ensemble. Log-densities in nats.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "autograd/random.hpp"
#include "datasets/dataset.hpp"
#include "models/nade/recursion.hpp"
#include "nn/module.hpp"

namespace nabla::models {

/// 0, 1, …, D − 1: for images row after row from the top.
Ordering raster_ordering(std::size_t D);
/// The eight ways to scan an image line by line, k = 0 … 7: 0 is raster; 1 adds "each line from its
/// end", 2 "the last line first", 4 "columns for lines". Throws std::invalid_argument from k = 8
/// on.
Ordering scan_ordering(std::size_t height, std::size_t width, std::size_t k);
/// All D! orderings equally likely; the same seed gives the same one.
Ordering random_ordering(std::size_t D, std::uint64_t seed);
/// "raster", "random", or the path of a file with the numbers 0 … D − 1, each once, in the order in
/// which the dimensions are to come, separated by blanks or commas. Throws std::runtime_error with
/// path and cause.
Ordering ordering_of(const std::string& name_or_path, std::size_t D, std::uint64_t seed);

/// Of `count` members of an ensemble, m = first, first + 1, … from 1, with seeds seed, seed + 1, …
/// On images "raster" stands for the eight scans in turn, which keep neighbours close together; for
/// other data, and after an ordering from a file, all but that of member 1 are random.
std::vector<Ordering> orderings_of_members(std::size_t first, std::size_t count,
                                           const std::string& name_or_path,
                                           const datasets::DataShape& data, std::uint64_t seed);

class Nade : public nn::Module {
 public:
  /// W and V uniform on ±1/√D, as b and c 0.
  Nade(std::size_t D, std::size_t H, Ordering o, Rng& rng);

  /// The same parameters (not a copy of them) under another ordering.
  Nade with_ordering(Ordering o) const;
  const Ordering& ordering() const { return ordering_; }

  /// Logits of p(x_d = 1 | what comes before d): (B, D) → (B, D), column d for dimension d.
  Tensor logits(const Tensor& x) const;
  /// ln p(x), exact: x (B, D), 0 or 1, gives (B,).
  Tensor log_prob(const Tensor& x) const;

  /// n exact draws from p(x): (n, D).
  Array sample(std::size_t n, Rng& rng) const;
  /// Exact draws given the first `known` dimensions of the ordering, taken from x (B, D): with
  /// raster ordering and known = D/2 that is the lower half of an image, given its upper half.
  Array complete(const Array& x, std::size_t known, Rng& rng) const;

  std::size_t data() const { return ordering_.size(); }     ///< D
  std::size_t hidden() const { return weights_.c.size(); }  ///< H

 private:
  NadeWeights weights_;
  Ordering ordering_;
};

/// An ensemble: networks of one D with an ordering each, or one network under many orderings.
using NadeEnsemble = std::vector<Nade>;

/// A network of H hidden units for each ordering, or one that all share.
NadeEnsemble make_ensemble(const std::vector<Ordering>& orderings, std::size_t H, bool shared,
                           Rng& rng);

/// ln p̄(x) = ln (1/M) Σ_m p_m(x), (B,), without a graph: the densities are averaged, not their
/// logarithms, so that p̄ sums to 1. Throws std::invalid_argument on an empty ensemble.
Array log_prob(const NadeEnsemble& ensemble, const Array& x);
/// n exact draws from p̄: each from one member, all equally likely.
Array sample(const NadeEnsemble& ensemble, std::size_t n, Rng& rng);
/// x (B, D) with the columns that are not `known` drawn given those that are, exactly, by the first
/// member whose ordering begins with the known ones, which must be 0 or 1; or, if its network is
/// for any ordering, by the first member under one that does. Throws std::invalid_argument if there
/// is no such member.
Array complete(const NadeEnsemble& ensemble, const Array& x, const std::vector<bool>& known,
               bool any_ordering, Rng& rng);
/// o with the known dimensions first, these and the others in the order in which o has them.
Ordering known_first(const Ordering& o, const std::vector<bool>& known);
/// Which dimensions the first half of an ordering holds.
std::vector<bool> first_half(const Ordering& o);

/// The networks of an ensemble by name: member1, member2, …; one under several orderings is there
/// once.
class NadeMembers : public nn::Module {
 public:
  explicit NadeMembers(const NadeEnsemble& ensemble);
};

/// The orderings of an ensemble as numbers for a file, (M, D), and back. Throws
/// std::invalid_argument on what is no matrix.
Array orderings_as_array(const NadeEnsemble& ensemble);
std::vector<Ordering> as_orderings(const Array& numbers);

}  // namespace nabla::models
