// Names of functions as headers declare them, read as text.
#pragma once

#include <string>
#include <vector>

namespace nabla::testing {

/// Of each function: its name and its parameters' types without const, & and std::, "pow(Tensor,
/// Real)"; of a class's public ones "Normal::log_prob(Array)". Left out: what only returns a
/// member, destructors, templates' own parameters and what is private, protected or deleted, or in
/// namespace detail.
std::vector<std::string> declared_names(const std::string& header_text);

}  // namespace nabla::testing
