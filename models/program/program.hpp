// A training program: its options, and everything around its body.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "models/program/lesson.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

class Program {
 public:
  /// `name` as in train_NAME and runs/NAME; `title` with paper and source, for --help and report.
  Program(std::string name, std::string title);
  explicit Program(const Lesson& lesson);

  CommonOptions& options() { return options_; }  ///< defaults before run(), values in it
  OptionTable& table() { return table_; }        ///< for options of the model's own

  /// Parses, runs the body and gives the exit status: see run_program().
  int run(int argc, const char* const* argv, const std::function<void(Run&)>& body);

 private:
  void add_common_options();
  bool parse(int argc, const char* const* argv);

  std::string name_, title_, command_;
  CommonOptions options_;
  OptionTable table_;
  bool by_step_ = false, decides_ = true, outdated_ = false;
  std::size_t part_ = 0, recorded_epochs_ = 0;
};

/// What `body` returns; or, where it throws, 2 for a UsageError and 1 for anything else, with one
/// line on standard error: "PROGRAM: error: …".
int exit_status(const std::string& program, const std::function<int()>& body);

}  // namespace nabla::models
