#include "models/program/run.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <sys/stat.h>

#include "datasets/toy.hpp"
#include "models/program/environment.hpp"
#include "models/program/state.hpp"
#include "nn/files.hpp"
#include "nn/schedule.hpp"

namespace nabla::models {
namespace {

constexpr std::chrono::seconds between_checkpoints{2};
constexpr std::chrono::seconds between_reports{10};

// Rng words and counts are unsigned; the file has signed numbers of the same bits.
IndexArray whole_numbers(const std::vector<std::uint64_t>& words) {
  IndexArray array = xt::zeros<std::int64_t>({words.size()});
  std::copy(words.begin(), words.end(), array.begin());
  return array;
}

}  // namespace

Run::Run(std::unique_ptr<State> state) : state_(std::move(state)) {}
Run::~Run() = default;

const CommonOptions& Run::options() const {
  return state_->options;
}
const std::string& Run::folder() const {
  return state_->folder.path();
}
std::size_t Run::epoch() const {
  return state_->in_epoch ? state_->epochs_done + 1 : state_->epochs_done;
}
bool Run::resumed() const {
  return !state_->options.resume.empty();
}
Rng Run::rng(Stream purpose) const {
  return Rng(seed(), static_cast<std::uint64_t>(purpose));
}

double Run::rate() const {
  const State& s = *state_;
  std::size_t done = s.epochs_done, all = s.options.epochs;
  if (s.rate_by_step) {
    const std::size_t batches = std::max<std::size_t>(1, s.batches);
    done = done * batches + s.batches_done;
    all *= batches;
  }
  if (all == 0 || s.options.schedule == "constant") return 1;
  return s.options.schedule == "linear" ? nn::schedule::linear_to_zero(done, all)
                                        : nn::schedule::cosine(done, all);
}

// Data ------------------------------------------------------------------------------------------

Data Run::load(const Wants& wants) {
  const CommonOptions& o = options();
  datasets::LoadOptions how;
  how.data_dir = o.data_dir;
  how.seed = shared_seed();  // also where a run within a run goes on by itself
  how.train_size = o.train_size;
  const std::vector<std::string>& toys = datasets::Toy::names();
  const bool toy = std::find(toys.begin(), toys.end(), o.data) != toys.end();
  if (toy && how.train_size == 0 && wants.toy_rows != 0) {
    how.train_size = wants.toy_rows;
    state_->answer("--train-size", state_->options.train_size, wants.toy_rows);
  }
  datasets::Dataset loaded = datasets::load(o.data, how);
  check(loaded, wants, o.data);
  Data data(std::move(loaded), wants.view, shared_seed());
  use(data);
  return data;
}

void Run::use(const Data& data) {
  state_->data = data;
  if (options().batch_size == 0) {
    state_->answer("--batch-size", state_->options.batch_size,
                   batch_size_for(options(), data.train.size()));
  }
  if (!data.is_scaled()) return;
  constant("scaling.mean", data.scaling().mean);
  constant("scaling.std_dev", data.scaling().std_dev);
  constant("scaling.rest", data.scaling().rest);
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

void Run::model(const nn::Module& network, const Trained& trained) {
  model(network.named_tensors(), trained);
}

void Run::constant(const std::string& name, const Array& value) {
  state_->constants[name] = value;
}

void Run::model(const nn::NamedTensors& parameters, const Trained& trained) {
  state_->parameters = parameters;
  state_->trained = trained;
  if (state_->outer) return;  // made of models that are kept elsewhere
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

void Run::begin_outer(std::vector<std::string> names) {
  State& s = *state_;
  if (s.begun) return;
  if (!s.unclaimed.empty()) {
    throw std::runtime_error(s.checkpoint_path() +
                             ": holds several networks in one, as an earlier nabla kept them; " +
                             "train them again, into another --out");
  }
  s.begun = s.outer = true;
  s.inner_names = std::move(names);
  if (!resumed()) {
    s.take_snapshot();
    s.write_checkpoint();
  }
  s.write_options_if_new();
  s.epochs_done = 0;
  s.training_seconds = 0;
}

void Run::begin() {
  State& s = *state_;
  if (s.begun) return;
  if (s.parameters.empty()) throw std::logic_error("model() before the loop: there are no weights");
  if (!s.unclaimed.empty()) {
    throw std::runtime_error(s.checkpoint_path() + ": tensor \"" + s.unclaimed.begin()->first +
                             "\" belongs to nothing that this program keeps" +
                             (s.outdated ? ", it is an earlier nabla's: train again, into another "
                                           "--out"
                                         : ""));
  }
  if (!resumed()) {
    s.take_snapshot();
    s.write_checkpoint();
  }
  s.write_options_if_new();
  if (resumed() && s.options.epochs > s.recorded_epochs && s.recorded_epochs > 0 &&
      s.options.schedule != "constant") {
    s.say("--schedule " + s.options.schedule + " was over " + std::to_string(s.recorded_epochs) +
          " epochs and is now over " + std::to_string(s.options.epochs) +
          ": the rate goes on where that has it");
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
  if (s.done()) {
    if (s.epochs_done < s.options.epochs) {
      s.say("stopped early: " + s.criterion + " is no better since epoch " +
            std::to_string(s.best_epoch));
    }
    return false;
  }
  s.in_epoch = true;
  s.steps = s.examples = s.batches = s.batches_done = 0;
  s.stepped = 0;
  s.loss_sum = 0;
  s.epoch_start = s.last_step = Clock::now();
  s.progress.restart();
  return true;
}

Batches Run::batches(const Data& data, const BatchRules& rules) {
  State& s = *state_;
  if (!s.in_epoch) throw std::logic_error("batches: next_epoch() was not called");
  const Batches batches(data, batch_size_for(s.options, data.train.size()), seed(), epoch(), rules);
  s.batches = batches.size();
  s.expected_examples = data.train.size();
  return batches;
}

double Run::step(nn::Optimiser& optimiser, const Batch& batch,
                 const std::function<Tensor(const Batch&)>& loss, double clip_norm) {
  optimiser.clear_grad();
  const Tensor value = loss(batch);
  value.backward();
  if (clip_norm > 0) nn::clip_grad_norm(optimiser.parameters(), clip_norm);
  optimiser.step();
  State& s = *state_;
  const bool first = batch.number == 0 || batch.number != s.stepped;
  const double number = static_cast<double>(value.item());
  if (first) ++s.batches_done;
  s.stepped = batch.number;
  s.note_loss(number, first ? batch.size() : 0);
  return number;
}

void Run::step(double loss, std::size_t examples) {
  ++state_->batches_done;
  state_->note_loss(loss, examples);
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
  s.say(text + (better ? "  best" : ""));
}

Means Run::means(const std::string& what, const datasets::Rows& x,
                 const std::function<void(const Tensor& x, Means& means)>& add,
                 std::size_t rows_at_a_time) {
  const NoGrad no_grad;
  Means means;
  for (std::size_t from = 0; from < x.size(); from += rows_at_a_time) {
    evaluating(what, from, x.size());
    add(Tensor(x.range(from, std::min(rows_at_a_time, x.size() - from))), means);
  }
  evaluating(what, x.size(), x.size());
  return means;
}

double Run::mean(const std::string& what, const datasets::Rows& x,
                 const std::function<Tensor(const Tensor& x)>& each, std::size_t rows_at_a_time) {
  const auto add = [&](const Tensor& part, Means& means) { means.add("mean", each(part)); };
  return means(what, x, add, rows_at_a_time)["mean"];
}

Means Run::means(const std::string& what, const datasets::Rows& x, const IndexArray& labels,
                 const std::function<void(const Batch& batch, Means& means)>& add,
                 std::size_t rows_at_a_time) {
  std::size_t from = 0;
  const auto add_labelled = [&](const Tensor& some, Means& means) {
    std::vector<std::size_t> rows(some.shape()[0]);
    std::iota(rows.begin(), rows.end(), from);
    from += rows.size();
    IndexArray theirs =
        labels.size() == 0 ? datasets::no_labels() : datasets::take_rows(labels, rows);
    add({some, std::move(theirs), std::move(rows), 0}, means);
  };
  return means(what, x, add_labelled, rows_at_a_time);
}

void Run::evaluating(const std::string& what, std::size_t done, std::size_t total) {
  if (done == 0) state_->progress.restart();
  state_->progress.update([&]() -> Progress::State {
    const double part = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    return {state_->label + "evaluating " + what, part, ""};
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
  s.say("weights of epoch " + std::to_string(s.best_epoch) + ", " + s.criterion + " " +
        readable(s.best_value));
  return true;
}

// Results -------------------------------------------------------------------------------------

void Run::image(const std::string& file, const Array& image, const std::string& caption) {
  check_interrupt();
  const std::string png = encode_png(image);
  nn::write_file(state_->result(file), png);
  state_->pictures.push_back({caption.empty() ? file : caption, png});
}

// 1, 2, 5, 10, 20, 50, …
bool Run::snapshot_due() const {
  std::size_t lead = epoch();
  while (lead >= 10 && lead % 10 == 0) lead /= 10;
  return lead == 1 || lead == 2 || lead == 5;
}

void Run::add_snapshot(const Array& image) {
  State& s = *state_;
  if (!s.in_epoch) throw std::logic_error("snapshot: only between next_epoch() and end_epoch()");
  ::mkdir(s.folder.file("samples").c_str(), 0777);  // if it fails, the next line says why
  write_png(s.folder.file(snapshot_file(epoch())), image);
  s.snapshots.push_back(epoch());
}

void Run::snapshot(const std::function<Array()>& draw, bool and_last) {
  if (snapshot_due() || (and_last && epoch() == options().epochs)) add_snapshot(draw());
}

void Run::note(const std::string& text) {
  state_->notes.push_back(text);
  state_->say(text);
}

void Run::table(const std::string& file, const std::string& title,
                const std::vector<std::vector<std::string>>& rows) {
  const Table table{title, rows};
  nn::write_file(state_->result(file), markdown(table));
  state_->tables.push_back(table);
}

void Run::finish(const Figures& figures) {
  State& s = *state_;
  begin();
  if (s.in_epoch) throw std::logic_error("finish: end_epoch() was not called");
  check_interrupt();
  if (s.pending) s.write_checkpoint();
  if (!s.evaluates() && !s.parameters.empty()) {
    nn::TensorFile model;
    for (auto& [name, value] : nn::values_of(s.parameters)) model.tensors.emplace(name, value);
    for (const auto& [name, value] : s.constants) {
      model.tensors.emplace(constant_prefix + name, value);
    }
    model.metadata = {{"nabla", environment().version}, {"model", s.name}};
    nn::write_tensors(s.folder.file("model.safetensors"), model);
  }
  s.figures = figures;
  nn::write_file(s.result("summary.json"), s.summary().dump(2) + "\n");
  s.write_report("finished");
  s.finished = true;
  if (s.label.empty()) {
    for (const auto& [key, value] : figures) std::cout << key << ' ' << readable(value) << '\n';
    for (const Table& table : s.tables) std::cout << '\n' << markdown(table);
    std::cout << std::flush;
  }
  s.say("report: " + s.result("report.html"));
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

}  // namespace nabla::models
