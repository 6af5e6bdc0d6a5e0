// Precompiled for each library: what nearly every file includes and nobody here changes. No file
// may rely on it: with ccache it is not used.
#ifndef NABLA_AUTOGRAD_PCH_HPP  // not #pragma once, of which g++ would warn here
#define NABLA_AUTOGRAD_PCH_HPP

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "autograd/xtensor.hpp"

#endif
