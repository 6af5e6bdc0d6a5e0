#include "models/nade/nade.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla::models {
namespace {

// The stream of orderings, apart from those that weights and samples are drawn from.
constexpr std::uint64_t ordering_stream = 30;

Ordering read_ordering(const std::string& path, std::size_t D) {
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error(path + ": cannot be read; an ordering is raster, random or a file");
  }
  std::ostringstream text;
  text << file.rdbuf();
  std::string numbers = text.str();
  std::replace(numbers.begin(), numbers.end(), ',', ' ');
  std::istringstream words(numbers);
  Ordering o;
  std::vector<bool> seen(D);
  for (std::string word; words >> word;) {
    const bool digits = word.find_first_not_of("0123456789") == std::string::npos;
    const std::size_t d = digits && word.size() < 10 ? std::stoul(word) : D;
    if (d >= D) {
      throw std::runtime_error(path + ": \"" + word + "\" is not a number from 0 to " +
                               std::to_string(D - 1));
    }
    if (seen[d]) throw std::runtime_error(path + ": " + word + " is there twice");
    seen[d] = true;
    o.push_back(d);
  }
  if (o.size() != D) {
    throw std::runtime_error(path + ": has " + std::to_string(o.size()) + " numbers, the data " +
                             std::to_string(D) + " dimensions");
  }
  return o;
}

}  // namespace

Ordering raster_ordering(std::size_t D) {
  check_shape("raster_ordering", {D});
  Ordering o(D);
  std::iota(o.begin(), o.end(), std::size_t{0});
  return o;
}

Ordering scan_ordering(std::size_t height, std::size_t width, std::size_t k) {
  if (k > 7) throw std::invalid_argument("scan_ordering: k is from 0 to 7");
  check_shape("scan_ordering", {height, width});
  const bool by_columns = (k & 4) != 0;
  const std::size_t lines = by_columns ? width : height, length = by_columns ? height : width;
  Ordering o;
  for (std::size_t i = 0; i < lines; ++i) {
    const std::size_t line = (k & 2) != 0 ? lines - 1 - i : i;
    for (std::size_t j = 0; j < length; ++j) {
      const std::size_t place = (k & 1) != 0 ? length - 1 - j : j;
      o.push_back(by_columns ? place * width + line : line * width + place);
    }
  }
  return o;
}

Ordering random_ordering(std::size_t D, std::uint64_t seed) {
  return Rng(seed, ordering_stream).permutation(D);
}

Ordering ordering_of(const std::string& name_or_path, std::size_t D, std::uint64_t seed) {
  if (name_or_path == "raster") return raster_ordering(D);
  if (name_or_path == "random") return random_ordering(D, seed);
  return read_ordering(name_or_path, D);
}

std::vector<Ordering> orderings_of_members(std::size_t first, std::size_t count,
                                           const std::string& name_or_path,
                                           const datasets::DataShape& data, std::uint64_t seed) {
  const bool scans = name_or_path == "raster" && data.channels == 1;
  std::vector<Ordering> orderings;
  for (std::size_t m = first; m < first + count; ++m, ++seed) {
    if (scans) {
      orderings.push_back(scan_ordering(data.height, data.width, (m - 1) % 8));
    } else if (m == 1) {
      orderings.push_back(ordering_of(name_or_path, data.columns, seed));
    } else {
      orderings.push_back(random_ordering(data.columns, seed));
    }
  }
  return orderings;
}

Nade::Nade(std::size_t D, std::size_t H, Ordering o, Rng& rng) : ordering_(std::move(o)) {
  if (D == 0 || H == 0) throw std::invalid_argument("Nade: D and H must be at least 1");
  const Real bound = static_cast<Real>(1 / std::sqrt(static_cast<double>(D)));
  weights_.W = parameter("W", rng.uniform({D, H}, -bound, bound));
  weights_.V = parameter("V", rng.uniform({D, H}, -bound, bound));
  weights_.b = parameter("b", zeros({D}));
  weights_.c = parameter("c", zeros({H}));
}

Nade Nade::with_ordering(Ordering o) const {
  Nade other = *this;
  other.ordering_ = std::move(o);
  return other;
}

Tensor Nade::logits(const Tensor& x) const {
  return nade_logits(x, weights_, ordering_);
}

// ln p(x) = Σ_d ln p(x_{o_d} | x_{o_<d})                                            [UCGML, eq. 1]
Tensor Nade::log_prob(const Tensor& x) const {
  return -sum(binary_cross_entropy(logits(x), x), {-1});
}

Array Nade::sample(std::size_t n, Rng& rng) const {
  return complete(zeros({n, data()}), 0, rng);
}

Array Nade::complete(const Array& x, std::size_t known, Rng& rng) const {
  return nade_sample(x, known, weights_, ordering_, rng);
}

NadeEnsemble make_ensemble(const std::vector<Ordering>& orderings, std::size_t H, bool shared,
                           Rng& rng) {
  NadeEnsemble ensemble;
  for (const Ordering& o : orderings) {
    ensemble.push_back(shared && !ensemble.empty() ? ensemble[0].with_ordering(o)
                                                   : Nade(o.size(), H, o, rng));
  }
  return ensemble;
}

Array log_prob(const NadeEnsemble& ensemble, const Array& x) {
  if (ensemble.empty()) throw std::invalid_argument("log_prob: an ensemble needs a member");
  const NoGrad no_grad;
  const Tensor data(x);
  std::vector<Tensor> each;
  for (const Nade& member : ensemble) each.push_back(member.log_prob(data));
  const Real log_M = std::log(static_cast<Real>(ensemble.size()));
  return (logsumexp(stack(each), {0}) - log_M).value();  // ln p̄(x), (M, B) → (B,)     [UML]
}

Array sample(const NadeEnsemble& ensemble, std::size_t n, Rng& rng) {
  if (ensemble.empty()) throw std::invalid_argument("sample: an ensemble needs a member");
  const std::size_t D = ensemble.front().data();
  const IndexArray member = rng.integers({n}, 0, static_cast<std::int64_t>(ensemble.size()));
  Array result = empty({n, D});
  for (std::size_t m = 0; m < ensemble.size(); ++m) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < n; ++i) {
      if (member(i) == static_cast<std::int64_t>(m)) rows.push_back(i);
    }
    const Array drawn = ensemble[m].sample(rows.size(), rng);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(drawn.data() + i * D, D, result.data() + rows[i] * D);
    }
  }
  return result;
}

Array complete(const NadeEnsemble& ensemble, const Array& x, const std::vector<bool>& known,
               bool any_ordering, Rng& rng) {
  const std::size_t count = static_cast<std::size_t>(std::count(known.begin(), known.end(), true));
  for (const Nade& member : ensemble) {
    const Ordering& own = member.ordering();
    if (known.size() != own.size() || x.dimension() != 2 || x.shape()[1] != own.size()) {
      throw std::invalid_argument("complete: " + std::to_string(own.size()) +
                                  " dimensions, got x " + to_string(x.shape()) + " and " +
                                  std::to_string(known.size()) + " marks of what is known");
    }
    const Ordering o = known_first(own, known);
    if (!any_ordering && o != own) continue;
    for (std::size_t b = 0; b < x.shape()[0]; ++b) {
      for (std::size_t i = 0; i < count; ++i) {
        if (x(b, o[i]) == 0 || x(b, o[i]) == 1) continue;
        throw std::invalid_argument("complete: what is known must be 0 or 1, and is " +
                                    std::to_string(x(b, o[i])) + " in row " + std::to_string(b) +
                                    ", column " + std::to_string(o[i]));
      }
    }
    return member.with_ordering(o).complete(x, count, rng);
  }
  throw std::invalid_argument("complete: no ordering begins with these " + std::to_string(count) +
                              " known dimensions; only an order-agnostic network takes any");
}

Ordering known_first(const Ordering& o, const std::vector<bool>& known) {
  Ordering result = o;
  std::stable_partition(result.begin(), result.end(), [&](std::size_t d) { return known.at(d); });
  return result;
}

std::vector<bool> first_half(const Ordering& o) {
  std::vector<bool> known(o.size());
  for (std::size_t i = 0; i < o.size() / 2; ++i) known[o[i]] = true;
  return known;
}

NadeMembers::NadeMembers(const NadeEnsemble& ensemble) {
  for (std::size_t m = 0; m < ensemble.size(); ++m) {
    children({{"member" + std::to_string(m + 1), ensemble[m]}});
  }
}

Array orderings_as_array(const NadeEnsemble& ensemble) {
  const std::size_t D = ensemble.at(0).data();
  Array numbers = empty({ensemble.size(), D});
  for (std::size_t m = 0; m < ensemble.size(); ++m) {
    std::copy_n(ensemble[m].ordering().begin(), D, numbers.data() + m * D);
  }
  return numbers;
}

std::vector<Ordering> as_orderings(const Array& numbers) {
  if (numbers.dimension() != 2) {
    throw std::invalid_argument("orderings are a matrix, not " + to_string(numbers.shape()));
  }
  const std::size_t D = numbers.shape()[1];
  std::vector<Ordering> orderings;
  for (std::size_t m = 0; m < numbers.shape()[0]; ++m) {
    const Real* const row = numbers.data() + m * D;
    orderings.emplace_back(row, row + D);
  }
  return orderings;
}

}  // namespace nabla::models
