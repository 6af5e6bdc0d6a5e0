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
  std::vector<std::size_t> sizes{multiply_sizes(options.packing, options.data)};
  sizes.insert(sizes.end(), options.hidden.rbegin(), options.hidden.rend());
  sizes.push_back(1);
  return sizes;
}

}  // namespace

GanOptions GanOptions::chosen_for(const datasets::DataShape& shape) const {
  const bool images = shape.is_image();
  GanOptions chosen = *this;
  chosen.data = shape.columns;
  chosen.output = images ? "tanh" : "identity";
  if (hidden.empty()) chosen.hidden.assign({images ? 256U : 128U, images ? 512U : 128U});
  if (latent == 0) chosen.latent = images ? 64 : 2;
  if (packing == 0) chosen.packing = images ? 1 : 2;  // for modes that are far apart
  // Images lie on so thin a part of their space that D is soon sure of all.
  if (noise < 0) chosen.noise = images ? 0.5 : 0;
  return chosen;
}

Gan::Gan(const GanOptions& options, Rng& rng)
    : options_(options),
      generator_(generator_sizes(options), rng, "relu", options.output),
      discriminator_(discriminator_sizes(options), rng, nn::Activation::leaky_relu(Real(0.2))) {
  children({{"generator", generator_}, {"discriminator", discriminator_}});
}

Tensor Gan::generate(const Tensor& z) const {
  return generator_(z);
}

void Gan::check_packs(std::size_t rows) const {
  if (rows % options_.packing == 0) return;
  throw std::invalid_argument("discriminate: " + std::to_string(rows) + " rows are no packs of " +
                              std::to_string(options_.packing));
}

Tensor Gan::discriminate(const Tensor& x) const {
  const std::size_t m = options_.packing, B = x.shape()[0];
  check_packs(B);
  if (m == 1) return discriminator_(x);
  // m rows that follow each other become one: (B, D) → (B / m, m D)                      [P, §2]
  const std::ptrdiff_t packs = static_cast<std::ptrdiff_t>(B / m);
  return discriminator_(reshape(x, {packs, -1}));
}

Gan::Logits Gan::discriminate(const Tensor& x, const Tensor& fake) const {
  const std::size_t m = options_.packing;
  check_packs(x.shape()[0]);  // of each: no pack holds both kinds
  check_packs(fake.shape()[0]);
  const Tensor both = discriminate(concat({x, fake}, 0));
  const std::vector<Tensor> parts = split(both, {x.shape()[0] / m, fake.shape()[0] / m}, 0);
  return {parts[0], parts[1]};
}

Array Gan::prior(std::size_t n, Rng& rng) const {
  return rng.normal({n, options_.latent});
}

Array Gan::sample(std::size_t n, Rng& rng) const {
  return samples_at(prior(n, rng));
}

Array Gan::samples_at(const Array& z) const {
  const NoGrad no_grad;
  return generate(Tensor(z)).value();
}

Tensor Gan::blurred(const Tensor& x, Rng& rng) const {
  if (options_.noise <= 0) return x;
  return x + Tensor(rng.normal(x.shape(), 0, static_cast<Real>(options_.noise)));
}

}  // namespace nabla::models
