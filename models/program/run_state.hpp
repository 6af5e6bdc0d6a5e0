// The inside of a Run: internal to run.cpp, program.cpp and results.cpp.
#pragma once

#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "models/draw/report.hpp"
#include "models/program/folder.hpp"
#include "models/program/progress.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// A part of the training state, as keep() got it.
struct Part {
  std::string name;
  std::function<nn::StoredArrays()> save;
  std::function<void(const nn::StoredArrays&)> load;
  WithBest with_best;
};

/// checkpoint.safetensors holds "PART/NAME" for each array of each part ("weights" is one of them),
/// "best/PART/NAME" for those that go with the best epoch, and as metadata "run" a JSON object with
/// all the rest.
struct Run::State {
  State(std::string program, const CommonOptions& common)
      : name(std::move(program)), options(common), folder(name, common), progress(common.quiet) {}

  std::string name, title, command;
  CommonOptions options;
  OptionTable* table = nullptr;
  RunFolder folder;
  Progress progress;

  nn::NamedTensors parameters;
  std::vector<Part> parts;
  nn::StoredArrays unclaimed;               // of the checkpoint, until keep() asks for it
  std::unique_ptr<nn::TensorFile> pending;  // end of the last epoch, not yet on disk

  // What a checkpoint remembers besides arrays.
  int epochs_done = 0;
  double training_seconds = 0;  // validation and checkpoints included
  std::vector<Json> metrics;    // the lines of metrics.jsonl
  std::vector<int> snapshots;   // epochs
  bool has_best = false;
  std::string criterion;
  int best_epoch = 0, since_best = 0;
  double best_value = unknown;
  nn::StoredArrays best;  // as in the file, "best/weights/…"

  // The epoch under way.
  bool begun = false, in_epoch = false, finished = false;
  int steps = 0, session_epochs = 0;
  std::size_t examples = 0, expected_examples = 0;
  double loss_sum = 0;
  Clock::time_point session_start, epoch_start, last_step, checkpoint_written, report_written;

  // Results.
  Figures figures;
  std::vector<Picture> pictures;
  std::vector<std::string> notes;
  std::vector<Table> tables;

  std::string checkpoint_path() const { return folder.file("checkpoint.safetensors"); }
  void check_part_name(const std::string& part) const;
  nn::StoredArrays claim(const std::string& prefix);
  std::vector<std::uint64_t> words(const nn::StoredArrays& saved, const std::string& name,
                                   std::size_t count) const;
  double number(const nn::StoredArrays& saved, const std::string& name) const;
  void take_snapshot();
  void write_checkpoint();
  void read_checkpoint();
  bool judge(const Figures& figures, const Criterion& wanted);
  void remember_best();
  std::string metrics_text() const;
  double seconds_left(double part_of_epoch) const;
  Progress::State training_state() const;
  // results.cpp
  Json summary() const;
  void write_options() const;
  void write_report(const std::string& status);
};

/// "-98.9712", "20".
std::string readable(double x);
/// "samples/epoch-00005.png"
std::string snapshot_file(int epoch);
/// Adds numbers under their keys; throws std::invalid_argument if one is taken.
void add_figures(Json& object, const Figures& figures);

}  // namespace nabla::models
