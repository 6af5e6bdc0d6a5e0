// The inside of a Run: internal to the files of this folder.
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

/// Of options.json. Folders without it are from before 0.2: they resume, and do not open.
constexpr int format = 2;

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
  bool rate_by_step = false;
  RunFolder folder;
  Progress progress;
  std::string label;  // "trial 3: ", in front of what a run within a run says

  // The model, and what else model.safetensors and options.json say of it.
  nn::NamedTensors parameters;
  Trained trained;
  nn::NamedArrays constants;
  datasets::DataShape data;
  std::vector<Part> parts;
  nn::StoredArrays unclaimed;               // of the checkpoint, until keep() asks for it
  std::unique_ptr<nn::TensorFile> pending;  // end of the last epoch, not yet on disk

  // What a checkpoint remembers besides arrays.
  std::size_t epochs_done = 0;
  double training_seconds = 0;         // validation and checkpoints included
  std::vector<Json> metrics;           // the lines of metrics.jsonl
  std::vector<std::size_t> snapshots;  // epochs
  bool has_best = false;
  std::string criterion;
  std::size_t best_epoch = 0, since_best = 0;
  double best_value = unknown;
  nn::StoredArrays best;  // as in the file, "best/weights/…"

  // The epoch under way.
  bool begun = false, in_epoch = false, finished = false;
  bool outer = false;  // of each(): no loop of its own
  std::size_t steps = 0, session_epochs = 0;
  std::size_t examples = 0, expected_examples = 0;
  std::size_t batches = 0, batches_done = 0;  // of this epoch
  std::size_t stepped = 0;  // the batch, by its number, whose first step was taken
  double loss_sum = 0;
  Clock::time_point session_start, epoch_start, last_step, checkpoint_written, report_written;

  // Results.
  Figures figures;
  std::vector<Picture> pictures;
  std::vector<std::string> notes;
  std::vector<Table> tables;

  std::size_t part = 0;                  // of a run within a run its number; 0 for a run of its own
  std::vector<std::string> inner_names;  // of the runs within this one
  std::size_t recorded_epochs = 0;       // of options.json, where a run goes on
  bool outdated = false;         // the folder is of an earlier format: it is brought up to date
  bool finished_before = false;  // by an earlier program, and nothing was trained since

  /// A file of the results: in evaluation/ where training has left its own already.
  std::string result(const std::string& file);
  bool evaluates() const { return finished_before && session_epochs == 0 && !in_epoch; }
  std::string checkpoint_path() const { return folder.file("checkpoint.safetensors"); }
  void say(const std::string& text) { progress.line(label + text); }
  void note_loss(double loss, std::size_t count);
  void answer(const std::string& flag, std::size_t& option, std::size_t value) {
    option = value;
    table->answer(flag, std::to_string(value));
  }
  bool done() const {
    return epochs_done >= options.epochs ||
           (options.patience > 0 && since_best >= options.patience);
  }
  void check_part_name(const std::string& part) const;
  nn::StoredArrays claim(const std::string& prefix);
  std::vector<std::uint64_t> words(const nn::StoredArrays& saved, const std::string& name,
                                   std::size_t count) const;
  double number(const nn::StoredArrays& saved, const std::string& name) const;
  Figures earlier_figures() const;  // of summary.json
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
  void write_options_if_new() const;
  void write_report(const std::string& status);
};

/// From the seed of one run within a run to that of the next.
constexpr std::uint64_t between_seeds = 1000;

/// Of the run around the part-th run within it (0: a run of its own) that has this seed.
inline std::uint64_t outer_seed(std::uint64_t seed, std::size_t part) {
  return part == 0 ? seed : seed - between_seeds * (part - 1);
}

/// In model.safetensors, in front of the names of what is no parameter.
constexpr char constant_prefix[] = "constants.";

double seconds_between(Clock::time_point start, Clock::time_point stop);
nn::StoredArrays with_prefix(const std::string& prefix, nn::StoredArrays arrays);
nn::StoredArrays without_prefix(const std::string& prefix, const nn::StoredArrays& arrays);

/// "-98.9712", "20".
std::string readable(double x);
std::string rounded(double x);  ///< "20"
/// "samples/epoch-00005.png"
std::string snapshot_file(std::size_t epoch);
Json json_of(const datasets::DataShape& data);
datasets::DataShape data_shape_of(const Json& object);  // throws Json::exception
/// Adds numbers under their keys; throws std::invalid_argument if one is taken.
void add_figures(Json& object, const Figures& figures);

}  // namespace nabla::models
