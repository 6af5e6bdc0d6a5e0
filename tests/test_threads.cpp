// One pool of threads for OpenBLAS and for our own loops. A second pool would not change a result:
// it would only make every training step slower, so it is looked for here.
#include <algorithm>
#include <cstddef>
#include <doctest/doctest.h>
#include <filesystem>
#include <iterator>

#include "autograd/array.hpp"
#include "autograd/kernels/gemm.hpp"

namespace nabla {
namespace {

std::ptrdiff_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

TEST_CASE("OpenBLAS is the flavour that uses OpenMP") {
  CHECK(blas_threading() == 2);
}

TEST_CASE("gemm and elementwise loops share one pool of threads") {
  // More than there are cores, perhaps: what counts is how many are started.
  set_threads(4);
  CHECK(threads() == 4);
  const std::ptrdiff_t at_start = threads_of_process();  // an emulator has one of its own
  const Array x = ones(Shape{1024, 1024});
  const Array y = compute(x + x);
  const std::ptrdiff_t after_loop = threads_of_process();
  CHECK(after_loop == at_start + 3);
  Array z = empty(Shape{1024, 1024});
  gemm(Transpose::no, Transpose::no, 1024, 1024, 1024, x.data(), y.data(), 0, z.data());
  CHECK(threads_of_process() == after_loop);
  CHECK(*std::min_element(z.begin(), z.end()) == Real(2048));
  CHECK(*std::max_element(z.begin(), z.end()) == Real(2048));
}

TEST_CASE("threads are counted from one") {
  CHECK_THROWS_WITH(set_threads(0), "threads: 0 is below 1");
}

}  // namespace
}  // namespace nabla
