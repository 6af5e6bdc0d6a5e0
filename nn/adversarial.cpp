#include "nn/adversarial.hpp"

#include <algorithm>
#include <stdexcept>

#include "autograd/ops.hpp"

namespace nabla::nn {

Tensor game_value(const Tensor& real_logits, const Tensor& fake_logits) {
  return mean(log_sigmoid(real_logits)) + mean(log_sigmoid(-fake_logits));  // V(D, G)   [G, eq. 1]
}

GeneratorLoss generator_loss_named(const std::string& name) {
  if (name == "minimax") return GeneratorLoss::minimax;
  if (name == "non-saturating") return GeneratorLoss::non_saturating;
  throw std::invalid_argument("generator loss \"" + name + "\": minimax or non-saturating");
}

Tensor generator_loss(const Tensor& fake_logits, GeneratorLoss which) {
  if (which == GeneratorLoss::minimax) return mean(log_sigmoid(-fake_logits));  // ln(1 − D(G(z)))
  return -mean(log_sigmoid(fake_logits));                                       // −ln D(G(z))
}

double share_called_real(const Tensor& logits) {
  const Array& l = logits.value();
  const auto real = std::count_if(l.begin(), l.end(), [](Real x) { return x > 0; });
  return static_cast<double>(real) / static_cast<double>(std::max<std::size_t>(1, l.size()));
}

}  // namespace nabla::nn
