// OpenBLAS inside parallel regions of ours, in each flavour that is installed: OpenMP's, with a
// pool of its own (pthread), and without threads (serial). It is the Meson test's time limit, and
// that of each child here, that turns a product waiting for ever into a failure.
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <omp.h>
#include <string>
#include <vector>

#include "autograd/blas.hpp"

namespace nabla {
namespace {

namespace fs = std::filesystem;

// A product of matrices of whole numbers, which is exact, and large enough for OpenBLAS to want
// threads. In float our own kernel takes it where there is AVX-512.
constexpr std::size_t n = 192;

Array factor(std::size_t seed) {
  Array a = empty({n, n});
  for (std::size_t i = 0; i < a.size(); ++i)
    a.data()[i] = static_cast<Real>((i * i + seed) % 7) - 3;
  return a;
}

Array expected(const Array& a, const Array& b) {
  Array c = zeros({n, n});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t l = 0; l < n; ++l) {
      for (std::size_t j = 0; j < n; ++j) c(i, j) += a(i, l) * b(l, j);
    }
  }
  return c;
}

std::vector<fs::path> installed_flavours() {
  std::vector<fs::path> libraries;
  for (const fs::path folder : {"/usr/lib", "/usr/lib64"}) {
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!entry.is_directory()) continue;
      for (const char* const flavour : {"openblas-openmp", "openblas-pthread", "openblas-serial"}) {
        const fs::path library = entry.path() / flavour / "libopenblas.so.0";
        if (fs::exists(library)) libraries.push_back(library);
      }
    }
  }
  return libraries;
}

TEST_CASE("products inside a parallel region") {
  const Array a = factor(1), b = factor(2), c = expected(a, b);
  const auto all_right = [&] {
    std::vector<Array> results(8, empty({n, n}));
#pragma omp parallel for schedule(static, 1) num_threads(4)
    for (std::size_t i = 0; i < results.size(); ++i) {
      gemm(Transpose::no, Transpose::no, n, n, n, a.data(), b.data(), 0, results[i].data());
    }
    bool right = true;
    for (const Array& result : results) right = right && result == c;
    return right;
  };
  CHECK(all_right());  // set_threads() was never called
  Array whole = empty({n, n});
  gemm(Transpose::no, Transpose::no, n, n, n, a.data(), b.data(), 0, whole.data());
  CHECK(whole == c);
  const int before = threads();
  for (const int count : {4, 2, 1}) {
    set_threads(count);
    CHECK(threads() == count);
    CHECK(all_right());
    gemm(Transpose::no, Transpose::no, n, n, n, a.data(), b.data(), 0, whole.data());
    CHECK(whole == c);
  }
  set_threads(before);
}

TEST_CASE("products inside a parallel region, by each OpenBLAS found") {
  const std::vector<fs::path> flavours = installed_flavours();
  if (flavours.empty()) MESSAGE("no flavour of OpenBLAS in a folder of its own");
  const std::string self = fs::read_symlink("/proc/self/exe");
  for (const fs::path& library : flavours) {
    CAPTURE(library);
    const std::string command = "LD_PRELOAD='" + library.string() + "' timeout 60 '" + self +
                                "' --test-case='products inside a parallel region' >/dev/null";
    CHECK(std::system(command.c_str()) == 0);
  }
}

}  // namespace
}  // namespace nabla
