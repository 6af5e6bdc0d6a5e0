#include "models/discrete/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "models/measure/bits_per_dim.hpp"

namespace nabla::models {
namespace {

std::string key_of(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string with_digits(double x, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return text;
}

std::vector<bool> first_columns(std::size_t count, std::size_t D) {
  std::vector<bool> known(D);
  std::fill_n(known.begin(), count, true);
  return known;
}

}  // namespace

// Data ------------------------------------------------------------------------------------------

Splits drawn_once(const Data& data, std::uint64_t seed) {
  return {data.binary ? data.train : datasets::binarize_once(data.train, seed + 3), data.valid,
          data.test};
}

Splits columns_of(const Splits& data, std::size_t from, std::size_t count) {
  return {data.train.take_columns(from, count), data.valid.take_columns(from, count),
          data.test.take_columns(from, count)};
}

std::size_t middle_of(const datasets::DataShape& data, std::size_t count) {
  const std::size_t D = data.columns, line = data.channels == 1 ? data.width : D;
  if (line == D || count > line) return (D - count) / 2;
  return data.height / 2 * line + (line - count) / 2;
}

// Abilities -------------------------------------------------------------------------------------

Trained abilities(const Fvsbn& model) {
  Trained can;
  can.sample = [model](std::size_t n, Rng& rng) { return model.sample(n, rng); };
  can.log_prob = [model](const Array& x, Rng&) { return model.log_prob(x); };
  const std::size_t D = model.dimensions();
  can.complete = [model, D](const Array& x, const std::vector<bool>& known, Rng& rng) {
    const auto end = std::find(known.begin(), known.end(), false);
    const std::size_t count = static_cast<std::size_t>(end - known.begin());
    if (known != first_columns(count, D)) {
      throw std::invalid_argument("complete: the FVSBN's known columns must come first");
    }
    return model.complete(x, count, rng);
  };
  can.completes = first_columns(D / 2, D);
  return can;
}

Trained abilities(const OneParent& fitted) {
  const OneParent model(fitted.parents(), fitted.probabilities());
  Trained can;
  can.sample = [model](std::size_t n, Rng& rng) { return model.sample(n, rng); };
  can.log_prob = [model](const Array& x, Rng&) { return model.log_prob(x); };
  can.complete = [model](const Array& x, const std::vector<bool>& known, Rng& rng) {
    return model.complete(x, known, rng);
  };
  can.completes = model.first_half();
  return can;
}

Trained abilities(const FullJoint& fitted) {
  const FullJoint model(fitted.probabilities());
  Trained can;
  can.sample = [model](std::size_t n, Rng& rng) { return model.sample(n, rng); };
  can.log_prob = [model](const Array& x, Rng&) { return model.log_prob(x); };
  return can;
}

// The comparison --------------------------------------------------------------------------------

void Comparison::add(const std::string& name, std::size_t parameters, const char* formula,
                     Trained can, const std::function<Array(const Array&)>& log_prob) {
  const auto mean = [&](const datasets::Rows& rows) {
    const auto add = [&](const Tensor& x, Means& means) {
      means.add("log_prob", Tensor(log_prob(x.value())));
    };
    return run_.means("ln p of " + name, rows, add)["log_prob"];
  };
  Line line{name, std::to_string(parameters), formula, std::move(can)};
  line.parameters = static_cast<double>(parameters);
  line.train = mean(data_.train);
  line.valid = mean(data_.valid);
  line.test = mean(data_.test);
  line.bits_per_dim = models::bits_per_dim(-line.test, columns());
  lines_.push_back(std::move(line));
}

void Comparison::count(const std::string& only, double smoothing) {
  const datasets::Rows& x = data_.train;
  const auto wants = [&](const std::string& name) { return only == "all" || only == name; };
  const bool possible = x.columns() <= FullJoint::most_dimensions;
  if (wants("joint") && !possible) {  // a line without figures
    lines_.push_back(
        {"joint", "2^" + std::to_string(columns()) + " - 1", FullJoint::formula(), {}});
  }
  if (wants("joint") && possible) add("joint", FullJoint::fit(x, smoothing));
  if (wants("independent")) add("independent", Independent::fit(x, smoothing));
  if (wants("markov")) add("markov", MarkovChain::fit(x, smoothing));
  if (wants("chow-liu")) add("chow-liu", ChowLiuTree::fit(x, smoothing));
}

void Comparison::store_counted(const std::string& name, const OneParent& model) {
  parameters_.emplace_back(key_of(name) + ".probs", Tensor(model.probabilities()));
  if (name == "chow-liu") {
    parameters_.emplace_back(key_of(name) + ".parents", Tensor(model.parent_numbers()));
  }
}

void Comparison::store_counted(const std::string& name, const FullJoint& model) {
  parameters_.emplace_back(key_of(name) + ".probs", Tensor(model.probabilities()));
}

void Comparison::store(const std::string& name, const nn::Module& trained) {
  for (const auto& [key, parameter] : trained.named_parameters()) {
    parameters_.emplace_back(name + "." + key, parameter);
  }
}

const nn::NamedTensors& Comparison::parameters() const {
  if (!parameters_.empty()) return parameters_;
  throw UsageError("--only joint: a table of 2^" + std::to_string(columns()) +
                   " probabilities is not possible; at most " +
                   std::to_string(FullJoint::most_dimensions) + " columns");
}

Figures Comparison::figures() const {
  Figures figures;
  for (const Line& line : lines_) {
    if (!line.can.sample) continue;
    const std::string key = prefix_ + key_of(line.name);
    figures.emplace_back("free_parameters_" + key, line.parameters);
    figures.emplace_back("train_log_prob_" + key + "_nats", line.train);
    figures.emplace_back("valid_log_prob_" + key + "_nats", line.valid);
    figures.emplace_back("test_log_prob_" + key + "_nats", line.test);
    figures.emplace_back("test_" + key + "_bits_per_dim", line.bits_per_dim);
  }
  return figures;
}

void Comparison::show(const std::string& file, const std::string& title) const {
  std::vector<std::vector<std::string>> rows{
      {"", "free parameters", "formula", "train", "valid", "test", "bits/dim"}};
  for (const Line& line : lines_) {
    rows.push_back({line.name, line.count, line.formula, "–", "–", "–", "–"});
    if (!line.can.sample) continue;
    rows.back()[3] = with_digits(line.train, 3);
    rows.back()[4] = with_digits(line.valid, 3);
    rows.back()[5] = with_digits(line.test, 3);
    rows.back()[6] = with_digits(line.bits_per_dim, 4);
  }
  run_.table(file, title + ", D = " + std::to_string(columns()) + ": mean ln p in nats", rows);
}

void Comparison::draw(const datasets::DataShape& data) const {
  const std::size_t D = data.columns, shown = data.is_image() ? 16 : 24;
  std::vector<std::size_t> first(shown);
  for (std::size_t i = 0; i < shown; ++i) first[i] = i % data_.test.size();
  std::vector<Array> groups{data_.test.take(first)};
  std::string names = "test data";
  for (const Line& line : lines_) {
    if (!line.can.sample) continue;
    Rng rng = run_.rng(Stream::pictures);  // the same random numbers for each
    groups.push_back(line.can.sample(shown, rng));
    names += ", " + line.name;
  }
  Array x = empty({groups.size() * shown, D});
  Real* next = x.data();
  for (const Array& group : groups) next = std::copy_n(group.data(), shown * D, next);
  if (data.is_image()) {
    run_.image("samples.png", enlarge(grid(x, data.height, data.width, shown), 2),
               "From the top, a row each: " + names);
    return;
  }
  x.reshape({groups.size(), shown * D});
  run_.image("samples.png", enlarge(grid(x, shown, D, 1), std::max<std::size_t>(2, 600 / D)),
             "One sample a line, one column a variable. From the top: " + names);
}

Trained abilities_of(const Saved& saved, const std::string& only) {
  const auto stored = [&](const std::string& name) { return saved.parameter(name); };
  if (only == "joint") return abilities(FullJoint(stored("joint.probs")));
  if (only == "independent") return abilities(Independent(stored("independent.probs")));
  if (only == "markov") return abilities(MarkovChain(stored("markov.probs")));
  if (only == "chow-liu") {
    return abilities(ChowLiuTree(stored("chow_liu.parents"), stored("chow_liu.probs")));
  }
  const Fvsbn fvsbn(saved.data().columns);
  fvsbn.load({{"weight", stored("fvsbn.weight")}, {"bias", stored("fvsbn.bias")}});
  return abilities(fvsbn);
}

}  // namespace nabla::models
