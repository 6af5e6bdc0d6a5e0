// Products of matrices as they are computed: gemm, its threads, and in one pass with relu.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <random>
#include <stdexcept>

#include "autograd/gradcheck.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/ops.hpp"
#include "autograd/random.hpp"

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

TEST_CASE("few sums of a million terms keep their digits, also far from 0") {
  const std::size_t k = 1000000;
  Rng rng(1);
  for (const auto& [m, n] :
       std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {2, 1}, {1, 3}, {7, 5}, {1, 40}}) {
    Array a = rng.normal({k, m}), b = ones({k, n});
    for (Real& x : a) x += 10000;
    Tensor weight = parameter(zeros({m, n}));
    sum(linear(Tensor(a), weight, Tensor(zeros({n}))) * Tensor(b)).backward();
    const Array c = weight.grad();
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        long double sum = 0;
        for (std::size_t r = 0; r < k; ++r) {
          sum += static_cast<long double>(a(r, i)) * static_cast<long double>(b(r, j));
        }
        CHECK(std::abs(static_cast<long double>(c(i, j)) / sum - 1) <
              16 * std::numeric_limits<Real>::epsilon());
      }
    }
  }
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
}

TEST_CASE("X Xᵀ with a part of X: no symmetric shortcut") {
  const Array x = numbers({5, 3});
  const Array part = transpose(slice(Tensor(x), 0, 0, 2)).value();
  const Array c = matmul(Tensor(x), Tensor(part)).value();
  CHECK(c.shape() == Shape{5, 2});
  CHECK(is_product(c, x, part));
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
TEST_CASE("a product of a matrix with itself gets both gradients") {
  const GradcheckResult r =
      gradcheck([](const std::vector<Tensor>& x) { return matmul(x[0], x[0]); }, {numbers({3, 3})});
  CHECK_MESSAGE(r.passed, r.message);
}
#endif
