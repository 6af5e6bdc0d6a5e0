#include "models/gan/gan.hpp"

#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla::models {
namespace {

// Z, H₁, …, Hₙ, D
std::vector<std::size_t> generator_sizes(const GanOptions& options) {
  if (options.hidden.empty()) throw std::invalid_argument("Gan: at least one hidden layer");
  std::vector<std::size_t> sizes{options.latent};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  sizes.push_back(options.data);
  return sizes;
}

// m D, Hₙ, …, H₁, 1
std::vector<std::size_t> discriminator_sizes(const GanOptions& options) {
  if (options.packing == 0) throw std::invalid_argument("Gan: at least one example in a pack");
  std::vector<std::size_t> sizes{options.packing * options.data};
  sizes.insert(sizes.end(), options.hidden.rbegin(), options.hidden.rend());
  sizes.push_back(1);
  return sizes;
}

Tensor leaky(const Tensor& x) {
  return leaky_relu(x, Real(0.2));
}

}  // namespace

Gan::Gan(const GanOptions& options, Rng& rng)
    : options_(options),
      generator_(generator_sizes(options), rng, "relu", options.output),
      discriminator_(discriminator_sizes(options), rng, leaky) {
  children({{"generator", generator_}, {"discriminator", discriminator_}});
}

Tensor Gan::generate(const Tensor& z) const {
  return generator_(z);
}

Tensor Gan::discriminate(const Tensor& x) const {
  const std::size_t m = options_.packing, B = x.shape()[0];
  if (m == 1) return discriminator_(x);
  if (B % m != 0) {
    throw std::invalid_argument("discriminate: " + std::to_string(B) + " rows are no packs of " +
                                std::to_string(m));
  }
  // m rows that follow each other become one: (B, D) → (B / m, m D)                      [P, §2]
  const std::ptrdiff_t packs = static_cast<std::ptrdiff_t>(B / m);
  return discriminator_(reshape(x, {packs, -1}));
}

Array Gan::prior(std::size_t n, Rng& rng) const {
  return rng.normal({n, options_.latent});
}

Array Gan::sample(std::size_t n, Rng& rng) const {
  const NoGrad no_grad;
  return generate(Tensor(prior(n, rng))).value();
}

}  // namespace nabla::models
