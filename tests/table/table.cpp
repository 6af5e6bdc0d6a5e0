#include "tests/table/table.hpp"

namespace nabla::testing {

const std::vector<Entry>& table() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> list;
    for (const auto& family :
         {arithmetic_entries, activation_entries, reduction_entries, matrix_entries, shape_entries,
          image_entries, loss_entries, distribution_entries, layer_entries, schedule_entries,
          measure_entries}) {
      for (Entry& entry : family()) list.push_back(std::move(entry));
    }
    return list;
  }();
  return all;
}

}  // namespace nabla::testing
