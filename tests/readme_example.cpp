#include <iostream>

#include "autograd/ops.hpp"
#include "nn/linear.hpp"
#include "nn/optim.hpp"

using namespace nabla;

int main() {
  Rng rng(1);
  const Tensor x(Array{{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  const Array y{{0, 0}, {1, 0}, {1, 0}, {0, 1}};  // x₁ xor x₂, x₁ and x₂
  nn::MLP net({2, 8, 2}, rng, "tanh");
  nn::Adam adam(net.parameters(), {0.05});
  std::cout.precision(2);
  for (int step = 0; step <= 300; ++step) {
    const Tensor loss = mean(binary_cross_entropy(net(x), y));  // nats a prediction
    if (step % 100 == 0) std::cout << loss.item() << '\n';      // prints 0.69 0.0034 0.0012 0.00061
    adam.clear_grad();
    loss.backward();
    adam.step();
  }
  std::cout << sum(square(sigmoid(net(x)) - Tensor(y))).item() << '\n';  // prints 3.4e-06
}
