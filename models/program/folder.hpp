// The folder of a run: found, claimed for one process, and never taken from an earlier run.
#pragma once

#include <string>

#include "models/program/options.hpp"

namespace nabla::models {

/// Holds a lock on the folder while it lives, so that two programs cannot write into one run.
class RunFolder {
 public:
  /// --resume DIR: the folder of an earlier run. --out DIR: that folder, which may exist but must
  /// not hold a run, unless --overwrite removes that one's files and those of the runs within it.
  /// Neither: runs/NAME, or the first of runs/NAME-2, runs/NAME-3, … that is free, in $NABLA_RUNS
  /// instead of runs where that is set. Folders are created as needed. Throws UsageError, or
  /// std::runtime_error with the path and what the system says.
  RunFolder(const std::string& name, const CommonOptions& options);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// The usual folder was taken: this one is another.
  bool moved_on() const { return moved_on_; }
  /// After a failure before anything worth keeping was written: takes back what was created.
  void discard();
  /// The same of a run that has begun, and was not to.
  void forget();

 private:
  enum class Claim { ours, taken, busy };
  Claim claim(const std::string& path);
  [[noreturn]] void refuse_busy();
  [[noreturn]] void refuse(const char* what, const std::string& why);
  void release();

  std::string path_;
  bool resumed_, created_ = false, moved_on_ = false;
  int lock_ = -1;
};

/// Whether a folder holds results of a run, finished or not.
bool holds_run(const std::string& folder);

}  // namespace nabla::models
