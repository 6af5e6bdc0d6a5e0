#include "autograd/kernels/strided.hpp"

#include <algorithm>

#include "autograd/threads.hpp"

namespace nabla::detail {
namespace {

struct Assign {
  static void put(Real& target, Real x) { target = x; }
};
struct Add {
  static void put(Real& target, Real x) { target += x; }
};

// The innermost loop, in the forms that vectorise.
template <class Put>
void copy_line(const Real* __restrict source, Real* __restrict target, Loop line) {
  const std::size_t n = line.size;
  if (line.target_stride == 1 && line.source_stride == 1) {
    for (std::size_t i = 0; i < n; ++i) Put::put(target[i], source[i]);
  } else if (line.target_stride == 1 && line.source_stride == 0) {
    const Real x = *source;
    for (std::size_t i = 0; i < n; ++i) Put::put(target[i], x);
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      Put::put(*target, *source);
      source += line.source_stride;
      target += line.target_stride;
    }
  }
}

// A strip of up to `block` source rows, transposed block by block. Each block goes through a small
// buffer, so that both sides see whole cache lines: columns written directly to a target whose rows
// are a power of two apart would evict each other.
constexpr std::size_t block = 16;

// Source rows are contiguous and `from_stride` apart; target rows (source columns) `to_stride`.
template <class Put>
void transpose_strip(const Real* __restrict source, std::ptrdiff_t from_stride,
                     Real* __restrict target, std::ptrdiff_t to_stride, std::size_t rows,
                     std::size_t columns) {
  Real buffer[block][block];
  for (std::size_t first = 0; first < columns; first += block) {
    const std::size_t width = std::min(block, columns - first);
    const Real* from = source + first;
    Real* to = target + static_cast<std::ptrdiff_t>(first) * to_stride;
    if (rows == block && width == block) {
      for (std::size_t r = 0; r < block; ++r, from += from_stride) {
        for (std::size_t c = 0; c < block; ++c) buffer[c][r] = from[c];
      }
      for (std::size_t c = 0; c < block; ++c, to += to_stride) {
        for (std::size_t r = 0; r < block; ++r) Put::put(to[r], buffer[c][r]);
      }
    } else {
      for (std::size_t c = 0; c < width; ++c, to += to_stride) {
        for (std::size_t r = 0; r < rows; ++r) {
          Put::put(
              to[r],
              from[static_cast<std::ptrdiff_t>(r) * from_stride + static_cast<std::ptrdiff_t>(c)]);
        }
      }
    }
  }
}

std::vector<Loop> joined(const std::vector<Loop>& loops) {
  std::vector<Loop> result;
  for (const Loop& loop : loops) {
    if (loop.size == 1) continue;
    const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(loop.size);
    if (!result.empty() && result.back().source_stride == n * loop.source_stride &&
        result.back().target_stride == n * loop.target_stride) {
      result.back() = {result.back().size * loop.size, loop.source_stride, loop.target_stride};
    } else {
      result.push_back(loop);
    }
  }
  return result;
}

struct Offsets {
  std::ptrdiff_t source, target;
};

// Where the job with this number starts.
Offsets offsets_of(std::size_t job, const std::vector<Loop>& loops) {
  Offsets at{0, 0};
  for (std::size_t i = loops.size(); i > 0; --i) {
    const Loop& loop = loops[i - 1];
    const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(job % loop.size);
    at.source += step * loop.source_stride;
    at.target += step * loop.target_stride;
    job /= loop.size;
  }
  return at;
}

// Cuts a loop into pieces that one job each handles; gives the loop over the pieces.
Loop pieces_of(const Loop& loop, std::size_t piece) {
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(piece);
  return {(loop.size + piece - 1) / piece, n * loop.source_stride, n * loop.target_stride};
}

template <class Put>
void run(const Real* source, Real* target, std::vector<Loop> loops) {
  std::size_t total = 1;
  for (const Loop& loop : loops) total *= loop.size;
  if (total == 0) return;
  loops = joined(loops);
  const Loop line = loops.empty() ? Loop{1, 1, 1} : loops.back();
  if (!loops.empty()) loops.pop_back();

  // If the target is contiguous along the line, is the source along another loop?
  if (line.target_stride == 1 && line.source_stride > 1) {
    const auto across = std::find_if(loops.begin(), loops.end(), [](const Loop& loop) {
      return loop.source_stride == 1 && loop.size >= 4;
    });
    if (across != loops.end()) {
      const Loop wide = *across;
      loops.erase(across);
      loops.push_back(pieces_of(line, block));
      const std::size_t strips = loops.back().size;
      for_each_job(total / (wide.size * line.size) * strips, total, [&](std::size_t job) {
        const Offsets at = offsets_of(job, loops);
        const std::size_t rows = std::min(block, line.size - job % strips * block);
        transpose_strip<Put>(source + at.source, line.source_stride, target + at.target,
                             wide.target_stride, rows, wide.size);
      });
      return;
    }
  }

  // Otherwise line by line; a job is a piece of the loop around the lines.
  const Loop rows = loops.empty() ? Loop{1, 0, 0} : loops.back();
  if (!loops.empty()) loops.pop_back();
  const std::size_t piece = std::max<std::size_t>(1, 4096 / line.size);
  loops.push_back(pieces_of(rows, piece));
  const std::size_t pieces = loops.back().size;
  for_each_job(total / (rows.size * line.size) * pieces, total, [&](std::size_t job) {
    const Offsets at = offsets_of(job, loops);
    const Real* from = source + at.source;
    Real* to = target + at.target;
    const std::size_t first = job % pieces * piece;
    for (std::size_t r = first; r < std::min(rows.size, first + piece); ++r) {
      copy_line<Put>(from, to, line);
      from += rows.source_stride;
      to += rows.target_stride;
    }
  });
}

}  // namespace

void copy_strided(const Real* source, Real* target, std::vector<Loop> loops, Update update) {
  if (update == Update::assign) {
    run<Assign>(source, target, std::move(loops));
  } else {
    run<Add>(source, target, std::move(loops));
  }
}

std::vector<std::ptrdiff_t> row_major_strides(const Shape& shape) {
  std::vector<std::ptrdiff_t> strides(shape.size());
  std::ptrdiff_t stride = 1;
  for (std::size_t i = shape.size(); i > 0; --i) {
    strides[i - 1] = stride;
    stride *= static_cast<std::ptrdiff_t>(shape[i - 1]);
  }
  return strides;
}

}  // namespace nabla::detail
