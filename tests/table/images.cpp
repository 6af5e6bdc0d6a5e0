// Convolutions, pooling and normalisations: whatever has channels last.
#include <algorithm>
#include <cmath>

#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

// Convolutions --------------------------------------------------------------------------------

using Convolution = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const ConvOptions&);

struct Kernel {
  Shape x, weight;
  ConvOptions options;
};

std::string text_of(const ConvOptions& options) {
  return ", stride " + std::to_string(options.stride) + ", padding " +
         std::to_string(options.padding);
}

Arrays inputs_of(const Kernel& k, bool bias_for_each_image) {
  const std::size_t out = k.weight[3];
  return {points(k.x, -1, 1), points(k.weight, -2, 1),
          points(bias_for_each_image ? Shape{k.x[0], out} : Shape{out}, -1, 2)};
}

std::size_t sum_of(Wide h, Wide p, Wide kernel, Wide s) {
  return static_cast<std::size_t>((h + 2 * p - kernel) / s + 1);
}

std::vector<Entry> convolution_entries(const std::string& name, Convolution f, bool transposed) {
  // All kernels of one stride and padding are one entry. The small ones first, whose gradients are
  // held against differences.
  const std::vector<Kernel> kernels{
      {{2, 4, 3, 2}, {3, 2, 2, 3}, {2, 1}},     {{1, 9, 7, 33}, {3, 3, 33, 17}, {2, 1}},
      {{2, 8, 9, 3}, {2, 4, 3, 16}, {2, 1}},    {{2, 4, 3, 2}, {3, 3, 2, 3}, {1, 1}},
      {{1, 2, 2, 8}, {3, 3, 8, 9}, {1, 1}},     {{2, 9, 7, 3}, {3, 3, 3, 16}, {1, 1}},
      {{1, 7, 7, 40}, {3, 3, 40, 33}, {1, 1}},  {{3, 1, 1, 17}, {3, 3, 17, 5}, {1, 1}},
      {{13, 9, 7, 16}, {3, 3, 16, 17}, {1, 1}}, {{2, 5, 4, 8}, {2, 2, 8, 1}, {1, 1}},
      {{2, 5, 4, 3}, {1, 1, 3, 2}, {1, 0}},     {{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 0}},
      {{2, 4, 5, 17}, {4, 5, 17, 3}, {1, 0}},   {{1, 9, 3, 17}, {3, 3, 17, 8}, {1, 0}},
      {{5, 15, 14, 3}, {3, 3, 3, 16}, {1, 0}},  {{0, 5, 4, 3}, {3, 3, 3, 2}, {1, 0}},
      {{1, 4, 4, 0}, {3, 3, 0, 2}, {1, 0}},     {{1, 4, 4, 2}, {3, 3, 2, 0}, {1, 0}},
      {{2, 5, 6, 16}, {1, 1, 16, 33}, {2, 0}},  {{2, 9, 7, 16}, {3, 3, 16, 16}, {3, 0}},
      {{2, 6, 7, 8}, {3, 3, 8, 9}, {1, 2}},     {{2, 3, 3, 2}, {5, 5, 2, 3}, {1, 2}},
      {{2, 3, 3, 3}, {2, 2, 3, 4}, {3, 2}}};
  std::vector<Entry> list;
  for (const Kernel& k : kernels) {
    const std::string title = name + text_of(k.options);
    if (list.empty() || list.back().title != title) {
      Entry entry;
      entry.title = title;
      entry.declares = {name + "(Tensor, Tensor, Tensor, ConvOptions)"};
      const ConvOptions options = k.options;
      entry.call = [=](const Tensors& x) { return f(x[0], x[1], x[2], options); };
      entry.reference = [=](const std::vector<Numbers>& x) {
        return convolved(x, options, transposed);
      };
      entry.normwise = 1;
      // Winograd's sums of many channels lose a digit: 129 where the plain code rounds each
      // product.
      const bool winograd = name != "conv2d_direct" && options.stride == 1 && options.padding == 1;
      entry.eps = !winograd ? 64 : sizeof(Real) == 4 && built::lanes == 1 ? 160 : 128;
      list.push_back(entry);
    }
    list.back().samples.push_back(inputs_of(k, false));
    if (!transposed) list.back().samples.push_back(inputs_of(k, true));
  }
  list[1].parts = Parts{{0, std::nullopt, std::nullopt}, 0};
  std::vector<Kernel> large{{{3, 28, 28, 5}, {3, 3, 5, 12}, {1, 1}}};
  if (name != "conv2d_direct") {  // which is slow
    large.insert(large.end(), {{{12, 14, 14, 16}, {3, 3, 16, 16}, {1, 1}},
                               {{5, 20, 14, 24}, {3, 3, 24, 33}, {1, 1}},
                               {{20, 9, 8, 3}, {5, 5, 3, 20}, {1, 1}}});
  }
  for (const Kernel& k : large) {
    list[1].large.push_back(inputs_of(k, false));
    if (!transposed) list[1].large.push_back(inputs_of(k, true));
  }
  list[0].large.push_back(inputs_of({{6, 28, 28, 9}, {3, 3, 9, 17}, {2, 1}}, false));
  list[2].large.push_back(inputs_of({{6, 28, 28, 9}, {1, 1, 9, 17}, {1, 0}}, false));

  const Tensor x(zeros({1, 4, 4, 2})), w(zeros({3, 3, 2, 2})), b(zeros({2})),
      one(zeros({1, 1, 1, 2}));
  list[0].sizes = {{"stride",
                    [=](std::size_t n) {
                      return f(x, w, b, {n, 0});
                    },
                    [=](Wide n) {
                      if (n == 0) return Right{true, {}, {}};
                      const Wide extent = transposed ? 3 * n + 3 : 1 / n + 1;
                      return Right{false, {1, extent, extent, 2}, {}};
                    }},
                   {"stride, of one pixel",
                    [=](std::size_t n) {
                      return f(one, w, b, {n, 1});
                    },
                    [=](Wide n) {
                      return Right{n == 0, {1, 1, 1, 2}, {}};
                    }},
                   {"padding",
                    [=](std::size_t n) {
                      return f(x, w, b, {1, n});
                    },
                    [=](Wide n) {
                      const Wide extent = transposed ? 6 - 2 * n : 2 + 2 * n;
                      return Right{extent < 1, {1, extent, extent, 2}, {}};
                    }},
                   {"padding, with a large stride",
                    [=](std::size_t n) {
                      return f(x, w, b, {std::size_t{1} << 62, n});
                    },
                    [=](Wide n) {
                      const Wide s = Wide{1} << 62;
                      const Wide extent = transposed ? 3 * s + 3 - 2 * n : (1 + 2 * n) / s + 1;
                      const bool countable = 4 + 2 * n < ~std::size_t{0};  // the padded image
                      return Right{extent < 1 || !countable, {1, extent, extent, 2}, {}};
                    }}};
  const auto refused = [&](const std::string& words, const Shape& of_x, const Shape& of_w,
                           const Shape& of_b, const ConvOptions& options) {
    list[0].refusals.push_back(
        {name + words,
         [=] { f(Tensor(zeros(of_x)), Tensor(zeros(of_w)), Tensor(zeros(of_b)), options); }});
  };
  refused(
      ": the weight's third axis must be the input's channels, got (2, 5, 5, 3) and (3, 3, 4, 8)",
      {2, 5, 5, 3}, {3, 3, 4, 8}, {8}, {});
  refused(": the input has 4 axes (B, h, w, C), got (5, 5, 3) and (3, 3, 3, 8)", {5, 5, 3},
          {3, 3, 3, 8}, {8}, {});
  refused(": the weight has 4 axes (kh, kw, in, out), got (2, 5, 5, 3) and (9, 3, 8)", {2, 5, 5, 3},
          {9, 3, 8}, {8}, {});
  refused(": the stride must be at least 1, got (2, 5, 5, 3) and (3, 3, 3, 8)", {2, 5, 5, 3},
          {3, 3, 3, 8}, {8}, {0, 1});
  refused(": the kernel must be at least 1 × 1, got (2, 5, 5, 3) and (0, 3, 3, 8)", {2, 5, 5, 3},
          {0, 3, 3, 8}, {8}, {});
  if (transposed) {
    refused(": a stride of 9223372036854775808 is too large, got (1, 4, 4, 2) and (3, 3, 2, 2)",
            {1, 4, 4, 2}, {3, 3, 2, 2}, {2}, {std::size_t{1} << 63, 0});
    refused(": the bias must have shape (8,), got (2, 8)", {2, 5, 5, 3}, {3, 3, 3, 8}, {2, 8}, {});
    refused(": a padding of 1 leaves nothing of the result, got (2, 1, 5, 3) and (2, 2, 3, 8)",
            {2, 1, 5, 3}, {2, 2, 3, 8}, {8}, {1, 1});
    refused(": the image must have pixels, got (2, 0, 5, 3) and (2, 2, 3, 8)", {2, 0, 5, 3},
            {2, 2, 3, 8}, {8}, {});
  } else {
    refused(": a padding of 9223372036854775808 is too large, got (1, 4, 4, 2) and (3, 3, 2, 2)",
            {1, 4, 4, 2}, {3, 3, 2, 2}, {2}, {1, std::size_t{1} << 63});
    refused(": the bias must have shape (8,) or (2, 8), got (3,)", {2, 5, 5, 3}, {3, 3, 3, 8}, {3},
            {});
    refused(
        ": the kernel must fit into the image with a padding of 1 around, got (2, 2, 5, 3) and "
        "(5, 3, 3, 8)",
        {2, 2, 5, 3}, {5, 3, 3, 8}, {8}, {1, 1});
  }
  return list;
}

// An infinity and a NaN stay in the windows that hold them, Winograd's 3 × 3 included.
Limit stays_in_its_windows() {
  Limit limit{{zeros({1, 8, 8, 16}), ones({3, 3, 16, 9}), zeros({9})}, zeros({1, 8, 8, 9}), {}};
  limit.inputs[0](0, 2, 3, 5) = std::numeric_limits<Real>::infinity();
  limit.inputs[0](0, 6, 6, 0) = std::numeric_limits<Real>::quiet_NaN();
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t o = 0; o < 9; ++o) {
        limit.value(0, 1 + i, 2 + j, o) = std::numeric_limits<Real>::infinity();
        limit.value(0, 5 + i, 5 + j, o) = std::numeric_limits<Real>::quiet_NaN();
      }
    }
  }
  return limit;
}

// A pixel of 1e8 is no part of what windows without it give.
Limit keeps_small_beside_huge() {
  Limit limit{{ones({1, 8, 8, 16}), ones({3, 3, 16, 9}), zeros({9})}, zeros({1, 8, 8, 9}), {}};
  for (std::size_t c = 0; c < 16; ++c) limit.inputs[0](0, 1, 1, c) = Real(1e8);
  for_each_position({8, 8}, [&](const Shape& at) {
    Quad total = 0;
    for (std::size_t i = at[0] == 0 ? 0 : at[0] - 1; i < std::min<std::size_t>(at[0] + 2, 8); ++i) {
      for (std::size_t j = at[1] == 0 ? 0 : at[1] - 1; j < std::min<std::size_t>(at[1] + 2, 8);
           ++j) {
        total += i == 1 && j == 1 ? 16e8L : 16;
      }
    }
    for (std::size_t o = 0; o < 9; ++o) limit.value(0, at[0], at[1], o) = static_cast<Real>(total);
  });
  return limit;
}

Entry conv2d_add_entry(bool bias_for_each_image) {
  Entry entry;
  entry.title = bias_for_each_image ? "conv2d_add, a bias for each image" : "conv2d_add";
  entry.declares = {"conv2d_add(Tensor, Tensor, Tensor, Tensor, ConvOptions)"};
  entry.call = [](const Tensors& x) { return conv2d_add(x[0], x[1], x[2], x[3], {1, 1}); };
  entry.reference = [](const std::vector<Numbers>& x) { return convolved(x, {1, 1}, false); };
  const auto with_residual = [&](const Kernel& k) {
    Arrays inputs = inputs_of(k, bias_for_each_image);
    Shape shape = k.x;
    shape[1] = sum_of(Wide(k.x[1]), 1, Wide(k.weight[0]), 1);
    shape[2] = sum_of(Wide(k.x[2]), 1, Wide(k.weight[1]), 1);
    shape[3] = k.weight[3];
    inputs.push_back(points(shape, 0, 3));
    return inputs;
  };
  for (const Kernel& k :
       {Kernel{{2, 4, 3, 2}, {3, 2, 2, 3}, {1, 1}}, Kernel{{1, 2, 2, 8}, {3, 3, 8, 9}, {1, 1}},
        Kernel{{2, 9, 7, 16}, {3, 3, 16, 17}, {1, 1}},
        Kernel{{2, 5, 6, 3}, {1, 1, 3, 2}, {1, 1}}}) {
    entry.samples.push_back(with_residual(k));
  }
  entry.large = {with_residual({{12, 14, 14, 16}, {3, 3, 16, 16}, {1, 1}}),
                 with_residual({{3, 28, 28, 5}, {3, 3, 5, 12}, {1, 1}})};
  entry.normwise = 1;
  entry.eps = 64;
  entry.refusals = {
      {"conv2d_add: the residual must have the result's shape (2, 3, 3, 8), got (2, 5, 5, 8)", [] {
         conv2d_add(Tensor(zeros({2, 5, 5, 3})), Tensor(zeros({3, 3, 3, 8})), Tensor(zeros({8})),
                    Tensor(zeros({2, 5, 5, 8})));
       }}};
  return entry;
}

// Pooling -------------------------------------------------------------------------------------

using Pool = Tensor (*)(const Tensor&, std::size_t, std::size_t);

Entry pool_entry(const std::string& name, Pool f, std::size_t size, std::size_t stride) {
  Entry entry;
  entry.title = name + ", size " + std::to_string(size) + ", stride " + std::to_string(stride);
  entry.declares = {name + "(Tensor, size_t, size_t)"};
  entry.call = [=](const Tensors& x) { return f(x[0], size, stride); };
  const bool largest = name == "max_pool2d";
  entry.reference = [=](const std::vector<Numbers>& in) {
    const Numbers& x = in[0];
    Numbers y(Shape{x.shape[0], (x.shape[1] - size) / stride + 1, (x.shape[2] - size) / stride + 1,
                    x.shape[3]},
              0);
    std::size_t i = 0;
    for_each_position(y.shape, [&](const Shape& at) {
      Quad total = largest ? -std::numeric_limits<Quad>::infinity() : 0;
      for (std::size_t u = 0; u < size; ++u) {
        for (std::size_t v = 0; v < size; ++v) {
          const Quad number =
              x.data[flat(x.shape, {at[0], at[1] * stride + u, at[2] * stride + v, at[3]})];
          total =
              largest ? std::max(total, number) : total + number / static_cast<Quad>(size * size);
        }
      }
      y.data[i++] = total;
    });
    return y;
  };
  for (const Shape& shape : {Shape{2, 5, 4, 2}, Shape{2, 5, 7, 17}, Shape{1, 3, 3, 1},
                             Shape{2, 7, 8, 33}, Shape{0, 4, 4, 3}, Shape{3, 7, 5, 16}}) {
    entry.samples.push_back({points(shape, -2, 1)});
  }
  entry.large = {{points({24, 14, 13, 8}, -2, 1)}};
  entry.parts = Parts{{0}, 0};
  entry.normwise = 1;
  if (largest) entry.eps = 0;
  const Tensor x(zeros({2, 3, 5, 4}));
  const std::string why = name +
                          ": size and stride must be at least 1 and a window must fit into the "
                          "image, got (2, 3, 5, 4), size ";
  entry.refusals = {{why + "4 and stride 1", [=] { f(x, 4, 1); }},
                    {why + "2 and stride 0", [=] { f(x, 2, 0); }},
                    {name + ": the input has 4 axes (B, h, w, C), got (3, 5, 4)", [=] {
                       f(Tensor(zeros({3, 5, 4})), 2, 2);
                     }}};
  entry.sizes = {{"size", [=](std::size_t n) { return f(x, n, 1); },
                  [](Wide n) {
                    return Right{n < 1 || n > 3, {2, 4 - n, 6 - n, 4}, {}};
                  }},
                 {"stride", [=](std::size_t n) { return f(x, 2, n); },
                  [](Wide n) {
                    return Right{n < 1, {2, n < 1 ? 0 : 1 / n + 1, n < 1 ? 0 : 3 / n + 1, 4}, {}};
                  }}};
  return entry;
}

Entry upsample_entry(std::size_t factor) {
  Entry entry;
  entry.title = "upsample_nearest2d, factor " + std::to_string(factor);
  entry.declares = {"upsample_nearest2d(Tensor, size_t)"};
  entry.call = [=](const Tensors& x) { return upsample_nearest2d(x[0], factor); };
  entry.reference = [=](const std::vector<Numbers>& in) {
    const Numbers& x = in[0];
    Numbers y(Shape{x.shape[0], x.shape[1] * factor, x.shape[2] * factor, x.shape[3]}, 0);
    std::size_t i = 0;
    for_each_position(y.shape, [&](const Shape& at) {
      y.data[i++] = x.data[flat(x.shape, {at[0], at[1] / factor, at[2] / factor, at[3]})];
    });
    return y;
  };
  for (const Shape& shape :
       {Shape{2, 3, 4, 5}, Shape{1, 1, 1, 1}, Shape{0, 4, 4, 3}, Shape{2, 3, 5, 17}}) {
    entry.samples.push_back({points(shape, -1, 1)});
  }
  entry.large = {{points({24, 14, 13, 8}, -2, 1)}};
  entry.parts = Parts{{0}, 0};
  entry.eps = 0;
  const Tensor x(zeros({1, 4, 4, 2}));
  entry.refusals = {
      {"upsample_nearest2d: the factor must be at least 1", [=] { upsample_nearest2d(x, 0); }},
      {"upsample_nearest2d: (1, 18446744073709551615, 18446744073709551615, 2) is too large a "
       "shape",
       [=] { upsample_nearest2d(x, ~std::size_t{0}); }},
      {"upsample_nearest2d: the input has 4 axes (B, h, w, C), got (3,)",
       [] { upsample_nearest2d(Tensor(zeros({3})), 2); }}};
  entry.sizes = {{"factor", [=](std::size_t n) { return upsample_nearest2d(x, n); },
                  [](Wide n) {
                    return Right{n < 1, {1, 4 * n, 4 * n, 2}, {}};
                  }},
                 {"factor, of no image",
                  [=](std::size_t n) {
                    return upsample_nearest2d(Tensor(zeros({0, 4, 4, 2})), n);
                  },
                  [](Wide n) {
                    return Right{n < 1, {0, 4 * n, 4 * n, 2}, {}};
                  }}};
  return entry;
}

// Normalisations ------------------------------------------------------------------------------

using Normalisation = std::function<Tensor(const Tensors&, Real epsilon)>;

Entry norm_entry(const std::string& title, const std::string& declares, const Normalisation& f,
                 const Partition& part, bool silu, const std::vector<Shape>& shapes,
                 const Shape& large) {
  Entry entry;
  entry.title = title;
  entry.declares = {declares};
  const Real epsilon = Real(1e-5);
  entry.call = [=](const Tensors& x) { return f(x, epsilon); };
  entry.reference = [=](const std::vector<Numbers>& x) {
    return normalised(x, part, epsilon, silu);
  };
  const auto inputs = [](const Shape& shape) {
    return Arrays{points(shape, -3, 4), points({shape.back()}, -1, 2),
                  points({shape.back()}, -1, 0.5)};
  };
  for (const Shape& shape : shapes) entry.samples.push_back(inputs(shape));
  entry.large = {inputs(large)};
  // Data far from 0 are as exact as their own rounding.
  entry.samples.push_back(inputs(shapes[0]));
  for (Real& number : entry.samples.back()[0]) number += 1000;
  entry.normwise = 1;
  entry.eps = sizeof(Real) == 8 ? 256 : 32;
  entry.gradient_eps = 512;
  entry.gradient_scale = 1;
  const std::string name = declares.substr(0, declares.find('('));
  const Tensor x(zeros({2, 5, 5, 6})), six(ones({6})), five(ones({5}));
  const std::string why =
      name + ": gain and shift must have shape (6,) for the input (2, 5, 5, 6), got ";
  entry.refusals = {{why + "(5,) and (6,)",
                     [=] {
                       f({x, five, six}, epsilon);
                     }},
                    {why + "(6,) and (5,)",
                     [=] {
                       f({x, six, five}, epsilon);
                     }},
                    {name + ": the input needs at least " +
                         (name == "layer_norm" ? "1 axis" : "2 axes") + ", got ()",
                     [=] {
                       f({Tensor(Real(1)), six, six}, epsilon);
                     }}};
  for (const auto& [bad, text] :
       std::vector<std::pair<Real, std::string>>{{Real(-1), "-1"},
                                                 {Real(-1e-5), "-1e-05"},
                                                 {Real(NAN), "nan"},
                                                 {Real(INFINITY), "inf"}}) {
    entry.refusals.push_back(
        {name + ": epsilon must be finite and ≥ 0, got " + text, [=, bad = bad] {
           f({x, six, six}, bad);
         }});
  }
  // A constant is its own mean.
  entry.limits = {{{full({2, 3, 3, 6}, 7), ones({6}), full({6}, 2)},
                   full({2, 3, 3, 6}, silu ? static_cast<Real>(2 / (1 + std::exp(-2.0L))) : 2),
                   {zeros({2, 3, 3, 6})}}};
  return entry;
}

std::vector<Entry> norm_entries() {
  std::vector<Entry> list;
  for (const std::size_t groups : {1, 3, 6}) {
    for (const bool silu : {false, true}) {
      const std::string name = silu ? "group_norm_silu" : "group_norm";
      const Partition part = by_group(groups);
      list.push_back(norm_entry(
          name + " in " + std::to_string(groups), name + "(Tensor, Tensor, Tensor, size_t, Real)",
          [=](const Tensors& x, Real epsilon) {
            return (silu ? group_norm_silu : group_norm)(x[0], x[1], x[2], groups, epsilon);
          },
          part, silu,
          {{2, 3, 2, 6}, {3, 12}, {2, 6, 18}, {1, 9, 8, 48}, {0, 3, 3, 6}, {2, 0, 3, 6}},
          {24, 10, 9, 24}));
      const auto f = silu ? group_norm_silu : group_norm;
      const Tensor x(zeros({2, 5, 5, 6})), six(ones({6}));
      list.back().refusals.push_back(
          {name + ": the groups must divide the channels, got (2, 5, 5, 6) and 4",
           [=] { f(x, six, six, 4, Real(1e-5)); }});
      list.back().refusals.push_back(
          {name + ": the groups must divide the channels, got (2, 5, 5, 6) and 0",
           [=] { f(x, six, six, 0, Real(1e-5)); }});
      list.back().sizes = {{"groups", [=](std::size_t n) { return f(x, six, six, n, Real(1e-5)); },
                            [](Wide n) {
                              return Right{n < 1 || 6 % n != 0, {2, 5, 5, 6}, {}};
                            }}};
      list.back().parts = Parts{{0, std::nullopt, std::nullopt}, 0};
    }
  }
  // Each is its own mean: a gradient of 0 as the difference of gain · seed / √ε.
  list.push_back(norm_entry(
      "group_norm of single numbers", "group_norm(Tensor, Tensor, Tensor, size_t, Real)",
      [](const Tensors& x, Real epsilon) { return group_norm(x[0], x[1], x[2], 6, epsilon); },
      by_group(6), false, {{3, 6}, {2, 1, 6}}, {40, 6}));
  list.back().gradient_scale = 400;
  list.push_back(norm_entry(
      "layer_norm", "layer_norm(Tensor, Tensor, Tensor, Real)",
      [](const Tensors& x, Real epsilon) { return layer_norm(x[0], x[1], x[2], epsilon); },
      by_row(), false,
      {{5, 17}, {2, 3, 2, 6}, {9}, {2, 300}, {0, 3}, {2, 48}, {3, 2}, {7, 1}, {2, 0, 6}, {2, 1500}},
      {700, 100}));
  list.back().parts = Parts{{0, std::nullopt, std::nullopt}, 0};
  list.push_back(norm_entry(
      "batch_norm", "batch_norm(Tensor, Tensor, Tensor, Real, vector<Moments>)",
      [](const Tensors& x, Real epsilon) { return batch_norm(x[0], x[1], x[2], epsilon); },
      by_channel(), false, {{5, 17}, {2, 3, 2, 6}, {300, 2}, {2, 1}, {1, 1}, {6, 4, 5, 24}},
      {4000, 30}));
  list.back().parts = Parts{{1, 0, 0}, 1, 2};
  list.back().refusals.push_back(
      {"batch_norm: the input needs at least 2 axes, got (6,)",
       [] { batch_norm(Tensor(ones({6})), Tensor(ones({6})), Tensor(ones({6}))); }});
  list.back().refusals.push_back(
      {"batch_norm: an empty batch has no mean, got (0, 6)", [] {
         batch_norm(Tensor(empty({0, 6})), Tensor(ones({6})), Tensor(ones({6})));
       }});
  // Its moments, of x alone.
  Entry moments;
  moments.title = "batch_norm's moments";
  moments.declares = {"batch_norm(Tensor, Tensor, Tensor, Real, vector<Moments>)"};
  moments.call = [](const Tensors& x) {
    const std::size_t channels = x[0].size(-1);
    std::vector<Moments> of_channels;
    batch_norm(x[0], Tensor(ones({channels})), Tensor(ones({channels})), 1, &of_channels);
    Array both = empty({2, channels});
    for (std::size_t c = 0; c < channels; ++c) {
      both(0, c) = static_cast<Real>(of_channels[c].mean);
      both(1, c) = static_cast<Real>(of_channels[c].variance);
    }
    return Tensor(both);
  };
  moments.reference = [](const std::vector<Numbers>& in) {
    const Numbers& x = in[0];
    const std::size_t channels = x.shape.back(), rows = x.size() / channels;
    Numbers both(Shape{2, channels}, 0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      both.data[i % channels] += x.data[i] / static_cast<Quad>(rows);
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Quad d = x.data[i] - both.data[i % channels];
      both.data[channels + i % channels] += d * d / static_cast<Quad>(rows);
    }
    return both;
  };
  moments.samples = {{points({5, 17}, 1, 3)}, {points({2, 3, 2, 6}, 1, 3)}, {points({1, 2}, 1, 3)}};
  moments.large = {{points({4000, 30}, 1, 3)}};
  moments.constants = {0};
  moments.normwise = 1;
  list.push_back(moments);
  return list;
}

// Attention -----------------------------------------------------------------------------------

Entry attention_entry(std::size_t heads, std::size_t channels) {
  Entry entry;
  entry.title = "attention, " + std::to_string(heads) + " heads";
  entry.declares = {"attention(Tensor, size_t)"};
  entry.call = [=](const Tensors& x) { return attention(x[0], heads); };
  entry.reference = [=](const std::vector<Numbers>& in) { return attended(in[0], heads); };
  const std::size_t width = 3 * channels;
  entry.samples = {{points({2, 2, 3, width}, -1, 2)},
                   {points({1, 1, 1, width}, -1, 2)},
                   {empty({0, 3, 3, width})},
                   {empty({2, 0, 3, width})}};
  entry.large = {{points({5, 12, 11, width}, -1, 2)}};
  entry.normwise = 1;
  entry.eps = 64;
  entry.gradient_eps = 256;
  entry.gradient_scale = 1;
  entry.parts = Parts{{0}, 0};
  const std::string why =
      "attention: the input is (B, h, w, 3 C), of which the heads divide C, got ";
  entry.refusals = {{why + "(2, 2, 18) and 2",
                     [] {
                       attention(Tensor(zeros({2, 2, 18})), 2);
                     }},
                    {why + "(1, 2, 2, 16) and 2",
                     [] {
                       attention(Tensor(zeros({1, 2, 2, 16})), 2);
                     }},
                    {why + "(1, 2, 2, 18) and 4",
                     [] {
                       attention(Tensor(zeros({1, 2, 2, 18})), 4);
                     }},
                    {why + "(1, 2, 2, 18) and 0", [] {
                       attention(Tensor(zeros({1, 2, 2, 18})), 0);
                     }}};
  entry.sizes = {{"heads",
                  [](std::size_t n) {
                    return attention(Tensor(zeros({1, 2, 2, 18})), n);
                  },
                  [](Wide n) {
                    return Right{n < 1 || 6 % n != 0, {1, 2, 2, 6}, {}};
                  }}};
  return entry;
}

}  // namespace

Numbers attended(const Numbers& qkv, std::size_t heads) {
  const std::size_t N = qkv.shape[1] * qkv.shape[2], C = qkv.shape[3] / 3, d = C / heads;
  Numbers y(Shape{qkv.shape[0], qkv.shape[1], qkv.shape[2], C}, 0);
  for_each_position({qkv.shape[0], heads, N}, [&](const Shape& at) {
    const auto part = [&](std::size_t which, std::size_t position, std::size_t c) {
      return qkv.data[(at[0] * N + position) * 3 * C + which * C + at[1] * d + c];
    };
    Quads scores(N, 0);
    for (std::size_t j = 0; j < N; ++j) {
      for (std::size_t c = 0; c < d; ++c) scores[j] += part(0, at[2], c) * part(1, j, c);
      scores[j] /= std::sqrt(static_cast<Quad>(d));
    }
    const Quads weights = softmax_of(scores);
    for (std::size_t j = 0; j < N; ++j) {
      for (std::size_t c = 0; c < d; ++c) {
        y.data[(at[0] * N + at[2]) * C + at[1] * d + c] += weights[j] * part(2, j, c);
      }
    }
  });
  return y;
}

Numbers normalised(const std::vector<Numbers>& in, const Partition& part, Quad epsilon, bool silu) {
  const Numbers& x = in[0];
  const std::size_t channels = x.shape.back();
  std::vector<Quad> count(x.size()), mean(x.size()), variance(x.size());
  const auto of = [&](std::size_t i) { return part(x.shape, i); };
  for (std::size_t i = 0; i < x.size(); ++i) count[of(i)] += 1;
  for (std::size_t i = 0; i < x.size(); ++i) mean[of(i)] += x.data[i] / count[of(i)];
  for (std::size_t i = 0; i < x.size(); ++i) {
    variance[of(i)] += (x.data[i] - mean[of(i)]) * (x.data[i] - mean[of(i)]) / count[of(i)];
  }
  Numbers y = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Quad z = in[1].data[i % channels] * (x.data[i] - mean[of(i)]) /
                       std::sqrt(variance[of(i)] + epsilon) +
                   in[2].data[i % channels];
    y.data[i] = silu ? z / (1 + std::exp(-z)) : z;
  }
  return y;
}

// y[b,i,j,o] = Σ x[b, is + u − p, js + v − p, c] W[u,v,c,o] + bias, or for `transposed` what
// x[b,i,j,c] W[u,v,c,o] adds to y[b, is + u − p, js + v − p, o].
Numbers convolved(const std::vector<Numbers>& in, const ConvOptions& options, bool transposed) {
  const Numbers &x = in[0], &w = in[1], &bias = in[2];
  const std::size_t s = options.stride, p = options.padding;
  const auto extent = [&](std::size_t size, std::size_t kernel) {
    return transposed ? (size - 1) * s + kernel - 2 * p : (size + 2 * p - kernel) / s + 1;
  };
  Numbers y(
      Shape{x.shape[0], extent(x.shape[1], w.shape[0]), extent(x.shape[2], w.shape[1]), w.shape[3]},
      0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t channel = i % w.shape[3], image = i / (y.size() / y.shape[0]);
    y.data[i] = bias.data[bias.shape.size() == 1 ? channel : image * w.shape[3] + channel];
  }
  const Numbers &small = transposed ? x : y, &wide = transposed ? y : x;
  for_each_position(
      {x.shape[0], small.shape[1], small.shape[2], w.shape[0], w.shape[1]}, [&](const Shape& at) {
        const std::size_t row = at[1] * s + at[3], column = at[2] * s + at[4];
        if (row < p || row >= p + wide.shape[1] || column < p || column >= p + wide.shape[2])
          return;
        const std::size_t near = (at[0] * small.shape[1] + at[1]) * small.shape[2] + at[2];
        const std::size_t far = (at[0] * wide.shape[1] + row - p) * wide.shape[2] + column - p;
        const std::size_t of_x = (transposed ? near : far) * w.shape[2];
        const std::size_t of_y = (transposed ? far : near) * w.shape[3];
        const std::size_t of_w = (at[3] * w.shape[1] + at[4]) * w.shape[2] * w.shape[3];
        for (std::size_t c = 0; c < w.shape[2]; ++c) {
          for (std::size_t o = 0; o < w.shape[3]; ++o) {
            y.data[of_y + o] += x.data[of_x + c] * w.data[of_w + c * w.shape[3] + o];
          }
        }
      });
  if (in.size() == 4) {
    for (std::size_t i = 0; i < y.size(); ++i) y.data[i] += in[3].data[i];
  }
  return y;
}

Partition by_group(std::size_t groups) {
  return [=](const Shape& shape, std::size_t i) {
    const std::size_t channels = shape.back(), image = size_of(shape) / shape[0];
    return i / image * groups + i % channels * groups / channels;
  };
}
Partition by_row() {
  return [](const Shape& shape, std::size_t i) { return i / shape.back(); };
}
Partition by_channel() {
  return [](const Shape& shape, std::size_t i) { return i % shape.back(); };
}

std::vector<Entry> image_entries() {
  std::vector<Entry> list;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Convolution>>{{"conv2d", conv2d},
                                                        {"conv2d_direct", conv2d_direct},
                                                        {"conv_transpose2d", conv_transpose2d}}) {
    const bool transposed = name == "conv_transpose2d";
    std::vector<Entry> entries = convolution_entries(name, f, transposed);
    if (!transposed) entries[1].limits = {stays_in_its_windows(), keeps_small_beside_huge()};
    for (Entry& entry : entries) list.push_back(std::move(entry));
  }
  list.push_back(conv2d_add_entry(false));
  list.push_back(conv2d_add_entry(true));
  for (const auto& [size, stride] :
       std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {2, 2}, {3, 1}, {2, 3}, {3, 2}}) {
    list.push_back(pool_entry("average_pool2d", average_pool2d, size, stride));
    list.push_back(pool_entry("max_pool2d", max_pool2d, size, stride));
    const Real inf = std::numeric_limits<Real>::infinity(),
               nan = std::numeric_limits<Real>::quiet_NaN();
    if (size != 2 || stride != 2) continue;
    // Ties share, NaN stays, infinities pass.
    Array x = zeros({1, 2, 6, 1});
    x(0, 1, 0, 0) = nan;
    x(0, 0, 2, 0) = x(0, 1, 2, 0) = x(0, 0, 3, 0) = x(0, 1, 3, 0) = -inf;
    x(0, 1, 5, 0) = inf;
    Array y = zeros({1, 1, 3, 1});
    y(0, 0, 0, 0) = nan;
    y(0, 0, 1, 0) = -inf;
    y(0, 0, 2, 0) = inf;
    list[list.size() - 2].limits = {{{x}, y, {full({1, 2, 6, 1}, Real(0.25))}}};
    list.back().limits = {
        {{x}, y, {}},
        {{zeros({1, 2, 4, 1})}, zeros({1, 1, 2, 1}), {full({1, 2, 4, 1}, Real(0.25))}}};
  }
  for (const std::size_t factor : {1, 2, 3}) list.push_back(upsample_entry(factor));
  for (Entry& entry : norm_entries()) list.push_back(std::move(entry));
  for (const std::size_t heads : {1, 2, 6}) list.push_back(attention_entry(heads, 6));
  return list;
}

}  // namespace nabla::testing
