// Precompiled for what handles files and screens: autograd/pch.hpp, and JSON, whose header costs as
// much again.
#ifndef NABLA_MODELS_PCH_HPP  // not #pragma once, of which g++ would warn here
#define NABLA_MODELS_PCH_HPP

#include <nlohmann/json.hpp>

#include "autograd/pch.hpp"

#endif
