#include "models/ddpm/mlp.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/ops.hpp"
#include "nn/time_embedding.hpp"

namespace nabla::models {
namespace {

std::size_t inputs(const DenoisingMlpOptions& options) {
  return multiply_sizes(options.data, add_sizes(1, multiply_sizes(2, options.waves)));
}

}  // namespace

DenoisingMlp::Block::Block(std::size_t width, Rng& rng)
    : time(width, width, rng), in(width, width, rng), out(width, width, rng) {
  children({{"time", time}, {"in", in}, {"out", out}});
}

Tensor DenoisingMlp::Block::operator()(const Tensor& h, const Tensor& e) const {
  return h + out(silu(in(silu(h)) + time(e)));
}

DenoisingMlp::DenoisingMlp(const DenoisingMlpOptions& options, Rng& rng)
    : options_(options),
      time_in_(options.width, options.width, rng),
      time_out_(options.width, options.width, rng),
      in_(inputs(options), options.width, rng),
      out_(options.width, options.data, rng) {
  std::vector<std::pair<std::string, nn::Module>> list{{"time_in", time_in_},
                                                       {"time_out", time_out_}};
  if (options.classes != 0) {  // the last row stands for "not told"
    class_.emplace_back(add_sizes(options.classes, 1), options.width, rng);
    list.emplace_back("class", class_[0]);
  }
  list.emplace_back("in", in_);
  for (std::size_t i = 0; i < options.blocks; ++i) {
    blocks_.emplace_back(options.width, rng);
    list.emplace_back("block" + std::to_string(i), blocks_.back());
  }
  list.emplace_back("out", out_);
  children(list);
}

Tensor DenoisingMlp::operator()(const Tensor& x, const Array& time,
                                const IndexArray& classes) const {
  Tensor e = time_out_(silu(time_in_(Tensor(nn::sinusoidal_embedding(time, options_.width)))));
  if (!class_.empty()) {
    const std::int64_t count = static_cast<std::int64_t>(options_.classes);
    IndexArray rows = classes;
    for (std::int64_t& row : rows) {
      if (row < -1 || row >= count) {
        throw std::invalid_argument("DenoisingMlp: the class must be from 0 to " +
                                    std::to_string(count - 1) + ", or -1 for not told, got " +
                                    std::to_string(row));
      }
      if (row == -1) row = count;
    }
    e = e + class_[0](rows);
  }
  e = silu(e);  // (B, H)
  std::vector<Tensor> parts{x};
  for (std::size_t k = 0; k < options_.waves; ++k) {
    const Tensor angle = x * std::ldexp(Real(1), static_cast<int>(k));
    parts.push_back(sin(angle));
    parts.push_back(cos(angle));
  }
  Tensor h = in_(concat(parts, -1));  // (B, H)
  for (const Block& block : blocks_) h = block(h, e);
  return out_(silu(h));
}

}  // namespace nabla::models
