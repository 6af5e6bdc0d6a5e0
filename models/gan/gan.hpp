// Generative adversarial networks.
//   Goodfellow et al. 2014, "Generative Adversarial Nets", arXiv:1406.2661                      [G]
//   Lin, Khetan, Fanti & Oh 2018, "PacGAN", arXiv:1712.04086: packing                           [P]
//
//   z ~ N(0, I),  x = G(z)                     the generator; q is the law of x        [G, §3]
//   D(x₁, …, x_m) = σ(l(x₁, …, x_m))           the probability that all m are data     [P, §2]
//   min over G of max over D of V(D, G) = E_p[ln D] + E_z[ln(1 − D(G(z)))]             [G, eq. 1]
//
// The game's value and the losses are in nn/adversarial.hpp, the two players' steps in
// train.cpp. Both networks are fully connected. With m = 1 this is the GAN of [G].
//
// Letters: B batch, D dimensions of an example, Z latent, m packed examples, H hidden.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "autograd/random.hpp"
#include "datasets/dataset.hpp"
#include "nn/linear.hpp"
#include "nn/module.hpp"

namespace nabla::models {

struct GanOptions {
  std::size_t data = 784;   ///< D
  std::size_t latent = 64;  ///< Z
  /// The generator's widths, the discriminator's reversed.
  std::vector<std::size_t> hidden{256, 512};
  std::size_t packing = 1;      ///< m
  double noise = 0;             ///< s, of what the discriminator sees
  std::string output = "tanh";  ///< behind the generator's last layer

  /// For these data, images scaled to [−1, 1] or points to mean 0 and deviation 1: and what is 0,
  /// without layers, or of noise below 0, is chosen by their kind.
  GanOptions chosen_for(const datasets::DataShape& data) const;
};

/// Children "generator" and "discriminator", each an MLP: ReLU in the one, leaky ReLU of slope 0.2
/// in the other (Radford et al. 2016, §4), so that its gradient reaches the generator everywhere.
class Gan : public nn::Module {
 public:
  /// Throws std::invalid_argument without a hidden layer or for m = 0.
  Gan(const GanOptions& options, Rng& rng);

  /// G(z): z (B, Z) → (B, D).
  Tensor generate(const Tensor& z) const;

  /// The logit l of D for each m rows side by side: x (B, D), B a multiple of m, → (B / m, 1).
  Tensor discriminate(const Tensor& x) const;

  struct Logits {
    Tensor real, fake;
  };
  /// The logits of x and of generated examples, each as above. They go through D as one batch:
  /// larger products, and one gradient of each weight instead of two that are added.
  Logits discriminate(const Tensor& x, const Tensor& fake) const;

  /// What D sees: x + ε, ε ~ N(0, s² I), of data and samples alike (Sønderby et al. 2017,
  /// arXiv:1610.04490; Arjovsky & Bottou 2017, arXiv:1701.04862, §3). Both densities are smoothed
  /// by one kernel, so the best q is still p.
  Tensor blurred(const Tensor& x, Rng& rng) const;

  /// z ~ N(0, I), (n, Z).
  Array prior(std::size_t n, Rng& rng) const;
  /// n draws of G(z), (n, D).
  Array sample(std::size_t n, Rng& rng) const;
  /// G(z) without a graph: z (n, Z) → (n, D).
  Array samples_at(const Array& z) const;

  const nn::Module& generator() const { return generator_; }
  const nn::Module& discriminator() const { return discriminator_; }
  const GanOptions& options() const { return options_; }

 private:
  void check_packs(std::size_t rows) const;  // throws std::invalid_argument

  GanOptions options_;
  nn::MLP generator_, discriminator_;
};

}  // namespace nabla::models
