// Recycled memory: the same block comes back, aligned, and can be returned to the system.
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <new>
#include <thread>
#include <vector>

#include "autograd/array.hpp"
#include "autograd/kernels/memory.hpp"

using namespace nabla;

namespace {

// Under AddressSanitizer nothing is recycled, so that it sees a use after free.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool recycles = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool recycles = false;
#else
constexpr bool recycles = true;
#endif
#else
constexpr bool recycles = true;
#endif

}  // namespace

TEST_CASE("a released block of the same size class comes back") {
  if (!recycles) return;
  for (const std::size_t bytes : {std::size_t{1024}, std::size_t{5000}, std::size_t{1} << 22}) {
    void* const block = allocate_block(bytes);
    release_block(block, bytes);
    void* const again = allocate_block(bytes);
    CHECK(again == block);
    release_block(again, bytes);
    void* const smaller = allocate_block(bytes - bytes / 100);
    release_block(smaller, bytes - bytes / 100);
  }
}

TEST_CASE("blocks in use are distinct, aligned and writable to their last byte") {
  std::vector<void*> blocks;
  std::vector<std::size_t> sizes;
  for (std::size_t bytes = 1; bytes < 100000; bytes = bytes * 5 / 4 + 1) {
    for (int twice = 0; twice < 2; ++twice) {
      void* const block = allocate_block(bytes);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
      std::memset(block, static_cast<int>(blocks.size() % 251), bytes);
      blocks.push_back(block);
      sizes.push_back(bytes);
    }
  }
  bool intact = true;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const unsigned char* const p = static_cast<const unsigned char*>(blocks[i]);
    for (std::size_t k = 0; k < sizes[i]; ++k) intact = intact && p[k] == i % 251;
    release_block(blocks[i], sizes[i]);
  }
  CHECK(intact);
}

TEST_CASE("every size fits its class: 64 sizes around each boundary") {
  for (std::size_t power = 1024; power <= 65536; power *= 2) {
    for (std::size_t quarter = 4; quarter <= 8; ++quarter) {
      for (std::size_t delta = 0; delta < 3; ++delta) {
        const std::size_t bytes = power / 4 * quarter + delta - 1;
        void* const small = allocate_block(bytes);
        std::memset(small, 1, bytes);
        release_block(small, bytes);
        // What comes next from this class must hold the class's largest size: the sanitizers see
        // an overrun, as does the neighbour.
        void* const large = allocate_block(bytes + 1);
        std::memset(large, 2, bytes + 1);
        release_block(large, bytes + 1);
      }
    }
  }
}

TEST_CASE("idle memory goes back to the system, once") {
  release_idle_memory();
  CHECK(release_idle_memory() == 0);
  void* const block = allocate_block(100000);
  CHECK(release_idle_memory() == 0);  // in use
  release_block(block, 100000);
  const std::size_t released = release_idle_memory();
  if (recycles) {
    CHECK(released >= 100000);
    CHECK(released <= 125000);  // a size class wastes at most a quarter
  }
  CHECK(release_idle_memory() == 0);
  release_block(nullptr, 100000);
}

TEST_CASE("impossible sizes throw") {
  if (!recycles) return;  // AddressSanitizer ends the program instead
  CHECK_THROWS_AS(allocate_block(std::numeric_limits<std::size_t>::max() / 4), std::bad_alloc);
  RecyclingAllocator<double> allocator;
  CHECK_THROWS_AS(allocator.allocate(std::numeric_limits<std::size_t>::max() / 4), std::bad_alloc);
}

TEST_CASE("arrays are recycled and aligned") {
  const Real* first = nullptr;
  {
    const Array a = empty({100, 100});
    first = a.data();
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
  }
  if (!recycles) return;
  const Array b = empty({100, 99});  // the same class
  CHECK(b.data() == first);
}

TEST_CASE("threads share the pool") {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        Array a = full({std::size_t(300 + 50 * (i % 7))}, Real(t));
        for (const Real x : a) {
          if (x != Real(t)) throw std::logic_error("a block was given out twice");
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}
