// Every operation of the engine, one line of mathematics each. Unless said otherwise an operation
// takes any shape, broadcasts as NumPy does, and throws std::invalid_argument with its name and all
// shapes when they do not fit. Each is defined, forward and backward in one function, in the file
// that its heading names. autograd/README.md shows how to add one.
//
// Limits. At ±∞, ±0 and NaN an operation gives what its formula tends to, or else what IEEE 754
// has, and so does its gradient; a NaN stays one, but for the gradient of a choice (relu, maximum,
// max …), which is 0 then. Denormal numbers count. What a number becomes, to the bit, depends on it
// alone and not on its place in the array. In softmax, log_softmax and cross_entropy +∞ itself has
// no limit, and gives NaN.
//
// Sizes. No size is too large to be asked for: a result of more numbers than can be addressed, or
// than the machine has memory, throws std::invalid_argument before anything is computed, and one of
// 0 numbers too if the product of its other sizes is that large. std::bad_alloc is left for memory
// that others hold.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "autograd/kernels/conv_shape.hpp"
#include "autograd/kernels/moments.hpp"
#include "autograd/tensor.hpp"

namespace nabla {

// Arithmetic: elementwise.cpp; what chooses, from maximum on: choice.cpp
// -----------------------------------------------------------------

Tensor operator+(const Tensor& a, const Tensor& b);  // a + b
Tensor operator-(const Tensor& a, const Tensor& b);  // a − b
Tensor operator*(const Tensor& a, const Tensor& b);  // a b, elementwise
Tensor operator/(const Tensor& a, const Tensor& b);  // a / b
Tensor operator-(const Tensor& x);                   // −x
Tensor operator+(const Tensor& x, Real c);
Tensor operator+(Real c, const Tensor& x);
Tensor operator-(const Tensor& x, Real c);
Tensor operator-(Real c, const Tensor& x);
Tensor operator*(const Tensor& x, Real c);
Tensor operator*(Real c, const Tensor& x);
Tensor operator/(const Tensor& x, Real c);
Tensor operator/(Real c, const Tensor& x);

/// xᵖ, as IEEE 754 §9.2.1 has it: 0⁰ = NaN⁰ = 1, (−2)³ = −8. With a gradient for p where x ≥ 0; at
/// x = 0 it is 0 for p ≥ 0, else −∞.
Tensor pow(const Tensor& x, Real p);
Tensor pow(const Tensor& x, const Tensor& p);
Tensor square(const Tensor& x);  // x²
Tensor sqrt(const Tensor& x);    // √x
Tensor exp(const Tensor& x);     // eˣ
Tensor expm1(const Tensor& x);   // eˣ − 1, exact near 0
Tensor log(const Tensor& x);     // ln x
Tensor log1p(const Tensor& x);   // ln(1 + x), exact near 0
Tensor abs(const Tensor& x);     // |x|, gradient 0 at 0
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor maximum(const Tensor& a, const Tensor& b);    // max(a, b); a tie shares the gradient equally
Tensor minimum(const Tensor& a, const Tensor& b);    // min(a, b); likewise
Tensor clamp(const Tensor& x, Real low, Real high);  // min(max(x, low), high)
/// a where condition ≠ 0, else b; all three broadcast. No gradient for the condition.
/// (By value throughout, so that overload resolution never prefers xt::where.)
Tensor where(Array condition, Tensor a, Tensor b);

// Activations: activations.cpp ----------------------------------------------------------------

Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);                              // σ(x) = 1 / (1 + e⁻ˣ)
Tensor log_sigmoid(const Tensor& x);                          // ln σ(x) = −softplus(−x)
Tensor softplus(const Tensor& x);                             // ln(1 + eˣ)
Tensor relu(const Tensor& x);                                 // max(x, 0), gradient 0 at 0
Tensor leaky_relu(const Tensor& x, Real slope = Real(0.01));  // x for x > 0, else slope · x
Tensor elu(const Tensor& x, Real alpha = 1);                  // x for x > 0, else α (eˣ − 1)
Tensor silu(const Tensor& x);                                 // x σ(x)
Tensor gelu(const Tensor& x);  // x Φ(x), Φ the standard normal's CDF

// Reductions over any axes: reduce.cpp. Without axes, over all --------------------------------

Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const Axes& axes, bool keepdims = false);
Tensor mean(const Tensor& x);  // by the sum, which may be too large; of nothing: NaN, as in NumPy
Tensor mean(const Tensor& x, const Axes& axes, bool keepdims = false);
/// Largest element; ties share the gradient equally. An empty reduction throws.
Tensor max(const Tensor& x);
Tensor max(const Tensor& x, const Axes& axes, bool keepdims = false);
Tensor min(const Tensor& x);
Tensor min(const Tensor& x, const Axes& axes, bool keepdims = false);
/// ln Σ eˣ, shifted by the maximum so that nothing overflows; −∞ for an empty sum.
Tensor logsumexp(const Tensor& x);
Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims = false);
Tensor softmax(const Tensor& x, const Axes& axes = {-1});      // eˣ / Σ eˣ
Tensor log_softmax(const Tensor& x, const Axes& axes = {-1});  // x − ln Σ eˣ
Tensor cumsum(const Tensor& x, std::ptrdiff_t axis);           // yᵢ = Σ_{j ≤ i} xⱼ

// Matrices: linalg.cpp ------------------------------------------------------------------------

/// (…, m, k) × (…, k, n) → (…, m, n); leading axes broadcast. Both operands have at least 2 axes.
Tensor matmul(const Tensor& a, const Tensor& b);
/// y = x W + b: x (…, in), W (in, out), b (out,) → (…, out). One gemm whatever the leading axes.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);
Tensor linear(const Tensor& x, const Tensor& weight);
/// max(y, slope · y) of y = x W + b, slope in [0, 1]: relu(linear(…)), or leaky_relu, in one pass.
Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias, Real slope = 0);

// Shapes: shape.cpp; parts of an axis, from slice on: slices.cpp; by index: indexing.cpp ---------

/// A shape to ask for; one size may be −1: as large as the number of elements demands.
using NewShape = std::vector<std::ptrdiff_t>;
/// "To the end" in slice().
constexpr std::ptrdiff_t end = std::numeric_limits<std::ptrdiff_t>::max();

Tensor reshape(const Tensor& x, const NewShape& shape);
Tensor transpose(const Tensor& x);                   // the last two axes exchanged
Tensor permute(const Tensor& x, const Axes& order);  // y.shape[i] = x.shape[order[i]]
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// x[…, start:stop:step, …] along one axis, with Python's rules: negative positions count from the
/// back, positions outside are clipped; the step is at least 1.
Tensor slice(const Tensor& x, std::ptrdiff_t axis, std::ptrdiff_t start, std::ptrdiff_t stop = end,
             std::ptrdiff_t step = 1);
/// Pieces of the given sizes along an axis; their sum must be the axis.
std::vector<Tensor> split(const Tensor& x, const std::vector<std::size_t>& sizes,
                          std::ptrdiff_t axis);
Tensor concat(const std::vector<Tensor>& parts, std::ptrdiff_t axis);
Tensor stack(const std::vector<Tensor>& parts, std::ptrdiff_t axis = 0);  // along a new axis
/// `before` and `after` elements of `value` around x along an axis.
Tensor pad(const Tensor& x, std::ptrdiff_t axis, std::size_t before, std::size_t after,
           Real value = 0);
/// y[i…] = x[…, index[i…], …] where index has x's shape but for `axis` (torch.gather).
Tensor gather(const Tensor& x, std::ptrdiff_t axis, const IndexArray& index);
/// Rows of a table: (N, E) by an index of any shape S gives S + (E,).
Tensor embedding(const Tensor& table, const IndexArray& index);

// Images and whatever has channels last: (B, h, w, C) -------------------------------------------
// conv.cpp, pooling.cpp, normalisation.cpp, attention.cpp

/// y[b,i,j,o] = Σ_{u,v,c} x[b, is + u − p, js + v − p, c] W[u,v,c,o] + bias[o]: x (B, h, w, C),
/// weight (kh, kw, C, O) → (B, h', w', O), h' = ⌊(h + 2p − kh) / s⌋ + 1, s and p the options'
/// stride and padding. x is 0 outside the image. The bias is (O,), or (B, O): another one for each
/// image. An infinity, NaN or a number beyond 2048 stays in the windows that hold it; smaller ones
/// may leave some 1e-6 of theirs in outputs beside them, where 3 × 3 kernels are computed in fewer
/// multiplications (winograd.hpp).
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options = {});
/// conv2d(x, weight, bias) + residual in one pass; the residual has the result's shape.
Tensor conv2d_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                  const ConvOptions& options = {});
/// conv2d in plain loops, as the sum above is written: what tests hold the fast one against.
Tensor conv2d_direct(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const ConvOptions& options = {});
/// The adjoint map of a convolution, which enlarges: y[b, is + u − p, js + v − p, o] gathers
/// x[b,i,j,c] W[u,v,c,o]; x (B, h, w, C), weight (kh, kw, C, O), bias (O,) → (B, h', w', O),
/// h' = (h − 1) s + kh − 2p.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvOptions& options = {});

/// Mean or largest element of windows of size × size, `stride` apart; what does not fill a window
/// at the right and lower edge is left out. Ties share max's gradient equally.
Tensor average_pool2d(const Tensor& x, std::size_t size, std::size_t stride);
Tensor max_pool2d(const Tensor& x, std::size_t size, std::size_t stride);
/// Each pixel as factor × factor equal ones.
Tensor upsample_nearest2d(const Tensor& x, std::size_t factor);

/// gain (x − μ) / √(σ² + ε) + shift, μ and σ² the mean and variance (divided by n) over …
/// … the last axis (Ba, Kiros, Hinton 2016, arXiv:1607.06450); gain and shift (C,);
Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon = 1e-5);
/// … the positions and the C / groups channels of a group, for each image: x (B, …, C) (Wu & He
/// 2018, arXiv:1803.08494); gain and shift (C,);
Tensor group_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, std::size_t groups,
                  Real epsilon = 1e-5);
/// silu(group_norm(…)) in the same passes;
Tensor group_norm_silu(const Tensor& x, const Tensor& gain, const Tensor& shift, std::size_t groups,
                       Real epsilon = 1e-5);
/// … all axes but the last, the batch's (Ioffe & Szegedy 2015, arXiv:1502.03167); gain and shift
/// (C,). The moments of each channel go to `moments`, unless it is null: nn::BatchNorm keeps their
/// averages for evaluation.
Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, Real epsilon = 1e-5,
                  std::vector<Moments>* moments = nullptr);

/// softmax(q kᵀ / √d) v for each head, over all positions of an image: (B, h, w, 3 C), which is q,
/// k and v side by side, each cut into heads of d = C / heads channels, → (B, h, w, C). Vaswani et
/// al. 2017, arXiv:1706.03762, eq. 1.
Tensor attention(const Tensor& qkv, std::size_t heads);

// Losses, one number per element or example: losses.cpp ---------------------------------------

/// −t ln σ(l) − (1 − t) ln(1 − σ(l)) = softplus(l) − t l for each element; finite for any finite
/// logit, and 0 or +∞ for an infinite one.
/// Targets in [0, 1], of the logits' shape; no gradient for them.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& targets);
Tensor binary_cross_entropy(const Tensor& logits, const Array& targets);
/// ln p(x) = Σ_d x_d ln σ(l_d) + (1 − x_d) ln σ(−l_d) over the last axis: logits (…, D) → (…). x
/// has the logits' shape or the last of its axes: x (B, D) serves logits (K, B, D). In [0, 1], no
/// gradient.
Tensor bernoulli_log_prob(const Tensor& logits, const Tensor& x);
/// −ln softmax(l)[class] for each example: logits (…, K), classes (…) → (…).
Tensor cross_entropy(const Tensor& logits, const IndexArray& classes);
/// (prediction − target)², averaged over all elements: one number. The shapes must be equal.
Tensor mean_squared_error(const Tensor& prediction, const Tensor& target);

}  // namespace nabla
