// The one place that includes xtensor: version 0.26 moved its headers without leaving forwarders.
#pragma once

#include "autograd/config.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // false, inside g++ 12's AVX-512 intrinsics
#endif

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

// Arrays of another layout would link and run, and be wrong.
static_assert(XTENSOR_DEFAULT_ALIGNMENT == nabla::built::alignment &&
                  xt_simd::simd_traits<float>::size == nabla::built::lanes,
              "compiled for other vector registers than nabla was: compile with the flags of "
              "`pkg-config --cflags nabla` (nabla64 for double), on a processor of the kind it was "
              "built on (or build it with -Dnative=false), and include nabla before xtensor");
static_assert(XTENSOR_VERSION_MAJOR == nabla::built::xtensor_major &&
                  XTENSOR_VERSION_MINOR == nabla::built::xtensor_minor,
              "nabla was built with another version of xtensor: build it anew with this one");
