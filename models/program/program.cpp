#include "models/program/program.hpp"

#include <filesystem>
#include <iostream>
#include <new>

#include "autograd/threads.hpp"
#include "models/program/environment.hpp"
#include "models/program/state.hpp"
#include "nn/files.hpp"

namespace nabla::models {
namespace {

// The command line as a shell would take it.
std::string quoted_command(int argc, const char* const* argv) {
  std::string command;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain =
        !word.empty() &&
        word.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%") ==
            std::string::npos;
    std::string text = word;
    if (!plain) {
      text = "'";
      for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
      text += "'";
    }
    command += (i == 0 ? "" : " ") + text;
  }
  return command;
}

// An error on one line, whatever its text holds.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

constexpr char footer[] =
    "In the folder of the run: options.json, metrics.jsonl (a line per epoch), summary.json,\n"
    "samples.png, model.safetensors, checkpoint.safetensors, report.html.\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.";

}  // namespace

Program::Program(std::string name, std::string title)
    : name_(std::move(name)), title_(std::move(title)) {}

Program::Program(const Lesson& lesson)
    : name_(lesson.name),
      title_(lesson.title),
      options_(lesson.defaults),
      by_step_(lesson.by_step),
      decides_(lesson.decides) {}

void Program::add_common_options() {
  const OptionKind common = OptionKind::common, free = OptionKind::free;
  CommonOptions& o = options_;
  table_.add("--data", o.data, "Data set: a name, or the path of a file", common);
  table_.add("--data-dir", o.data_dir, "Folder to look for it before $NABLA_DATA and the system's",
             free);
  table_.add("--train-size", o.train_size,
             "Train on the first N examples only; 0: on all. Validation and test stay", at_least(0),
             common);
  table_.add("--epochs", o.epochs, "Epochs in total; 0 only evaluates and samples", at_least(0),
             common);
  const bool automatic = o.batch_size == 0;
  table_.add("--batch-size", o.batch_size,
             std::string("Examples in a training step") +
                 (automatic ? "; 0: a 200th of the training set, from 10 to 100" : ""),
             at_least(automatic ? 0 : 1), common);
  table_.add("--lr", o.lr, "Learning rate", above(0), common);
  table_.add("--schedule", o.schedule,
             std::string("Of the learning rate over all ") + (by_step_ ? "steps" : "epochs"),
             {"constant", "linear", "cosine"}, common);
  table_.add("--seed", o.seed, "Seed of all random numbers", any_number(), common);
  table_.add("--threads", o.threads, "Threads; 0: one for each core", between(0, 1024), common);
  table_.add("--patience", o.patience,
             decides_ ? "Stop after so many epochs that are no better; 0: never"
                      : "No figure says which epoch of this model is best: 0",
             at_least(0), common);
  table_.add("--out", o.out,
             "Folder of the run [runs/" + name_ + ", or a free runs/" + name_ + "-N]", free);
  table_.add("--overwrite", o.overwrite, "Let --out replace an earlier run", free);
  table_.add("--resume", o.resume, "Go on with the run in this folder, with its options", free);
  table_.add("--check-finite", o.check_finite,
             "Stop at the first NaN or infinity and name the operation", free);
  table_.add("--quiet", o.quiet, "Print only errors and the final figures", free);
}

bool Program::parse(int argc, const char* const* argv) {
  add_common_options();
  const Environment env = environment();
  const std::string program = "train_" + name_;
  const ProgramText text = {
      program, title_, footer,
      program + " " + env.version + " (" + env.commit + ", " + env.build + ")"};
  std::string answer;
  if (!table_.parse(argc, argv, text, answer)) {
    std::cout << answer << std::flush;
    return false;
  }
  for (const char* const flag : {"--resume", "--out"}) {
    const std::string& folder = flag == std::string("--out") ? options_.out : options_.resume;
    if (table_.given(flag) && folder.empty()) {
      throw UsageError(std::string(flag) + " '': the name of a folder is missing");
    }
  }
  if (!decides_ && options_.patience != 0) {
    throw UsageError("--patience " + std::to_string(options_.patience) + ": no figure of " + name_ +
                     " says which epoch is best; it trains for --epochs");
  }
  if (!options_.resume.empty()) {
    std::error_code ignored;
    if (!options_.out.empty() &&
        !std::filesystem::equivalent(options_.out, options_.resume, ignored)) {
      throw UsageError("--out " + options_.out + " contradicts --resume " + options_.resume +
                       ": a resumed run keeps its folder");
    }
    if (options_.overwrite) throw UsageError("--overwrite contradicts --resume");
    const std::string path = options_.resume + "/options.json";
    std::string recorded;
    try {
      recorded = nn::read_file(path);
    } catch (const std::runtime_error& e) {
      throw UsageError("--resume " + options_.resume + ": " + e.what());
    }
    const Json object = Json::parse(recorded, nullptr, false);
    if (object.is_object() && object.value("model", Json()) != Json(name_)) {
      throw UsageError("--resume " + options_.resume + ": not a run of train_" + name_);
    }
    table_.take_up(recorded, path);  // refuses what is no object, and values that are wrong
    outdated_ = !object.contains("format");
    part_ = object.value("part", std::size_t{0});
    recorded_epochs_ = object.value("epochs", std::size_t{0});
  }
  if (options_.threads == 0) options_.threads = static_cast<std::size_t>(threads());
  return true;
}

int exit_status(const std::string& program, const std::function<int()>& body) {
  const auto fail = [&](const std::string& what, int status) {
    std::cerr << program << ": error: " << one_line(what) << std::endl;
    return status;
  };
  try {
    return body();
  } catch (const UsageError& e) {
    return fail(e.what(), 2);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& e) {
    return fail(e.what(), 1);
  }
}

int Program::run(int argc, const char* const* argv, const std::function<void(Run&)>& body) {
  const std::string program = "train_" + name_;
  return exit_status(program, [&] {
    command_ = quoted_command(argc, argv);
    if (!parse(argc, argv)) return 0;
    set_threads(static_cast<int>(options_.threads));
    auto made = std::make_unique<Run::State>(name_, options_);
    Run::State& state = *made;
    state.title = title_;
    state.command = command_;
    state.table = &table_;
    state.rate_by_step = by_step_;
    state.outdated = outdated_;
    state.part = part_;
    state.recorded_epochs = recorded_epochs_;
    Run run(std::move(made));
    if (run.resumed()) state.read_checkpoint();
    if (state.folder.moved_on()) {
      state.progress.line(program + ": an earlier run is kept, this one goes to " + run.folder());
    }
    const InterruptGuard guard(program);
    const FiniteCheck check(options_.check_finite);
    try {
      body(run);
      if (!state.finished) throw std::logic_error("the program did not call finish()");
      return 0;
    } catch (const Interrupted&) {
      run.leave();
      std::string text = program + ": stopped";
      if (state.in_epoch) {
        text += " in epoch " + std::to_string(run.epoch()) + ", of which " +
                std::to_string(state.steps) + " steps are lost";
      }
      if (state.outer) {
        text += "; go on with --resume " + run.folder();
      } else if (state.begun) {
        text += "; the state after epoch " + std::to_string(state.epochs_done) +
                " is kept, go on with --resume " + run.folder();
      }
      std::cerr << text << std::endl;
      return 130;
    } catch (const UsageError&) {
      run.leave();
      if (!run.resumed() && state.epochs_done == 0) state.folder.forget();
      throw;
    } catch (...) {
      run.leave();
      throw;
    }
  });
}

int run_program(const Lesson& lesson, int argc, const char* const* argv) {
  Program program(lesson);
  return program.run(argc, argv, lesson.train(program.table()));
}

}  // namespace nabla::models
