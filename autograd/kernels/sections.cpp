#include "autograd/kernels/sections.hpp"

namespace nabla::detail {
namespace {

std::ptrdiff_t as_signed(std::size_t n) {
  return static_cast<std::ptrdiff_t>(n);
}

std::ptrdiff_t offset(const Section& s) {
  return as_signed(s.start * s.span.inner);
}
std::ptrdiff_t outer_stride(const Section& s) {
  return as_signed(s.span.reduced * s.span.inner);
}
std::ptrdiff_t stride(const Section& s) {
  return as_signed(s.step * s.span.inner);
}

// Of nothing there is no address to move.
bool is_empty(const Section& s) {
  return s.span.outer == 0 || s.count == 0 || s.span.inner == 0;
}

}  // namespace

void unpack(const Real* whole, Real* packed, const Section& s, Update update) {
  if (is_empty(s)) return;
  const std::ptrdiff_t inner = as_signed(s.span.inner);
  copy_strided(whole + offset(s), packed,
               {{s.span.outer, outer_stride(s), as_signed(s.count) * inner},
                {s.count, stride(s), inner},
                {s.span.inner, 1, 1}},
               update);
}

void pack(const Real* packed, Real* whole, const Section& s, Update update) {
  if (is_empty(s)) return;
  const std::ptrdiff_t inner = as_signed(s.span.inner);
  copy_strided(packed, whole + offset(s),
               {{s.span.outer, as_signed(s.count) * inner, outer_stride(s)},
                {s.count, inner, stride(s)},
                {s.span.inner, 1, 1}},
               update);
}

}  // namespace nabla::detail
