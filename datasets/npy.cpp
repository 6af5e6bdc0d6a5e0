#include "datasets/npy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <vector>

namespace nabla::datasets {
namespace {

struct Header {
  std::string type;
  bool fortran_order = false;
  Shape shape;
};

// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(const FileReader& file, const std::string& text) : file_(file), text_(text) {}

  Header parse() {
    Header header;
    bool type = false, order = false, shape = false;
    expect('{');
    while (peek() != '}') {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[') refuse("a structured type (descr is a list); only plain numbers are");
        header.type = string();
        type = true;
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
        order = true;
      } else if (key == "shape") {
        header.shape = tuple();
        shape = true;
      } else {
        bad("the unknown key '" + key + "'");
      }
      if (peek() != '}') expect(',');
    }
    if (!type || !order || !shape) bad("no descr, fortran_order or shape");
    return header;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    file_.fail("bad npy header, " + what + " at byte " + std::to_string(at_) + " of " +
               quoted(text_.data(), text_.data() + text_.size()));
  }
  [[noreturn]] void refuse(const std::string& what) const {
    file_.fail("the npy file has " + what + " read");
  }

  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c) {
    if (peek() != c) bad(std::string("expected '") + c + "'");
    ++at_;
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad("expected a string");
    const std::size_t close = text_.find(quote, ++at_);
    if (close == std::string::npos) bad("a string without an end");
    std::string value = text_.substr(at_, close - at_);
    at_ = close + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const bool value : {false, true}) {
      const std::string word = value ? "True" : "False";
      if (text_.compare(at_, word.size(), word) == 0) {
        at_ += word.size();
        return value;
      }
    }
    bad("expected True or False");
  }
  Shape tuple() {
    std::vector<std::size_t> sizes;
    expect('(');
    while (peek() != ')') {
      sizes.push_back(number());
      if (sizes.size() > 32) bad("more than 32 axes");
      if (peek() != ')') expect(',');
    }
    expect(')');
    return Shape(sizes.begin(), sizes.end());
  }
  std::size_t number() {
    const char first = peek();
    if (first < '0' || first > '9') bad("expected a size");
    std::size_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (value > (std::numeric_limits<std::size_t>::max() - 9) / 10) bad("too large a size");
      value = 10 * value + static_cast<std::size_t>(text_[at_] - '0');
    }
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 wrote them
    return value;
  }

  const FileReader& file_;
  const std::string& text_;
  std::size_t at_ = 0;
};

struct Type {
  ElementType type;
  bool big_endian;
};

Type type_of(const FileReader& file, const std::string& descr) {
  static const struct {
    const char* name;
    ElementType type;
  } known[] = {{"b1", ElementType::boolean}, {"u1", ElementType::u8},  {"i1", ElementType::i8},
               {"u2", ElementType::u16},     {"i2", ElementType::i16}, {"u4", ElementType::u32},
               {"i4", ElementType::i32},     {"u8", ElementType::u64}, {"i8", ElementType::i64},
               {"f4", ElementType::f32},     {"f8", ElementType::f64}};
  if (descr.size() == 3 && (descr[0] == '<' || descr[0] == '>' || descr[0] == '|')) {
    for (const auto& entry : known) {
      const bool one_byte = descr[2] == '1';
      if (descr.compare(1, 2, entry.name) == 0 && (one_byte || descr[0] != '|')) {
        return {entry.type, descr[0] == '>'};
      }
    }
  }
  file.fail("elements of type " + quoted(descr.data(), descr.data() + descr.size()) +
            " are not read; b1, u1 to u8, i1 to i8, f4 and f8 are");
}

}  // namespace

Declared read_npy_header(FileReader& file) {
  char start[12];
  const auto need = [&](char* out, std::size_t n) {
    if (file.read(out, n) != n) {
      file.fail("truncated: the npy header stops after byte " + std::to_string(file.position()));
    }
  };
  need(start, 6);
  if (std::memcmp(start, "\x93NUMPY", 6) != 0) {
    file.fail("not an npy file: it starts with " + quoted(start, start + 6));
  }
  need(start + 6, 2);
  const int version = start[6];
  if (version < 1 || version > 3) {
    file.fail("npy version " + std::to_string(version) + " is not known; 1, 2 and 3 are");
  }
  const std::size_t width = version == 1 ? 2 : 4;
  need(start + 8, width);
  std::size_t length = 0;
  for (std::size_t i = width; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(start[8 + i]);
  }
  if (length > (std::size_t{1} << 20)) {
    file.fail("bad npy header: it claims to be " + std::to_string(length) + " bytes long");
  }
  std::string text(length, ' ');
  need(&text[0], length);
  const Header header = HeaderParser(file, text).parse();
  const Type type = type_of(file, header.type);
  return {type.type, type.big_endian, header.fortran_order, header.shape};
}

StoredArray read_npy(const std::string& path) {
  FileReader file(path);
  return read_elements(file, read_npy_header(file));
}

void write_npy(const std::string& path, const Array& array) {
  std::string shape = to_string(array.shape());
  std::string header = std::string("{'descr': '<f") + (sizeof(Real) == 4 ? "4" : "8") +
                       "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // data start at a multiple of 64
  header += '\n';
  const char length[2] = {static_cast<char>(header.size() & 255),
                          static_cast<char>(header.size() >> 8)};
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out.write("\x93NUMPY\x01\x00", 8).write(length, 2);
  out << header;
  out.write(reinterpret_cast<const char*>(array.data()),
            static_cast<std::streamsize>(array.size() * sizeof(Real)));
  if (!out.flush()) {
    throw std::runtime_error(path + ": cannot be written" +
                             (errno != 0 ? std::string(": ") + std::strerror(errno) : ""));
  }
}

}  // namespace nabla::datasets
