// Matrix products: gemm writes straight into the gradients.
#include <algorithm>
#include <stdexcept>

#include "autograd/broadcast.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/ops.hpp"

namespace nabla {
namespace {

[[noreturn]] void refuse(const std::string& what, const Tensor& a, const Tensor& b,
                         const std::string& hint) {
  throw std::invalid_argument(what + ", got " + to_string(a.shape()) + " and " +
                              to_string(b.shape()) + hint);
}

// The leading axes of a batched product and where each of its matrices starts.
struct Batches {
  Shape shape;                       // broadcast leading axes
  std::vector<std::size_t> a, b, c;  // for each product, the number of the matrix in a, b and c
};

std::vector<std::size_t> matrix_numbers(const Shape& lead, const Shape& broadcast) {
  std::vector<std::size_t> numbers{0};
  for (std::size_t axis = 0; axis < broadcast.size(); ++axis) {
    const std::size_t missing = broadcast.size() - lead.size();
    const std::size_t own = axis < missing ? 1 : lead[axis - missing];
    std::vector<std::size_t> next;
    next.reserve(numbers.size() * broadcast[axis]);
    for (const std::size_t base : numbers) {
      for (std::size_t i = 0; i < broadcast[axis]; ++i) {
        next.push_back(base * own + (own == 1 ? 0 : i));
      }
    }
    numbers = std::move(next);
  }
  return numbers;
}

Batches match_batches(const Tensor& a, const Tensor& b) {
  const Shape lead_a(a.shape().begin(), a.shape().end() - 2);
  const Shape lead_b(b.shape().begin(), b.shape().end() - 2);
  Shape shape;
  try {
    shape = broadcast_shape("matmul", lead_a, lead_b);
  } catch (const std::invalid_argument&) {
    refuse("matmul: leading axes must broadcast", a, b, "");
  }
  return {shape, matrix_numbers(lead_a, shape), matrix_numbers(lead_b, shape),
          matrix_numbers(shape, shape)};
}

// One side of a product in memory: matrices of `size` numbers, of which the i-th product takes the
// one with number at[i].
struct Operand {
  Transpose transpose;
  const Real* matrices;
  std::size_t size;
  const std::vector<std::size_t>& at;
};

// C[at[i]] = op(A) op(B) + beta · C[at[i]] for all products, C having `count` matrices m × n.
// Several may add to one matrix of a broadcast gradient: only the first may overwrite it, and they
// must follow each other.
void run_products(std::size_t m, std::size_t n, std::size_t k, const Operand& a, const Operand& b,
                  Real beta, Array& c, const std::vector<std::size_t>& at) {
  if (c.size() == 0) return;
  if (at.empty() && beta == 0) c.fill(0);
  const bool is_broadcast = c.size() / (m * n) < at.size();
  std::vector<Real> betas(c.size() / (m * n), beta);
  Products products;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const Real* const of_a = a.matrices + a.at[i] * a.size;
    const Real* const of_b = b.matrices + b.at[i] * b.size;
    Real* const to = c.data() + at[i] * m * n;
    const Real first = std::exchange(betas[at[i]], Real(1));
    if (is_broadcast) {
      gemm(a.transpose, b.transpose, m, n, k, of_a, of_b, first, to);
    } else {
      products.add(a.transpose, b.transpose, m, n, k, of_a, of_b, first, to);
    }
  }
  products.run();
}

}  // namespace

// C = A B                dA = dC Bᵀ, dB = Aᵀ dC
Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.ndim() < 2 || b.ndim() < 2) refuse("matmul: both need at least 2 axes", a, b, "");
  const std::size_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  if (b.size(-2) != k) {
    const bool transposed = b.size(-1) == k;
    refuse("matmul: inner sizes must agree", a, b, transposed ? "; transpose the second?" : "");
  }
  const Batches batches = match_batches(a, b);
  Shape shape = batches.shape;
  shape.push_back(m);
  shape.push_back(n);
  Array c = empty(shape, "matmul");
  run_products(m, n, k, {Transpose::no, a.value().data(), m * k, batches.a},
               {Transpose::no, b.value().data(), k * n, batches.b}, 0, c, batches.c);
  auto backward = [m, n, k, batches](Node& out, Node& a, Node& b) {
    const Real* const dc = out.grad().data();
    a.accumulate_with([&](Array& da, Real beta) {
      run_products(m, k, n, {Transpose::no, dc, m * n, batches.c},
                   {Transpose::yes, b.value.data(), k * n, batches.b}, beta, da, batches.a);
    });
    b.accumulate_with([&](Array& db, Real beta) {
      run_products(k, n, m, {Transpose::yes, a.value.data(), m * k, batches.a},
                   {Transpose::no, dc, m * n, batches.c}, beta, db, batches.b);
    });
  };
  return record("matmul", std::move(c), std::move(backward), a, b);
}

namespace {

// Rows of x, and the checks that both forms of linear share.
std::size_t rows_of(const std::string& operation, const Tensor& x, const Tensor& weight) {
  if (weight.ndim() != 2) refuse(operation + ": the weight has two axes (in, out)", x, weight, "");
  if (x.ndim() < 1) refuse(operation + ": the input has at least one axis", x, weight, "");
  if (x.size(-1) != weight.size(0)) {
    refuse(operation + ": the input's last axis must be the weight's first", x, weight, "");
  }
  std::size_t rows = 1;
  for (std::size_t i = 0; i + 1 < x.ndim(); ++i) rows *= x.shape()[i];
  return rows;
}

Array empty_output(const Tensor& x, const Tensor& weight) {
  Shape shape = x.shape();
  shape.back() = weight.size(1);
  return empty(shape, "linear");
}

// dx = dy Wᵀ, dW = xᵀ dy
void linear_backward(const Array& gradient, Node& x, Node& weight) {
  const std::size_t in = weight.value.shape()[0], width = weight.value.shape()[1];
  const std::size_t rows = width == 0 ? 0 : gradient.size() / width;
  const Real* const dy = gradient.data();
  Products products;
  x.accumulate_with([&](Array& dx, Real beta) {
    if (width == 0 && beta == 0) dx.fill(0);
    products.add(Transpose::no, Transpose::yes, rows, in, width, dy, weight.value.data(), beta,
                 dx.data());
  });
  weight.accumulate_with([&](Array& dw, Real beta) {
    products.add(Transpose::yes, Transpose::no, in, width, rows, x.value.data(), dy, beta,
                 dw.data());
  });
  products.run();
}

void check_bias(const std::string& operation, const Tensor& bias, const Tensor& weight) {
  if (bias.shape() == Shape{weight.size(1)}) return;
  refuse(operation + ": the bias must be as long as the weight's second axis", bias, weight, "");
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight) {
  const std::size_t rows = rows_of("linear", x, weight);
  Array y = empty_output(x, weight);
  gemm(Transpose::no, Transpose::no, rows, weight.size(1), weight.size(0), x.value().data(),
       weight.value().data(), 0, y.data());
  return record(
      "linear", std::move(y),
      [](Node& out, Node& x, Node& weight) { linear_backward(out.grad(), x, weight); }, x, weight);
}

// y = x W + b             db = Σ_rows dy
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::size_t rows = rows_of("linear", x, weight);
  check_bias("linear", bias, weight);
  Array y = empty_output(x, weight);
  gemm(Transpose::no, Transpose::no, rows, weight.size(1), weight.size(0), x.value().data(),
       weight.value().data(), 0, y.data(), {bias.value().data()});
  const auto backward = [](Node& out, Node& x, Node& weight, Node& bias) {
    linear_backward(out.grad(), x, weight);
    accumulate_summed(bias, out.grad());
  };
  return record("linear", std::move(y), backward, x, weight, bias);
}

// y = max(a, s a), a = x W + b             da = dy or s dy, as y > 0 or not; the rest as in linear
Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias, Real slope) {
  check_number(slope >= 0 && slope <= 1, "linear_relu", "slope", slope, "in [0, 1]");
  const std::size_t rows = rows_of("linear_relu", x, weight);
  check_bias("linear_relu", bias, weight);
  Array y = empty_output(x, weight);
  gemm(Transpose::no, Transpose::no, rows, weight.size(1), weight.size(0), x.value().data(),
       weight.value().data(), 0, y.data(), {bias.value().data(), slope});
  const auto backward = [slope](Node& out, Node& x, Node& weight, Node& bias) {
    const Array da = compute(xt::where(out.value > 0, out.grad(), slope * out.grad()));
    linear_backward(da, x, weight);
    accumulate_summed(bias, da);
  };
  return record("linear_relu", std::move(y), backward, x, weight, bias);
}

}  // namespace nabla
