#include "datasets/splits.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "autograd/random.hpp"
#include "datasets/batches.hpp"

namespace nabla::datasets {

std::vector<std::vector<std::size_t>> split_rows(std::size_t n,
                                                 const std::vector<std::size_t>& sizes,
                                                 std::uint64_t seed) {
  const std::vector<std::size_t> order = Rng(seed, stream_of(Purpose::split)).permutation(n);
  std::vector<std::vector<std::size_t>> parts;
  auto from = order.begin();
  for (const std::size_t size : sizes) {
    const auto to = from + static_cast<std::ptrdiff_t>(size);
    parts.emplace_back(from, to);
    std::sort(parts.back().begin(), parts.back().end());
    from = to;
  }
  return parts;
}

void too_few(const std::string& name, std::size_t have, const std::string& want) {
  throw std::invalid_argument(name + ": " + want + ", but there are only " + std::to_string(have) +
                              " rows");
}

void shorten(std::vector<std::size_t>& rows, std::size_t size, const std::string& name,
             const char* split) {
  if (size > rows.size()) {
    too_few(name, rows.size(), std::to_string(size) + " rows are to " + split);
  }
  if (size != 0) rows.resize(size);
}

std::vector<std::size_t> in_order(std::size_t n, std::size_t size, const std::string& name,
                                  const char* split) {
  std::vector<std::size_t> rows(n);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  shorten(rows, size, name, split);
  return rows;
}

}  // namespace nabla::datasets
