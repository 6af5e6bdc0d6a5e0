// Convolutions: the fast ones against the plain one, that against an example worked by hand, and
// where gradients go; tests/table has values and gradients against a reference.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "autograd/ops.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

// The largest difference, relative to the largest number of the second.
double difference(const Array& a, const Array& b) {
  REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  double worst = 0, scale = 1e-3;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(static_cast<double>(a.data()[i] - b.data()[i]));
    worst = error <= worst ? worst : error;  // a NaN stays
    scale = std::max(scale, std::abs(static_cast<double>(b.data()[i])));
  }
  return worst / scale;
}
// One image of one channel.
Array plane(std::size_t height, std::size_t width, const std::vector<Real>& numbers) {
  Array image = empty({1, height, width, 1});
  REQUIRE(image.size() == numbers.size());
  std::copy(numbers.begin(), numbers.end(), image.data());
  return image;
}

constexpr double tolerance = is_double ? 1e-12 : 2e-5;

struct Case {
  std::size_t batch, height, width, in, kernel_height, kernel_width, out, stride, padding;
};
const std::vector<Case> cases{
    {2, 9, 7, 3, 3, 3, 16, 1, 1},
    {1, 1, 1, 1, 1, 1, 1, 1, 0},
    {3, 1, 1, 17, 3, 3, 5, 1, 1},
    {2, 5, 6, 16, 1, 1, 33, 1, 0},
    {2, 5, 6, 16, 1, 1, 33, 2, 0},
    {2, 5, 6, 3, 1, 1, 2, 1, 2},
    {2, 9, 7, 1, 5, 5, 17, 1, 2},
    {2, 8, 9, 3, 2, 4, 16, 2, 1},
    {1, 9, 7, 33, 3, 3, 17, 2, 1},
    {2, 9, 7, 16, 3, 3, 16, 3, 0},
    {1, 7, 7, 64, 3, 3, 64, 1, 1},
    {2, 4, 5, 17, 4, 5, 3, 1, 0},
    {3, 2, 3, 3, 5, 5, 16, 1, 2},
    {2, 3, 3, 3, 2, 2, 4, 3, 2},
    {13, 9, 7, 16, 3, 3, 17, 1, 1},
    {70, 3, 3, 4, 2, 2, 16, 1, 0},
    {5, 15, 14, 3, 3, 3, 16, 1, 0},
    {1, 30, 29, 2, 3, 3, 3, 1, 1},
    {12, 14, 14, 16, 3, 3, 16, 1, 1},
    {3, 9, 8, 17, 3, 3, 1, 1, 1},
    {2, 9, 8, 16, 3, 3, 3, 1, 0},
    {20, 9, 8, 33, 5, 5, 2, 1, 1},
    {2, 5, 4, 8, 2, 2, 1, 1, 1},
    {2, 5, 4, 8, 3, 3, 1, 1, 3},
    // Winograd's way: other paddings, odd edges, channels that fill no register
    {2, 6, 7, 8, 3, 3, 9, 1, 2},
    {1, 9, 3, 17, 3, 3, 8, 1, 0},
    {2, 1, 1, 16, 3, 3, 16, 1, 1},
    {1, 5, 13, 40, 3, 3, 33, 1, 1}};

using Convolution = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const ConvOptions&);

struct Result {
  Array y, dx, dw, db;
};

// Value and gradients of Σ w ⊙ f(x, weight, bias), w fixed, the gradients twice on top of each
// other.
Result run(Convolution f, const Array& x, const Array& weight, const Array& bias,
           const ConvOptions& options) {
  const Tensor a = parameter(x), w = parameter(weight), b = parameter(bias);
  const Tensor y = f(a, w, b, options);
  for (int i = 0; i < 2; ++i) y.backward(points(y.shape(), -1, 1), true);
  return {y.value(), a.grad(), w.grad(), b.grad()};
}

void check_same(const Result& got, const Result& expected) {
  CHECK(difference(got.y, expected.y) < tolerance);
  CHECK(difference(got.dx, expected.dx) < tolerance);
  CHECK(difference(got.dw, expected.dw) < tolerance);
  CHECK(difference(got.db, expected.db) < tolerance);
}

double inner(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    total += static_cast<double>(a.data()[i]) * static_cast<double>(b.data()[i]);
  }
  return total;
}

}  // namespace

TEST_CASE("conv2d_direct: an example worked by hand") {
  // Each number is Σ of a window times (1 2 / 3 4), plus 10.
  const Tensor x = parameter(plane(3, 3, {1, 0, 2, -1, 3, 0, 0, 1, 5}));
  const Tensor w = parameter(reshape(constant({1, 2, 3, 4}), {2, 2, 1, 1}).value());
  const Tensor b = parameter(Array{10});
  const Tensor y = conv2d_direct(x, w, b);
  CHECK(y.value() == plane(2, 2, {20, 23, 19, 36}));
  y.backward(plane(2, 2, {1, 0, 0, 2}));
  CHECK(x.grad() == plane(3, 3, {1, 2, 0, 3, 4 + 2, 4, 0, 6, 8}));
  CHECK(w.grad().data()[0] == 1 + 2 * 3);
  CHECK(w.grad().data()[1] == 0);
  CHECK(w.grad().data()[2] == -1 + 2 * 1);
  CHECK(w.grad().data()[3] == 3 + 2 * 5);
  CHECK(b.grad() == Array{3});
  // With a border of zeros the first window sees the first pixel with the kernel's last number.
  const Tensor none(zeros({1}));
  CHECK(conv2d_direct(x, w, none, {2, 1}).value() == plane(2, 2, {4, 8, -2, 26}));
  CHECK(conv2d_direct(x, w, none, {3, 1}).value() == plane(2, 2, {4, 6, 0, 5}));
}

TEST_CASE("conv2d and conv2d_direct: values and gradients") {
  for (const Case& c : cases) {
    CAPTURE(c.in);
    CAPTURE(c.height);
    CAPTURE(c.kernel_width);
    CAPTURE(c.stride);
    CAPTURE(c.padding);
    const Array x = points({c.batch, c.height, c.width, c.in}, -1, 1);
    const Array w = points({c.kernel_height, c.kernel_width, c.in, c.out}, -2, 1);
    const ConvOptions options{c.stride, c.padding};
    for (const Shape& shape : {Shape{c.out}, Shape{c.batch, c.out}}) {
      const Array b = points(shape, -1, 2);
      check_same(run(conv2d, x, w, b, options), run(conv2d_direct, x, w, b, options));
    }
  }
}

TEST_CASE("conv2d_add is conv2d and a sum") {
  for (const Case& c : cases) {
    CAPTURE(c.in);
    CAPTURE(c.height);
    const ConvOptions options{c.stride, c.padding};
    const Tensor x = parameter(points({c.batch, c.height, c.width, c.in}, -1, 1));
    const Tensor w = parameter(points({c.kernel_height, c.kernel_width, c.in, c.out}, -2, 1));
    for (const Shape& shape : {Shape{c.out}, Shape{c.batch, c.out}}) {
      const Tensor b = parameter(points(shape, -1, 2));
      const Tensor plain = conv2d(x, w, b, options);
      const Tensor r = parameter(points(plain.shape(), 0, 3));
      const Tensor y = conv2d_add(x, w, b, r, options);
      CHECK(difference(y.value(), (plain + r).value()) < tolerance);
      const Array seed = points(y.shape(), -1, 1);
      for (int i = 0; i < 2; ++i) y.backward(seed, true);
      CHECK(r.grad() == (Tensor(seed) * Real(2)).value());
      const Result got{plain.value(), x.grad(), w.grad(), b.grad()};
      check_same(got, run(conv2d, x.value(), w.value(), b.value(), options));
      for (Tensor t : {x, w}) t.clear_grad();
    }
  }
}

TEST_CASE("convolutions add to gradients that are there") {
  struct Way {
    Convolution f;
    std::size_t side, channels;  // 3 × 3 and 16 channels: Winograd
  };
  for (const Way& way : {Way{conv2d, 1, 3}, Way{conv2d, 3, 3}, Way{conv2d, 3, 16},
                         Way{conv_transpose2d, 1, 3}, Way{conv_transpose2d, 3, 3}}) {
    const Convolution f = way.f;
    const std::size_t n = way.channels;
    const Array x = points({2, 5, 4, n}, -1, 1), b = points({n}, 0, 1);
    const ConvOptions options{1, way.side / 2};
    const Array w = points({way.side, way.side, n, n}, -1, 1);
    // The same map with an input and weights of its own for each use, and with shared ones.
    const Tensor x1 = parameter(x), x2 = parameter(x), w1 = parameter(w), w2 = parameter(w),
                 w3 = parameter(w), b1 = parameter(b);
    const Tensor apart = f(f(x1, w1, b1, options), w2, b1, options) + f(x2, w3, b1, options);
    const Tensor xs = parameter(x), ws = parameter(w), bs = parameter(b);
    const Tensor shared = f(f(xs, ws, bs, options), ws, bs, options) + f(xs, ws, bs, options);
    const Array seed = points(apart.shape(), -1, 1);
    apart.backward(seed);
    shared.backward(seed);
    const auto total = [](const std::vector<Tensor>& parts) {
      Tensor sum(parts[0].grad());
      for (std::size_t i = 1; i < parts.size(); ++i) sum = sum + Tensor(parts[i].grad());
      return sum.value();
    };
    CHECK(difference(xs.grad(), total({x1, x2})) < tolerance);
    CHECK(difference(ws.grad(), total({w1, w2, w3})) < tolerance);
    CHECK(difference(bs.grad(), b1.grad()) < tolerance);
  }
  const Array b = points({3}, 0, 1);
  const Tensor both = parameter(points({2, 5, 4, 3}, -1, 1));
  const Tensor w = parameter(points({3, 3, 3, 3}, -1, 1));
  conv2d_add(both, w, Tensor(b), both, {1, 1}).backward(ones(both.shape()));
  const Array of_x = gradient(
      [&](const Tensor& t) {
        return conv2d(t, w.detach(), Tensor(b), {1, 1});
      },
      both.value());
  CHECK(difference(both.grad(), (Tensor(of_x) + Real(1)).value()) < tolerance);
}

TEST_CASE("only the gradients that are wanted are computed") {
  const Tensor x = parameter(points({2, 4, 4, 3}, -1, 1)), w(points({3, 3, 3, 2}, -1, 1));
  const Tensor y = conv2d(x, w, Tensor(zeros({2})));
  y.backward(ones(y.shape()));
  CHECK(x.has_grad());
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("conv_transpose2d is the adjoint of conv2d") {
  for (const Case& c : cases) {
    if (c.stride * (c.height - 1) + c.kernel_height <= 2 * c.padding) continue;
    if (c.stride * (c.width - 1) + c.kernel_width <= 2 * c.padding) continue;
    CAPTURE(c.in);
    CAPTURE(c.height);
    CAPTURE(c.stride);
    CAPTURE(c.padding);
    const ConvOptions options{c.stride, c.padding};
    const Array x = points({c.batch, c.height, c.width, c.in}, -1, 1);
    const Array w = points({c.kernel_height, c.kernel_width, c.in, c.out}, -2, 1);
    const Array b = points({c.out}, -1, 2);
    const Result got = run(conv_transpose2d, x, w, b, options);
    // ⟨A x, y⟩ = ⟨x, Aᵀ y⟩, where Aᵀ is the convolution by the weight with its channels exchanged.
    const Tensor exchanged = transpose(Tensor(w));
    const Array zero = zeros({c.out}), other = points(got.y.shape(), -1, 1);
    const Array up = conv_transpose2d(Tensor(x), Tensor(w), Tensor(zero), options).value();
    const Array down = conv2d(Tensor(other), exchanged, Tensor(zeros({c.in})), options).value();
    CHECK(inner(up, other) ==
          doctest::Approx(inner(x, down)).epsilon(is_double ? 1e-10 : 1e-3).scale(10));
    CHECK(difference(got.dx, (Tensor(down) * Real(2)).value()) < tolerance);
  }
}

// Whether two arrays have the same infinities and NaN, and are close elsewhere, wherever the
// numbers are of ordinary size by those of ordinary size.
void check_same_limits(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Real p = a.data()[i], q = b.data()[i];
    const bool same = std::isnan(q)
                          ? std::isnan(p)
                          : p == q || std::abs(p - q) <= Real(1e-3) + Real(1e-5) * std::abs(q);
    different += same ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("what is in one pixel, weight or gradient stays in its windows") {
  const Real infinity = std::numeric_limits<Real>::infinity();
  struct Place {
    std::size_t row, column;
  };
  for (const Case& c : {Case{2, 9, 10, 9, 3, 3, 17, 1, 1}, Case{1, 8, 8, 16, 3, 3, 16, 1, 0},
                        Case{1, 6, 5, 8, 3, 3, 8, 1, 2}, Case{1, 8, 8, 16, 3, 3, 1, 1, 1},
                        Case{1, 8, 8, 2, 3, 3, 16, 1, 1}, Case{2, 7, 7, 3, 5, 5, 4, 2, 2}}) {
    for (const Real large : {infinity, -infinity, std::numeric_limits<Real>::quiet_NaN(),
                             Real(1e20), Real(-1e8), Real(1e5)}) {
      for (const Place& place : {Place{0, 0}, Place{3, 3}, Place{4, 4}, Place{5, 1}}) {
        CAPTURE(c.in);
        CAPTURE(c.out);
        CAPTURE(large);
        CAPTURE(place.row);
        const Array x0 = points({c.batch, c.height, c.width, c.in}, -1, 1);
        const Array w0 = points({c.kernel_height, c.kernel_width, c.in, c.out}, -0.6, 0.5);
        const ConvOptions options{c.stride, c.padding};
        const Tensor bias = parameter(points({c.out}, -1, 1));
        const Shape shape = conv2d(Tensor(x0), Tensor(w0), bias, options).shape();
        const Array seed0 = points(shape, -1, 1);
        for (const int where : {0, 1, 2}) {  // x, the weight, the gradient of y
          Array x_value = x0, w_value = w0, seed = seed0;
          if (where == 0) x_value(c.batch - 1, place.row, place.column % c.width, c.in - 1) = large;
          if (where == 1) w_value(place.row % 3, place.column % 3, c.in / 2, c.out / 2) = large;
          if (where == 2) {
            seed(c.batch - 1, place.row % shape[1], place.column % shape[2], c.out / 2) = large;
          }
          const Tensor x = parameter(x_value), w = parameter(w_value);
          const Tensor x_direct = parameter(x_value), w_direct = parameter(w_value);
          const Tensor y = conv2d(x, w, bias, options);
          const Tensor direct = conv2d_direct(x_direct, w_direct, bias, options);
          check_same_limits(y.value(), direct.value());
          y.backward(seed);
          direct.backward(seed);
          check_same_limits(x.grad(), x_direct.grad());
          check_same_limits(w.grad(), w_direct.grad());
        }
      }
    }
  }
}

TEST_CASE("convolutions of windows so far apart that one alone meets the image") {
  const Tensor x(ones({1, 4, 4, 2})), w(ones({3, 3, 2, 2})), b(zeros({2}));
  constexpr std::size_t large = std::size_t{1} << 62;
  for (const Convolution f : {Convolution{conv2d}, Convolution{conv2d_direct}}) {
    for (const std::size_t n : {large / 2, 2 * large - 1, 2 * large, ~std::size_t{0}}) {
      CAPTURE(n);
      CHECK(f(x, w, b, {n, 0}).value() == full({1, 1, 1, 2}, 18));
      CHECK_THROWS_AS(f(x, w, b, {2, n}), std::invalid_argument);
    }
    const Tensor y = f(x, w, b, {large, large});
    CHECK(y.shape() == Shape{1, 3, 3, 2});
    CHECK(y.value()(0, 1, 1, 0) == 18);
    CHECK(sum(y).item() == 36);
  }
}
