// Optimisers: w is a parameter, g its gradient, α the learning rate, t = 1, 2, … the number of
// steps that this parameter has taken.
//
//   Adam optimiser(model.parameters(), {1e-3});
//   for (…) {
//     optimiser.clear_grad();
//     loss(…).backward();
//     optimiser.step();
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/tensor.hpp"
#include "nn/named.hpp"

namespace nabla::nn {

/// What all optimisers share. A value of this type is one of those below, whichever it was made
/// from; copies share the parameters, each has its own state.
class Optimiser {
 public:
  /// One update of every parameter that has a gradient, in one pass over memory. The others, and
  /// their state, are left alone.
  void step();
  void clear_grad();

  std::vector<Tensor> parameters() const;

  double lr() const { return lr_; }
  void set_lr(double lr);  ///< throws std::invalid_argument unless finite and ≥ 0
  std::uint64_t steps() const { return steps_; }  ///< calls of step()

  /// Everything that going on later needs, besides the parameters: "m.hidden.weight" is Adam's m of
  /// the parameter of that label (or number, where labels are missing or not unique).
  struct State {
    NamedArrays arrays;
    std::uint64_t steps = 0;             ///< calls of step()
    std::vector<std::uint64_t> updates;  ///< t of each parameter
    double lr = 0;
  };
  State state() const;
  /// Throws std::invalid_argument, and changes nothing, unless names and shapes fit.
  void load(const State& state);

 protected:
  /// A stretch of one parameter with its gradient and the rule's running arrays.
  struct Stretch {
    Real* w;
    const Real* g;
    Real* s[2];
    std::size_t size;
    double lr;
    double t;
  };
  using Rule = std::function<void(const Stretch&)>;

  /// `symbols` names the rule's running arrays (at most two), all zero at the start.
  Optimiser(const char* name, std::vector<Tensor> parameters, double lr,
            std::vector<std::string> symbols, Rule rule);

 private:
  struct Slot {
    Tensor parameter;
    std::string name;
    std::vector<Array> running;  // one for each symbol
    std::uint64_t updates = 0;
  };

  std::string operation_;
  std::vector<Slot> slots_;
  std::vector<std::string> symbols_;
  Rule rule_;
  double lr_ = 0;
  std::uint64_t steps_ = 0;
};

struct SGDOptions {
  double lr = 0.01;
  double momentum = 0;      ///< μ
  bool nesterov = false;    ///< needs momentum
  double weight_decay = 0;  ///< λ, added to the gradient: g ← g + λ w
};
/// Stochastic gradient descent; momentum after Polyak 1964 and Sutskever et al. 2013, eqs. 1–4,
/// written with u = −velocity/α, so that a change of α acts at once:
///   u ← μ u + g;   w ← w − α u,   with Nesterov   w ← w − α (g + μ u)
class SGD : public Optimiser {
 public:
  explicit SGD(std::vector<Tensor> parameters, SGDOptions options = {});
};

struct RMSpropOptions {
  double lr = 1e-3;
  double rho = 0.9;         ///< ρ
  double epsilon = 1e-8;    ///< ε
  double momentum = 0;      ///< μ
  double weight_decay = 0;  ///< λ, added to the gradient
};
/// Tieleman & Hinton 2012, lecture 6.5:
///   v ← ρ v + (1 − ρ) g²;   u ← μ u + g / (√v + ε);   w ← w − α u
class RMSprop : public Optimiser {
 public:
  explicit RMSprop(std::vector<Tensor> parameters, RMSpropOptions options = {});
};

struct AdagradOptions {
  double lr = 0.01;
  double epsilon = 1e-10;
  double weight_decay = 0;  ///< λ, added to the gradient
};
/// Duchi, Hazan & Singer 2011, the diagonal form of Figure 1:
///   G ← G + g²;   w ← w − α g / (√G + ε)
class Adagrad : public Optimiser {
 public:
  explicit Adagrad(std::vector<Tensor> parameters, AdagradOptions options = {});
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< λ: Adam adds λ w to the gradient, AdamW shrinks w itself
};
/// Kingma & Ba 2015, Algorithm 1:
///   m ← β₁ m + (1 − β₁) g;   v ← β₂ v + (1 − β₂) g²
///   m̂ = m / (1 − β₁ᵗ);   v̂ = v / (1 − β₂ᵗ);   w ← w − α m̂ / (√v̂ + ε)
class Adam : public Optimiser {
 public:
  explicit Adam(std::vector<Tensor> parameters, AdamOptions options = {});
};

/// Loshchilov & Hutter 2019, Algorithm 2: the decay does not pass through m and v,
///   w ← w − α (m̂ / (√v̂ + ε) + λ w)
/// Here α scales the decay too, as in PyTorch; the paper has a separate schedule factor there. The
/// default of λ is PyTorch's 0.01.
class AdamW : public Optimiser {
 public:
  explicit AdamW(std::vector<Tensor> parameters,
                 AdamOptions options = {1e-3, 0.9, 0.999, 1e-8, 0.01});
};

/// Scales all gradients together so that their Euclidean norm is at most max_norm, which may be 0;
/// returns the norm before. Pascanu, Mikolov & Bengio 2013, Algorithm 1. Parameters without a
/// gradient are skipped. Throws std::runtime_error that names the parameter if a gradient is NaN or
/// infinite: clipping would spread it to all of them.
double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm);

/// Moves every element of every gradient into [−limit, limit], limit ≥ 0. Throws as clip_grad_norm
/// does.
void clip_grad_value(const std::vector<Tensor>& parameters, double limit);

}  // namespace nabla::nn
