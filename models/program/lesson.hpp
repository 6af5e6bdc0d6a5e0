// A lesson as a program: what a train.cpp hands over.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "models/program/coder.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

struct Lesson {
  std::string name, title;  ///< as in train_NAME and runs/NAME; with paper and source
  CommonOptions defaults;
  bool by_step = false;  ///< the rate falls with each step, not with each epoch
  bool decides = true;   ///< a figure says which epoch is best: --patience has a meaning
  /// Adds the model's own options, and gives what trains by them.
  std::function<std::function<void(Run&)>(OptionTable&)> train;
  std::function<Trained(const Saved&)> open;

  // For the end of a train.cpp: what differs from CommonOptions and from the above.
  Lesson with_data(std::string name_or_path) && {
    defaults.data = std::move(name_or_path);
    return std::move(*this);
  }
  Lesson with_epochs(std::size_t epochs) && {
    defaults.epochs = epochs;
    return std::move(*this);
  }
  Lesson with_batch_size(std::size_t batch_size) && {
    defaults.batch_size = batch_size;
    return std::move(*this);
  }
  Lesson with_lr(double lr) && {
    defaults.lr = lr;
    return std::move(*this);
  }
  Lesson with_schedule(std::string schedule, bool of_steps = false) && {
    defaults.schedule = std::move(schedule);
    by_step = of_steps;
    return std::move(*this);
  }
  Lesson without_criterion() && {
    decides = false;
    return std::move(*this);
  }
};

/// From a train.cpp's own type of options, which describes itself to an OptionTable:
///
///   struct Options { … void describe(OptionTable& table); };
///   void train(Run& run, Options& options);
///   Trained open(const Saved& saved, const Options& options);  // the options as they were
///   answered
template <class Options>
Lesson lesson(std::string name, std::string title, void (*train)(Run&, Options&),
              Trained (*open)(const Saved&, const Options&)) {
  Lesson result;
  result.name = std::move(name);
  result.title = std::move(title);
  result.train = [train](OptionTable& table) {
    const auto options = std::make_shared<Options>();
    options->describe(table);
    return [train, options](Run& run) { train(run, *options); };
  };
  result.open = [open](const Saved& saved) {
    Options options;
    OptionTable table;
    options.describe(table);
    table.take_up(saved.options(), saved.file());
    return open(saved, options);
  };
  return result;
}

/// The network's options with the number of columns of the data.
template <class NetworkOptions>
NetworkOptions sized(NetworkOptions network, const datasets::DataShape& data) {
  network.data = data.columns;
  return network;
}

/// open() of a lesson whose weights and scaling are all there is to know:
///   Network network_of(const Options& options, const datasets::DataShape& data, Rng& rng);
///   Trained abilities(const Network& network, [const Options& options,
///                     const datasets::Standardizer& scaling]);
template <auto network_of, auto abilities, class Options>
Trained open_network(const Saved& saved, const Options& options) {
  Rng rng(1);  // of weights that are replaced
  const auto network = network_of(options, saved.data(), rng);
  saved.load(network);
  if constexpr (std::is_invocable_v<decltype(abilities), decltype(network)>) {
    return abilities(network);
  } else {
    return abilities(network, options, saved.scaling());
  }
}

/// All of them, in the order of models/README.md; made by Meson from the list in
/// models/meson.build.
std::vector<Lesson> lessons();

/// The program of a lesson: its options, and everything around its page. Gives the exit status: 0
/// done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. Whatever goes wrong becomes one line on
/// standard error, "train_vae: error: …".
int run_program(const Lesson& lesson, int argc, const char* const* argv);

}  // namespace nabla::models
