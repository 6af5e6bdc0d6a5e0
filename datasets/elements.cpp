#include "datasets/elements.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace nabla::datasets {
namespace {

template <class T>
T load(const char* bytes, bool swap) {
  char copy[sizeof(T)];
  std::memcpy(copy, bytes, sizeof(T));
  if (swap) std::reverse(copy, copy + sizeof(T));
  T value;
  std::memcpy(&value, copy, sizeof(T));
  return value;
}

template <class T>
void decode(const char* bytes, std::size_t n, bool swap, Real* out) {
  if (swap) {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<Real>(load<T>(bytes + i * sizeof(T), true));
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<Real>(load<T>(bytes + i * sizeof(T), false));
    }
  }
}

void decode_as(ElementType type, const char* bytes, std::size_t n, bool swap, Real* out) {
  switch (type) {
    case ElementType::boolean:
      for (std::size_t i = 0; i < n; ++i) out[i] = bytes[i] != 0 ? 1 : 0;
      return;
    case ElementType::u8:
      return decode<std::uint8_t>(bytes, n, false, out);
    case ElementType::i8:
      return decode<std::int8_t>(bytes, n, false, out);
    case ElementType::u16:
      return decode<std::uint16_t>(bytes, n, swap, out);
    case ElementType::i16:
      return decode<std::int16_t>(bytes, n, swap, out);
    case ElementType::u32:
      return decode<std::uint32_t>(bytes, n, swap, out);
    case ElementType::i32:
      return decode<std::int32_t>(bytes, n, swap, out);
    case ElementType::u64:
      return decode<std::uint64_t>(bytes, n, swap, out);
    case ElementType::i64:
      return decode<std::int64_t>(bytes, n, swap, out);
    case ElementType::f32:
      return decode<float>(bytes, n, swap, out);
    case ElementType::f64:
      return decode<double>(bytes, n, swap, out);
  }
}

bool machine_is_big_endian() {
  const std::uint16_t one = 1;
  char first;
  std::memcpy(&first, &one, 1);
  return first == 0;
}

}  // namespace

std::size_t bytes_of(ElementType type) {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
    case ElementType::i8:
      return 1;
    case ElementType::u16:
    case ElementType::i16:
      return 2;
    case ElementType::u32:
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    default:
      return 8;
  }
}

const char* name_of(ElementType type) {
  static const char* const names[] = {"bool",  "uint8",  "int8",  "uint16",  "int16",  "uint32",
                                      "int32", "uint64", "int64", "float32", "float64"};
  return names[static_cast<std::size_t>(type)];
}

namespace {

std::string declaration_of(const Declared& declared) {
  std::string text =
      "the header declares " + to_string(declared.shape) + " " + name_of(declared.type);
  if (extent_of(declared.shape) == too_large) return text;
  return text + ", " + std::to_string(size_of(declared.shape) * bytes_of(declared.type)) + " bytes";
}

// Refuses what the file cannot hold.
void check_size(const FileReader& file, const Declared& declared) {
  if (extent_of(declared.shape) == too_large) {
    file.fail(declaration_of(declared) + ", more than any file can hold");
  }
  const std::uint64_t bytes = size_of(declared.shape) * bytes_of(declared.type);
  const std::uint64_t most = file.most_bytes() - std::min(file.position(), file.most_bytes());
  if (bytes > most) {
    file.fail("truncated: " + declaration_of(declared) + ", but " +
              (file.gzipped() ? "gzip data of this length cannot unpack to more than "
                              : "after the header there are ") +
              std::to_string(most));
  }
}

// Calls use(first, n, bytes) for all elements in their order, some whole rows of `columns` at a
// time.
template <class Use>
void for_each_block(FileReader& file, const Declared& declared, std::size_t columns,
                    const Use& use) {
  const std::size_t width = bytes_of(declared.type), size = size_of(declared.shape);
  const std::uint64_t header = file.position();
  const std::size_t rows = std::max<std::size_t>(1, (std::size_t{1} << 18) / (width * columns));
  const std::size_t block = std::min(rows * columns, size);  // fits the cache
  std::vector<char> buffer(block * width);
  for (std::size_t i = 0; i < size; i += block) {
    const std::size_t n = std::min(block, size - i);
    if (file.read(buffer.data(), n * width) != n * width) {
      file.fail("truncated: " + declaration_of(declared) + ", but after the header there are " +
                std::to_string(file.position() - header));
    }
    use(i, n, buffer.data());
  }
  file.expect_end(declaration_of(declared));
}

// The same numbers in row-major order: their first axis runs fastest in `stored`.
template <class T>
void from_fortran_order(const T* stored, const Shape& shape, T* result) {
  std::vector<std::size_t> stride(shape.size(), 1), index(shape.size(), 0);
  for (std::size_t a = 1; a < shape.size(); ++a) stride[a] = stride[a - 1] * shape[a - 1];
  std::size_t from = 0;
  for (std::size_t to = 0; to < size_of(shape); ++to) {
    result[to] = stored[from];
    for (std::size_t a = shape.size(); a-- > 0;) {  // counts the index up, last axis first
      from += stride[a];
      if (++index[a] < shape[a]) break;
      from -= stride[a] * shape[a];
      index[a] = 0;
    }
  }
}

// Of numbers [first, first + n) of a file. Whole numbers are finite in any type.
void check_finite(const FileReader& file, const Real* x, std::size_t first, std::size_t n,
                  std::size_t columns) {
  const Real* const bad = std::find_if(x, x + n, [](Real v) { return !std::isfinite(v); });
  if (bad == x + n) return;
  const std::size_t at = first + static_cast<std::size_t>(bad - x);
  file.fail("row " + std::to_string(at / columns + 1) + ", column " +
            std::to_string(at % columns + 1) + " is " + std::to_string(*bad) +
            " (or too large for single precision)");
}

void decode_row(ElementType type, const char* bytes, std::size_t n, bool /*swap*/,
                std::uint8_t* out) {
  const auto* const b = reinterpret_cast<const unsigned char*>(bytes);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = type == ElementType::boolean && b[i] != 0 ? std::uint8_t{1} : b[i];
  }
}
void decode_row(ElementType type, const char* bytes, std::size_t n, bool swap, Real* out) {
  decode_as(type, bytes, n, swap, out);
}

Rows rows_of(std::vector<std::uint8_t> numbers, std::size_t rows, std::size_t columns) {
  return Rows(std::move(numbers), rows, columns);
}
Rows rows_of(Array numbers, std::size_t rows, std::size_t columns) {
  numbers.reshape(Shape{rows, columns});
  return Rows(std::move(numbers));
}
void make_room(std::vector<std::uint8_t>& numbers, std::size_t n) {
  numbers.resize(n);
}
void make_room(Array& numbers, std::size_t n) {
  numbers = empty({n});
}

template <class T>
struct StorageOf {
  using Type = Array;
};
template <>
struct StorageOf<std::uint8_t> {
  using Type = std::vector<std::uint8_t>;
};

// read_rows() for numbers kept as T.
template <class T>
std::vector<Rows> read_as(FileReader& file, const Declared& declared, std::size_t columns,
                          const std::vector<std::vector<std::size_t>>& parts) {
  using Storage = typename StorageOf<T>::Type;
  const std::size_t width = bytes_of(declared.type);
  const bool swap = declared.big_endian != machine_is_big_endian();
  const bool check = declared.type == ElementType::f32 || declared.type == ElementType::f64;
  const auto decoded = [&](std::size_t first, const char* bytes, std::size_t n, T* out) {
    decode_row(declared.type, bytes, n, swap, out);
    if constexpr (std::is_same_v<T, Real>) {
      if (check) check_finite(file, out, first, n, columns);
    }
  };
  std::vector<Rows> result;
  if (declared.fortran_order) {  // a row is all over the file
    const std::size_t size = size_of(declared.shape);
    Storage stored, sorted;
    make_room(stored, size);
    make_room(sorted, size);
    for_each_block(file, declared, 1, [&](std::size_t first, std::size_t n, const char* bytes) {
      decode_row(declared.type, bytes, n, swap, stored.data() + first);
    });
    from_fortran_order(stored.data(), declared.shape, sorted.data());
    if constexpr (std::is_same_v<T, Real>) {
      if (check) check_finite(file, sorted.data(), 0, size, columns);
    }
    const Rows all = rows_of(std::move(sorted), declared.shape[0], columns);
    for (const auto& rows : parts) result.push_back(all.subset(rows));
    return result;
  }
  std::vector<Storage> storage(parts.size());
  for (std::size_t p = 0; p < parts.size(); ++p) make_room(storage[p], parts[p].size() * columns);
  std::vector<std::size_t> done(parts.size(), 0);  // rows of each part
  std::vector<T> unwanted(check ? columns : 0);
  for_each_block(file, declared, columns, [&](std::size_t first, std::size_t n, const char* bytes) {
    for (std::size_t i = 0; i < n; i += columns) {
      bool wanted = false;
      for (std::size_t p = 0; p < parts.size(); ++p) {
        if (done[p] == parts[p].size()) continue;
        if (parts[p][done[p]] != (first + i) / columns) continue;
        decoded(first + i, bytes + i * width, columns, storage[p].data() + done[p]++ * columns);
        wanted = true;
      }
      if (!wanted && check) {  // the file is either good or not
        decoded(first + i, bytes + i * width, columns, unwanted.data());
      }
    }
  });
  for (std::size_t p = 0; p < parts.size(); ++p) {
    result.push_back(rows_of(std::move(storage[p]), parts[p].size(), columns));
  }
  return result;
}

}  // namespace

StoredArray read_elements(FileReader& file, const Declared& declared) {
  check_size(file, declared);
  Array values = empty(declared.shape);
  const bool swap = declared.big_endian != machine_is_big_endian();
  for_each_block(file, declared, 1, [&](std::size_t first, std::size_t n, const char* bytes) {
    decode_as(declared.type, bytes, n, swap, values.data() + first);
  });
  if (declared.fortran_order) {
    Array sorted = empty(declared.shape);
    from_fortran_order(values.data(), declared.shape, sorted.data());
    values = std::move(sorted);
  }
  return {std::move(values), declared.type};
}

std::vector<Rows> read_rows(FileReader& file, const Declared& declared, const RowPlan& plan) {
  check_size(file, declared);
  const Shape& shape = declared.shape;
  if (shape.empty() || size_of(shape) == 0) {
    file.fail("has no rows, its shape is " + to_string(shape));
  }
  const std::size_t columns = size_of(shape) / shape[0];
  const std::vector<std::vector<std::size_t>> parts = plan(shape[0]);
  const bool bytes = declared.type == ElementType::u8 || declared.type == ElementType::boolean;
  return bytes ? read_as<std::uint8_t>(file, declared, columns, parts)
               : read_as<Real>(file, declared, columns, parts);
}

}  // namespace nabla::datasets
