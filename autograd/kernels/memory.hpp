// Recycled memory for arrays.
//
// Fresh large buffers cost page faults each time, because the C library hands them back to the
// kernel when they are freed; on an elementwise sum that alone is a factor of 13. A training step
// asks for the same sizes again and again, so freed blocks are kept in lists by size.
#pragma once

#include <cstddef>
#include <limits>
#include <new>

namespace nabla {

/// A block of at least `bytes` bytes, aligned to 64: vector code starts at the same element in
/// every array, so that a result does not depend on where its operands happen to lie. Throws
/// std::bad_alloc.
void* allocate_block(std::size_t bytes);

/// Gives a block back for the next request of its size class. `bytes` as in allocate_block.
void release_block(void* block, std::size_t bytes) noexcept;

/// Returns every idle block to the system; gives their total size in bytes.
std::size_t release_idle_memory() noexcept;

/// Allocator over the two functions above, for xtensor's containers.
template <class T>
class RecyclingAllocator {
 public:
  using value_type = T;

  RecyclingAllocator() noexcept = default;
  template <class U>
  RecyclingAllocator(const RecyclingAllocator<U>&) noexcept {}

  T* allocate(std::size_t n) {
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(allocate_block(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept { release_block(p, n * sizeof(T)); }

  template <class U>
  bool operator==(const RecyclingAllocator<U>&) const noexcept {
    return true;
  }
  template <class U>
  bool operator!=(const RecyclingAllocator<U>&) const noexcept {
    return false;
  }
};

}  // namespace nabla
