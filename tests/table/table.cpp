#include "tests/table/table.hpp"

namespace nabla::testing {

const std::vector<Entry>& table() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> list;
    for (const auto& family : {arithmetic_entries, activation_entries}) {
      for (Entry& entry : family()) list.push_back(std::move(entry));
    }
    return list;
  }();
  return all;
}

}  // namespace nabla::testing
