// What the training programs share: run folder, data, steps, progress, checkpoints, early stopping,
// Ctrl-C, report. The loop itself stays in each train.cpp; tests/test_run.cpp compiles this one:
//
//   void train(Run& run, Options& options) {
//     const Data data = run.load(Wants::anything("the example"));
//     Rng rng = run.rng();
//     const nn::MLP net({data.columns, options.hidden, data.columns}, rng, "relu");
//     nn::Adam adam(net.parameters(), {run.lr()});
//     run.model(net, abilities(net));
//     run.keep("adam", adam);  // what a checkpoint holds; when a run goes on,
//     run.keep("rng", rng);    // each keep() puts back what was saved
//     while (run.next_epoch()) {
//       adam.set_lr(run.lr());
//       for (const Batch& batch : run.batches(data)) {
//         const auto loss = [&](const Batch& part) { return mean(square(net(part.x) - part.x)); };
//         run.step(adam, batch, loss);
//       }
//       const auto error = [&](const Tensor& x, Means& means) {
//         means.add("squared_error", sum(square(net(x) - x), {1}));
//       };
//       const Means valid = run.means("the validation set", data.valid, error);
//       run.end_epoch(joined({{"train_loss", run.mean_loss()}}, valid.as("valid")),
//                     minimise("valid_squared_error"));
//     }
//     run.use_best();  // weights of the best validation epoch
//     run.show(data);  // samples, reconstructions, …: whatever abilities() gave
//     run.finish({{"test_columns", data.columns}});
//   }
//
// Everything that the next epochs depend on must be kept and must not change between end_epoch()
// and next_epoch(): then a run that was stopped and resumed ends in the same bits as one that was
// not, on the same binary and processor; and one that goes on to more epochs than it was begun with
// in those of a longer one, if the rate is constant. What is drawn or measured on the way takes its
// random numbers from a stream of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/random.hpp"
#include "models/draw/images.hpp"
#include "models/program/data.hpp"
#include "models/program/interrupt.hpp"
#include "models/program/means.hpp"
#include "models/program/options.hpp"
#include "models/program/trained.hpp"
#include "nn/checkpoint.hpp"
#include "nn/ema.hpp"
#include "nn/optim.hpp"

namespace nabla::models {

struct Lesson;

/// The figure that says which epoch is best and when to stop early.
struct Criterion {
  std::string key;  // empty: there is none, the last epoch counts
  bool maximise = true;
};
inline Criterion maximise(std::string key) {
  return {std::move(key), true};
}
inline Criterion minimise(std::string key) {
  return {std::move(key), false};
}

/// Whether use_best() brings a part back too: moving averages of weights and running statistics,
/// which a model is evaluated with, want that; optimisers do not.
enum class WithBest : bool { no, yes };

/// What the random numbers of a run are for: each purpose has a stream of its own, so that one more
/// picture changes no figure. A lesson's own purposes come after these.
enum class Stream : std::uint64_t {
  training = 0,
  validation = 10,
  snapshot = 11,
  test = 12,
  test_bound = 13,
  valid_bound = 14,
  pictures = 20,
  measure = 23,
};

/// One run of a training program and its folder. Made by Program::run, and by each().
class Run {
 public:
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const CommonOptions& options() const;
  std::uint64_t seed() const { return options().seed; }
  /// Of one of each()'s runs the seed of the run around it, else its own: for what they all share.
  std::uint64_t shared_seed() const;
  Rng rng(Stream purpose = Stream::training) const;
  const std::string& folder() const;
  std::size_t epoch() const;  ///< of the loop, from 1; before the loop how many are done
  bool resumed() const;       ///< going on with an earlier run
  /// What --schedule leaves of the rates: 1 at the start of the first epoch or step. It is a matter
  /// of where the loop is in --epochs alone: a run that goes on to more of them takes the rate that
  /// the longer schedule has there, and says so.
  double rate() const;
  /// --lr · rate().
  double lr() const { return options().lr * rate(); }

  /// The data set of --data as the model sees it. Throws UsageError, in one voice for all models,
  /// unless it is what the model wants.
  Data load(const Wants& wants);
  /// Data that were not loaded by load(): their shape, and scaling, go into the folder.
  void use(const Data& data);

  /// Names a part of the state, once, before the first next_epoch(). When the run was resumed its
  /// saved value is put back here; throws std::runtime_error with file and tensor if it does not
  /// fit.
  /// The model: its weights, which the run needs, and what it can do.
  void model(const nn::Module& network, const Trained& trained);
  void model(const nn::NamedTensors& parameters, const Trained& trained = {});
  /// Beside the weights in model.safetensors: what else rebuilds the model.
  void constant(const std::string& name, const Array& value);
  void keep(const std::string& name, Rng& rng);
  void keep(const std::string& name, nn::Optimiser& optimiser);
  void keep(const std::string& name, nn::EMA& average);  ///< use_best() brings it back too
  /// Anything with `NamedArrays state()` and `load(NamedArrays)`, a Module for one.
  template <class Part, class = std::enable_if_t<std::is_same_v<
                            decltype(std::declval<const Part&>().state()), nn::NamedArrays>>>
  void keep(const std::string& name, Part& part, WithBest with_best = WithBest::no) {
    keep(
        name, [&part] { return stored(part.state()); },
        [this, &part](const nn::StoredArrays& saved) { part.load(as_arrays(saved)); }, with_best);
  }
  void keep(const std::string& name, std::function<nn::StoredArrays()> save,
            std::function<void(const nn::StoredArrays&)> load, WithBest with_best = WithBest::no);
  /// Several: keep("adam", adam, "rng", rng).
  template <class Part, class... Rest>
  void keep(const std::string& name, Part& part, const char* next, Rest&... rest) {
    keep(name, part);
    keep(std::string(next), rest...);
  }

  /// True while there is an epoch to train: not all are done, and the criterion has become better
  /// within the last --patience epochs.
  bool next_epoch();
  /// This epoch's batches of --batch-size.
  Batches batches(const Data& data, const BatchRules& rules = {});
  /// One step of an optimiser: gradients cleared, the loss of a batch, backward, gradients clipped
  /// to this norm where it is above 0, step. The loss, a number for the batch, may be given
  /// examples in parts. Counts the examples once a batch, and the loss of the batch's first step.
  /// Returns the loss. Throws std::runtime_error on one that is not finite, and Interrupted after
  /// Ctrl-C; the checkpoint on disk is then the state at the end of the last whole epoch, which a
  /// resumed run begins with.
  double step(nn::Optimiser& optimiser, const Batch& batch,
              const std::function<Tensor(const Batch&)>& loss, double clip_norm = 0);
  /// The same for steps of one's own: notes the mean loss of `examples` examples.
  void step(double loss, std::size_t examples);
  /// Mean of the losses noted in this epoch, weighted by examples.
  double mean_loss() const;
  /// Ends an epoch: metrics.jsonl, checkpoint, report. Throws std::runtime_error if the criterion
  /// is NaN, std::invalid_argument if it is none of the figures.
  void end_epoch(const Figures& figures, const Criterion& criterion = {});

  /// Means over a data set of what `add` adds for some rows at a time, without a graph and with
  /// progress: "evaluating WHAT".
  Means means(const std::string& what, const datasets::Rows& x,
              const std::function<void(const Tensor& x, Means& means)>& add,
              std::size_t rows_at_a_time = 1000);
  /// The mean of one number for each row: (n, D) → (n,).
  double mean(const std::string& what, const datasets::Rows& x,
              const std::function<Tensor(const Tensor& x)>& each,
              std::size_t rows_at_a_time = 1000);
  /// The same of examples with labels, one for each row of x at least, or none at all.
  Means means(const std::string& what, const datasets::Rows& x, const IndexArray& labels,
              const std::function<void(const Batch& batch, Means& means)>& add,
              std::size_t rows_at_a_time = 1000);
  /// Shows how far a long evaluation is ("test", 300, 10000) and throws Interrupted after Ctrl-C.
  void evaluating(const std::string& what, std::size_t done, std::size_t total);

  /// Puts back the weights of the best epoch; false, and nothing done, if there was no criterion.
  bool use_best();

  /// Pictures for the folder and the report. Formats of encode_png().
  void image(const std::string& file, const Array& image, const std::string& caption = "");
  /// In epochs 1, 2, 5, 10, 20, 50, …: samples/epoch-00005.png, shown in the report as one of a
  /// series over time. Samples of the model, from the same random numbers each time; or what `draw`
  /// draws, which may ask for the last epoch too.
  void snapshot(const Data& data);
  void snapshot(const std::function<Array()>& draw, bool and_last = false);
  /// Pictures of whatever the model can do: samples.png, reconstructions.png, completions.png,
  /// interpolations.png, and codes.png for codes of two numbers.
  void show(const Data& data);
  /// A sentence for the report and the screen: what a reader of the figures must know.
  void note(const std::string& text);
  void note_if(bool holds, const std::string& text) {
    if (holds) note(text);
  }
  /// Figures that are to be read beside each other, as Markdown in a file of the folder, in the
  /// report, and after finish() on standard output. The first row holds the headings.
  void table(const std::string& file, const std::string& title,
             const std::vector<std::vector<std::string>>& rows);

  /// `count` runs in folders of their own, WORD-01, WORD-02, … below this one, with seeds 1000
  /// apart: complete, and resumable one by one; a finished one is not trained again. Returns the
  /// figures that each finished with, and best_epoch where there is one. For a single one, and
  /// where this run is one of those itself, `body` gets this run, and nothing is returned. With
  /// `only` > 0 this run becomes that one, with its seed.
  std::vector<Figures> each(const std::string& word, std::size_t count,
                            const std::function<void(Run& run, std::size_t number)>& body,
                            std::size_t only = 0);
  /// The folder of such a run, for Saved: this run's model may then be made of theirs by model(),
  /// after each().
  std::string folder_of(const std::string& word, std::size_t number) const;

  /// Once, at the end: model.safetensors (the parameters as they now are), summary.json,
  /// report.html; the figures go to standard output. Figures that are not finite are null in the
  /// files. A finished run that trained nothing more leaves all this in evaluation/ instead.
  void finish(const Figures& figures);

 private:
  friend class Program;
  struct State;
  explicit Run(std::unique_ptr<State> state);

  static nn::StoredArrays stored(nn::NamedArrays arrays);
  nn::NamedArrays as_arrays(const nn::StoredArrays& saved) const;
  void begin();
  void begin_outer(std::vector<std::string> names);  // of each(): no weights, no loop
  void leave();  // whatever happened: the last whole epoch is on disk afterwards
  bool snapshot_due() const;
  void add_snapshot(const Array& image);
  std::unique_ptr<State> state_;
};

/// Mean of each figure over several runs, under its key, where there are two or more with
/// KEY_standard_error; then each run's own as WORD_1_KEY. The mean and error also as a table of the
/// run. Figures that not all have are left out.
Figures gathered(Run& run, const std::string& word, const std::vector<Figures>& runs);

}  // namespace nabla::models
