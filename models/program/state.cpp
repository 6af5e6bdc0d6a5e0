// What a run remembers, and its checkpoint.
#include "models/program/state.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <sys/stat.h>

#include "models/program/environment.hpp"
#include "nn/files.hpp"

namespace nabla::models {

double seconds_between(Clock::time_point start, Clock::time_point stop) {
  return std::chrono::duration<double>(stop - start).count();
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

std::string readable(double x) {
  if (x == 0) return "0";  // −0 too
  char text[32];
  const bool whole = std::abs(x) < 1e15 && x == std::floor(x);
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.6g", x);
  return text;
}

std::string snapshot_file(std::size_t epoch) {
  char name[40];
  std::snprintf(name, sizeof name, "samples/epoch-%05zu.png", epoch);
  return name;
}

void add_figures(Json& object, const Figures& figures) {
  for (const auto& [key, value] : figures) {
    if (object.contains(key))
      throw std::invalid_argument("the figure \"" + key + "\" is there twice");
    object[key] = value;  // written as null if it is not finite
  }
}

std::string Run::State::result(const std::string& file) {
  if (!evaluates()) return folder.file(file);
  ::mkdir(folder.file("evaluation").c_str(), 0777);  // if it fails, who writes there says why
  return folder.file("evaluation/" + file);
}

void Run::State::note_loss(double loss, std::size_t count) {
  if (!in_epoch) throw std::logic_error("step: next_epoch() was not called");
  if (count > 0) ++steps;
  if (!std::isfinite(loss)) {
    const std::string kept = epochs_done == 0
                                 ? "the untrained state"
                                 : "the state after epoch " + std::to_string(epochs_done);
    throw std::runtime_error("the loss is " + readable(loss) + " in epoch " +
                             std::to_string(epochs_done + 1) + ", step " + std::to_string(steps) +
                             "; try a smaller --lr, or --check-finite to find the operation; " +
                             kept + " is in " + checkpoint_path());
  }
  examples += count;
  loss_sum += loss * static_cast<double>(count);
  last_step = Clock::now();
  progress.update([&] { return training_state(); });
  check_interrupt();
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

// What stands between the name of the model and the number of epochs.
Figures Run::State::earlier_figures() const {
  const Json summary = Json::parse(nn::read_file(folder.file("summary.json")));
  Figures result;
  for (const auto& [key, value] : summary.items()) {
    if (key == "epochs") break;
    if (key != "model") result.emplace_back(key, value.is_number() ? value.get<double>() : unknown);
  }
  return result;
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
    snapshots = run.at("snapshots").get<std::vector<std::size_t>>();
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
  try {
    const Json summary = Json::parse(nn::read_file(folder.file("summary.json")));
    finished_before = !outdated && summary.at("epochs") == epochs_done;
  } catch (const std::exception&) {
    finished_before = false;  // there is none
  }
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
  const double done = static_cast<double>(session_epochs) + part_of_epoch;
  if (done <= 0) return unknown;
  const double each = seconds_between(session_start, Clock::now()) / done;
  return each * (static_cast<double>(options.epochs - epochs_done) - part_of_epoch);
}

Progress::State Run::State::training_state() const {
  const double count = static_cast<double>(examples);
  const bool known = expected_examples > 0;
  const double part = known ? std::min(1.0, count / static_cast<double>(expected_examples)) : -1;
  const double seconds = seconds_between(epoch_start, last_step);
  return {label + "epoch " + std::to_string(epochs_done + 1) + "/" + std::to_string(options.epochs),
          part,
          "loss " + readable(loss_sum / std::max(1.0, count)) + "  " +
              (seconds > 0 ? rounded(count / seconds) : "?") + " examples/s  ETA " +
              duration(known ? seconds_left(part) : unknown)};
}

}  // namespace nabla::models
