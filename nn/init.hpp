// First values of parameters. Every initialiser draws from the Rng it is given; "source" is the
// paper that derives the scale.
//
// Fan-in and fan-out are the numbers of inputs that reach one output and of outputs that one input
// reaches: for weights (in, out) these two sizes; for convolution weights (kh, kw, in, out) each
// times kh · kw.
#pragma once

#include <functional>
#include <string>

#include "autograd/array.hpp"
#include "autograd/random.hpp"

namespace nabla::nn {

/// An array of the given shape, drawn from the Rng.
using Initialiser = std::function<Array(const Shape&, Rng&)>;

struct Fans {
  std::size_t in, out;
};
/// Throws std::invalid_argument for fewer than two axes.
Fans fans(const Shape& shape);

namespace init {

Initialiser constant(Real value);
Initialiser zeros();
Initialiser uniform(Real low, Real high);
Initialiser normal(Real mean, Real std_dev);

/// U(−a, a), a = 1/√fan_in: the default of Linear. A third of LeCun's variance: outputs, and with
/// them logits, start near 0, and with one to three hidden layers nothing vanishes. PyTorch's
/// layers start so, hence most published figures that nabla is set beside did too.
Initialiser fan_in_uniform();

/// Variance 2 / (fan_in + fan_out): keeps the scale of activations and of gradients through tanh
/// layers. Glorot & Bengio 2010, eq. 16 (uniform) and eq. 12 (variance). Times gain².
Initialiser xavier_uniform(Real gain = 1);
Initialiser xavier_normal(Real gain = 1);

/// Variance 2 / fan_in: keeps the scale of activations through ReLU layers. He et al. 2015, eq. 10.
Initialiser he_uniform();
Initialiser he_normal();

/// Variance 1 / fan_in: keeps the scale through linear layers. LeCun et al. 1998, "Efficient
/// BackProp", eq. 16.
Initialiser lecun_normal();

/// gain · Q with orthonormal columns, or rows if there are fewer of those, all Q equally likely:
/// keeps lengths exactly. The shape is read as (fan_in, out). Saxe, McClelland & Ganguli 2014.
Initialiser orthogonal(Real gain = 1);

}  // namespace init

/// One of the above without arguments: "zeros", "fan_in_uniform", "xavier_uniform",
/// "xavier_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal"; "kaiming_…" is "he_…".
/// Throws std::invalid_argument with the list on any other name.
Initialiser initialiser(const std::string& name);

}  // namespace nabla::nn
