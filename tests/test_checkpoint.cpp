// safetensors files: what is written comes back, and nothing broken is taken for whole.
#include <csignal>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <sys/resource.h>
#include <sys/stat.h>

#include "nn/checkpoint.hpp"
#include "nn/files.hpp"
#include "tests/temporary_folder.hpp"

using namespace nabla;
using namespace nabla::nn;

namespace {

// A file with this header and so many bytes of data.
std::string file_with(std::string header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(&bytes[0], &length, 8);
  return bytes + header + std::string(data, '\0');
}

template <class A>
bool same_bytes(const A& a, const StoredArray& stored) {
  const A& b = std::get<A>(stored);
  if (a.shape() != b.shape()) return false;
  return a.size() == 0 ||  // an empty array has no address to compare
         std::memcmp(a.data(), b.data(), a.size() * sizeof(*a.data())) == 0;
}

}  // namespace

TEST_CASE("all types, shapes and strange values come back bit for bit") {
  const TemporaryFolder folder;
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Real infinity = std::numeric_limits<Real>::infinity();
  TensorFile file;
  const Array matrix = {{1, -0.f, nan}, {infinity, -infinity, 1e-45f}};
  const Array scalar = full(Shape{}, Real(0.1));
  const Array nothing = empty({3, 0, 2});
  const DoubleArray precise = {0.1, 1e300, -1};
  const IndexArray whole = {{std::numeric_limits<std::int64_t>::min(), -1, 1L << 62}};
  file.tensors = {{"a.matrix", matrix},
                  {"scalar", scalar},
                  {"nothing", nothing},
                  {"precise", precise},
                  {"whole \"π\"", whole}};
  file.metadata = {{"note", "line\nbreak, ∇"}, {"empty", ""}};
  write_tensors(folder / "x.safetensors", file);
  const TensorFile back = read_tensors(folder / "x.safetensors");
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == 5);
  CHECK(same_bytes(matrix, back.tensors.at("a.matrix")));
  CHECK(same_bytes(scalar, back.tensors.at("scalar")));
  CHECK(same_bytes(nothing, back.tensors.at("nothing")));
  CHECK(same_bytes(precise, back.tensors.at("precise")));
  CHECK(same_bytes(whole, back.tensors.at("whole \"π\"")));

  write_tensors(folder / "empty.safetensors", {});
  CHECK(read_tensors(folder / "empty.safetensors").tensors.empty());
}

TEST_CASE("what is there and no file is left alone") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe", other = folder / "folder";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE(::mkdir(other.c_str(), 0700) == 0);
  for (const std::string& path : {pipe, other}) {
    const std::string refusal = "cannot write " + path + ": it is there and not a regular file";
    CHECK_THROWS_WITH_AS(write_tensors(path, {}), refusal.c_str(), std::runtime_error);
  }
  struct stat status;
  REQUIRE(::stat(pipe.c_str(), &status) == 0);
  CHECK(S_ISFIFO(status.st_mode));
}

TEST_CASE("the bytes are those of the published format") {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors = {{"x", Array{{1, 2}}}, {"n", IndexArray{7}}};
  file.metadata = {{"k", "v"}};
  write_tensors(folder / "x", file);
  std::string header =
      R"({"__metadata__":{"k":"v"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("x":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string expected = file_with(header, 16);
  expected[expected.size() - 16] = 7;
  const float numbers[] = {1, 2};
  std::memcpy(&expected[expected.size() - 8], numbers, 8);
  CHECK(read_file(folder / "x") == expected);
}

TEST_CASE("a broken file is refused with its path and what is wrong") {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& bytes) {
    const std::string path = folder.write("broken", bytes);
    const std::string text = error_of([&] { read_tensors(path); });
    REQUIRE(text.compare(0, path.size() + 2, path + ": ") == 0);
    CHECK(text.find('\n') == std::string::npos);
    return text.substr(path.size() + 2);
  };
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& at) {
    return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + at + "}";
  };
  const std::string good = entry("F32", "[2]", "[0,8]");
  CHECK(refusal("") == "not a safetensors file: 0 bytes, too short for the length of a header");
  CHECK(refusal("1234567") ==
        "not a safetensors file: 7 bytes, too short for the length of a header");
  CHECK(
      refusal(std::string(16, '\xff')) ==
      "not a safetensors file, or cut off: a header of 18446744073709551615 bytes in a file of 16");
  CHECK(refusal(file_with("{}", 0).substr(0, 9)) ==
        "not a safetensors file, or cut off: a header of 2 bytes in a file of 9");
  CHECK(refusal(file_with("", 0)) == "the header is not a JSON object");
  CHECK(refusal(file_with("[1]", 0)) == "the header is not a JSON object");
  CHECK(refusal(file_with("{", 0)) ==
        "the header is not JSON (byte 2 of it); is the file damaged?");
  CHECK(refusal(file_with("{\"x\":", 0)) ==
        "the header is not JSON (byte 6 of it); is the file damaged?");
  CHECK(refusal(file_with("{\"\xff\":1}", 0)) ==
        "the header is not JSON (byte 3 of it); is the file damaged?");
  CHECK(refusal(file_with("{\"x\":1e999}", 0)) ==
        "the header is not JSON that can be read; is the file damaged?");
  CHECK(refusal(file_with("{\"\\u001b[2J\":3}", 0)) ==  // the terminal is not cleared
        "tensor \"\\u001b[2J\": is not described by an object");
  CHECK(refusal(file_with("{\"x\":" + good + ",\"x\":" + good + "}", 8)) ==
        "the header names \"x\" twice");
  CHECK(refusal(file_with("{\"x\":[[[[[[[[]]]]]]]]}", 0)) == "the header is nested too deeply");
  CHECK(refusal(file_with("{\"x\":3}", 0)) == "tensor \"x\": is not described by an object");
  CHECK(refusal(file_with("{\"x\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4)) ==
        "tensor \"x\": has no \"dtype\"");
  CHECK(refusal(file_with("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4)) ==
        "tensor \"x\": has no list \"shape\"");
  CHECK(refusal(file_with("{\"x\":" + entry("BF16", "[2]", "[0,4]") + "}", 4)) ==
        "tensor \"x\": type \"BF16\" is not supported (F32, F64 and I64 are)");
  CHECK(refusal(file_with("{\"x\":" + entry("F32", "[-1]", "[0,4]") + "}", 4)) ==
        "tensor \"x\": shape [-1] are not all whole numbers");
  CHECK(refusal(file_with("{\"x\":" + entry("F32", "[2]", "[8,0]") + "}", 8)) ==
        "tensor \"x\": data_offsets [8,0] are not [start, end]");
  CHECK(refusal(file_with("{\"x\":" + entry("F32", "[2]", "[0]") + "}", 8)) ==
        "tensor \"x\": data_offsets [0] are not [start, end]");
  CHECK(refusal(file_with("{\"x\":" + good + "}", 7)) ==
        "tensor \"x\": ends at byte 8 of 7 bytes of data; is the file cut off?");
  CHECK(refusal(file_with("{\"x\":" + entry("F32", "[3]", "[0,8]") + "}", 8)) ==
        "tensor \"x\": has 8 bytes, but F32 of shape [3] takes 12");
  CHECK(refusal(file_with("{\"x\":" + entry("F64", "[]", "[0,4]") + "}", 4)) ==
        "tensor \"x\": has 4 bytes, but F64 of shape [] takes 8");
  // Sizes whose product wraps around to 0.
  CHECK(refusal(file_with("{\"x\":" + entry("F32", "[4294967296,4294967296]", "[0,0]") + "}", 0)) ==
        "tensor \"x\": shape [4294967296,4294967296] is larger than any file");
  CHECK(
      refusal(file_with("{\"x\":" + entry("F32", "[0,4294967296,4294967296]", "[0,0]") + "}", 0)) ==
      "tensor \"x\": shape [0,4294967296,4294967296] is larger than any file");
  CHECK(refusal(file_with("{\"x\":" + good + ",\"y\":" + entry("F32", "[1]", "[4,8]") + "}", 8)) ==
        "tensor \"y\": overlaps tensor \"x\" at byte 4 of the data");
  CHECK(refusal(file_with("{\"x\":" + entry("F32", "[1]", "[4,8]") + "}", 8)) ==
        "tensor \"x\": starts at byte 4 of the data, after a gap of 4 bytes that belong to no "
        "tensor");
  CHECK(refusal(file_with("{\"x\":" + good + "}", 9)) == "the last 1 bytes belong to no tensor");
  CHECK(refusal(file_with("{\"__metadata__\":[]}", 0)) == "__metadata__ is not an object");
  CHECK(refusal(file_with("{\"__metadata__\":{\"a\":1}}", 0)) ==
        "__metadata__: the value of \"a\" is not a string");

  CHECK(error_of([&] { read_tensors(folder / "none"); }) ==
        "cannot read " + (folder / "none") + ": No such file or directory");
  CHECK(error_of([&] { read_tensors(folder.path()); }).find(folder.path() + ": ") == 0);
}

TEST_CASE("values go back into parameters only if all fit") {
  Tensor a = parameter(Array{1, 2}), b = parameter(Array{3});
  const NamedTensors parameters = {{"a", a}, {"b", b}};
  const NamedArrays saved = values_of(parameters);
  a.mutable_value() = Array{9, 9};
  set_values(parameters, saved, "file");
  CHECK(a.value() == Array{1, 2});
  CHECK(error_of([&] {
          set_values(parameters, {{"a", Array{5, 5}}}, "file");
        }) == "file: missing \"b\" (1,)");
  CHECK(error_of([&] {
          set_values(parameters, {{"a", Array{5, 5}}, {"b", Array{1, 2}}}, "file");
        }) == "file: \"b\" has shape (2,), expected (1,)");
  CHECK(error_of([&] {
          set_values({{"a", a}}, {{"a", Array{5, 5}}, {"c", Array{1}}}, "file");
        }) == "file: unknown \"c\" (1,)");
  CHECK(a.value() == Array{1, 2});
  CHECK_THROWS_AS(values_of({{"a", a}, {"a", b}}), std::invalid_argument);

  TensorFile file;
  file.tensors = {{"d", DoubleArray{0.5}}, {"f", Array{2}}};
  CHECK(arrays_of(file, "file").at("d") == Array{Real(0.5)});
  file.tensors["i"] = IndexArray{1};
  CHECK(error_of([&] { arrays_of(file, "file"); }) ==
        "file: tensor \"i\" is I64, not floating point");
}

TEST_CASE("a name that no file can hold is refused before anything is written") {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors = {{"__metadata__", Array{1}}};
  CHECK_THROWS_AS(write_tensors(folder / "x", file), std::invalid_argument);
  file.tensors = {{"\xff", Array{1}}};
  CHECK_THROWS_AS(write_tensors(folder / "x", file), std::invalid_argument);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("when writing fails the old file stays and no piece of the new one") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "the old one");
  // A limit on the size of files stands in for a full disk.
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  TensorFile file;
  file.tensors = {{"x", zeros({1000})}};
  const std::string text = error_of([&] { write_tensors(path, file); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  CHECK(text == "cannot write " + path + ": File too large");
  CHECK(read_file(path) == "the old one");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);

  CHECK(error_of([&] { write_file(path + "/below", ""); }) ==
        "cannot write " + path + "/below: Not a directory");
  {
    AtomicFile abandoned(path);
    abandoned.write("half");
  }
  CHECK(read_file(path) == "the old one");
}
