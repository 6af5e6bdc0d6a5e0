// What the benchmarks of training steps share.
#pragma once

#include <chrono>
#include <cstring>
#include <iostream>

#include "autograd/threads.hpp"

namespace nabla::bench {

/// Milliseconds a call of step(), the mean of `steps` calls on `threads` threads.
template <class Step>
double milliseconds(const Step& step, int steps, int threads) {
  set_threads(threads);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) step();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  return time.count() / steps;
}

/// By itself a program prints a table; with --serve it answers each line "steps threads" with the
/// milliseconds of one step, for bench/peers/turns.py, which times it in turn with another.
template <class Step>
int run(int argc, char** argv, const Step& step) {
  if (argc > 1 && std::strcmp(argv[1], "--serve") == 0) {
    int steps = 0, threads = 0;
    while (std::cin >> steps >> threads) {
      std::cout << milliseconds(step, steps, threads) << std::endl;
    }
    return 0;
  }
  for (const int threads : {1, 2}) {
    milliseconds(step, 50, threads);
    std::cout << threads << " threads: " << milliseconds(step, 300, threads) << " ms a step\n";
  }
  return 0;
}

}  // namespace nabla::bench
