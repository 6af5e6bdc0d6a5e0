// What an operation costs: nanoseconds where the arrays are tiny and all is overhead, GB/s or
// GFLOP/s where they are large. Options are Google Benchmark's:
//
//   ./nabla bench ops --benchmark_filter=sigmoid
#include "autograd/ops.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cblas.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/kernels/gemm.hpp"
#include "autograd/random.hpp"

using namespace nabla;

namespace {

using Inputs = std::vector<Tensor>;
using Operation = std::function<Tensor(const Inputs&)>;

struct Case {
  const char* name;
  Operation operation;
  std::size_t inputs;
};

const std::vector<Case> elementwise = {
    {"add", [](const Inputs& x) { return x[0] + x[1]; }, 2},
    {"mul", [](const Inputs& x) { return x[0] * x[1]; }, 2},
    {"scale", [](const Inputs& x) { return x[0] * Real(2); }, 1},
    {"exp", [](const Inputs& x) { return exp(x[0]); }, 1},
    {"sigmoid", [](const Inputs& x) { return sigmoid(x[0]); }, 1},
    {"relu", [](const Inputs& x) { return relu(x[0]); }, 1},
    {"softmax", [](const Inputs& x) { return softmax(x[0]); }, 1},
    {"sum", [](const Inputs& x) { return sum(x[0]); }, 1},
};
const Case product = {"matmul", [](const Inputs& x) { return matmul(x[0], x[1]); }, 2};

Inputs random_inputs(const std::vector<Shape>& shapes) {
  Rng rng(1);
  Inputs inputs;
  for (const Shape& shape : shapes) inputs.push_back(parameter(rng.normal(shape)));
  return inputs;
}

void forward(benchmark::State& state, const Operation& operation, const Inputs& inputs) {
  const NoGrad no_grad;
  for (auto _ : state) benchmark::DoNotOptimize(operation(inputs));
}

// The operation recorded, walked back, and its graph freed.
void forward_and_backward(benchmark::State& state, const Operation& operation, Inputs inputs) {
  const Array seed = ones(operation(inputs).shape());
  for (auto _ : state) {
    operation(inputs).backward(seed);
    for (Tensor& input : inputs) input.clear_grad();
  }
}

// Work done in each iteration, as a rate: "GB/s=25.1G/s" reads badly, "bytes=25.1G/s" well.
void report(benchmark::State& state, const char* unit, double amount) {
  using benchmark::Counter;
  state.counters[unit] = Counter(amount, Counter::kIsIterationInvariantRate);
}

void add_both(const std::string& name, const Operation& operation,
              const std::vector<Shape>& shapes) {
  benchmark::RegisterBenchmark((name + "/forward").c_str(), [=](benchmark::State& state) {
    forward(state, operation, random_inputs(shapes));
  });
  benchmark::RegisterBenchmark((name + "/forward+backward").c_str(), [=](benchmark::State& state) {
    forward_and_backward(state, operation, random_inputs(shapes));
  });
}

void add_tiny() {
  for (const std::size_t size : {1, 16}) {
    for (const Case& c : elementwise) {
      add_both("tiny/" + std::string(c.name) + "/" + std::to_string(size), c.operation,
               std::vector<Shape>(c.inputs, Shape{size}));
    }
  }
  for (const std::size_t side : {2, 4}) {
    add_both("tiny/matmul/" + std::to_string(side) + "x" + std::to_string(side), product.operation,
             {{side, side}, {side, side}});
  }
  // The engine alone: what one more node in a graph costs from its making to its end.
  benchmark::RegisterBenchmark("tiny/chain of 1000 sums", [](benchmark::State& state) {
    Tensor x = parameter(ones({1}));
    for (auto _ : state) {
      Tensor y = x;
      for (int i = 0; i < 1000; ++i) y = y + x;
      y.backward();
      x.clear_grad();
    }
    report(state, "nodes", 1000);
  });
}

// One thread, and all of them.
std::vector<int> thread_counts() {
  const int all = threads();
  return all > 1 ? std::vector<int>{1, all} : std::vector<int>{1};
}

void add_large() {
  for (const int count : thread_counts()) {
    const std::string threads_text = "/threads:" + std::to_string(count);
    for (const Shape& shape : {Shape{128, 784}, Shape{1024, 4096}}) {
      for (const Case& c : elementwise) {
        const std::string name = "large/" + std::string(c.name) + "/" + std::to_string(shape[0]) +
                                 "x" + std::to_string(shape[1]) + threads_text;
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          set_threads(count);
          const Inputs inputs = random_inputs(std::vector<Shape>(c.inputs, shape));
          forward(state, c.operation, inputs);
          const std::size_t moved =
              c.inputs * size_of(shape) + size_of(c.operation(inputs).shape());
          report(state, "bytes", static_cast<double>(moved * sizeof(Real)));
        })->UseRealTime();
      }
    }
    benchmark::RegisterBenchmark(
        ("large/add a row/1024x784" + threads_text).c_str(),
        [=](benchmark::State& state) {
          set_threads(count);
          forward(state, elementwise[0].operation, random_inputs({{1024, 784}, {784}}));
          report(state, "bytes", 2.0 * 1024 * 784 * sizeof(Real));
        })
        ->UseRealTime();
    struct Sizes {
      std::size_t m, k, n;
    };
    for (const Sizes s : {Sizes{128, 784, 400}, Sizes{512, 512, 512}, Sizes{1024, 1024, 1024}}) {
      const std::vector<Shape> shapes = {{s.m, s.k}, {s.k, s.n}};
      const double flops = 2.0 * static_cast<double>(s.m * s.k * s.n);
      const std::string name = "large/matmul/" + std::to_string(s.m) + "x" + std::to_string(s.k) +
                               "x" + std::to_string(s.n);
      benchmark::RegisterBenchmark((name + "/forward" + threads_text).c_str(),
                                   [=](benchmark::State& state) {
                                     set_threads(count);
                                     forward(state, product.operation, random_inputs(shapes));
                                     report(state, "FLOP", flops);
                                   })
          ->UseRealTime();
      benchmark::RegisterBenchmark((name + "/forward+backward" + threads_text).c_str(),
                                   [=](benchmark::State& state) {
                                     set_threads(count);
                                     forward_and_backward(state, product.operation,
                                                          random_inputs(shapes));
                                     report(state, "FLOP", 3 * flops);
                                   })
          ->UseRealTime();
    }
  }
}

// nabla's product and OpenBLAS's on one thread: the three products of a training step's layer,
// forward, back to its input and back to its weight.
void add_gemm() {
  struct Sizes {
    const char* name;
    Transpose a, b;
    int m, n, k;
  };
  const Transpose no = Transpose::no, yes = Transpose::yes;
  for (const Sizes& s :
       {Sizes{"forward", no, no, 128, 784, 512}, Sizes{"forward", no, no, 128, 512, 256},
        Sizes{"input", no, yes, 128, 512, 784}, Sizes{"weight", yes, no, 512, 784, 128}}) {
    const std::string name = "gemm/" + std::string(s.name) + "/" + std::to_string(s.m) + "x" +
                             std::to_string(s.k) + "x" + std::to_string(s.n);
    for (const bool ours : {true, false}) {
      benchmark::RegisterBenchmark(
          (name + (ours ? "/nabla" : "/openblas")).c_str(), [=](benchmark::State& state) {
            set_threads(1);
            const auto size = [](int n) { return static_cast<std::size_t>(n); };
            Rng rng(1);
            const Array a = rng.normal({size(s.m), size(s.k)}),
                        b = rng.normal({size(s.k), size(s.n)});
            Array c = empty({size(s.m), size(s.n)});
            for (auto _ : state) {
              if (ours) {
                gemm(s.a, s.b, size(s.m), size(s.n), size(s.k), a.data(), b.data(), 0, c.data());
              } else {
                cblas_sgemm(CblasRowMajor, s.a == yes ? CblasTrans : CblasNoTrans,
                            s.b == yes ? CblasTrans : CblasNoTrans, s.m, s.n, s.k, 1, a.data(),
                            s.a == yes ? s.m : s.k, b.data(), s.b == yes ? s.k : s.n, 0, c.data(),
                            s.n);
              }
              benchmark::ClobberMemory();
            }
            report(state, "FLOP", 2.0 * s.m * s.n * s.k);
          });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_tiny();
  add_large();
  add_gemm();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
