#pragma once

namespace nabla {

/// The one precision of the build: float, or double in the test-only library that checks gradients.
/// Both are reached only through Meson's declare_dependency, so flag and library cannot part.
#ifdef NABLA_DOUBLE
using Real = double;
#else
using Real = float;
#endif

}  // namespace nabla
