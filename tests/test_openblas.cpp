// OpenBLAS inside parallel regions of ours, in each flavour that is installed: OpenMP's, with a
// pool of its own (pthread), and without threads (serial). Meson runs this program once with each
// (tests/meson.build); its time limit turns a product that waits for ever into a failure.
#include <cblas.h>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <iterator>
#include <omp.h>
#include <string>
#include <thread>
#include <vector>

#include "autograd/kernels/gemm.hpp"
#include "models/measure/metrics.hpp"

namespace nabla {
namespace {

Array whole_numbers(std::size_t rows, std::size_t columns, std::size_t seed) {
  Array a = empty({rows, columns});
  for (std::size_t i = 0; i < a.size(); ++i)
    a.data()[i] = static_cast<Real>((i * i + seed) % 7) - 3;
  return a;
}

// Large enough for OpenBLAS to want threads, and exact. In single precision our own kernel takes
// the wide one where there is AVX-512, but not the narrow one.
struct Case {
  std::size_t m, n, k;
  Array a, b, expected;

  explicit Case(std::size_t columns)
      : m(192),
        n(columns),
        k(192),
        a(whole_numbers(m, k, 1)),
        b(whole_numbers(k, n, 2)),
        expected(zeros({m, n})) {
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t l = 0; l < k; ++l) {
        for (std::size_t j = 0; j < n; ++j) expected(i, j) += a(i, l) * b(l, j);
      }
    }
  }
  bool right() const {
    Array c = empty({m, n});
    gemm(Transpose::no, Transpose::no, m, n, k, a.data(), b.data(), 0, c.data());
    return c == expected;
  }
};

int wrong_results() {
  static const Case wide(192), narrow(8);
  int wrong = 0;
#pragma omp parallel for schedule(static, 1) num_threads(4) reduction(+ : wrong)
  for (int i = 0; i < 32; ++i) wrong += wide.right() && narrow.right() ? 0 : 1;
  wrong += wide.right() && narrow.right() ? 0 : 1;
  return wrong;
}

std::ptrdiff_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

// First of all: no parallel region has started the threads of OpenMP yet.
TEST_CASE("OpenBLAS starts no threads outside of parallel regions either") {
  const int before = threads();
  set_threads(4);
  const std::ptrdiff_t at_start = threads_of_process();
  {
    // As it is called for a product of one part.
    const detail::OpenblasCall call;
    const std::vector<double> x(100 * 100, 1);
    std::vector<double> y(100 * 100);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 100, 100, 100, 1, x.data(), 100,
                x.data(), 100, 0, y.data(), 100);
    CHECK(y[9999] == 100);
  }
  const Array more = whole_numbers(300, 40, 3), other = whole_numbers(200, 40, 5);
  const double distance = models::frechet_distance(more, other);
  CHECK(threads_of_process() == at_start);
  CHECK(threads() == 4);
  set_threads(1);
  CHECK(models::frechet_distance(more, other) == distance);
  set_threads(before);
}

TEST_CASE("products inside a parallel region, before and after set_threads()") {
  const int before = threads();
  CHECK(wrong_results() == 0);  // as in a program that never calls it
  CHECK(openblas_get_num_threads() == 1);
  CHECK(threads() == before);
  for (const int count : {4, 2, 1}) {
    set_threads(count);
    CHECK(threads() == count);
    CHECK(wrong_results() == 0);
  }
  openblas_set_num_threads(4);  // a program's own doing
  set_threads(before);          // puts it back
  CHECK(threads() == before);
  CHECK(openblas_get_num_threads() == 1);
  CHECK(wrong_results() == 0);
}

TEST_CASE("products from several threads of a program's own") {
  int wrong[4] = {};
  std::vector<std::thread> own;
  for (int& count : wrong) own.emplace_back([&count] { count = wrong_results(); });
  for (std::thread& thread : own) thread.join();
  for (const int count : wrong) CHECK(count == 0);
}

TEST_CASE("the flavour that is to be tested is the one in this process") {
  const char* const flavour = std::getenv("NABLA_OPENBLAS_FLAVOUR");
  if (flavour == nullptr) return;  // the one that was linked, whichever it is
  const char* const names[] = {"serial", "pthread", "openmp"};
  CHECK(std::string(names[blas_threading()]) == flavour);
}

}  // namespace
}  // namespace nabla
