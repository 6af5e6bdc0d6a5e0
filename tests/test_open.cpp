// A run folder is the model: of each lesson one is trained for an epoch, opened, and asked for the
// figures that its summary has.
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "datasets/transform.hpp"
#include "models/measure/codes.hpp"
#include "models/program/lesson.hpp"
#include "nn/files.hpp"
#include "tests/small_images.hpp"
#include "tests/temporary_folder.hpp"

using namespace nabla;
using namespace nabla::models;
using Json = nlohmann::json;

namespace {

double mean_of_all(const Array& x) {
  double total = 0;
  for (const Real value : x) total += static_cast<double>(value);
  return total / static_cast<double>(x.size());
}

datasets::Dataset load(const std::string& name, std::size_t train_size) {
  datasets::LoadOptions how;
  how.train_size = train_size;
  return datasets::load(name, how);
}

// ln p(x) of the test set, mean, as the programs draw the test set of grey images.
double log_prob(const Trained& trained, const datasets::Dataset& data, bool binary,
                std::size_t rows_at_a_time, std::uint64_t stream) {
  const datasets::Rows test = binary ? datasets::binarize_once(data.test, 1 + 2) : data.test;
  Rng rng(1, stream);
  double total = 0;
  for (std::size_t from = 0; from < test.size(); from += rows_at_a_time) {
    const std::size_t count = std::min(rows_at_a_time, test.size() - from);
    total += mean_of_all(trained.log_prob(test.range(from, count), rng)) *
             static_cast<double>(count) / static_cast<double>(test.size());
  }
  return total;
}

struct Case {
  std::string lesson, data, options, figure;
  std::size_t train_size;
  std::function<double(const Trained&, const datasets::Dataset&)> figure_of;
};

double reconstruction(const Trained& trained, const datasets::Dataset& data) {
  const Array x = data.test.all();
  return mean_squared_error_of(x, trained.reconstruct(x));
}

const std::vector<Case> cases{
    {"discrete", "images.npy", "", "test_log_prob_fvsbn_nats", 0,
     [](const Trained& t, const datasets::Dataset& d) { return log_prob(t, d, true, 1000, 0); }},
    {"nade", "images.npy", "--hidden 20", "test_log_prob_nats", 0,
     [](const Trained& t, const datasets::Dataset& d) { return log_prob(t, d, true, 500, 0); }},
    {"nade", "images.npy", "--hidden 20 --members 2", "test_log_prob_nats", 0,
     [](const Trained& t, const datasets::Dataset& d) { return log_prob(t, d, true, 500, 0); }},
    {"rnade", "moons", "--hidden 10", "test_log_prob_nats", 1000,
     [](const Trained& t, const datasets::Dataset& d) { return log_prob(t, d, false, 4000, 0); }},
    {"made", "images.npy", "--hidden 30 --masks 2 --shuffle", "test_log_prob_nats", 0,
     [](const Trained& t, const datasets::Dataset& d) { return log_prob(t, d, true, 500, 0); }},
    {"vae", "images.npy", "--hidden 40 --latent 4 --test-samples 8", "test_log_prob_nats", 0,
     [](const Trained& t, const datasets::Dataset& d) { return log_prob(t, d, true, 200, 13); }},
    {"autoencoder", "images.npy", "--hidden 40 --compare 100", "ae_reconstruction_mse", 0,
     reconstruction},
    {"wae", "images.npy", "--hidden 40 --compare 100", "test_reconstruction_mse", 0,
     reconstruction},
    {"aae", "images.npy", "--hidden 40 --compare 100", "test_reconstruction_mse", 0,
     reconstruction},
    {"gan", "ring8", "--hidden 20", "test_sliced_wasserstein1", 1000,
     [](const Trained& t, const datasets::Dataset& d) {
       Rng rng(1, 15);
       const Array samples = t.sample(d.test.size(), rng);
       return sliced_wasserstein1(d.test.all(), samples, 100, rng);
     }},
    {"ddpm", "moons", "--width 16 --blocks 1 --steps 20 --test-examples 100", "test_bound_nats",
     1000,
     [](const Trained& t, const datasets::Dataset& d) {
       Rng rng(1, 12);
       return -mean_of_all(t.log_prob(d.test.first(100), rng));
     }},
};

int train(const Case& c, const std::string& data, const std::string& out) {
  std::vector<std::string> words{
      "train_" + c.lesson, "--data", data, "--epochs",     "1",
      "--quiet",           "--out",  out,  "--train-size", std::to_string(c.train_size)};
  std::istringstream options(c.options);
  for (std::string word; options >> word;) words.push_back(word);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  for (const Lesson& lesson : lessons()) {
    if (lesson.name == c.lesson) {
      return run_program(lesson, static_cast<int>(argv.size()), argv.data());
    }
  }
  return -1;
}

}  // namespace

TEST_CASE("a model from its folder gives the figures of its summary, and the same bits each time") {
  const TemporaryFolder folder;
  folder.write("images.npy", testing::images_npy(300, 12));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    CAPTURE(c.lesson);
    CAPTURE(c.options);
    const std::string out = folder / std::to_string(i);
    const std::string data_path = c.data == "images.npy" ? folder / c.data : c.data;
    REQUIRE(train(c, data_path, out) == 0);
    const Json summary = Json::parse(nn::read_file(out + "/summary.json"));
    const datasets::Dataset data = load(data_path, c.train_size);
    const Trained trained = models::open(out), again = models::open(out);
    const double expected = summary.at(c.figure);
    CHECK(c.figure_of(trained, data) == doctest::Approx(expected).epsilon(1e-6));
    if (trained.sample) {
      Rng one(4), two(4);
      const Array x = trained.sample(5, one);
      CHECK(x.shape() == Shape{5, data.columns});
      CHECK(again.sample(5, two) == x);
    }
  }
}

TEST_CASE("so few images that pictures have rows that are not full") {
  const TemporaryFolder folder;
  for (const std::size_t count : {30, 130}) {  // of which 3 or 13 are to test
    const std::string data = folder.write("few.npy", testing::images_npy(count, 8));
    const std::vector<Case> all{
        {"discrete", "", "--window 0", "", 0, {}},
        {"nade", "", "--hidden 5", "", 0, {}},
        {"made", "", "--hidden 5", "", 0, {}},
        {"vae", "", "--hidden 5 --latent 2 --test-samples 2", "", 0, {}},
        {"autoencoder", "", "--hidden 5 --latent 2 --compare 100", "", 0, {}},
        {"wae", "", "--hidden 5 --compare 100", "", 0, {}},
        {"aae", "", "--hidden 5 --compare 100", "", 0, {}},
        {"gan", "", "--hidden 5", "", 0, {}},
        {"ddpm", "", "--base-channels 8 --steps 5 --test-times 2", "", 0, {}},
    };
    for (const Case& c : all) {
      CAPTURE(count);
      CAPTURE(c.lesson);
      const std::string out = folder / (c.lesson + std::to_string(count));
      CHECK(train(c, data, out) == 0);
      CHECK(nn::read_file(out + "/samples.png").size() > 100);
    }
  }
}

TEST_CASE("every lesson is opened by a case above") {
  for (const Lesson& lesson : lessons()) {
    CAPTURE(lesson.name);
    CHECK(std::any_of(cases.begin(), cases.end(),
                      [&](const Case& c) { return c.lesson == lesson.name; }));
  }
}

TEST_CASE("what is no finished run is refused in one line that says what to do") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& path) {
    try {
      models::open(path);
    } catch (const std::runtime_error& e) {
      return std::string(e.what());
    }
    return std::string("opened");
  };
  CHECK(error(folder / "none") ==
        (folder / "none") + ": holds no run, there is no " + (folder / "none/options.json"));
  folder.write("x/options.json", "{");
  CHECK(error(folder / "x") == (folder / "x/options.json") + ": not the options of a run");
  folder.write("y/options.json", R"({"model": "vae", "format": 1000})");
  CHECK(error(folder / "y") ==
        (folder / "y/options.json") + ": its format is 1000, this nabla reads 2");
}
