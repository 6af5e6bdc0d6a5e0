#include "datasets/formats.hpp"

#include "datasets/idx.hpp"
#include "datasets/npy.hpp"
#include "datasets/table.hpp"

namespace nabla::datasets {
namespace {

template <Declared (*read_header)(FileReader&)>
FileRows read_binary(const std::string& path, const RowPlan& plan) {
  FileReader file(path);
  const Declared declared = read_header(file);
  return {read_rows(file, declared, plan), declared.type, declared.shape, {}};
}

FileRows read_text(const std::string& path, const RowPlan& plan) {
  Table table = read_table(path);
  FileRows result{{},
                  table.rows.are_bytes() ? ElementType::u8 : ElementType::f32,
                  table.rows.shape(),
                  std::move(table.column_names)};
  for (const std::vector<std::size_t>& rows : plan(table.rows.size())) {
    const bool all = rows.size() == table.rows.size();  // they are rising: in their order
    result.parts.push_back(all ? table.rows : table.rows.subset(rows));
  }
  return result;
}

// The first whose magic a file begins with reads it. A new format is a line here.
const struct {
  std::string magic;
  FileRows (*read)(const std::string& path, const RowPlan& plan);
} formats[] = {
    {std::string(2, '\0'), read_binary<read_idx_header>},
    {"\x93", read_binary<read_npy_header>},  // and NUMPY, of which the reader speaks if it is not
    {"", read_text},
};

}  // namespace

FileRows read_file_rows(const std::string& path, const RowPlan& plan) {
  std::string start(8, ' ');
  start.resize(FileReader(path).read(start.data(), start.size()));
  std::size_t f = 0;
  while (start.compare(0, formats[f].magic.size(), formats[f].magic) != 0) ++f;
  return formats[f].read(path, plan);
}

}  // namespace nabla::datasets
