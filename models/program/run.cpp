#include "models/program/run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <set>
#include <stdexcept>
#include <sys/stat.h>

#include "models/program/environment.hpp"
#include "models/program/run_state.hpp"
#include "nn/files.hpp"

namespace nabla::models {
namespace {

constexpr std::chrono::seconds between_checkpoints{2};
constexpr std::chrono::seconds between_reports{10};

double seconds_between(Clock::time_point start, Clock::time_point stop) {
  return std::chrono::duration<double>(stop - start).count();
}

// Rng words and counts are unsigned; the file has signed numbers of the same bits.
IndexArray whole_numbers(const std::vector<std::uint64_t>& words) {
  IndexArray array = xt::zeros<std::int64_t>({words.size()});
  std::copy(words.begin(), words.end(), array.begin());
  return array;
}

nn::StoredArrays with_prefix(const std::string& prefix, nn::StoredArrays arrays) {
  nn::StoredArrays result;
  for (auto& [key, value] : arrays) result.emplace(prefix + key, std::move(value));
  return result;
}

nn::StoredArrays without_prefix(const std::string& prefix, const nn::StoredArrays& arrays) {
  nn::StoredArrays result;
  for (auto i = arrays.lower_bound(prefix);
       i != arrays.end() && i->first.compare(0, prefix.size(), prefix) == 0; ++i) {
    result.emplace(i->first.substr(prefix.size()), i->second);
  }
  return result;
}

std::string rounded(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", x);
  return text;
}

}  // namespace

std::string readable(double x) {
  if (x == 0) return "0";  // −0 too
  char text[32];
  const bool whole = std::abs(x) < 1e15 && x == std::floor(x);
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.6g", x);
  return text;
}

std::string snapshot_file(int epoch) {
  char name[40];
  std::snprintf(name, sizeof name, "samples/epoch-%05d.png", epoch);
  return name;
}

Run::Run(std::unique_ptr<State> state) : state_(std::move(state)) {}
Run::~Run() = default;

const CommonOptions& Run::options() const {
  return state_->options;
}
const std::string& Run::folder() const {
  return state_->folder.path();
}
int Run::epoch() const {
  return state_->in_epoch ? state_->epochs_done + 1 : state_->epochs_done;
}
bool Run::resumed() const {
  return !state_->options.resume.empty();
}
void Run::expect_examples(std::size_t per_epoch) {
  state_->expected_examples = per_epoch;
}

// What is kept --------------------------------------------------------------------------------

nn::StoredArrays Run::stored(nn::NamedArrays arrays) {
  nn::StoredArrays result;
  for (auto& [key, value] : arrays) result.emplace(key, std::move(value));
  return result;
}

nn::NamedArrays Run::as_arrays(const nn::StoredArrays& saved) const {
  return nn::arrays_of({saved, {}}, state_->checkpoint_path());
}

void Run::keep(const nn::NamedTensors& parameters) {
  state_->parameters = parameters;
  const auto save = [parameters] { return stored(nn::values_of(parameters)); };
  const auto load = [this, parameters](const nn::StoredArrays& saved) {
    nn::set_values(parameters, as_arrays(saved), "weights");
  };
  keep("weights", save, load, WithBest::yes);
}

void Run::keep(const std::string& name, Rng& rng) {
  const auto save = [&rng] {
    const Rng::State state = rng.state();
    return nn::StoredArrays{{"state", whole_numbers({state.seed, state.stream, state.counter})}};
  };
  const auto load = [this, &rng](const nn::StoredArrays& saved) {
    const std::vector<std::uint64_t> words = state_->words(saved, "state", 3);
    rng.set_state({words[0], words[1], words[2]});
  };
  keep(name, save, load);
}

void Run::keep(const std::string& name, nn::Optimiser& optimiser) {
  const auto save = [&optimiser] {
    const nn::Optimiser::State state = optimiser.state();
    nn::StoredArrays all = with_prefix("arrays/", stored(state.arrays));
    all["steps"] = whole_numbers({state.steps});
    all["updates"] = whole_numbers(state.updates);
    all["lr"] = nn::DoubleArray{state.lr};
    return all;
  };
  const auto load = [this, &optimiser](const nn::StoredArrays& saved) {
    nn::Optimiser::State state;
    state.arrays = as_arrays(without_prefix("arrays/", saved));
    state.steps = state_->words(saved, "steps", 1)[0];
    state.updates = state_->words(saved, "updates", optimiser.state().updates.size());
    state.lr = state_->number(saved, "lr");
    optimiser.load(state);
  };
  keep(name, save, load);
}

void Run::keep(const std::string& name, nn::EMA& average) {
  const auto save = [&average] {
    const nn::EMA::State state = average.state();
    nn::StoredArrays all = with_prefix("arrays/", stored(state.arrays));
    all["updates"] = whole_numbers({state.updates});
    return all;
  };
  const auto load = [this, &average](const nn::StoredArrays& saved) {
    average.load(
        {as_arrays(without_prefix("arrays/", saved)), state_->words(saved, "updates", 1)[0]});
  };
  keep(name, save, load, WithBest::yes);
}

void Run::keep(const std::string& name, std::function<nn::StoredArrays()> save,
               std::function<void(const nn::StoredArrays&)> load, WithBest with_best) {
  State& s = *state_;
  s.check_part_name(name);
  s.parts.push_back({name, std::move(save), std::move(load), with_best});
  if (!resumed()) return;
  try {
    s.parts.back().load(s.claim(name + "/"));
  } catch (const std::invalid_argument& e) {
    throw std::runtime_error(s.checkpoint_path() + ": " + e.what());
  }
  if (with_best == WithBest::no || !s.has_best) return;
  const std::string prefix = "best/" + name + "/";
  s.best.merge(with_prefix(prefix, s.claim(prefix)));
}

void Run::begin() {
  State& s = *state_;
  if (s.begun) return;
  if (s.parameters.empty()) throw std::logic_error("keep() the model's parameters before the loop");
  if (!s.unclaimed.empty()) {
    throw std::runtime_error(s.checkpoint_path() + ": tensor \"" + s.unclaimed.begin()->first +
                             "\" belongs to nothing that this program keeps");
  }
  if (!resumed()) {
    s.take_snapshot();
    s.write_checkpoint();
  }
  // What a killed program wrote after its last checkpoint goes: those epochs come again.
  nn::write_file(s.folder.file("metrics.jsonl"), s.metrics_text());
  s.begun = true;
  s.session_start = s.checkpoint_written = Clock::now();
}

// The loop ------------------------------------------------------------------------------------

bool Run::next_epoch() {
  State& s = *state_;
  begin();
  check_interrupt();
  if (s.in_epoch) throw std::logic_error("next_epoch: end_epoch() was not called");
  if (s.epochs_done >= s.options.epochs) return false;
  if (s.options.patience > 0 && s.since_best >= s.options.patience) {
    s.progress.line("stopped early: " + s.criterion + " is no better since epoch " +
                    std::to_string(s.best_epoch));
    return false;
  }
  s.in_epoch = true;
  s.steps = 0;
  s.examples = 0;
  s.loss_sum = 0;
  s.epoch_start = s.last_step = Clock::now();
  s.progress.restart();
  return true;
}

void Run::step(double loss, std::size_t examples) {
  State& s = *state_;
  if (!s.in_epoch) throw std::logic_error("step: next_epoch() was not called");
  ++s.steps;
  if (!std::isfinite(loss)) {
    const std::string kept = s.epochs_done == 0
                                 ? "the untrained state"
                                 : "the state after epoch " + std::to_string(s.epochs_done);
    throw std::runtime_error("the loss is " + readable(loss) + " in epoch " +
                             std::to_string(epoch()) + ", step " + std::to_string(s.steps) +
                             "; try a smaller --lr, or --check-finite to find the operation; " +
                             kept + " is in " + s.checkpoint_path());
  }
  s.examples += examples;
  s.loss_sum += loss * static_cast<double>(examples);
  s.last_step = Clock::now();
  s.progress.update([&] { return s.training_state(); });
  check_interrupt();
}

double Run::mean_loss() const {
  return state_->loss_sum / static_cast<double>(std::max<std::size_t>(1, state_->examples));
}

void Run::end_epoch(const Figures& figures, const Criterion& criterion) {
  State& s = *state_;
  if (!s.in_epoch) throw std::logic_error("end_epoch: next_epoch() was not called");
  const double training = seconds_between(s.epoch_start, s.last_step);
  Json line = {{"epoch", s.epochs_done + 1}};
  add_figures(line, figures);
  const bool better = s.judge(figures, criterion);
  s.in_epoch = false;
  ++s.epochs_done;
  ++s.session_epochs;
  if (s.examples > 0) s.expected_examples = s.examples;
  const double seconds = seconds_between(s.epoch_start, Clock::now());
  s.training_seconds += seconds;
  line["seconds"] = seconds;
  if (training > 0) line["examples_per_second"] = static_cast<double>(s.examples) / training;
  s.metrics.push_back(line);
  if (better) s.remember_best();
  s.take_snapshot();
  nn::append_file(s.folder.file("metrics.jsonl"), line.dump() + "\n");
  if (Clock::now() - s.checkpoint_written >= between_checkpoints) s.write_checkpoint();
  if (Clock::now() - s.report_written >= between_reports) s.write_report("training");

  std::string text =
      "epoch " + std::to_string(s.epochs_done) + "/" + std::to_string(s.options.epochs);
  for (const auto& [key, value] : figures) text += "  " + key + " " + readable(value);
  if (training > 0)
    text += "  " + rounded(static_cast<double>(s.examples) / training) + " examples/s";
  text += "  ETA " + duration(s.seconds_left(0));
  s.progress.line(text + (better ? "  best" : ""));
}

void Run::evaluating(const std::string& what, std::size_t done, std::size_t total) {
  if (done == 0) state_->progress.restart();
  state_->progress.update([&]() -> Progress::State {
    const double part = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    return {"evaluating " + what, part, ""};
  });
  if (done >= total) state_->progress.clear();
  check_interrupt();
}

bool Run::use_best() {
  State& s = *state_;
  begin();
  if (!s.has_best) return false;
  for (const Part& part : s.parts) {
    if (part.with_best == WithBest::no) continue;
    part.load(without_prefix("best/" + part.name + "/", s.best));
  }
  s.progress.line("weights of epoch " + std::to_string(s.best_epoch) + ", " + s.criterion + " " +
                  readable(s.best_value));
  return true;
}

// Results -------------------------------------------------------------------------------------

void Run::image(const std::string& file, const Array& image, const std::string& caption) {
  check_interrupt();
  const std::string png = encode_png(image);
  nn::write_file(state_->folder.file(file), png);
  state_->pictures.push_back({caption.empty() ? file : caption, png});
}

bool Run::snapshot_due() const {
  int lead = epoch();
  while (lead >= 10 && lead % 10 == 0) lead /= 10;
  return lead == 1 || lead == 2 || lead == 5;
}

void Run::snapshot(const Array& image) {
  State& s = *state_;
  if (!s.in_epoch) throw std::logic_error("snapshot: only between next_epoch() and end_epoch()");
  ::mkdir(s.folder.file("samples").c_str(), 0777);  // if it fails, the next line says why
  write_png(s.folder.file(snapshot_file(epoch())), image);
  s.snapshots.push_back(epoch());
}

void Run::note(const std::string& text) {
  state_->notes.push_back(text);
  state_->progress.line(text);
}

void Run::table(const std::string& file, const std::string& title,
                const std::vector<std::vector<std::string>>& rows) {
  const Table table{title, rows};
  nn::write_file(state_->folder.file(file), markdown(table));
  state_->tables.push_back(table);
}

void Run::finish(const Figures& figures) {
  State& s = *state_;
  begin();
  if (s.in_epoch) throw std::logic_error("finish: end_epoch() was not called");
  check_interrupt();
  if (s.pending) s.write_checkpoint();
  nn::TensorFile model;
  for (auto& [name, value] : nn::values_of(s.parameters)) model.tensors.emplace(name, value);
  model.metadata = {{"nabla", environment().version}, {"model", s.name}};
  nn::write_tensors(s.folder.file("model.safetensors"), model);
  s.figures = figures;
  nn::write_file(s.folder.file("summary.json"), s.summary().dump(2) + "\n");
  s.write_report("finished");
  s.finished = true;
  for (const auto& [key, value] : figures) std::cout << key << ' ' << readable(value) << '\n';
  for (const Table& table : s.tables) std::cout << '\n' << markdown(table);
  std::cout << std::flush;
  s.progress.line("report: " + s.folder.file("report.html"));
}

void Run::leave() {
  State& s = *state_;
  s.progress.clear();
  if (!s.begun || s.finished) {
    if (!s.begun && !resumed()) s.folder.discard();
    return;
  }
  if (s.pending) s.write_checkpoint();
  s.write_report("stopped");
}

// State ---------------------------------------------------------------------------------------

void add_figures(Json& object, const Figures& figures) {
  for (const auto& [key, value] : figures) {
    if (object.contains(key))
      throw std::invalid_argument("the figure \"" + key + "\" is there twice");
    object[key] = value;  // written as null if it is not finite
  }
}

void Run::State::check_part_name(const std::string& part) const {
  if (begun) throw std::logic_error("keep \"" + part + "\": only before the first next_epoch()");
  bool taken = part == "best" || part.empty() || part.find('/') != std::string::npos;
  for (const Part& other : parts) taken = taken || other.name == part;
  if (taken) throw std::logic_error("keep: the name \"" + part + "\" is not free");
}

// Takes out of the checkpoint what has this prefix, which goes from the names.
nn::StoredArrays Run::State::claim(const std::string& prefix) {
  nn::StoredArrays result = without_prefix(prefix, unclaimed);
  for (const auto& entry : result) unclaimed.erase(prefix + entry.first);
  return result;
}

std::vector<std::uint64_t> Run::State::words(const nn::StoredArrays& saved, const std::string& name,
                                             std::size_t count) const {
  const auto found = saved.find(name);
  const IndexArray* const array =
      found == saved.end() ? nullptr : std::get_if<IndexArray>(&found->second);
  if (array == nullptr || array->size() != count) {
    throw std::runtime_error(checkpoint_path() + ": there is no \"" + name + "\" of " +
                             std::to_string(count) + " whole numbers in what \"" +
                             parts.back().name + "\" was saved as");
  }
  return {array->data(), array->data() + count};
}

double Run::State::number(const nn::StoredArrays& saved, const std::string& name) const {
  const auto found = saved.find(name);
  const nn::DoubleArray* const array =
      found == saved.end() ? nullptr : std::get_if<nn::DoubleArray>(&found->second);
  if (array == nullptr || array->size() != 1) {
    throw std::runtime_error(checkpoint_path() + ": there is no number \"" + name +
                             "\" in what \"" + parts.back().name + "\" was saved as");
  }
  return *array->data();
}

void Run::State::take_snapshot() {
  pending = std::make_unique<nn::TensorFile>();
  pending->tensors = best;
  for (const Part& part : parts) {
    pending->tensors.merge(with_prefix(part.name + "/", part.save()));
  }
  Json run = {{"epoch", epochs_done}, {"training_seconds", training_seconds}};
  if (has_best) {
    run["criterion"] = criterion;
    run["best_epoch"] = best_epoch;
    run["best_value"] = std::isfinite(best_value) ? Json(best_value) : Json();
    run["since_best"] = since_best;
  }
  run["metrics"] = metrics;
  run["snapshots"] = snapshots;
  pending->metadata = {{"nabla", environment().version}, {"model", name}, {"run", run.dump()}};
}

void Run::State::write_checkpoint() {
  nn::write_tensors(checkpoint_path(), *pending);
  pending.reset();
  checkpoint_written = Clock::now();
}

void Run::State::read_checkpoint() {
  nn::TensorFile file = nn::read_tensors(checkpoint_path());
  if (file.metadata["model"] != name) {
    throw UsageError(checkpoint_path() + " was written by train_" + file.metadata["model"] +
                     ", not by train_" + name);
  }
  try {
    const Json run = Json::parse(file.metadata["run"]);
    epochs_done = run.at("epoch");
    training_seconds = run.at("training_seconds");
    metrics = run.at("metrics").get<std::vector<Json>>();
    snapshots = run.at("snapshots").get<std::vector<int>>();
    has_best = run.contains("best_epoch");
    if (has_best) {
      criterion = run.at("criterion");
      best_epoch = run.at("best_epoch");
      best_value = run.at("best_value").is_null() ? unknown : run.at("best_value").get<double>();
      since_best = run.at("since_best");
    }
  } catch (const Json::exception&) {
    throw std::runtime_error(checkpoint_path() + ": the metadata \"run\" is damaged");
  }
  unclaimed = std::move(file.tensors);
}

// Notes the criterion's value; true if it is the best so far.
bool Run::State::judge(const Figures& figures, const Criterion& wanted) {
  if (wanted.key.empty()) return false;
  const auto found = std::find_if(figures.begin(), figures.end(),
                                  [&](const auto& figure) { return figure.first == wanted.key; });
  if (found == figures.end()) {
    throw std::invalid_argument("end_epoch: \"" + wanted.key + "\" is none of the figures");
  }
  const double value = found->second;
  if (std::isnan(value)) {
    throw std::runtime_error(wanted.key + " is nan after epoch " + std::to_string(epochs_done + 1) +
                             "; the state before that epoch is in " + checkpoint_path());
  }
  // An infinite best value comes back from a file as unknown: any number is better than that.
  const bool better = !has_best || std::isnan(best_value) ||
                      (wanted.maximise ? value > best_value : value < best_value);
  criterion = wanted.key;
  since_best = better ? 0 : since_best + 1;
  if (better) best_value = value;
  return better;
}

void Run::State::remember_best() {
  has_best = true;
  best_epoch = epochs_done;
  best.clear();
  for (const Part& part : parts) {
    if (part.with_best == WithBest::no) continue;
    best.merge(with_prefix("best/" + part.name + "/", part.save()));
  }
}

std::string Run::State::metrics_text() const {
  std::string text;
  for (const Json& line : metrics) text += line.dump() + "\n";
  return text;
}

double Run::State::seconds_left(double part_of_epoch) const {
  const double done = session_epochs + part_of_epoch;
  if (done <= 0) return unknown;
  const double each = seconds_between(session_start, Clock::now()) / done;
  return each * (options.epochs - epochs_done - part_of_epoch);
}

Progress::State Run::State::training_state() const {
  const double count = static_cast<double>(examples);
  const bool known = expected_examples > 0;
  const double part = known ? std::min(1.0, count / static_cast<double>(expected_examples)) : -1;
  const double seconds = seconds_between(epoch_start, last_step);
  return {"epoch " + std::to_string(epochs_done + 1) + "/" + std::to_string(options.epochs), part,
          "loss " + readable(loss_sum / std::max(1.0, count)) + "  " +
              (seconds > 0 ? rounded(count / seconds) : "?") + " examples/s  ETA " +
              duration(known ? seconds_left(part) : unknown)};
}

}  // namespace nabla::models
