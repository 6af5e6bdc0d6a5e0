// Convolutions of the U-Net beside the machine's matrix products, in one run. A convolution counts
// with the multiplications of its definition, 2 · 9 · C · O a pixel: Winograd's does fewer, which
// is why it can come out above the product.
//
//   ./nabla bench conv
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cblas.h>
#include <string>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops.hpp"
#include "autograd/random.hpp"

using namespace nabla;

namespace {

constexpr std::size_t B = 64;

struct Sizes {
  std::size_t side, in, out, kernel, stride;
};

std::string text(const Sizes& s) {
  return std::to_string(s.side) + "x" + std::to_string(s.side) + "x" + std::to_string(s.in) + "->" +
         std::to_string(s.out) + (s.kernel == 1 ? "/1x1" : "") +
         (s.stride == 2 ? "/every_other" : "");
}

void report(benchmark::State& state, double operations) {
  using benchmark::Counter;
  state.counters["FLOP"] = Counter(operations, Counter::kIsIterationInvariantRate);
}

void convolution(benchmark::State& state, const Sizes& s, bool backward, int threads) {
  set_threads(threads);
  Rng rng(1);
  Tensor x = parameter(rng.normal({B, s.side, s.side, s.in}));
  Tensor w = parameter(rng.normal({s.kernel, s.kernel, s.in, s.out}));
  Tensor b = parameter(rng.normal({s.out}));
  const ConvOptions options{s.stride, s.kernel / 2};
  const Array seed = rng.normal(conv2d(x, w, b, options).shape());
  for (auto _ : state) {
    const Tensor y = conv2d(x, w, b, options);
    if (!backward) continue;
    y.backward(seed);
    for (Tensor* leaf : {&x, &w, &b}) leaf->clear_grad();
  }
  const double forward = 2.0 * static_cast<double>(seed.size() * s.kernel * s.kernel * s.in);
  report(state, backward ? 3 * forward : forward);
}

void matrix_product(benchmark::State& state, bool ours, int threads) {
  set_threads(threads);
  if (!ours) openblas_set_num_threads(threads);
  constexpr std::size_t n = 768;
  Rng rng(1);
  const Array a = rng.normal({n, n}), b = rng.normal({n, n});
  Array c = empty({n, n});
  for (auto _ : state) {
    if (ours) {
      gemm(Transpose::no, Transpose::no, n, n, n, a.data(), b.data(), 0, c.data());
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n,
                  0, c.data(), n);
    }
    benchmark::ClobberMemory();
  }
  report(state, 2.0 * n * n * n);
}

}  // namespace

int main(int argc, char** argv) {
  const int all = threads();
  for (int count = 1; count <= all; count += std::max(1, all - 1)) {
    const std::string end = "/threads:" + std::to_string(count);
    for (const bool ours : {true, false}) {
      const std::string name = ours ? "sgemm/nabla" : "sgemm/openblas";
      benchmark::RegisterBenchmark((name + end).c_str(), [=](benchmark::State& state) {
        matrix_product(state, ours, count);
      })->UseRealTime();
    }
    for (const Sizes& s :
         {Sizes{28, 32, 32, 3, 1}, Sizes{28, 64, 32, 3, 1}, Sizes{14, 64, 64, 3, 1},
          Sizes{14, 128, 64, 3, 1}, Sizes{7, 64, 64, 3, 1}, Sizes{28, 1, 32, 3, 1},
          Sizes{28, 32, 1, 3, 1}, Sizes{28, 32, 64, 3, 2}, Sizes{28, 64, 32, 1, 1}}) {
      for (const bool backward : {false, true}) {
        const std::string name = "conv/" + text(s) + (backward ? "/forward+backward" : "/forward");
        benchmark::RegisterBenchmark((name + end).c_str(), [=](benchmark::State& state) {
          convolution(state, s, backward, count);
        })->UseRealTime();
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
