// Runs of any lessons on one table: ./nabla compare RUN... --help.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "autograd/threads.hpp"
#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "models/draw/images.hpp"
#include "models/draw/report.hpp"
#include "models/draw/rows.hpp"
#include "models/measure/codes.hpp"
#include "models/measure/sample_score.hpp"
#include "models/program/environment.hpp"
#include "models/program/options.hpp"
#include "models/program/program.hpp"
#include "models/program/progress.hpp"
#include "models/program/trained.hpp"
#include "nn/files.hpp"

namespace {

using namespace nabla;
using namespace nabla::models;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

struct Options {
  datasets::LoadOptions load;
  std::string data, out, picture;
  std::size_t samples = 5000, threads = 0;
  bool quiet = false;

  void describe(OptionTable& table) {
    const OptionKind kind = OptionKind::common;
    table.add("--data", data, "Data set to compare on; empty: that of the runs", kind);
    table.add("--data-dir", load.data_dir,
              "Folder to look for it before $NABLA_DATA and the system's", kind);
    table.add("--samples", samples, "Samples of each, and test examples, at most", at_least(2),
              kind);
    table.add("--seed", load.seed,
              "Seed of samples and of the data's splits; not given: the first run's", any_number(),
              kind);
    table.add("--out", out, "File for the table, beside standard output", kind);
    table.add("--picture", picture, "PNG file for 24 images of each row", kind);
    table.add("--threads", threads, "Threads; 0: one for each core", between(0, 1024), kind);
    table.add("--quiet", quiet, "Print only errors and the table", kind);
  }
};

std::string described(const datasets::DataShape& data) {
  return data.name + (data.is_image()
                          ? ", images of " + std::to_string(data.height) + " × " +
                                std::to_string(data.width) + " × " + std::to_string(data.channels)
                          : ", " + std::to_string(data.columns) + " columns");
}

// The data set that all of the runs were trained on, or one like it that was asked for.
datasets::Dataset load(const std::vector<Saved>& runs, const std::vector<std::string>& folders,
                       const OptionTable& asked, Options& options) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const datasets::DataShape &first = runs[0].data(), &data = runs[i].data();
    if (data.columns != first.columns || data.height != first.height || data.width != first.width ||
        data.channels != first.channels) {
      throw UsageError(folders[i] + " is of other data than " + folders[0] + ": " +
                       described(data) + ", and " + described(first));
    }
    std::string name;
    std::size_t train_size = 0;
    OptionTable recorded;
    recorded.add("--data", name, "");
    recorded.add("--train-size", train_size, "");
    recorded.take_up(runs[i].options(), runs[i].file());
    if (i == 0) {
      if (!asked.given("--seed")) options.load.seed = runs[0].data_seed();
      if (!asked.given("--data")) options.load.train_size = train_size;
    }
    if (options.data.empty()) options.data = name;
    if (!asked.given("--data") && name != options.data) {
      throw UsageError(folders[i] + " was trained on " + name + ", " + folders[0] + " on " +
                       options.data + ": say by --data on which to compare them");
    }
  }
  datasets::Dataset data = datasets::load(options.data, options.load);
  if (data.columns != runs[0].data().columns) {
    throw UsageError("--data " + options.data + ": these are " + described(data) +
                     "; the runs are of " + described(runs[0].data()));
  }
  return data;
}

// What is measured, row by row.
class Comparison {
 public:
  Comparison(const datasets::Dataset& data, const Options& options)
      : data_(data),
        seed_(options.load.seed),
        progress_(options.quiet),
        score_(data, options.samples, [this](std::size_t done, std::size_t total) {
          say("a classifier, for its features", done, total);
        }) {
    const std::string pixels = data.is_image() ? "pixels" : "columns";
    headings_ = {"", std::string("squared error a ") + (data.is_image() ? "pixel" : "column"),
                 "MMD² of codes to N(0, I)"};
    for (const std::string& heading : distance_headings(pixels)) headings_.push_back(heading);
  }

  /// What no model can be expected to get below. Z: of the codes, 0 without.
  void add_real(std::size_t Z) {
    Rng rng(seed_, 21);
    const double codes = Z == 0 ? unknown : mmd2_of(rng.normal({score_.size(), Z}));
    add(Z == 0 ? "validation set" : "validation set, codes from N(0, I)", unknown, codes,
        data_.valid.first(score_.size()));
  }

  void add_run(const std::string& name, const Trained& can) {
    say("samples of " + name, 0, 1);
    const std::size_t n = score_.size();
    Rng rng(seed_, 23);
    double mmd2 = unknown;
    if (can.encode && can.latent != 0) {
      const Array x = data_.test.first(n);
      mmd2 = mmd2_of(can.draw_codes ? can.draw_codes(x, rng) : can.encode(x));
    }
    const double error = can.reconstruct ? error_of(can) : unknown;
    if (!can.sample) {
      rows_.push_back({name, cell(error), cell(mmd2), "", "", "", ""});
    } else if (can.sample_is.empty() || !can.encode || !can.decode) {
      add(name + (can.sample_is.empty() ? "" : ", " + can.sample_is), error, mmd2,
          can.sample(n, rng));
    } else {  // no law of its codes belongs to the model: three guesses
      add(name + ", z ~ N(0, I)", error, mmd2, can.decode(rng.normal({n, can.latent})));
      add(name + ", " + can.sample_is, unknown, unknown, can.sample(n, rng));
      add(name + ", z = codes of training examples", unknown, unknown, of_training_codes(can, rng));
    }
  }

  std::string table() {
    progress_.clear();
    const std::string n = std::to_string(score_.size());
    std::vector<std::vector<std::string>> rows{headings_};
    rows.insert(rows.end(), rows_.begin(), rows_.end());
    return markdown({n + " samples of each against " + n + " test examples of " + data_.name +
                         ", reconstructions of all test examples",
                     rows}) +
           "\n" + score_.about() + "\n";
  }

  Array picture() const { return stacked(data_.height, data_.width, pictures_, 12); }

 private:
  void say(const std::string& what, std::size_t done, std::size_t total) {
    progress_.update([&]() -> Progress::State {
      return {"comparing: " + what, static_cast<double>(done) / static_cast<double>(total), ""};
    });
  }

  // The same draws of the prior for all.
  double mmd2_of(const Array& codes) const {
    Rng rng(seed_, 22);
    return mmd2_to_prior(codes, rng);
  }

  double error_of(const Trained& can) const {
    const std::size_t n = data_.test.size(), at_a_time = 1000;
    double total = 0;
    for (std::size_t from = 0; from < n; from += at_a_time) {
      const Array x = data_.test.range(from, std::min(at_a_time, n - from));
      total += mean_squared_error_of(x, can.reconstruct(x)) * static_cast<double>(x.shape()[0]);
    }
    return total / static_cast<double>(n);
  }

  // Reconstructions of n training examples, each time any of them.
  Array of_training_codes(const Trained& can, Rng& rng) const {
    const std::size_t n = score_.size();
    std::vector<std::size_t> rows;
    for (const std::int64_t row :
         rng.integers({n}, 0, static_cast<std::int64_t>(data_.train.size()))) {
      rows.push_back(static_cast<std::size_t>(row));
    }
    return can.decode(can.encode(data_.train.take(rows)));
  }

  void add(const std::string& name, double error, double mmd2, const Array& samples) {
    rows_.push_back({name, cell(error), cell(mmd2)});
    for (const std::string& text : cells_of(score_(samples))) rows_.back().push_back(text);
    if (data_.is_image()) pictures_.push_back(datasets::first_rows(samples, 24));
  }

  const datasets::Dataset& data_;
  std::uint64_t seed_;
  Progress progress_;
  SampleScore score_;
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<Array> pictures_;
};

void compare(const std::vector<std::string>& folders, const OptionTable& asked, Options& options) {
  std::vector<Saved> runs;
  std::vector<Trained> models;
  std::size_t Z = 0;
  for (const std::string& folder : folders) {
    runs.emplace_back(folder);
    models.push_back(open(runs.back()));
    if (Z == 0 && models.back().encode) Z = models.back().latent;
  }
  const datasets::Dataset data = load(runs, folders, asked, options);
  if (!options.picture.empty() && !data.is_image()) {
    throw UsageError("--picture " + options.picture + ": " + data.name + " has no images");
  }
  Comparison comparison(data, options);
  comparison.add_real(Z);
  for (std::size_t i = 0; i < folders.size(); ++i) comparison.add_run(folders[i], models[i]);
  const std::string table = comparison.table();
  std::cout << table << std::flush;
  if (!options.out.empty()) nn::write_file(options.out, table);
  if (!options.picture.empty()) write_png(options.picture, comparison.picture());
}

int run(int argc, const char* const* argv) {
  std::vector<std::string> folders;
  std::vector<const char*> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    if (rest.size() == 1 && argv[i][0] != '-') {
      folders.emplace_back(argv[i]);
    } else {
      rest.push_back(argv[i]);
    }
  }
  Options options;
  OptionTable table;
  options.describe(table);
  const Environment env = environment();
  const ProgramText text = {
      "nabla compare RUN...",
      "Trained models on one table: reconstructions, codes, and distances of samples to test "
      "examples",
      "A figure that a model cannot give is left out. Exit status: 0 done, 1 failed, 2 wrong "
      "usage.",
      "nabla compare " + env.version + " (" + env.commit + ", " + env.build + ")"};
  std::string answer;
  if (!table.parse(static_cast<int>(rest.size()), rest.data(), text, answer)) {
    std::cout << answer << std::flush;
    return 0;
  }
  if (folders.empty()) throw UsageError("folders of runs come first (see --help)");
  if (options.threads != 0) set_threads(static_cast<int>(options.threads));
  compare(folders, table, options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return exit_status("nabla compare", [&] { return run(argc, argv); });
}
