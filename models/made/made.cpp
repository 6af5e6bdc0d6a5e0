#include "models/made/made.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace nabla::models {

Made::Made(const MadeOptions& options, Rng& rng) : options_(options) {
  const std::vector<std::size_t>& hidden = options.hidden;
  if (options.data == 0 || options.masks == 0 || hidden.empty() ||
      std::count(hidden.begin(), hidden.end(), std::size_t{0}) != 0) {
    throw std::invalid_argument(
        "Made: needs data of a column or more, a set of masks, and hidden layers of a unit or "
        "more");
  }
  std::vector<std::size_t> sizes{options.data};
  sizes.insert(sizes.end(), hidden.begin(), hidden.end());
  sizes.push_back(options.data);
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const std::string number = std::to_string(l + 1);
    weights_.push_back(
        parameter("weight" + number, nn::init::fan_in_uniform()({sizes[l], sizes[l + 1]}, rng)));
    biases_.push_back(parameter("bias" + number, zeros({sizes[l + 1]})));
  }
  for (std::size_t m = 0; m < options.masks; ++m) draw_masks(m);
}

void Made::draw_masks(std::size_t m) {
  Rng rng(options_.mask_seed, m);
  const std::size_t D = options_.data;
  std::vector<std::size_t> o(D), before(D);  // the ordering, and m^{l−1} of each unit
  std::iota(o.begin(), o.end(), std::size_t{0});
  if (options_.shuffle) o = rng.permutation(D);
  for (std::size_t i = 0; i < D; ++i) before[o[i]] = i + 1;
  const std::vector<std::size_t> places = before;  // m⁰
  orderings_.push_back(std::move(o));
  masks_.emplace_back();
  for (const std::size_t H : options_.hidden) {
    // m^l from {min m^{l−1}, …, D − 1}: a unit that saw less than all before it would be wasted,
    // one that saw D could serve no output.
    const std::size_t least = *std::min_element(before.begin(), before.end());
    const std::size_t most = std::max(least, D - 1);
    const IndexArray drawn =
        rng.integers({H}, static_cast<std::int64_t>(least), static_cast<std::int64_t>(most) + 1);
    const std::vector<std::size_t> units(drawn.begin(), drawn.end());
    Array mask = zeros({before.size(), H});
    for (std::size_t i = 0; i < before.size(); ++i) {
      for (std::size_t k = 0; k < H; ++k) mask(i, k) = units[k] >= before[i] ? 1 : 0;  // eq. 12
    }
    masks_.back().emplace_back(std::move(mask));
    before = units;
  }
  Array mask = zeros({before.size(), D});
  for (std::size_t k = 0; k < before.size(); ++k) {
    for (std::size_t d = 0; d < D; ++d) mask(k, d) = places[d] > before[k] ? 1 : 0;  // eq. 13
  }
  masks_.back().emplace_back(std::move(mask));
}

Tensor Made::logits(const Tensor& x, std::size_t m) const {
  if (x.shape().size() != 2 || x.shape()[1] != options_.data) {
    throw std::invalid_argument("Made: x must be (B, " + std::to_string(options_.data) + "), got " +
                                to_string(x.shape()));
  }
  const std::vector<Tensor>& M = masks_.at(m);
  Tensor h = x;
  for (std::size_t l = 0; l + 1 < weights_.size(); ++l) {
    h = linear_relu(h, weights_[l] * M[l], biases_[l]);  // h^l [G, eq. 9]
  }
  return linear(h, weights_.back() * M.back(), biases_.back());  // [G, eq. 10]
}

Tensor Made::log_prob(const Tensor& x, std::size_t m) const {
  return -sum(binary_cross_entropy(logits(x, m), x), {-1});  // [G, eq. 3]
}

Array Made::log_prob_of_mean(const Array& x) const {
  const NoGrad no_grad;
  std::vector<Tensor> each;
  for (std::size_t m = 0; m < masks(); ++m) each.push_back(log_prob(Tensor(x), m));
  return (logsumexp(stack(each), {0}) - std::log(static_cast<Real>(masks()))).value();
}

void Made::draw_rest(Array& x, std::size_t m, std::size_t known, Rng& rng) const {
  const NoGrad no_grad;
  const std::size_t B = x.shape()[0], D = options_.data;
  for (std::size_t i = known; i < D; ++i) {
    const std::size_t d = orderings_[m][i];
    const Array probabilities = sigmoid(logits(Tensor(x), m)).value();
    const Array numbers = rng.uniform({B});
    for (std::size_t b = 0; b < B; ++b) x(b, d) = numbers(b) < probabilities(b, d) ? 1 : 0;
  }
}

Array Made::sample(std::size_t n, Rng& rng) const {
  const std::size_t D = options_.data;
  Array all = zeros({n, D});
  const IndexArray of = rng.integers({n}, 0, static_cast<std::int64_t>(masks()));
  for (std::size_t m = 0; m < masks(); ++m) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < n; ++i) {
      if (static_cast<std::size_t>(of(i)) == m) rows.push_back(i);
    }
    if (rows.empty()) continue;
    Array x = zeros({rows.size(), D});
    draw_rest(x, m, 0, rng);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(x.data() + i * D, D, all.data() + rows[i] * D);
    }
  }
  return all;
}

Array Made::complete(const Array& x, std::size_t known, Rng& rng) const {
  Array result = x;
  draw_rest(result, 0, known, rng);
  return result;
}

}  // namespace nabla::models
