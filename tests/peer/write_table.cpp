// What every entry of the table gives, for torch_table.py to compare with PyTorch.
//   write_table FOLDER
// writes FOLDER/table.json, a list of entries with their samples, and FOLDER/numbers, to which they
// refer: double precision, in the machine's order of bytes, so that no digit, NaN or infinity is
// lost. An array is {"shape": […], "at": place of its first number}.
#include <fstream>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/table/run.hpp"

namespace {

using namespace nabla;
using namespace nabla::testing;
using nlohmann::json;

class Writer {
 public:
  explicit Writer(const std::string& path) : out_(path, std::ios::binary) {
    out_.exceptions(std::ios::failbit | std::ios::badbit);
  }

  json array(const Shape& shape, const std::vector<double>& numbers) {
    out_.write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size() * sizeof(double)));
    json result{{"shape", std::vector<std::size_t>(shape.begin(), shape.end())}, {"at", count_}};
    count_ += numbers.size();
    return result;
  }
  json array(const Array& a) { return array(a.shape(), {a.begin(), a.end()}); }

 private:
  std::ofstream out_;
  std::size_t count_ = 0;
};

json sample_of(Writer& writer, const Entry& entry, const Arrays& inputs) {
  json sample{{"inputs", json::array()}, {"gradients", json::array()}};
  for (const Array& input : inputs) sample["inputs"].push_back(writer.array(input));
  const Run result = run(entry, inputs);
  sample["result"] = writer.array(result.shape, result.value);
  if (!entry.measure) sample["seed"] = writer.array(seed_of(result.shape));
  for (std::size_t k = 0; k < result.gradients.size(); ++k) {
    // Of a constant there is none, which is not an array of size 0.
    sample["gradients"].push_back(
        is_constant(entry, k) ? json() : writer.array(inputs[k].shape(), result.gradients[k]));
  }
  return sample;
}

void write(const std::string& folder) {
  Writer writer(folder + "/numbers");
  json entries = json::array();
  for (const Entry& entry : table()) {
    json samples = json::array();
    for (const Arrays& inputs : entry.samples) samples.push_back(sample_of(writer, entry, inputs));
    entries.push_back(
        {{"title", entry.title},
         {"precision", entry.measure ? std::numeric_limits<double>::epsilon()
                                     : static_cast<double>(std::numeric_limits<Real>::epsilon())},
         {"smallest", static_cast<double>(std::numeric_limits<Real>::min())},
         {"constants", entry.constants},
         {"eps", entry.eps},
         {"normwise", entry.normwise ? json(*entry.normwise) : json()},
         {"gradient_eps", entry.gradient_eps},
         {"gradient_scale", entry.gradient_scale},
         {"samples", samples}});
  }
  std::ofstream out(folder + "/table.json");
  out << entries << std::flush;
  if (!out) throw std::runtime_error("cannot write " + folder + "/table.json");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "write_table FOLDER\n";
    return 2;
  }
  try {
    write(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "write_table: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
