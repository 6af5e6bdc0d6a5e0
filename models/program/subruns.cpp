// Runs within a run: trials, members, folds.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "models/program/state.hpp"

namespace nabla::models {
namespace {

std::string numbered(const std::string& word, std::size_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "-%02zu", number);
  return word + digits;
}

// Mean, and s / √n with s the standard deviation (÷ n − 1); NaN for one value.
std::pair<double, double> mean_and_error(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / (n - 1) / n)};
}

}  // namespace

std::uint64_t Run::shared_seed() const {
  return outer_seed(seed(), state_->part);
}

std::string Run::folder_of(const std::string& word, std::size_t number) const {
  return state_->folder.file(numbered(word, number));
}

std::vector<Figures> Run::each(const std::string& word, std::size_t count,
                               const std::function<void(Run& run, std::size_t number)>& body,
                               std::size_t only) {
  State& s = *state_;
  if (only != 0 && s.part == 0) {
    s.part = only;
    s.options.seed += between_seeds * (only - 1);
  }
  if (count == 1 || s.part != 0) {
    body(*this, std::max<std::size_t>(1, s.part));
    return {};
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(numbered(word, i + 1));
  begin_outer(names);
  std::vector<Figures> all;
  bool trained = false;
  for (std::size_t i = 0; i < count; ++i) {
    CommonOptions options = s.options;
    options.seed += between_seeds * i;
    options.out = folder_of(word, i + 1);
    options.resume.clear();
    options.overwrite = true;  // what stands there is of another run, or was killed before it began
    if (resumed() && std::filesystem::exists(options.out + "/checkpoint.safetensors")) {
      options.resume = options.out;
    }
    auto state = std::make_unique<State>(s.name, options);
    state->title = s.title + ", " + word + " " + std::to_string(i + 1);
    state->command = s.command;
    state->table = s.table;
    state->rate_by_step = s.rate_by_step;
    state->part = i + 1;
    state->label = word + " " + std::to_string(i + 1) + "/" + std::to_string(count) + ": ";
    state->data = s.data;
    state->constants = s.constants;
    Run run(std::move(state));
    State& inner = *run.state_;
    if (run.resumed()) {
      inner.recorded_epochs = s.recorded_epochs;
      inner.read_checkpoint();
      if (inner.epochs_done > s.options.epochs) {
        throw UsageError(options.out + " has been trained for " +
                         std::to_string(inner.epochs_done) + " epochs, more than the " +
                         std::to_string(s.options.epochs) + " of the others: go on with --epochs " +
                         std::to_string(inner.epochs_done));
      }
    }
    if (inner.finished_before && inner.done()) {
      all.push_back(inner.earlier_figures());
    } else {
      trained = true;
      try {
        body(run, i + 1);
      } catch (...) {
        run.leave();
        throw;
      }
      if (!inner.finished) throw std::logic_error("each: the body did not call finish()");
      all.push_back(inner.figures);
    }
    if (inner.has_best) all.back().emplace_back("best_epoch", inner.best_epoch);
    s.training_seconds += inner.training_seconds;
    s.epochs_done = std::max(s.epochs_done, inner.epochs_done);
    for (const std::string& note : inner.notes) {
      if (std::find(s.notes.begin(), s.notes.end(), note) == s.notes.end()) s.notes.push_back(note);
    }
  }
  s.finished_before = !trained && std::filesystem::exists(s.folder.file("summary.json"));
  return all;
}

Figures gathered(Run& run, const std::string& word, const std::vector<Figures>& runs) {
  Figures means, own;
  std::vector<std::vector<std::string>> rows{{"", "mean", "± standard error"}};
  if (runs.empty()) return means;
  for (const auto& figure : runs.front()) {
    const std::string& key = figure.first;
    std::vector<double> values;
    for (const Figures& figures : runs) {
      const auto found = std::find_if(figures.begin(), figures.end(),
                                      [&](const auto& other) { return other.first == key; });
      if (found != figures.end()) values.push_back(found->second);
    }
    if (values.size() != runs.size()) continue;
    const auto [mean, error] = mean_and_error(values);
    means.emplace_back(key, mean);
    if (values.size() > 1) means.emplace_back(key + "_standard_error", error);
    rows.push_back({key, readable(mean), values.size() > 1 ? readable(error) : ""});
    for (std::size_t i = 0; i < values.size(); ++i) {
      own.emplace_back(word + "_" + std::to_string(i + 1) + "_" + key, values[i]);
    }
  }
  run.table(word + "s.md", std::to_string(runs.size()) + " " + word + "s", rows);
  return joined(means, own);
}

}  // namespace nabla::models
