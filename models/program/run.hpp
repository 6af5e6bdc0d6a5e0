// What the training programs share: options, run folder, progress, checkpoints, early stopping,
// Ctrl-C, report. The loop itself stays in each train.cpp:
//
//   int main(int argc, char** argv) {
//     models::Program program("vae", "Variational autoencoder (Kingma & Welling 2014)");
//     program.options().epochs = 30;                                     // another default
//     int latent = 20;
//     program.option("--latent", latent, "Z, size of the latent space", models::at_least(1));
//     return program.run(argc, argv, [&](models::Run& run) {
//       const Dataset data = datasets::load(run.options().data, load_options(run.options()));
//       Rng rng(run.seed());
//       Vae model(data.dimensions(), latent, rng);
//       nn::Adam optimizer(model.parameters(), run.lr());
//       run.keep(model.named_parameters());       // what a checkpoint holds; when a run goes on,
//       run.keep("optimizer", optimizer);         // each keep() puts back what was saved
//       run.keep("rng", rng);
//       run.expect_examples(data.train.size());   // for ETA already in the first epoch
//       while (run.next_epoch()) {
//         for (const Batch& batch : batches(data.train, run.batch_size(), run.seed(), run.epoch()))
//         {
//           Tensor loss = mean(-elbo(model, batch.images, rng));
//           loss.backward();
//           optimizer.step();
//           run.step(loss.item(), batch.size());  // throws on NaN and on Ctrl-C
//         }
//         if (run.snapshot_due()) run.snapshot(models::grid(sample(model, 36), 28, 28, 6));
//         run.end_epoch({{"train_elbo_nats", …}, {"valid_elbo_nats", …}},
//                       models::maximise("valid_elbo_nats"));
//       }
//       run.use_best();                           // weights of the best validation epoch
//       run.image("samples.png", models::grid(…), "100 samples");
//       run.finish({{"test_elbo_nats", …}});
//     });
//   }
//
// Everything that the next epochs depend on must be kept and must not change between end_epoch()
// and next_epoch(): then a run that was stopped and resumed ends in the same bits as one that was
// not, on the same binary and processor. What is drawn or measured on the way takes its random
// numbers before end_epoch(), or from an Rng of its own.
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
#include "models/program/interrupt.hpp"
#include "models/program/options.hpp"
#include "nn/checkpoint.hpp"
#include "nn/ema.hpp"
#include "nn/optim.hpp"

namespace nabla::models {

/// Measured numbers in the order in which they are shown; units in the key: "test_elbo_nats".
using Figures = std::vector<std::pair<std::string, double>>;

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

/// One run of a training program and its folder. Made by Program::run.
class Run {
 public:
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const CommonOptions& options() const;
  std::uint64_t seed() const { return options().seed; }
  double lr() const { return options().lr; }
  int batch_size() const { return options().batch_size; }
  const std::string& folder() const;
  int epoch() const;     ///< of the loop, from 1; before the loop how many are done
  bool resumed() const;  ///< going on with an earlier run
  void expect_examples(std::size_t per_epoch);  ///< so that the first epoch has an ETA

  /// Names a part of the state, once, before the first next_epoch(). When the run was resumed its
  /// saved value is put back here; throws std::runtime_error with file and tensor if it does not
  /// fit.
  void keep(const nn::NamedTensors& parameters);  ///< the model's weights; needed
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

  /// True while there is an epoch to train: not all are done, and the criterion has become better
  /// within the last --patience epochs.
  bool next_epoch();
  /// After each training step: the mean loss of `examples` examples. Throws std::runtime_error on a
  /// loss that is not finite, and Interrupted after Ctrl-C; the checkpoint on disk is then the
  /// state at the end of the last whole epoch, which a resumed run begins with.
  void step(double loss, std::size_t examples);
  /// Ends an epoch: metrics.jsonl, checkpoint, report. Throws std::runtime_error if the criterion
  /// is NaN, std::invalid_argument if it is none of the figures.
  void end_epoch(const Figures& figures, const Criterion& criterion = {});
  /// Mean of the losses given to step() in this epoch, weighted by examples.
  double mean_loss() const;

  /// Shows how far a long evaluation is ("test", 300, 10000) and throws Interrupted after Ctrl-C.
  void evaluating(const std::string& what, std::size_t done, std::size_t total);

  /// Puts back the weights of the best epoch; false, and nothing done, if there was no criterion.
  bool use_best();

  /// Pictures for the folder and the report. Formats of encode_png().
  void image(const std::string& file, const Array& image, const std::string& caption = "");
  /// True in epochs 1, 2, 5, 10, 20, 50, …: a good time for snapshot().
  bool snapshot_due() const;
  /// Within an epoch: samples/epoch-00005.png, shown in the report as one of a series over time.
  void snapshot(const Array& image);
  /// A sentence for the report and the screen: what a reader of the figures must know.
  void note(const std::string& text);
  /// Figures that are to be read beside each other, as Markdown in a file of the folder, in the
  /// report, and after finish() on standard output. The first row holds the headings.
  void table(const std::string& file, const std::string& title,
             const std::vector<std::vector<std::string>>& rows);

  /// Once, at the end: model.safetensors (the parameters as they now are), summary.json,
  /// report.html; the figures go to standard output. Figures that are not finite are null in the
  /// files.
  void finish(const Figures& figures);

 private:
  friend class Program;
  struct State;
  explicit Run(std::unique_ptr<State> state);

  static nn::StoredArrays stored(nn::NamedArrays arrays);
  nn::NamedArrays as_arrays(const nn::StoredArrays& saved) const;
  void begin();
  void leave();  // whatever happened: the last whole epoch is on disk afterwards
  std::unique_ptr<State> state_;
};

/// A training program: its options, and everything around its body.
class Program {
 public:
  /// `name` as in train_NAME and runs/NAME; `title` with paper and source, for --help and report.
  Program(std::string name, std::string title);

  CommonOptions& options() { return options_; }  ///< defaults before run(), values in it

  /// An option of the model's own, bound to a variable that holds its default. After the variable
  /// and the help come a Range for numbers, or the list of words allowed. See OptionTable::add.
  template <class T, class... Rest>
  void option(const std::string& flag, T& value, const std::string& help, Rest... rest) {
    table_.add(flag, value, help, rest...);
  }
  void option(const std::string& flag, std::string& value, const std::string& help,
              std::vector<std::string> choices) {
    table_.add(flag, value, help, std::move(choices));
  }

  /// Parses, runs the body and gives the exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped
  /// by Ctrl-C. Whatever goes wrong becomes one line on standard error, "train_vae: error: …".
  int run(int argc, const char* const* argv, const std::function<void(Run&)>& body);

 private:
  void add_common_options();
  bool parse(int argc, const char* const* argv);

  std::string name_, title_, command_;
  CommonOptions options_;
  OptionTable table_;
};

}  // namespace nabla::models
