#include "models/rnade/folds.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "autograd/random.hpp"

namespace nabla::models {
namespace {

// Streams of the run's seed that nothing else of the program uses.
constexpr std::uint64_t order_stream = 100, valid_stream = 200;

}  // namespace

std::vector<std::size_t> row_order(std::size_t n, bool shuffled, std::uint64_t seed) {
  if (shuffled) return Rng(seed, order_stream).permutation(n);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

Fold fold_of(const std::vector<std::size_t>& order, std::size_t folds, std::size_t k,
             std::uint64_t seed) {
  const std::size_t n = order.size();
  if (folds < 2 || k >= folds || n < folds || n - n / folds - n % folds < 2) {
    throw std::invalid_argument("fold_of: fold " + std::to_string(k) + " of " +
                                std::to_string(folds) + " from " + std::to_string(n) + " rows");
  }
  const std::size_t size = n / folds;
  const std::size_t from = k * size, to = k + 1 == folds ? n : from + size;
  std::vector<std::size_t> rest(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(from));
  rest.insert(rest.end(), order.begin() + static_cast<std::ptrdiff_t>(to), order.end());
  const std::vector<std::size_t> drawn = Rng(seed, valid_stream + k).permutation(rest.size());
  std::vector<bool> validates(rest.size(), false);
  const std::size_t tenth = std::max<std::size_t>(1, rest.size() / 10);
  for (std::size_t i = 0; i < tenth; ++i) validates[drawn[i]] = true;
  Fold fold;
  fold.test.assign(order.begin() + static_cast<std::ptrdiff_t>(from),
                   order.begin() + static_cast<std::ptrdiff_t>(to));
  for (std::size_t i = 0; i < rest.size(); ++i) {
    (validates[i] ? fold.valid : fold.train).push_back(rest[i]);
  }
  return fold;
}

}  // namespace nabla::models
