#include "autograd/kernels/memory.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

// Under AddressSanitizer every block comes from and returns to the system, so that it can see a
// use after free.
#if defined(__SANITIZE_ADDRESS__)
#define NABLA_RECYCLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NABLA_RECYCLE 0
#endif
#endif
#ifndef NABLA_RECYCLE
#define NABLA_RECYCLE 1
#endif

namespace nabla {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t smallest = 64;           // every block is at least this large
constexpr std::size_t steps_per_doubling = 4;  // wastes at most a quarter of a block

// Four size classes per doubling: 64, 80, 96, 112, 128, 160, …
std::size_t size_class(std::size_t bytes) {
  if (bytes <= smallest) return 0;
  std::size_t power = smallest;
  std::size_t index = 0;
  while (power * 2 <= bytes) {
    power *= 2;
    index += steps_per_doubling;
  }
  const std::size_t step = power / steps_per_doubling;
  return index + (bytes - power + step - 1) / step;
}

std::size_t class_bytes(std::size_t index) {
  const std::size_t power = smallest << (index / steps_per_doubling);
  return power + (index % steps_per_doubling) * (power / steps_per_doubling);
}

struct Pool {
  std::mutex mutex;
  std::array<std::vector<void*>, 60 * steps_per_doubling> idle;  // one list per size class
};

// Never destroyed: arrays with static lifetime may outlive any destructor order.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

void* system_allocate(std::size_t bytes) {
  return ::operator new (bytes, std::align_val_t{alignment});
}

void system_release(void* block) noexcept {
  ::operator delete (block, std::align_val_t{alignment});
}

bool is_recycled(std::size_t bytes) {
  return NABLA_RECYCLE != 0 && bytes <= (SIZE_MAX >> 1);
}

}  // namespace

void* allocate_block(std::size_t bytes) {
  if (!is_recycled(bytes)) return system_allocate(bytes);
  const std::size_t index = size_class(bytes);
  {
    Pool& p = pool();
    const std::lock_guard<std::mutex> lock(p.mutex);
    std::vector<void*>& list = p.idle[index];
    if (!list.empty()) {
      void* const block = list.back();
      list.pop_back();
      return block;
    }
  }
  try {
    return system_allocate(class_bytes(index));
  } catch (const std::bad_alloc&) {
    if (release_idle_memory() == 0) throw;
    return system_allocate(class_bytes(index));
  }
}

void release_block(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  if (is_recycled(bytes)) {
    Pool& p = pool();
    const std::lock_guard<std::mutex> lock(p.mutex);
    try {
      p.idle[size_class(bytes)].push_back(block);
      return;
    } catch (const std::bad_alloc&) {  // no room even for the list: give the block back instead
    }
  }
  system_release(block);
}

std::size_t release_idle_memory() noexcept {
  std::size_t total = 0;
  Pool& p = pool();
  const std::lock_guard<std::mutex> lock(p.mutex);
  for (std::size_t i = 0; i < p.idle.size(); ++i) {
    for (void* const block : p.idle[i]) {
      system_release(block);
      total += class_bytes(i);
    }
    p.idle[i].clear();
  }
  return total;
}

}  // namespace nabla
