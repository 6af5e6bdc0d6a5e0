#include "autograd/kernels/gemm.hpp"

#include <algorithm>
#include <cblas.h>
#include <limits>
#include <mutex>
#include <omp.h>
#include <stdexcept>
#include <string>

#include "autograd/threads.hpp"

namespace nabla {

// OpenBLAS works on the thread that calls it. Products come to it already cut, from inside parallel
// regions of ours: threads of its own would be a second pool there, and 0.3.34, told to use more
// than one, waits for ever for those that OpenMP does not start in a region. Some versions pass the
// number on to OpenMP, where it is put back.
void detail::keep_openblas_alone() {
  const int ours = omp_get_max_threads();
  openblas_set_num_threads(1);
  omp_set_num_threads(ours);
}

namespace {

using detail::Product;

// Said before main(), for programs that never call set_threads().
[[maybe_unused]] const bool openblas_is_alone = (detail::keep_openblas_alone(), true);

// Below this many multiplications waking the second thread costs more than it brings.
constexpr std::ptrdiff_t parallel_products = std::ptrdiff_t{1} << 18;
// Pieces are whole tiles of the kernels, OpenBLAS's and our own.
constexpr std::ptrdiff_t tile_rows = 8, tile_columns = 16;

std::ptrdiff_t checked_side(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("gemm: a matrix side of " + std::to_string(n) + " is too long");
  }
  return static_cast<std::ptrdiff_t>(n);
}

Real apply_slope(Real y, Real slope) {
  if (slope == 0) return y < 0 ? Real(0) : y;  // −∞ too
  return y < 0 ? slope * y : y;
}

void run_openblas(Product p) {
#ifdef NABLA_DOUBLE
  const auto routine = cblas_dgemm;
#else
  const auto routine = cblas_sgemm;
#endif
  if (p.bias != nullptr) {
    for (std::ptrdiff_t i = 0; i < p.m; ++i) {
      Real* const row = p.c + i * p.ldc;
      for (std::ptrdiff_t j = 0; j < p.n; ++j) {
        row[j] = p.beta == 0 ? p.bias[j] : p.beta * row[j] + p.bias[j];
      }
    }
    p.beta = 1;
  }
  {
    const detail::OpenblasCall call;
    const auto size = [](std::ptrdiff_t n) { return static_cast<int>(n); };
    routine(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans,
            p.transpose_b ? CblasTrans : CblasNoTrans, size(p.m), size(p.n), size(p.k), Real(1),
            p.a, size(p.lda), p.b, size(p.ldb), p.beta, p.c, size(p.ldc));
  }
  if (p.slope == 1) return;
  for (std::ptrdiff_t i = 0; i < p.m; ++i) {
    Real* const row = p.c + i * p.ldc;
    for (std::ptrdiff_t j = 0; j < p.n; ++j) row[j] = apply_slope(row[j], p.slope);
  }
}

// Few results of so many terms, like the gradient of a weight from one number to one other over a
// whole data set, are added up in double from pieces: else a single float would take all terms.
bool has_long_sums(const Product& p) {
  constexpr std::ptrdiff_t many = 2048, few = 256;
  return p.k > many && p.m * p.n <= few;
}

void run_in_pieces(const Product& p) {
  constexpr std::ptrdiff_t piece = 512;
  std::vector<double> sums(static_cast<std::size_t>(p.m * p.n));
  std::vector<Real> terms(sums.size());
  for (std::ptrdiff_t from = 0; from < p.k; from += piece) {
    Product part = p.slice(from, std::min(p.k, from + piece));
    part.beta = 0;
    part.bias = nullptr;
    part.slope = 1;
    part.c = terms.data();
    part.ldc = p.n;
    run_openblas(part);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(terms[i]);
  }
  const double* sum = sums.data();
  for (std::ptrdiff_t i = 0; i < p.m; ++i) {
    for (std::ptrdiff_t j = 0; j < p.n; ++j, ++sum) {
      Real& y = p.c[i * p.ldc + j];
      const double before = p.beta == 0 ? 0 : static_cast<double>(p.beta * y);
      const double bias = p.bias == nullptr ? 0 : static_cast<double>(p.bias[j]);
      y = apply_slope(static_cast<Real>(*sum + before + bias), p.slope);
    }
  }
}

// A part of a product, with the kernel that suits the whole of it: the two kernels round
// differently.
struct Part {
  Product product;
  bool own;

  void run() const {
    if (own) {
      detail::run_own_kernel(product);
    } else if (has_long_sums(product)) {
      run_in_pieces(product);
    } else {
      run_openblas(product);
    }
  }
};

// Appends C cut into `count` parts, whole tiles each, by the side that gives the more equal ones;
// where they are the same, by the longer one, as each part reads all of the other.
void cut(const Part& whole, std::ptrdiff_t count, std::vector<Part>& parts) {
  const Product& p = whole.product;
  const auto tiles_of = [](std::ptrdiff_t side, std::ptrdiff_t tile) {
    return (side + tile - 1) / tile;
  };
  const auto largest = [&](std::ptrdiff_t side, std::ptrdiff_t tile) {
    return std::min(side, (tiles_of(side, tile) + count - 1) / count * tile);
  };
  const std::ptrdiff_t if_rows = largest(p.m, tile_rows) * p.n;  // size of the largest part
  const std::ptrdiff_t if_columns = largest(p.n, tile_columns) * p.m;
  const bool by_rows = if_rows < if_columns || (if_rows == if_columns && p.m > p.n);
  const std::ptrdiff_t side = by_rows ? p.m : p.n, tile = by_rows ? tile_rows : tile_columns;
  const auto border = [&](std::ptrdiff_t i) {
    return std::min(side, tiles_of(side, tile) * i / count * tile);
  };
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const std::ptrdiff_t from = border(i), to = border(i + 1);
    if (from == to) continue;
    parts.push_back({by_rows ? p.rows(from, to) : p.columns(from, to), whole.own});
  }
}

// How many parts OpenBLAS is given one by one, also on one thread: it takes other kernels for other
// sizes, and with them the bits of an element change. So the parts are a matter of the shape alone.
// They are not small, because it copies the whole of one factor for each.
std::ptrdiff_t grid_of(const Product& p) {
  constexpr std::ptrdiff_t least_side = 64, most = 8;
  return std::clamp<std::ptrdiff_t>(std::max(p.m, p.n) / least_side, 1, most);
}

}  // namespace

detail::OpenblasCall::OpenblasCall() : threads_(threads()) {
  // Without threads of its own it may have been built without locks: one call at a time.
  static const bool has_locks = openblas_get_parallel() != 0;
  static std::mutex calls;
  if (!has_locks) turn_ = std::unique_lock<std::mutex>(calls);
  // Before 0.3.34 OpenMP's flavour asks OpenMP, outside of parallel regions, whatever it was told.
  omp_set_num_threads(1);
}

detail::OpenblasCall::~OpenblasCall() {
  omp_set_num_threads(threads_);
}

void detail::run_product(const Product& product) {
  Part{product, suits_own_kernel(product)}.run();
}

void Products::add(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n,
                   std::size_t k, const Real* a, const Real* b, Real beta, Real* c,
                   const Epilogue& then) {
  if (m == 0 || n == 0) return;
  const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
  if (k == 0) {  // an empty sum
    for (std::size_t i = 0; i < m * n; ++i) {
      const Real y =
          (beta == 0 ? Real(0) : beta * c[i]) + (then.bias == nullptr ? Real(0) : then.bias[i % n]);
      c[i] = apply_slope(y, then.slope);
    }
    return;
  }
  const std::ptrdiff_t rows = checked_side(m), columns = checked_side(n), depth = checked_side(k);
  products_.push_back({ta, tb, rows, columns, depth, a, ta ? rows : depth, b, tb ? depth : columns,
                       beta, c, columns, then.bias, then.slope});
}

// One part a thread: OpenBLAS would also use all threads, but it makes them wait for each other
// inside the product. On the VAE's layers that is 5 to 10 percent, and half of the time for the
// narrow ones.
void Products::run() const {
  const int pool = omp_in_parallel() ? 1 : threads();
  const auto is_small = [](const Product& p) { return p.m * p.n * p.k < parallel_products; };
  std::ptrdiff_t of_small = 0, before = 0;  // multiplications
  for (const Product& p : products_) of_small += is_small(p) ? p.m * p.n * p.k : 0;
  // Thread t takes the t-th part of every product: whoever has the longer one of the first is
  // waited for once, at the end. Small products stay whole; if they are many, like those of a
  // batch, thread t takes the t-th part of their row.
  std::vector<std::vector<Part>> shares(static_cast<std::size_t>(pool));
  std::vector<Part> parts;
  for (const Product& p : products_) {
    const Part whole{p, detail::suits_own_kernel(p)};
    if (is_small(p)) {
      const bool alone = of_small < parallel_products;
      shares[alone ? 0 : static_cast<std::size_t>(before * pool / of_small)].push_back(whole);
      before += p.m * p.n * p.k;
      continue;
    }
    parts.clear();
    cut(whole, whole.own ? pool : grid_of(p), parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      shares[i * shares.size() / parts.size()].push_back(parts[i]);
    }
  }
  const auto run_share = [&](std::size_t t) {
    for (const Part& part : shares[t]) part.run();
  };
  const bool alone = std::all_of(shares.begin() + 1, shares.end(),
                                 [](const std::vector<Part>& share) { return share.empty(); });
  if (alone) return run_share(0);
#pragma omp parallel for schedule(static) num_threads(pool)
  for (int t = 0; t < pool; ++t) run_share(static_cast<std::size_t>(t));
}

void gemm(Transpose transpose_a, Transpose transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const Real* a, const Real* b, Real beta, Real* c, const Epilogue& then) {
  Products products;
  products.add(transpose_a, transpose_b, m, n, k, a, b, beta, c, then);
  products.run();
}

int blas_threading() {
  return openblas_get_parallel();
}

}  // namespace nabla
