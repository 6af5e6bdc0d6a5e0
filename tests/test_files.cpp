// Readers of data files: right values from every form, and one clear line for every broken one.
#include <algorithm>
#include <clocale>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <random>
#include <unistd.h>

#include "datasets/file.hpp"
#include "datasets/idx.hpp"
#include "datasets/npy.hpp"
#include "datasets/table.hpp"
#include "temporary_folder.hpp"

using namespace nabla;
using namespace nabla::datasets;

namespace {

template <class T>
std::string raw(T value, bool big_endian) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(&bytes[0], &value, sizeof(T));
  return big_endian ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
}

std::string idx_header(int code, const std::vector<std::uint32_t>& sizes) {
  std::string bytes{'\0', '\0', static_cast<char>(code), static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) bytes += raw(size, true);
  return bytes;
}

std::string npy(const std::string& descr, bool fortran, const std::string& shape,
                const std::string& data, int version = 1) {
  std::string header = "{'descr': " + descr + ", 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), '\0'};
  if (version == 1) {
    bytes += raw(static_cast<std::uint16_t>(header.size()), false);
  } else {
    bytes += raw(static_cast<std::uint32_t>(header.size()), false);
  }
  return bytes + header + data;
}

template <class T>
std::string numbers(const std::vector<T>& values, bool big_endian) {
  std::string bytes;
  for (const T value : values) bytes += raw(value, big_endian);
  return bytes;
}

std::vector<Real> flat(const Array& a) {
  return std::vector<Real>(a.data(), a.data() + a.size());
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("IDX: every type code, any number of axes, gzip or not") {
  const TemporaryFolder folder;
  const auto check = [&](int code, const std::string& data, ElementType type) {
    for (const bool pack : {false, true}) {
      const std::string bytes = idx_header(code, {2, 1, 2}) + data;
      const StoredArray read = read_idx(folder.write("a-idx", pack ? gzip(bytes) : bytes));
      CHECK(read.type == type);
      CHECK(read.values.shape() == Shape{2, 1, 2});
      CHECK(read.values.data()[3] == 7);
      CHECK(read.values.data()[0] == (type == ElementType::u8 ? 254 : -2));
    }
  };
  check(0x08, numbers<std::uint8_t>({254, 0, 1, 7}, true), ElementType::u8);
  check(0x09, numbers<std::int8_t>({-2, 0, 1, 7}, true), ElementType::i8);
  check(0x0b, numbers<std::int16_t>({-2, 0, 1, 7}, true), ElementType::i16);
  check(0x0c, numbers<std::int32_t>({-2, 0, 1, 7}, true), ElementType::i32);
  check(0x0d, numbers<float>({-2, 0, 1, 7}, true), ElementType::f32);
  check(0x0e, numbers<double>({-2, 0, 1, 7}, true), ElementType::f64);
  // More than one block of the reader, and no elements at all.
  const std::string many(600000, '\x05');
  const Array large = read_idx(folder.write("b", gzip(idx_header(8, {600000}) + many))).values;
  CHECK(flat(large) == std::vector<Real>(600000, 5));
  CHECK(read_idx(folder.write("c", idx_header(8, {0, 28, 28}))).values.shape() == Shape{0, 28, 28});
  const IndexArray labels = read_idx_labels(folder.write("d", idx_header(8, {3}) + "\x03\x01\x09"));
  CHECK(labels.size() == 3);
  CHECK(labels(2) == 9);
}

TEST_CASE("IDX: what is wrong, and where") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& bytes) {
    const std::string path = folder.write("bad-idx", bytes);
    const std::string text = error_of([&] { read_idx(path); });
    CHECK(contains(text, path + ": "));
    CHECK(text.find('\n') == std::string::npos);
    return text;
  };
  const std::string good = idx_header(8, {2, 3}) + "abcdef";
  CHECK(contains(error(""), "is empty"));
  CHECK(contains(error(std::string(2, '\0')), "starts with 4 bytes, here are 2"));
  CHECK(contains(error("PK\x03\x04rest"), "not an IDX file: it starts with 50 4b 03 04"));
  CHECK(contains(error(idx_header(0x0a, {1}) + "a"), "element type as 0x0a"));
  CHECK(contains(error(idx_header(8, {})), "no axes"));
  CHECK(contains(error(good.substr(0, 9)), "header stops after byte 9 of 12"));
  CHECK(contains(error(good.substr(0, 15)),
                 "truncated: the header declares (2, 3) uint8, 6 bytes, but after the header there "
                 "are 3"));
  CHECK(contains(error(good + "x"), "6 bytes, but the file goes on after them"));
  // The same behind gzip, where only inflating can tell.
  CHECK(contains(error(gzip(good.substr(0, 15))), "truncated"));
  CHECK(contains(error(gzip(good + "x")), "but the file goes on after them"));
  const std::string packed = gzip(good);
  CHECK(contains(error(packed.substr(0, packed.size() - 6)), "truncated: the gzip data stop"));
  CHECK(contains(error(packed.substr(0, 12)), "truncated: the gzip data stop after 1 unpacked"));
  std::string wrong_sum = packed;
  wrong_sum[packed.size() - 8] ^= 1;
  CHECK(contains(error(wrong_sum), "or more unpacked bytes (incorrect data check)"));
  // 60000 × 28 × 28 zeros in a few bytes are fine, 4 billion of them in a header are not.
  CHECK(contains(error(gzip(idx_header(8, {0xffffffff}) + "a")), "cannot unpack to more than"));
  CHECK(contains(error(idx_header(0x0e, {0xffffffff, 0xffffffff, 0xffffffff})),
                 "more than any file can hold"));
  // A bomb: 64 MB of zeros behind a header that declares 6 bytes.
  CHECK(contains(error(gzip(idx_header(8, {2, 3}) + std::string(64u << 20, '\0'))),
                 "6 bytes, but the file goes on after them"));
  const std::string path = folder.write("floats", idx_header(0x0d, {1}) + raw(1.f, true));
  CHECK(
      contains(error_of([&] { read_idx_labels(path); }), "labels are whole numbers with one axis"));
}

TEST_CASE("gzip that stops anywhere is refused, however it is read") {
  const TemporaryFolder folder;
  std::string noise(70000, '\0');
  std::mt19937 engine(1);
  for (char& c : noise) c = static_cast<char>(engine());
  const std::string parts[] = {"five.", "", noise, "the last one"};
  std::string packed, whole;
  std::vector<std::size_t> borders, lengths;  // where a member ends, and what is unpacked by then
  for (const std::string& part : parts) {
    packed += gzip(part);
    whole += part;
    borders.push_back(packed.size());
    lengths.push_back(whole.size());
  }
  std::vector<std::size_t> cuts;
  for (std::size_t cut = 2; cut <= packed.size(); cut += cut + 60 < borders[2] ? 641 : 1) {
    cuts.push_back(cut);
  }
  for (const std::size_t border : borders) {
    for (std::size_t cut = border - 12; cut < border + 14; ++cut) cuts.push_back(cut);
  }
  const auto read_all = [](FileReader& file, std::size_t block) {
    std::string text(1 << 17, '\0');
    std::size_t size = 0;
    while (const std::size_t got = file.read(&text[size], block)) size += got;
    text.resize(size);
    return text;
  };
  for (const std::size_t cut : cuts) {
    const std::string path = folder.write("cut.gz", packed.substr(0, cut));
    const auto border = std::find(borders.begin(), borders.end(), std::min(cut, packed.size()));
    for (const std::size_t block : {std::size_t{7}, std::size_t{4096}, std::size_t{1} << 16}) {
      CAPTURE(cut);
      CAPTURE(block);
      FileReader file(path);
      REQUIRE(file.gzipped());
      if (border != borders.end()) {
        const std::size_t member = static_cast<std::size_t>(border - borders.begin());
        CHECK((read_all(file, block) == whole.substr(0, lengths[member])));
        CHECK(file.read(&noise[0], 1) == 0);
      } else {
        const std::string text = error_of([&] { read_all(file, block); });
        CHECK(contains(text, path + ": truncated: the gzip data stop after "));
      }
    }
  }
  // What follows the last member is no error if it does not begin like one.
  CHECK(read_file(folder.write("zeros", packed + std::string(100, '\0'))) == whole);
  CHECK(read_file(folder.write("text", packed + "\x1ftext")) == whole);
  CHECK(contains(error_of([&] {
                   read_file(folder.write("second", packed + "\x1f\x8b\x07"
                                                             "abc"));
                 }),
                 "corrupt gzip data"));
  // One byte says nothing yet; two do, whatever follows.
  CHECK(read_file(folder.write("one", "\x1f")) == "\x1f");
  for (const std::string start : {"\x1f\x8b", "\x1f\x8b\x08"}) {
    CHECK(contains(error_of([&] { read_file(folder.write("start", start)); }),
                   "truncated: the gzip data stop after 0 unpacked bytes"));
  }
  CHECK(contains(error_of([&] { read_file(folder.write("other", "\x1f\x8b\x07 no gzip")); }),
                 "corrupt gzip data, after 0 or more unpacked bytes (unknown compression method)"));
}

TEST_CASE("files that cannot be opened") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& path) { return error_of([&] { read_table(path); }); };
  CHECK(error(folder / "none.csv") == folder / "none.csv" + ": No such file or directory");
  CHECK(error(folder.path()) == folder.path() + ": is a directory, not a file");
  CHECK(error("/dev/null") == "/dev/null: is not a regular file");
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(error(pipe) == pipe + ": is not a regular file");
  CHECK(error(folder.write("empty.csv", "")) == folder / "empty.csv" + ": is empty");

  // Root may read everything: become nobody for a moment, in a folder that nobody may enter.
  const std::string secret = folder.write("secret.csv", "1,2\n");
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(secret.c_str(), 0) == 0);
  const bool root = ::geteuid() == 0;
  if (root && ::seteuid(65534) != 0) return;
  const std::string text = error(secret);
  if (root) REQUIRE(::seteuid(0) == 0);
  CHECK(text == secret + ": Permission denied");
}

TEST_CASE("tables: commas, white space, headers and line ends") {
  const auto parse = [](const std::string& text) { return parse_table(text, "t").rows.all(); };
  const std::vector<Real> expected{1, Real(2.5), -3, Real(0.004)};
  for (const char* text : {"1,2.5\n-3,4e-3\n", "1 2.5\n-3 0.004", "1,2.5\r\n-3,.004\r\n\r\n\n",
                           "  1\t 2.5 \n-3 4E-3 \n", "a,b\n1, 2.5\n-3 ,+0.004\n",
                           "\"fixed acidity\",\"pH, 2\"\n1,2.5\n-3,0.0040", "x y\n1 2.5\n-3 4e-03",
                           "\xef\xbb\xbf"
                           "1,2.5\n-3,0.4e-2",
                           "+1,002.500\n-3.,0.00400000000000000000000"}) {
    CAPTURE(text);
    const Array table = parse(text);
    CHECK(table.shape() == Shape{2, 2});
    CHECK(flat(table) == expected);
  }
  CHECK(parse("label,1x1,1x2\n5,0,0\n").shape() == Shape{1, 3});
  CHECK(parse("7").shape() == Shape{1, 1});
  CHECK(flat(parse("1e-60,-1e-400\n"))[0] == 0);  // too small for a float, or for a double
  const TemporaryFolder folder;
  CHECK(flat(read_table(folder.write("t.csv.gz", gzip("1,2.5\n-3,0.004\n"))).rows.all()) ==
        expected);
  CHECK(flat(read_table(folder.write("t.txt", gzip("1,2.5\n") + gzip("-3,0.004\n"))).rows.all()) ==
        expected);
}

TEST_CASE("tables: numbers are rounded correctly, in every locale") {
  std::mt19937_64 random(1);
  std::string text;
  std::vector<Real> expected;
  for (int i = 0; i < 20000; ++i) {
    char number[64];
    const int form = static_cast<int>(random() % 4);
    const double value = static_cast<double>(static_cast<std::int64_t>(random() % 2000000000)) /
                             std::pow(10., static_cast<int>(random() % 12)) -
                         (form == 0 ? 3 : 0);
    std::snprintf(number, sizeof number,
                  form == 0   ? "%.3f"
                  : form == 1 ? "%.9g"
                  : form == 2 ? "%.1f"
                              : "%.4e",
                  value);
    text += std::string(number) + (i % 4 == 3 ? "\n" : ",");
    expected.push_back(std::strtof(number, nullptr));
  }
  const bool comma = std::setlocale(LC_NUMERIC, "de_DE.UTF-8") != nullptr;
  const Array table = parse_table(text, "t").rows.all();
  if (comma) std::setlocale(LC_NUMERIC, "C");
  CHECK(table.shape() == Shape{5000, 4});
  CHECK(flat(table) == expected);
}

TEST_CASE("tables: one digit, or several, in rows of every length") {
  std::mt19937_64 random(3);
  for (std::size_t columns = 1; columns < 30; ++columns) {
    for (const char* separator : {",", " ", "  ", ", ", "\t"}) {
      std::string text;
      std::vector<Real> expected;
      for (std::size_t row = 0; row < 20; ++row) {
        for (std::size_t c = 0; c < columns; ++c) {
          const std::uint64_t value = random() % 5 != 0 ? random() % 2 : random() % 12;
          expected.push_back(static_cast<Real>(value));
          text += (c == 0 ? "" : separator) + std::to_string(value);
        }
        text += row % 3 == 0 ? "\r\n" : "\n";
      }
      const Array table = parse_table(text, "t").rows.all();
      if (flat(table) != expected || table.shape() != Shape{20, columns}) FAIL_CHECK(text);
    }
  }
  const auto error = [](const std::string& text) {
    return error_of([&] { parse_table("0,1,0,1,0,1\n" + text + "\n0,0,0,0,0,0\n", "t"); });
  };
  CHECK(error("0,1,0,1,0") == "t: line 2 has 5 columns where the first has 6");
  CHECK(error("0,1,0,1") == "t: line 2 has 4 columns where the first has 6");
  CHECK(error("0,1,0,1,") == "t: line 2, column 5: an empty field after a comma");
  CHECK(error("0,1,0,1,x,1") == "t: line 2, column 5: 'x' is not a number");
  CHECK(error("0,1,0,1,1,1,1,1,1,1") == "t: line 2 has 10 columns where the first has 6");
}

TEST_CASE("tables: what is wrong, and in which line and column") {
  const auto error = [](const std::string& text) {
    return error_of([&] { parse_table(text, "t.csv"); });
  };
  CHECK(error("1,2\n3,4,5\n") == "t.csv: line 2 has 3 columns where the first has 2");
  CHECK(error("1 2\n3\n5 6") == "t.csv: line 2 has 1 column where the first has 2");
  CHECK(error("1,2\n\n3,4\n") == "t.csv: line 2 is empty");
  CHECK(error("\n1,2\n") == "t.csv: line 1 is empty");
  CHECK(error("1,2\n3,abc\n") == "t.csv: line 2, column 2: 'abc' is not a number");
  CHECK(error("a,b\n1,2\n3,4x\n") == "t.csv: line 3, column 2: '4x' is not a number");
  CHECK(error("1,b\n1,2\n") == "t.csv: line 1, column 2: 'b' is not a number");
  CHECK(error("1,2\n3,1.2.3\n") == "t.csv: line 2, column 2: '1.2.3' is not a number");
  CHECK(error("1,2\n3,-\n") == "t.csv: line 2, column 2: '-' is not a number");
  CHECK(error("1,2\n3,0x10\n") == "t.csv: line 2, column 2: '0x10' is not a number");
  CHECK(error("1,2\nnan,1\n") == "t.csv: line 2, column 1: 'nan' is not a finite number");
  CHECK(error("1,2\n2,-inf\n") == "t.csv: line 2, column 2: '-inf' is not a finite number");
  CHECK(error("1,2\n2,1e39\n") == "t.csv: line 2, column 2: '1e39' is too large for a number");
  CHECK(error("1,2\n2,1e400\n") == "t.csv: line 2, column 2: '1e400' is too large for a number");
  CHECK(error("1,2\n,3\n") == "t.csv: line 2, column 1: an empty field before a comma");
  CHECK(error("1,2\n3,\n") == "t.csv: line 2, column 2: an empty field after a comma");
  CHECK(error("1,2\n3 4,5\n") == "t.csv: line 2, column 1: no comma before '4'");
  CHECK(contains(error("1;2\n3;4\n"), "line 1, column 1: '1;2' is not a number; fields are"));
  CHECK(error("a,b,c\n") == "t.csv: has a header, 'a,b,c', and no line with numbers");
  CHECK(error(" \n\n") == "t.csv: has no line with numbers");
  CHECK(contains(error("1 2\r3 4\r"), "line 1, column 2: '2\\x0d3' is not a number"));
  CHECK(contains(error(std::string("1,2\n3,\0", 7)), "'\\x00' is not a number"));
  CHECK(
      contains(error("<!DOCTYPE html><html lang=\"en\">\n<head>\n"), "line 2, column 1: '<head>'"));
  // One long line and many short ones: not rows × columns of memory.
  std::string ragged;
  for (int i = 0; i < 200000; ++i) ragged += "1 ";
  for (int i = 0; i < 200000; ++i) ragged += "\n1";
  CHECK(error(ragged) == "t.csv: line 2 has 1 column where the first has 200000");
  // Text long enough for several threads: the first problem is the one reported.
  std::string large;
  for (int i = 0; i < 600000; ++i) large += i == 400000 || i == 580000 ? "1 2 x 4\n" : "1 2 3 4\n";
  CHECK(error(large) == "t.csv: line 400001, column 3: 'x' is not a number");
  const TemporaryFolder folder;
  const std::string zeros = folder.write("z.csv", gzip(std::string(10000, '1')));
  CHECK(contains(error_of([&] { read_file(zeros, 9999); }),
                 "more than 9999 bytes, unpacked, of text"));
  CHECK(read_file(zeros, 10000).size() == 10000);
  CHECK(contains(error_of([&] { read_file(folder.write("y", "12345"), 4); }),
                 "more than 4 bytes of"));
}

TEST_CASE("npy: every type, both byte orders, both memory orders, all versions") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& bytes) {
    return read_npy(folder.write("a.npy", bytes));
  };
  const std::vector<Real> expected{1, 2, 3, 4, 5, 6};
  const auto check = [&](const char* type, const std::string& little, const std::string& big) {
    const std::string name(type);
    for (const int version : {1, 2, 3}) {
      CHECK(flat(read(npy("'<" + name + "'", false, "(2, 3)", little, version)).values) ==
            expected);
      CHECK(flat(read(npy("'>" + name + "'", false, "(2, 3)", big, version)).values) == expected);
    }
    CHECK(read(gzip(npy("'>" + name + "'", false, "(2, 3)", big))).values.shape() == Shape{2, 3});
  };
  check("u1", "\1\2\3\4\5\6", "\1\2\3\4\5\6");
  check("i1", "\1\2\3\4\5\6", "\1\2\3\4\5\6");
  const auto both = [&](const char* type, auto zero) {
    using T = decltype(zero);
    const std::vector<T> v{1, 2, 3, 4, 5, 6};
    check(type, numbers(v, false), numbers(v, true));
  };
  both("u2", std::uint16_t{});
  both("i2", std::int16_t{});
  both("u4", std::uint32_t{});
  both("i4", std::int32_t{});
  both("u8", std::uint64_t{});
  both("i8", std::int64_t{});
  both("f4", float{});
  both("f8", double{});
  const std::string truths("\1\0\1", 3);
  CHECK(flat(read(npy("'|b1'", false, "(3,)", truths)).values) == std::vector<Real>{1, 0, 1});
  CHECK(flat(read(npy("'|u1'", true, "(2, 3)", "\1\4\2\5\3\6")).values) == expected);
  const std::string cube("\1\5\3\7\2\6\4\x8", 8);  // axis 0 fastest
  const Array turned = read(npy("'|u1'", true, "(2, 2, 2)", cube)).values;
  CHECK(flat(turned) == std::vector<Real>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(read(npy("'<f4'", false, "()", raw(5.f, false))).values.shape() == Shape{});
  CHECK(read(npy("'<f4'", false, "(0, 3)", "")).values.shape() == Shape{0, 3});
  CHECK(read(npy("'|u1'", false, "(3L,)", "abc")).values.shape() == Shape{3});

  Array a = empty({2, 3});
  std::copy(expected.begin(), expected.end(), a.data());
  for (const Shape& shape : {Shape{2, 3}, Shape{6}, Shape{3, 1, 2}}) {
    a.reshape(shape);
    write_npy(folder / "w.npy", a);
    CHECK(read_npy(folder / "w.npy").values == a);
    CHECK(std::filesystem::file_size(folder / "w.npy") == 128 + 6 * sizeof(Real));
  }
  CHECK(contains(error_of([&] { write_npy(folder / "no/such.npy", a); }),
                 "cannot be written: No such"));
}

TEST_CASE("npy: what is wrong, and where") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& bytes) {
    const std::string path = folder.write("bad.npy", bytes);
    const std::string text = error_of([&] { read_npy(path); });
    CHECK(contains(text, path + ": "));
    CHECK(text.find('\n') == std::string::npos);
    return text;
  };
  const std::string good = npy("'|u1'", false, "(2, 3)", "abcdef");
  CHECK(contains(error("1,2,3\n4,5,6"), "not an npy file: it starts with '1,2,3\\x0a'"));
  CHECK(contains(error(good.substr(0, 4)), "npy header stops after byte 4"));
  CHECK(contains(error(good.substr(0, 30)), "npy header stops after byte 30"));
  CHECK(contains(error(good.substr(0, good.size() - 2)), "truncated: the header declares (2, 3)"));
  CHECK(contains(error(good + "g"), "6 bytes, but the file goes on after them"));
  CHECK(contains(error(npy("'<c8'", false, "(1,)", "")), "elements of type '<c8' are not read"));
  CHECK(contains(error(npy("'<f2'", false, "(1,)", "")), "elements of type '<f2' are not read"));
  CHECK(contains(error(npy("'|O'", false, "(1,)", "")), "elements of type '|O' are not read"));
  CHECK(contains(error(npy("[('a', '<f4')]", false, "(1,)", "")), "a structured type"));
  CHECK(contains(error(npy("'|u1'", false, "(2, -3)", "")), "expected a size"));
  CHECK(contains(error(npy("'|u1'", false, "2, 3", "")), "expected '('"));
  CHECK(contains(error(npy("'|u1'", false, "(99999999999999999999,)", "")), "too large a size"));
  CHECK(contains(error(npy("'|u1'", false, "(4294967296, 4294967296, 2)", "")),
                 "more than any file"));
  CHECK(contains(error(npy("'|u1'", false, "(1,), 'x': 3", "a")), "the unknown key 'x'"));
  std::string version = good;
  version[6] = 9;
  CHECK(contains(error(version), "npy version 9 is not known"));
  std::string huge = npy("'|u1'", false, "(2, 3)", "abcdef", 2);
  huge[11] = 0x7f;
  CHECK(contains(error(huge), "it claims to be"));
  std::string cut = good;
  cut.replace(cut.find("False"), 5, "Maybe");
  CHECK(contains(error(cut), "expected True or False at byte"));
}

TEST_CASE("damaged files give an error or an array, never a crash") {
  const TemporaryFolder folder;
  const std::vector<std::string> originals{
      idx_header(8, {2, 3}) + "abcdef",
      npy("'<f4'", true, "(2, 2)", numbers<float>({1, 2, 3, 4}, false)),
      "x,y\n1,2.5\n-3,4e-3\n",
      "0 1 0 1\n1 0 1 1\n",
  };
  std::mt19937_64 random(2);
  int errors = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::size_t which = random() % originals.size();
    std::string bytes = originals[which];
    const bool packed = random() % 3 == 0;
    if (packed && random() % 2 == 0) bytes = gzip(bytes);
    for (std::size_t flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    if (random() % 8 == 0) bytes += std::string(random() % 9, static_cast<char>(random()));
    if (packed && bytes.compare(0, 2, "\x1f\x8b") != 0) bytes = gzip(bytes);
    const std::string path = folder.write("damaged", bytes);
    const std::string text = error_of([&] {
      if (which == 0) read_idx(path);
      if (which == 1) read_npy(path);
      if (which >= 2) read_table(path);
    });
    if (text == "no error") continue;
    ++errors;
    if (text.compare(0, path.size() + 2, path + ": ") != 0) FAIL_CHECK(text);
  }
  CHECK(errors > 1000);
}
