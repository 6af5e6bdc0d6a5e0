// What a run says about itself: options.json, summary.json, report.html.
#include <algorithm>
#include <cmath>
#include <map>

#include "models/program/environment.hpp"
#include "models/program/state.hpp"
#include "nn/files.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t most_snapshots = 12;

std::string with_spaces(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

// "valid_elbo_nats" is the series "valid" of the chart "elbo (nats)".
std::pair<std::string, std::string> chart_and_series(const std::string& key) {
  std::string series, stem = key;
  for (const char* const split : {"train", "valid", "test"}) {
    const std::string prefix = std::string(split) + "_";
    if (key.compare(0, prefix.size(), prefix) == 0) {
      series = split;
      stem = key.substr(prefix.size());
    }
  }
  std::string unit;
  for (const char* const candidate : {"nats", "bits_per_dim", "bits", "percent"}) {
    const std::string suffix = "_" + std::string(candidate);
    const bool ends = stem.size() > suffix.size() &&
                      stem.compare(stem.size() - suffix.size(), suffix.size(), suffix) == 0;
    if (!ends || !unit.empty()) continue;
    unit = " (" + with_spaces(candidate) + ")";
    stem.resize(stem.size() - suffix.size());
  }
  return {with_spaces(stem) + unit, series.empty() ? with_spaces(stem) : series};
}

// One chart for each quantity, in the order of the first epoch, train and valid together.
std::vector<Chart> charts_of(const std::vector<Json>& metrics) {
  std::vector<Chart> charts;
  std::map<std::string, std::pair<std::size_t, std::size_t>> place;  // key → chart, series
  for (const Json& line : metrics) {
    const double epoch = line.at("epoch");
    for (const auto& [key, value] : line.items()) {
      if (key == "epoch" || key == "seconds" || key == "examples_per_second") continue;
      if (place.count(key) == 0) {
        const auto [title, series] = chart_and_series(key);
        const auto found = std::find_if(charts.begin(), charts.end(),
                                        [&, &t = title](const Chart& c) { return c.title == t; });
        const std::size_t index = static_cast<std::size_t>(found - charts.begin());
        if (found == charts.end()) charts.push_back({title, "epoch", {}, 0, ""});
        place[key] = {index, charts[index].series.size()};
        charts[index].series.push_back({series, {}});
      }
      const auto [chart, series] = place[key];
      charts[chart].series[series].points.emplace_back(
          epoch, value.is_number() ? value.get<double>() : unknown);
    }
  }
  return charts;
}

}  // namespace

Json json_of(const datasets::DataShape& data) {
  return {{"name", data.name},   {"columns", data.columns},   {"height", data.height},
          {"width", data.width}, {"channels", data.channels}, {"classes", data.classes},
          {"low", data.low},     {"high", data.high},         {"binary", data.binary}};
}

datasets::DataShape data_shape_of(const Json& object) {
  datasets::DataShape data;
  data.name = object.at("name");
  data.columns = object.at("columns");
  data.height = object.at("height");
  data.width = object.at("width");
  data.channels = object.at("channels");
  data.classes = object.at("classes");
  data.low = object.at("low");
  data.high = object.at("high");
  data.binary = object.at("binary");
  return data;
}

void Run::State::write_options_if_new() const {
  // An --epochs that lies behind only asks for an evaluation: the record keeps its total.
  const bool more = options.epochs > recorded_epochs;
  if (!options.resume.empty() && !more && !outdated) return;
  Json object = {{"model", name}, {"format", format}};
  object.update(Json::parse(table->to_json()));
  object["seed"] = options.seed;  // of a run within a run it is not that of the command line
  if (part != 0) object["part"] = part;
  if (!inner_names.empty()) object["runs"] = inner_names;
  object["data_shape"] = json_of(data);
  nn::write_file(folder.file("options.json"), object.dump(2) + "\n");
}

Json Run::State::summary() const {
  const Environment env = environment();
  std::size_t count = 0;
  for (const auto& entry : parameters) count += entry.second.size();
  Json object = {{"model", name}};
  add_figures(object, figures);
  Figures rest = {{"epochs", static_cast<double>(epochs_done)}};
  if (has_best) {
    rest.push_back({"best_epoch", static_cast<double>(best_epoch)});
    rest.push_back({"best_" + criterion, best_value});
  }
  add_figures(object, rest);
  object["epochs"] = epochs_done;  // whole numbers, not 20.0
  if (has_best) object["best_epoch"] = best_epoch;
  if (count != 0) object["parameters"] = count;
  object["training_seconds"] = training_seconds;
  object["peak_memory_mib"] = peak_memory_mib();
  object["seed"] = options.seed;
  object["threads"] = env.threads;
  object["command"] = command;
  object["options"] = Json::parse(table->to_json());
  object["options"]["seed"] = options.seed;
  if (!notes.empty()) object["notes"] = notes;
  object["processor"] = env.processor;
  object["cores"] = env.cores;
  object["system"] = env.system;
  object["compiler"] = env.compiler;
  object["build"] = env.build;
  object["nabla_version"] = env.version;
  object["git_commit"] = env.commit;
  object["finished"] = utc_now();
  return object;
}

void Run::State::write_report(const std::string& status) {
  const Environment env = environment();
  Report report;
  report.title = title;
  report.subtitle = "train_" + name + " on " + options.data + ", seed " +
                    std::to_string(options.seed) + ", folder " + folder.path();
  report.status = status + " · " + std::to_string(epochs_done) + " of " +
                  std::to_string(std::max(options.epochs, epochs_done)) + " epochs · " +
                  duration(training_seconds) + " of training · " + utc_now();
  for (const auto& [key, value] : figures) report.figures.emplace_back(key, readable(value));
  report.notes = notes;
  report.tables = tables;
  report.charts = charts_of(metrics);
  for (Chart& chart : report.charts) {
    if (!has_best) break;
    chart.mark_x = static_cast<double>(best_epoch);
    chart.mark_label = "best: epoch " + std::to_string(best_epoch);
  }
  report.pictures = pictures;
  // Spread over the whole time if there are too many.
  const std::size_t count = std::min(most_snapshots, snapshots.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = count == 1 ? 0 : i * (snapshots.size() - 1) / (count - 1);
    try {
      report.progress.push_back({"epoch " + std::to_string(snapshots[at]),
                                 nn::read_file(folder.file(snapshot_file(snapshots[at])))});
    } catch (const std::runtime_error&) {
      // Someone tidied up: the report does without.
    }
  }
  report.options = table->rows();
  report.environment = {
      {"command", command},
      {"processor", env.processor},
      {"threads", std::to_string(env.threads) + " on " + std::to_string(env.cores) + " cores"},
      {"system", env.system},
      {"compiler", env.compiler},
      {"build", env.build},
      {"nabla", env.version + ", commit " + env.commit},
      {"peak memory", readable(std::round(peak_memory_mib())) + " MiB"}};
  nn::write_file(result("report.html"), html(report));
  report_written = Clock::now();
}

}  // namespace nabla::models
