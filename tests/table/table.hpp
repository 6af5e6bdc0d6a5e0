// One table of everything that computes: each operation, distribution, loss, norm, layer, schedule
// and measure is declared once, with a reference in plain long double loops, and the tests of
// test_table.cpp run over all of them. What a header declares and no entry names fails there, and
// so does an entry that names nothing.
//
// An entry for a new operation goes into the file of its family, in most cases as one Elementwise:
//
//   Elementwise square = unary("square", "square(Tensor)", [](const Tensor& x) { return square(x);
//   },
//                              [](Quad x) { return x * x; },   // value
//                              [](Quad x) { return 2 * x; },   // derivative, for ±∞, ±0 and NaN
//                              -3, 3);                         // where samples are drawn
//
// and its counterpart in PyTorch, or why there is none, into tests/peer/torch_table.py.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/ops.hpp"

namespace nabla::testing {

using Quad = long double;
using Quads = std::vector<Quad>;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
__extension__ using Wide = __int128;  // in which no size below 2⁶⁴ wraps

/// An array in long double, row-major: what references take and give.
struct Numbers {
  Shape shape;
  Quads data;

  Numbers(Shape shape_of_all, Quad value) : shape(std::move(shape_of_all)) {
    data.assign(size_of(shape), value);
  }
  explicit Numbers(const Array& a) : shape(a.shape()), data(a.data(), a.data() + a.size()) {}
  std::size_t size() const { return data.size(); }
};

/// The result, of the inputs.
using Reference = std::function<Numbers(const std::vector<Numbers>&)>;

/// A bad call, and words that its message must hold.
struct Refusal {
  std::string words;
  std::function<void()> call;
};

/// What a call gives, and the gradients of the sum of its result: an empty one is not looked at.
struct Limit {
  Arrays inputs;
  Array value;
  Arrays gradients;
};

/// What is right for a size: to be refused, or this shape, or this number.
struct Right {
  bool refused = false;
  std::vector<Wide> shape;
  std::optional<double> number;
};

/// A parameter that is a size or count: the call with it, and what is right for each n.
struct SizeParameter {
  std::string name;
  std::function<Tensor(std::size_t n)> call;
  std::function<Right(Wide n)> right;
};

struct Range {
  double low, high;
};

/// A function of one number each of its inputs, which broadcast.
struct ElementLimit {
  Quads x;
  Quad value;
  Quads derivatives;
};
struct ElementwiseRule {
  std::function<Quad(const Quads&)> value;
  /// In each input; null where the input has no gradient. Only for `special` numbers and their
  /// like: elsewhere the gradients are held against differences of `value`.
  std::vector<std::function<Quad(const Quads&)>> derivatives;
  std::vector<Range> domain;
  std::vector<ElementLimit> limits;  ///< where the formulas above are not the limit
  /// False for special numbers that the function is not for, whatever it gives there.
  std::function<bool(const Quads&)> takes = nullptr;
  bool signed_zero = true;  ///< −0 and +0 are told apart in the result
  bool broadcasts = true;   ///< or else all inputs have one shape
};

/// A function of rows: along the last axis of its one input, each row by itself; or of columns,
/// along the first.
struct RowRule {
  std::function<Quads(const Quads& row)> value;  ///< one number, or as many as the row has
  /// Of Σ seed ⊙ value. For special numbers, as above.
  std::function<Quads(const Quads& row, const Quads& seed)> gradient;
  std::function<bool(const Quads&)> takes = nullptr;
  bool of_columns = false;
};

/// Where an entry's independent parts lie: along which axis of each input (none: the whole input
/// goes with every part), and of the result.
struct Parts {
  std::vector<std::optional<std::size_t>> axes;
  std::size_t result_axis;
  std::size_t alone =
      1;  ///< how many parts there are at least: of one column a sum is that of a row
};

struct Entry {
  std::string title;                  ///< "softmax over (0, 2)", unique
  std::vector<std::string> declares;  ///< in the headers: "softmax(Tensor, Axes)"

  std::function<Tensor(const Tensors&)> call;
  /// In place of `call` where the result is double and has no gradient.
  std::function<std::vector<double>(const Arrays&)> measure;
  Reference reference;
  std::vector<Arrays> samples;
  std::vector<Arrays> large;           ///< enough for several threads; a measure's may be such
                                       ///< that the reference is not for them
  std::vector<std::size_t> constants;  ///< inputs without a gradient: classes, conditions

  double eps = 4;            ///< allowed error of the value, in units of the precision
  double gradient_eps = 64;  ///< of a gradient, relative to the largest of its array
  /// Errors of a gradient are relative to no less than this: to what it is the difference of.
  double gradient_scale = 1e-3;
  /// Errors are relative to the largest number of the result, and not to each; to no less than
  /// this.
  std::optional<double> normwise;

  std::optional<ElementwiseRule> elementwise;
  std::optional<RowRule> row_rule;
  std::optional<Parts> parts;  ///< of the first sample
  std::vector<Limit> limits;
  std::vector<Refusal> refusals;
  std::vector<SizeParameter> sizes;
};

/// An elementwise operation, with samples of all shapes that broadcast.
Entry elementwise(std::string title, std::string declares,
                  std::function<Tensor(const Tensors&)> call, ElementwiseRule rule);
Entry unary(std::string title, std::string declares, Tensor (*call)(const Tensor&),
            Quad (*value)(Quad), Quad (*derivative)(Quad), double low, double high,
            std::vector<ElementLimit> limits = {});
Entry binary(std::string title, std::string declares, Tensor (*call)(const Tensor&, const Tensor&),
             Quad (*value)(Quad, Quad), Quad (*by_first)(Quad, Quad), Quad (*by_second)(Quad, Quad),
             Range first, Range second, std::vector<ElementLimit> limits = {});

/// Numbers that float and double have in common as special: ±∞, ±large, ±1, ±denormal, ±0, NaN.
Quads special_numbers();

// What references are written with -------------------------------------------------------------

/// For each position of `shape`, in order: f(position).
void for_each_position(const Shape& shape, const std::function<void(const Shape& at)>& f);
std::size_t flat(const Shape& shape, const Shape& at);
/// Where position `at` of a broadcast result comes from in an array of shape `own`.
std::size_t source_of(const Shape& at, const Shape& own);

/// One number for each part of x along `axes`: f(its numbers).
Numbers reduced(const Numbers& x, const Axes& axes, bool keepdims,
                const std::function<Quad(const Quads&)>& f);
/// As many numbers for each part: f(its numbers).
Numbers mapped(const Numbers& x, const Axes& axes, const std::function<Quads(const Quads&)>& f);

/// x W + b, or x W, of {x, W, b}.
Numbers affine(const std::vector<Numbers>& in);
/// conv2d or conv_transpose2d of {x, weight, bias}, plus a fourth array if there is one.
Numbers convolved(const std::vector<Numbers>& in, const ConvOptions& options, bool transposed);
/// gain (x − μ) / √(σ² + ε) + shift of {x, gain, shift}, or its silu; `part` says for each flat
/// index which numbers μ and σ² are of.
using Partition = std::function<std::size_t(const Shape& shape, std::size_t i)>;
Numbers normalised(const std::vector<Numbers>& in, const Partition& part, Quad epsilon, bool silu);
/// softmax(q kᵀ / √d) v for each head of q, k and v side by side, (B, h, w, 3 C).
Numbers attended(const Numbers& qkv, std::size_t heads);
Partition by_group(std::size_t groups);
Partition by_row();
Partition by_channel();
/// −t ln σ(l) − (1 − t) ln σ(−l), where a share of 0 counts nothing.
Quad cross_entropy_of(Quad l, Quad t);
Quad log_sigmoid_of(Quad x);
Quads log_softmax_of(const Quads& row);
Quads softmax_of(const Quads& row);

/// Whole numbers come as an array like other inputs.
IndexArray index_of(const Tensor& x);

constexpr std::size_t huge = std::size_t{1} << 30;  // bytes that a test may take

// The families ---------------------------------------------------------------------------------

std::vector<Entry> arithmetic_entries();
std::vector<Entry> activation_entries();
std::vector<Entry> reduction_entries();
std::vector<Entry> matrix_entries();
std::vector<Entry> shape_entries();
std::vector<Entry> image_entries();
std::vector<Entry> loss_entries();
std::vector<Entry> distribution_entries();
std::vector<Entry> layer_entries();
std::vector<Entry> schedule_entries();
std::vector<Entry> measure_entries();

const std::vector<Entry>& table();

}  // namespace nabla::testing
