// Products of matrices.
#include <algorithm>
#include <cmath>

#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

// (…, m, k) × (…, k, n), leading axes broadcast.
Numbers product(const Numbers& a, const Numbers& b) {
  const std::size_t inner = a.shape.back();
  const Shape lead_a(a.shape.begin(), a.shape.end() - 2),
      lead_b(b.shape.begin(), b.shape.end() - 2);
  Shape shape = broadcast_shape("reference", lead_a, lead_b);
  shape.push_back(a.shape[a.shape.size() - 2]);
  shape.push_back(b.shape.back());
  Numbers y(shape, 0);
  std::size_t i = 0;
  for_each_position(shape, [&](const Shape& at) {
    Shape in_a = at, in_b = at;
    for (std::size_t l = 0; l < inner; ++l) {
      in_a[at.size() - 1] = l;
      in_b[at.size() - 2] = l;
      y.data[i] += a.data[source_of(in_a, a.shape)] * b.data[source_of(in_b, b.shape)];
    }
    ++i;
  });
  return y;
}

Tensor of(const Shape& shape) {
  return Tensor(zeros(shape));
}

Entry matmul_entry() {
  Entry entry;
  entry.title = "matmul";
  entry.declares = {"matmul(Tensor, Tensor)"};
  entry.call = [](const Tensors& x) { return matmul(x[0], x[1]); };
  entry.reference = [](const std::vector<Numbers>& x) { return product(x[0], x[1]); };
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{3, 4}, {4, 5}},       {{1, 1}, {1, 1}},    {{1, 7}, {7, 1}},    {{33, 70}, {70, 19}},
      {{6, 3, 4}, {6, 4, 2}}, {{2, 3, 4}, {4, 5}}, {{3, 4}, {2, 4, 5}}, {{2, 1, 3, 4}, {5, 4, 2}},
      {{1, 3, 4}, {2, 4, 1}}, {{0, 4}, {4, 5}},    {{3, 4}, {4, 0}},    {{3, 0}, {0, 5}},
      {{0, 3, 4}, {0, 4, 5}}, {{0, 3, 4}, {4, 5}}};
  for (const auto& [a, b] : shapes) entry.samples.push_back({points(a, -1, 1), points(b, -2, 1)});
  entry.large = {{points({200, 90}, -1, 1), points({90, 130}, -2, 1)},
                 {points({6, 60, 40}, -1, 1), points({40, 50}, -2, 1)},
                 {points({3, 2000}, -1, 1), points({2000, 70}, -2, 1)}};
  entry.normwise = 1;
  entry.eps = 32;
  entry.refusals = {
      {"matmul: inner sizes must agree, got (64, 784) and (500, 784); transpose the second?",
       [] {
         matmul(of({64, 784}), of({500, 784}));
       }},
      {"matmul: inner sizes must agree, got (2, 3) and (4, 5)",
       [] {
         matmul(of({2, 3}), of({4, 5}));
       }},
      {"matmul: both need at least 2 axes, got (3,) and (3, 5)",
       [] {
         matmul(of({3}), of({3, 5}));
       }},
      {"matmul: leading axes must broadcast, got (2, 3, 4) and (3, 4, 5)", [] {
         matmul(of({2, 3, 4}), of({3, 4, 5}));
       }}};
  return entry;
}

std::vector<Arrays> affine_samples(bool with_bias) {
  std::vector<Arrays> samples;
  for (const Shape& shape : {Shape{5, 4}, Shape{4}, Shape{2, 3, 4}, Shape{0, 4}, Shape{1, 4}}) {
    samples.push_back({points(shape, -1, 1), points({4, 3}, -2, 1), points({3}, -1, 2)});
  }
  samples.push_back({empty({2, 0}), empty({0, 3}), points({3}, -1, 2)});
  samples.push_back({points({2, 4}, -1, 1), empty({4, 0}), empty({0})});
  if (!with_bias) {
    for (Arrays& sample : samples) sample.pop_back();
  }
  return samples;
}

Entry linear_entry(bool with_bias) {
  Entry entry;
  entry.title = with_bias ? "linear" : "linear without a bias";
  entry.declares = {with_bias ? "linear(Tensor, Tensor, Tensor)" : "linear(Tensor, Tensor)"};
  entry.call = [=](const Tensors& x) {
    return with_bias ? linear(x[0], x[1], x[2]) : linear(x[0], x[1]);
  };
  entry.reference = affine;
  entry.samples = affine_samples(with_bias);
  entry.large = {{points({300, 90}, -1, 1), points({90, 130}, -2, 1), points({130}, -1, 2)},
                 {points({2, 20, 500}, -1, 1), points({500, 40}, -2, 1), points({40}, -1, 2)}};
  if (!with_bias) {
    for (Arrays& inputs : entry.large) inputs.pop_back();
  }
  entry.normwise = 1;
  entry.eps = 8;
  entry.parts = with_bias ? Parts{{0, std::nullopt, std::nullopt}, 0} : Parts{{0, std::nullopt}, 0};
  entry.refusals = {
      {"linear: the input's last axis must be the weight's first, got (2, 3) and (4, 5)",
       [] {
         linear(of({2, 3}), of({4, 5}));
       }},
      {"linear: the weight has two axes (in, out), got (2, 3) and (3,)",
       [] {
         linear(of({2, 3}), of({3}));
       }},
      {"linear: the input has at least one axis, got () and (3, 4)",
       [] {
         linear(of({}), of({3, 4}));
       }},
      {"linear: the bias must be as long as the weight's second axis, got (3,) and (3, 4)", [] {
         linear(of({2, 3}), of({3, 4}), of({3}));
       }}};
  return entry;
}

Entry linear_relu_entry(Real slope) {
  Entry entry;
  entry.title = "linear_relu, slope " + std::to_string(slope).substr(0, 3);
  entry.declares = {"linear_relu(Tensor, Tensor, Tensor, Real)"};
  entry.call = [=](const Tensors& x) { return linear_relu(x[0], x[1], x[2], slope); };
  entry.reference = [=](const std::vector<Numbers>& x) {
    Numbers y = affine(x);
    for (Quad& number : y.data) number = number < 0 ? slope * number : number;
    return y;
  };
  entry.samples = affine_samples(true);
  entry.large = {{points({300, 90}, -1, 1), points({90, 130}, -2, 1), points({130}, -1, 2)}};
  entry.normwise = 1;
  entry.eps = 8;
  entry.parts = Parts{{0, std::nullopt, std::nullopt}, 0};
  entry.refusals = {{"linear_relu: slope must be in [0, 1], got 1.5",
                     [] {
                       linear_relu(of({2, 3}), of({3, 4}), of({4}), Real(1.5));
                     }},
                    {"linear_relu", [] {
                       linear_relu(of({2, 3}), of({4, 5}), of({5}));
                     }}};
  return entry;
}

}  // namespace

Numbers affine(const std::vector<Numbers>& x) {
  Numbers rows = x[0];
  if (rows.shape.size() == 1) rows.shape.insert(rows.shape.begin(), 1);
  Numbers y = product(rows, x[1]);
  if (x[0].shape.size() == 1) y.shape = {x[1].shape[1]};
  if (x.size() == 3) {
    for (std::size_t i = 0; i < y.size(); ++i) y.data[i] += x[2].data[i % x[2].size()];
  }
  return y;
}

std::vector<Entry> matrix_entries() {
  std::vector<Entry> list{matmul_entry(), linear_entry(true), linear_entry(false)};
  for (const Real slope : {Real(0), Real(0.2), Real(1)}) list.push_back(linear_relu_entry(slope));
  // Infinities and NaN pass through a product with positive weights, and relu takes NaN as it is.
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
  Array rows = zeros({4, 1});
  rows(0, 0) = -infinity;
  rows(1, 0) = infinity;
  rows(2, 0) = nan;
  Array clipped = zeros({4, 20}), plain = zeros({4, 20});
  for (std::size_t i = 0; i < 20; ++i) {
    plain(0, i) = -infinity;
    plain(1, i) = clipped(1, i) = infinity;
    plain(2, i) = clipped(2, i) = nan;
  }
  list[0].limits = {{{rows, ones({1, 20})}, plain, {}}};
  list[1].limits = {{{rows, ones({1, 20}), zeros({20})}, plain, {}}};
  list[2].limits = {{{rows, ones({1, 20})}, plain, {}}};
  list[3].limits = {{{rows, ones({1, 20}), zeros({20})}, clipped, {}}};
  return list;
}

}  // namespace nabla::testing
