#include "nn/checkpoint.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "nn/files.hpp"

namespace nabla::nn {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors files are little-endian");

using Json = nlohmann::ordered_json;

constexpr std::uint64_t largest_header = 100'000'000;  // as in the reference implementation

template <class T>
const char* type_name() {
  return std::is_same_v<T, float> ? "F32" : std::is_same_v<T, double> ? "F64" : "I64";
}

// Writing -------------------------------------------------------------------------------------

// Eight-byte numbers first: then every tensor is aligned to the size of its numbers.
std::vector<const std::pair<const std::string, StoredArray>*> file_order(const TensorFile& file) {
  std::vector<const std::pair<const std::string, StoredArray>*> order;
  for (const auto& entry : file.tensors) order.push_back(&entry);
  std::stable_partition(order.begin(), order.end(), [](const auto* entry) {
    return std::visit([](const auto& a) { return sizeof(*a.data()) == 8; }, entry->second);
  });
  return order;
}

std::string header_of(const TensorFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t offset = 0;
  for (const auto* const entry : file_order(file)) {
    const auto describe = [&](const auto& array) {
      using T = typename std::decay_t<decltype(array)>::value_type;
      const std::uint64_t stop = offset + array.size() * sizeof(T);
      header[entry->first] = {
          {"dtype", type_name<T>()},
          {"shape", std::vector<std::uint64_t>(array.shape().begin(), array.shape().end())},
          {"data_offsets", {offset, stop}}};
      offset = stop;
    };
    std::visit(describe, entry->second);
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// Reading -------------------------------------------------------------------------------------

struct Entry {
  std::string name, dtype;
  std::vector<std::size_t> shape;
  std::uint64_t start, stop;
};

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno));
  }

  TensorFile read() {
    const Json header = read_header();
    TensorFile result;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        result.metadata = metadata(value);
      } else {
        entries.push_back(entry(name, value));
      }
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.start, a.stop) < std::pair(b.start, b.stop);
    });
    check_coverage(entries);
    for (const Entry& e : entries) {
      if (e.dtype == "F32") result.tensors.emplace(e.name, read_array<Array, float>(e));
      if (e.dtype == "F64") result.tensors.emplace(e.name, read_array<DoubleArray, double>(e));
      if (e.dtype == "I64") result.tensors.emplace(e.name, read_array<IndexArray, std::int64_t>(e));
    }
    return result;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  // Without raw bytes of the file: a control character may be one for the terminal.
  static std::string quoted(const std::string& text) { return Json(text).dump(); }

  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error(path_ + ": " + what);
  }
  [[noreturn]] void refuse(const std::string& tensor, const std::string& what) const {
    refuse("tensor " + quoted(tensor) + ": " + what);
  }

  void get(void* target, std::size_t bytes) {
    if (bytes == 0) return;
    if (std::fread(target, 1, bytes, file_.get()) == bytes) return;
    refuse(std::ferror(file_.get()) != 0 ? std::strerror(errno) : "the file ends too early");
  }

  Json read_header() {
    if (std::fseek(file_.get(), 0, SEEK_END) != 0) refuse(std::strerror(errno));
    const long end = std::ftell(file_.get());
    // What the system says of a folder differs; that it is one does not.
    if (end < 0 || end == std::numeric_limits<long>::max()) refuse("not a regular file");
    const std::uint64_t size = static_cast<std::uint64_t>(end);
    std::rewind(file_.get());
    if (size < 8) {
      refuse("not a safetensors file: " + std::to_string(size) +
             " bytes, too short for the length of a header");
    }
    std::uint64_t length = 0;
    get(&length, 8);
    if (length > largest_header || length > size - 8) {
      refuse("not a safetensors file, or cut off: a header of " + std::to_string(length) +
             " bytes in a file of " + std::to_string(size));
    }
    data_size_ = size - 8 - length;
    std::string text(length, '\0');
    get(text.data(), text.size());
    if (text.empty() || text[0] != '{') refuse("the header is not a JSON object");
    return parse(text);
  }

  Json parse(const std::string& text) const {
    std::vector<std::set<std::string>> keys;  // for each open object
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > 4) refuse("the header is nested too deeply");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(value).second) {
        refuse("the header names " + value.dump() + " twice");
      }
      return true;
    };
    try {
      return Json::parse(text, watch);
    } catch (const Json::parse_error& e) {
      refuse("the header is not JSON (byte " + std::to_string(e.byte) +
             " of it); is the file damaged?");
    } catch (const Json::exception&) {  // a number beyond double
      refuse("the header is not JSON that can be read; is the file damaged?");
    }
  }

  std::map<std::string, std::string> metadata(const Json& value) const {
    if (!value.is_object()) refuse("__metadata__ is not an object");
    std::map<std::string, std::string> result;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string())
        refuse("__metadata__: the value of " + quoted(key) + " is not a string");
      result[key] = text;
    }
    return result;
  }

  std::vector<std::uint64_t> whole_numbers(const std::string& name, const Json& value,
                                           const char* key) const {
    const auto found = value.find(key);
    if (found == value.end() || !found->is_array()) {
      refuse(name, std::string("has no list \"") + key + "\"");
    }
    std::vector<std::uint64_t> result;
    for (const Json& number : *found) {
      if (!number.is_number_unsigned()) {
        refuse(name, std::string(key) + " " + found->dump() + " are not all whole numbers");
      }
      result.push_back(number);
    }
    return result;
  }

  Entry entry(const std::string& name, const Json& value) const {
    if (!value.is_object()) refuse(name, "is not described by an object");
    const auto dtype = value.find("dtype");
    if (dtype == value.end() || !dtype->is_string()) refuse(name, "has no \"dtype\"");
    const std::string type = *dtype;
    if (type != "F32" && type != "F64" && type != "I64") {
      refuse(name, "type " + quoted(type) + " is not supported (F32, F64 and I64 are)");
    }
    const std::vector<std::uint64_t> shape = whole_numbers(name, value, "shape");
    const std::vector<std::uint64_t> offsets = whole_numbers(name, value, "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1]) {
      refuse(name, "data_offsets " + value["data_offsets"].dump() + " are not [start, end]");
    }
    if (offsets[1] > data_size_) {
      refuse(name, "ends at byte " + std::to_string(offsets[1]) + " of " +
                       std::to_string(data_size_) + " bytes of data; is the file cut off?");
    }
    const std::uint64_t bytes = offsets[1] - offsets[0];
    const Shape sizes(shape.begin(), shape.end());
    if (extent_of(sizes) == too_large) {
      refuse(name, "shape " + value["shape"].dump() + " is larger than any file");
    }
    const std::uint64_t expected = size_of(sizes) * (type == "F32" ? 4 : 8);
    if (bytes != expected) {
      refuse(name, "has " + std::to_string(bytes) + " bytes, but " + type + " of shape " +
                       value["shape"].dump() + " takes " + std::to_string(expected));
    }
    return {name, type, {shape.begin(), shape.end()}, offsets[0], offsets[1]};
  }

  void check_coverage(const std::vector<Entry>& entries) const {
    std::uint64_t covered = 0;
    const Entry* before = nullptr;
    for (const Entry& e : entries) {
      if (e.start < covered) {
        refuse(e.name, "overlaps tensor " + quoted(before->name) + " at byte " +
                           std::to_string(e.start) + " of the data");
      }
      if (e.start > covered) {
        refuse(e.name, "starts at byte " + std::to_string(e.start) +
                           " of the data, after a gap of " + std::to_string(e.start - covered) +
                           " bytes that belong to no tensor");
      }
      covered = e.stop;
      before = &e;
    }
    if (covered != data_size_) {
      refuse("the last " + std::to_string(data_size_ - covered) + " bytes belong to no tensor");
    }
  }

  // Entries are read in the order of the file, which they fill: no seeking.
  template <class A, class T>
  StoredArray read_array(const Entry& e) {
    xt::xarray<T, xt::layout_type::row_major> raw(
        typename xt::xarray<T, xt::layout_type::row_major>::shape_type(e.shape.begin(),
                                                                       e.shape.end()));
    get(raw.data(), raw.size() * sizeof(T));
    return A(std::move(raw));
  }

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t data_size_ = 0;
};

}  // namespace

void write_tensors(const std::string& path, const TensorFile& file) {
  if (file.tensors.count("__metadata__") != 0) {
    throw std::invalid_argument("write_tensors: \"__metadata__\" cannot name a tensor");
  }
  std::string header;
  try {
    header = header_of(file);
  } catch (const Json::exception&) {
    throw std::invalid_argument("write_tensors: a name or metadata for " + path + " is not UTF-8");
  }
  const std::uint64_t length = header.size();
  AtomicFile out(path);
  out.write(&length, 8);
  out.write(header);
  for (const auto* const entry : file_order(file)) {
    std::visit([&](const auto& a) { out.write(a.data(), a.size() * sizeof(*a.data())); },
               entry->second);
  }
  out.commit();
}

TensorFile read_tensors(const std::string& path) {
  return Reader(path).read();
}

NamedArrays values_of(const NamedTensors& parameters) {
  NamedArrays values;
  for (const auto& [name, parameter] : parameters) {
    if (!values.emplace(name, parameter.value()).second) {
      throw std::invalid_argument("two parameters are called \"" + name + "\"");
    }
  }
  return values;
}

void set_values(const NamedTensors& parameters, const NamedArrays& values,
                const std::string& source) {
  std::map<std::string, Shape> expected;
  for (const auto& [name, parameter] : parameters) expected.emplace(name, parameter.shape());
  check_names(source, expected, values);
  for (auto [name, parameter] : parameters) parameter.mutable_value() = values.at(name);
}

NamedArrays arrays_of(const TensorFile& file, const std::string& source) {
  NamedArrays result;
  for (const auto& [name, stored] : file.tensors) {
    if (std::holds_alternative<IndexArray>(stored)) {
      throw std::runtime_error(source + ": tensor \"" + name + "\" is I64, not floating point");
    }
    const auto convert = [](const auto& a) { return Array(xt::cast<Real>(a)); };
    result[name] = std::visit(convert, stored);
  }
  return result;
}

}  // namespace nabla::nn
