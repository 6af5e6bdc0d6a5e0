// Which rows of a file train, validate and test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nabla::datasets {

/// 0 … n − 1 in parts of the given sizes, which add up to n: by seed which row goes where, in
/// rising order within each.
std::vector<std::vector<std::size_t>> split_rows(std::size_t n,
                                                 const std::vector<std::size_t>& sizes,
                                                 std::uint64_t seed);

/// Throws std::invalid_argument "NAME: WANT, but there are only HAVE rows".
[[noreturn]] void too_few(const std::string& name, std::size_t have, const std::string& want);

/// Leaves the first `size` of rows, or all of them for 0. `split` is "train", "validate" or "test",
/// for the message of too_few().
void shorten(std::vector<std::size_t>& rows, std::size_t size, const std::string& name,
             const char* split);

/// 0 … n − 1, shortened.
std::vector<std::size_t> in_order(std::size_t n, std::size_t size, const std::string& name,
                                  const char* split);

}  // namespace nabla::datasets
