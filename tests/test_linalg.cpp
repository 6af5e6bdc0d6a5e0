// Matrix products against triple loops in long double.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <random>
#include <stdexcept>

#include "autograd/blas.hpp"
#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"

using namespace nabla;

namespace {

Array numbers(const Shape& shape, unsigned seed = 1) {
  std::mt19937 engine(seed);
  Array a = empty(shape);
  for (Real& x : a) x = static_cast<Real>(2 * double(engine()) / 4294967296.0 - 1);
  return a;
}

// c[…, i, j] = Σ_l a[…, i, l] b[…, l, j], leading axes broadcast by walking coordinates.
bool is_product(const Array& c, const Array& a, const Array& b) {
  const std::size_t ndim = c.dimension();
  const std::size_t k = a.shape().back();
  const auto element = [](const Array& x, std::vector<std::size_t> at) {
    at.erase(at.begin(), at.end() - std::ptrdiff_t(x.dimension()));
    std::size_t flat = 0;
    for (std::size_t d = 0; d < at.size(); ++d) {
      flat = flat * x.shape()[d] + (x.shape()[d] == 1 ? 0 : at[d]);
    }
    return static_cast<long double>(x.data()[flat]);
  };
  std::vector<std::size_t> at(ndim);
  for (std::size_t i = 0; i < c.size(); ++i) {
    std::size_t rest = i;
    for (std::size_t d = ndim; d > 0; --d) {
      at[d - 1] = rest % c.shape()[d - 1];
      rest /= c.shape()[d - 1];
    }
    long double total = 0;
    for (std::size_t l = 0; l < k; ++l) {
      std::vector<std::size_t> in_a = at, in_b = at;
      in_a[ndim - 1] = l;
      in_b[ndim - 2] = l;
      total += element(a, in_a) * element(b, in_b);
    }
    const double error = std::abs(double(static_cast<long double>(c.data()[i]) - total));
    if (!(error <= (sizeof(Real) == 8 ? 1e-13 : 1e-5))) return false;
  }
  return true;
}

struct Product {
  Shape a, b, c;
};
const std::vector<Product> products{
    {{3, 4}, {4, 5}, {3, 5}},
    {{1, 1}, {1, 1}, {1, 1}},
    {{1, 7}, {7, 1}, {1, 1}},
    {{33, 70}, {70, 19}, {33, 19}},
    {{6, 3, 4}, {6, 4, 2}, {6, 3, 2}},  // batched
    {{2, 3, 4}, {4, 5}, {2, 3, 5}},     // one matrix for all
    {{3, 4}, {2, 4, 5}, {2, 3, 5}},
    {{2, 1, 3, 4}, {5, 4, 2}, {2, 5, 3, 2}},  // batches broadcast both ways
    {{1, 3, 4}, {2, 4, 1}, {2, 3, 1}},
    {{0, 4}, {4, 5}, {0, 5}},  // empty outer
    {{3, 4}, {4, 0}, {3, 0}},
    {{3, 0}, {0, 5}, {3, 5}},           // an empty sum: zeros
    {{0, 3, 4}, {0, 4, 5}, {0, 3, 5}},  // no batch at all
    {{0, 3, 4}, {4, 5}, {0, 3, 5}}};

}  // namespace

TEST_CASE("OpenBLAS is the OpenMP flavour: one pool of threads") {
  CHECK(blas_threading() == 2);
}

TEST_CASE("the number of threads is set and read back") {
  const int before = threads();
  set_threads(1);
  CHECK(threads() == 1);
  set_threads(before);
  CHECK(threads() == before);
  CHECK_THROWS_WITH_AS(set_threads(0), "threads: 0 is below 1", std::invalid_argument);
}

TEST_CASE("gemm: every combination of transposition and beta, on one thread and cut for two") {
  struct Sizes {
    std::size_t m, n, k;
  };
  const int before = threads();
  for (const Sizes& s : {Sizes{3, 4, 5}, Sizes{100, 67, 70}, Sizes{33, 150, 70}}) {
    const std::size_t m = s.m, n = s.n, k = s.k;
    const Array a = numbers({m, k}), b = numbers({k, n}, 2), start = numbers({m, n}, 3);
    const Array a_t = transpose(Tensor(a)).value(), b_t = transpose(Tensor(b)).value();
    Array product = empty({m, n});
    for (std::size_t i = 0; i < m * n; ++i) {
      long double total = 0;
      for (std::size_t l = 0; l < k; ++l) {
        total += static_cast<long double>(a(i / n, l)) * static_cast<long double>(b(l, i % n));
      }
      product.data()[i] = static_cast<Real>(total);
    }
    for (const int count : {1, 2}) {
      set_threads(count);
      for (const int transposed : {0, 1, 2, 3}) {
        for (const Real beta : {Real(0), Real(1), Real(0.5)}) {
          CAPTURE(transposed);
          const bool ta = transposed % 2 == 1, tb = transposed / 2 == 1;
          Array c = beta == 0 ? full({m, n}, std::numeric_limits<Real>::quiet_NaN()) : start;
          gemm(ta ? Transpose::yes : Transpose::no, tb ? Transpose::yes : Transpose::no, m, n, k,
               (ta ? a_t : a).data(), (tb ? b_t : b).data(), beta, c.data());
          double worst = 0;
          for (std::size_t i = 0; i < c.size(); ++i) {
            const Real old = beta == 0 ? 0 : beta * start.data()[i];
            const double error = std::abs(double(c.data()[i] - product.data()[i] - old));
            worst = error <= worst ? worst : error;  // a NaN stays
          }
          CHECK(worst < (sizeof(Real) == 8 ? 1e-13 : 1e-5));
        }
      }
    }
  }
  set_threads(before);
  const Array a = ones({2, 2});
  Array c = full({2, 2}, 3);
  gemm(Transpose::no, Transpose::no, 2, 2, 0, a.data(), a.data(), 1, c.data());
  CHECK(c == full({2, 2}, 3));
  gemm(Transpose::no, Transpose::no, 2, 2, 0, a.data(), a.data(), 0, c.data());
  CHECK(c == zeros({2, 2}));
}

TEST_CASE("gemm at the edges of its kernel's tiles, with long sums, a bias and a slope") {
  struct Sizes {
    std::size_t m, n, k;
  };
  const int before = threads();
  for (const Sizes& s : {Sizes{8, 16, 1}, Sizes{9, 17, 3}, Sizes{12, 47, 16}, Sizes{15, 48, 17},
                         Sizes{16, 49, 33}, Sizes{29, 100, 2500}, Sizes{7, 200, 40},
                         Sizes{200, 5, 40}, Sizes{1, 1, 7}, Sizes{96, 96, 64}, Sizes{3, 2, 0}}) {
    const std::size_t m = s.m, n = s.n, k = s.k;
    const Array a = numbers({m, k}), b = numbers({k, n}, 2), start = numbers({m, n}, 3);
    const Array bias = numbers({n}, 4);
    const Array a_t = transpose(Tensor(a)).value(), b_t = transpose(Tensor(b)).value();
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      for (const int transposed : {0, 1, 2, 3}) {
        for (const Real beta : {Real(0), Real(1)}) {
          for (const Real slope : {Real(0), Real(0.2), Real(1)}) {
            const bool ta = transposed % 2 == 1, tb = transposed / 2 == 1;
            Array c = beta == 0 ? full({m, n}, std::numeric_limits<Real>::quiet_NaN()) : start;
            gemm(ta ? Transpose::yes : Transpose::no, tb ? Transpose::yes : Transpose::no, m, n, k,
                 (ta ? a_t : a).data(), (tb ? b_t : b).data(), beta, c.data(),
                 {bias.data(), slope});
            double worst = 0;
            for (std::size_t i = 0; i < c.size(); ++i) {
              long double y = bias(i % n);
              if (beta != 0) y += start.data()[i];
              for (std::size_t l = 0; l < k; ++l) {
                y += static_cast<long double>(a(i / n, l)) * static_cast<long double>(b(l, i % n));
              }
              if (y < 0) y *= slope;
              const double error = std::abs(double(c.data()[i] - y));
              worst = error <= worst ? worst : error;  // a NaN stays
            }
            CAPTURE(m);
            CAPTURE(transposed);
            CAPTURE(count);
            CHECK(worst < (sizeof(Real) == 8 ? 1e-12 : 1e-4));
          }
        }
      }
    }
  }
  set_threads(before);
}

TEST_CASE("gemm writes its own rows and columns only, and reads no others") {
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const std::size_t m = 11, n = 37, k = 21;  // exact blocks: the sanitizers see a step too far
  std::vector<Real> a(m * k, 1), b(k * n, 1), c(m * n + 64, nan);
  gemm(Transpose::no, Transpose::no, m, n, k, a.data(), b.data(), 0, c.data());
  for (std::size_t i = 0; i < m * n; ++i) CHECK(c[i] == Real(k));
  for (std::size_t i = m * n; i < c.size(); ++i) CHECK(std::isnan(c[i]));
  std::fill(c.begin(), c.end(), nan);
  gemm(Transpose::no, Transpose::yes, m, n, k, a.data(), b.data(), 0, c.data());
  for (std::size_t i = m * n; i < c.size(); ++i) CHECK(std::isnan(c[i]));
}

TEST_CASE("several products run together are each of them") {
  const int before = threads();
  const Array a = numbers({130, 70}), b = numbers({70, 90}, 2), d = numbers({130, 90}, 3);
  Array alone = empty({130, 90}), left = empty({130, 70}), right = ones({70, 90});
  gemm(Transpose::no, Transpose::no, 130, 90, 70, a.data(), b.data(), 0, alone.data());
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    Array first = empty({130, 90}), second = empty({130, 70}), third = ones({70, 90});
    Products products;
    products.add(Transpose::no, Transpose::no, 130, 90, 70, a.data(), b.data(), 0, first.data());
    products.add(Transpose::no, Transpose::yes, 130, 70, 90, d.data(), b.data(), 0, second.data());
    products.add(Transpose::yes, Transpose::no, 70, 90, 130, a.data(), d.data(), 1, third.data());
    products.run();
    if (count == 1) {
      left = second;
      right = third;
      CHECK(is_product(left, d, transpose(Tensor(b)).value()));
    }
    CHECK(sum(abs(Tensor(first) - Tensor(alone))).item() < 1e-2);
    CHECK(sum(abs(Tensor(second) - Tensor(left))).item() < 1e-2);
    CHECK(sum(abs(Tensor(third) - Tensor(right))).item() < 1e-2);
  }
  set_threads(before);
  Products().run();
}

TEST_CASE("linear_relu is relu, or leaky_relu, of linear, forward and backward") {
  for (const Shape& shape : {Shape{4}, Shape{5, 4}, Shape{2, 30, 4}, Shape{0, 4}}) {
    for (const std::size_t width : {3, 19}) {
      for (const Real slope : {Real(0), Real(0.2), Real(1)}) {
        CAPTURE(to_string(shape));
        const Tensor x = parameter(numbers(shape)), w = parameter(numbers({4, width}, 2)),
                     b = parameter(numbers({width}, 3));
        const Tensor x2 = parameter(x.value()), w2 = parameter(w.value()),
                     b2 = parameter(b.value());
        const Tensor ours = linear_relu(x, w, b, slope);
        const Tensor theirs = leaky_relu(linear(x2, w2, b2), slope);
        CHECK(sum(abs(ours.detach() - theirs.detach())).item() == 0);
        const Array seed = numbers(ours.shape(), 5);
        ours.backward(seed);
        theirs.backward(seed);
        CHECK(x.grad() == x2.grad());
        CHECK(w.grad() == w2.grad());
        CHECK(b.grad() == b2.grad());
      }
    }
  }
  const Real infinity = std::numeric_limits<Real>::infinity();
  Array rows = zeros({9, 1});
  rows(0, 0) = -infinity;
  rows(1, 0) = infinity;
  rows(2, 0) = std::numeric_limits<Real>::quiet_NaN();
  const Array y = linear_relu(Tensor(rows), Tensor(ones({1, 20})), Tensor(zeros({20}))).value();
  CHECK(y(0, 7) == 0);
  CHECK(y(1, 7) == infinity);
  CHECK(std::isnan(y(2, 7)));
  CHECK_THROWS_WITH_AS(
      linear_relu(Tensor(rows), Tensor(ones({1, 20})), Tensor(zeros({20})), Real(1.5)),
      "linear_relu: slope must be in [0, 1], got 1.5", std::invalid_argument);
}

TEST_CASE("matmul agrees with triple loops") {
  for (const Product& p : products) {
    CAPTURE(to_string(p.a));
    CAPTURE(to_string(p.b));
    const Array a = numbers(p.a), b = numbers(p.b, 2);
    const Array c = matmul(Tensor(a), Tensor(b)).value();
    CHECK(c.shape() == p.c);
    CHECK(is_product(c, a, b));
  }
}

TEST_CASE("X Xᵀ with a part of X: no symmetric shortcut") {
  const Array x = numbers({5, 3});
  const Array part = transpose(slice(Tensor(x), 0, 0, 2)).value();
  const Array c = matmul(Tensor(x), Tensor(part)).value();
  CHECK(c.shape() == Shape{5, 2});
  CHECK(is_product(c, x, part));
}

TEST_CASE("linear is x W + b over any leading axes") {
  for (const Shape& shape : {Shape{4}, Shape{5, 4}, Shape{2, 3, 4}, Shape{0, 4}}) {
    CAPTURE(to_string(shape));
    const Array x = numbers(shape), w = numbers({4, 3}, 2), b = numbers({3}, 3);
    const Tensor plain = linear(Tensor(x), Tensor(w));
    const Tensor biased = linear(Tensor(x), Tensor(w), Tensor(b));
    Shape expected = shape;
    expected.back() = 3;
    CHECK(plain.shape() == expected);
    CHECK(biased.shape() == expected);
    Array rows = x;
    rows.reshape({x.size() / 4, std::size_t{4}});
    Array y = plain.value(), z = biased.value();
    y.reshape({x.size() / 4, std::size_t{3}});
    z.reshape({x.size() / 4, std::size_t{3}});
    CHECK(is_product(y, rows, w));
    for (std::size_t i = 0; i < z.size(); ++i) {
      CHECK(double(z.data()[i]) ==
            doctest::Approx(double(y.data()[i]) + double(b.data()[i % 3])).epsilon(1e-5));
    }
  }
  CHECK(linear(Tensor(zeros({2, 0})), Tensor(zeros({0, 3})), Tensor(ones({3}))).value() ==
        ones({2, 3}));
  CHECK(linear(Tensor(zeros({2, 4})), Tensor(zeros({4, 0}))).shape() == Shape{2, 0});
}

TEST_CASE("shapes that do not fit are named") {
  const auto of = [](const Shape& shape) { return Tensor(zeros(shape)); };
  CHECK_THROWS_WITH_AS(
      matmul(of({64, 784}), of({500, 784})),
      "matmul: inner sizes must agree, got (64, 784) and (500, 784); transpose the second?",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(matmul(of({2, 3}), of({4, 5})),
                       "matmul: inner sizes must agree, got (2, 3) and (4, 5)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(matmul(of({3}), of({3, 5})),
                       "matmul: both need at least 2 axes, got (3,) and (3, 5)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(matmul(of({2, 3, 4}), of({3, 4, 5})),
                       "matmul: leading axes must broadcast, got (2, 3, 4) and (3, 4, 5)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(linear(of({2, 3}), of({4, 5})),
                       "linear: the input's last axis must be the weight's first, got (2, 3) and "
                       "(4, 5)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(linear(of({2, 3}), of({3})),
                       "linear: the weight has two axes (in, out), got (2, 3) and (3,)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(linear(of({}), of({3, 4})),
                       "linear: the input has at least one axis, got () and (3, 4)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(linear(of({2, 3}), of({3, 4}), of({3})),
                       "linear: the bias must be as long as the weight's second axis, got (3,) "
                       "and (3, 4)",
                       std::invalid_argument);
}

TEST_CASE("gradients of empty products are zero, and keep what was there") {
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  for (const bool first : {true, false}) {
    Tensor some = parameter(ones({1, 40, 40}));
    const Tensor none = constant(zeros({0, 40, 40}));
    const Tensor c = first ? matmul(some, none) : matmul(none, some);
    const Tensor d = first ? matmul(some, none) : matmul(none, some);
    { std::vector<Array> poison(8, full({1, 40, 40}, nan)); }  // what recycled memory may hold
    c.backward(zeros({0, 40, 40}));
    CHECK(some.grad() == zeros({1, 40, 40}));
    sum(some).backward();
    d.backward(zeros({0, 40, 40}));
    CHECK(some.grad() == ones({1, 40, 40}));
  }
  Tensor x = parameter(ones({20, 30})), w = parameter(zeros({30, 0}));
  sum(x).backward();
  linear(x, w).backward(zeros({20, 0}));
  CHECK(x.grad() == ones({20, 30}));
  x.clear_grad();
  { std::vector<Array> poison(8, full({20, 30}, nan)); }
  linear(x, w).backward(zeros({20, 0}));
  CHECK(x.grad() == zeros({20, 30}));
}

#ifdef NABLA_DOUBLE
TEST_CASE("gradients agree with central differences") {
  using Inputs = std::vector<Tensor>;
  for (const Product& p : products) {
    if (size_of(p.c) == 0 || size_of(p.c) > 100) continue;
    CAPTURE(to_string(p.a));
    CAPTURE(to_string(p.b));
    const GradcheckResult r = gradcheck([](const Inputs& x) { return matmul(x[0], x[1]); },
                                        {numbers(p.a), numbers(p.b, 2)});
    CHECK_MESSAGE(r.passed, r.message);
  }
  GradcheckResult r = gradcheck([](const Inputs& x) { return matmul(x[0], x[0]); },
                                {numbers({3, 3})});  // both operands the same
  CHECK_MESSAGE(r.passed, r.message);
  for (const Shape& shape : {Shape{4}, Shape{5, 4}, Shape{2, 3, 4}}) {
    r = gradcheck([](const Inputs& x) { return linear(x[0], x[1]); },
                  {numbers(shape), numbers({4, 3}, 2)});
    CHECK_MESSAGE(r.passed, r.message);
    r = gradcheck([](const Inputs& x) { return linear(x[0], x[1], x[2]); },
                  {numbers(shape), numbers({4, 3}, 2), numbers({3}, 3)});
    CHECK_MESSAGE(r.passed, r.message);
    r = gradcheck([](const Inputs& x) { return linear_relu(x[0], x[1], x[2], 0.2); },
                  {numbers(shape), numbers({4, 3}, 2), numbers({3}, 3)});
    CHECK_MESSAGE(r.passed, r.message);
  }
}
#endif
