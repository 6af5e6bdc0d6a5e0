#include "models/program/folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>
#include <vector>

namespace nabla::models {
namespace {

namespace fs = std::filesystem;

// All that a run writes, but for pictures, which a new run overwrites by name.
constexpr const char* run_files[] = {"checkpoint.safetensors", "model.safetensors", "metrics.jsonl",
                                     "summary.json",           "report.html",       "options.json"};

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The runs within it, by its own record.
std::vector<std::string> inner_runs(const std::string& folder) {
  std::ifstream file(folder + "/options.json");
  const nlohmann::json options = nlohmann::json::parse(file, nullptr, false);
  std::vector<std::string> folders;
  if (!options.is_object() || !options.contains("runs")) return folders;
  for (const auto& name : options["runs"]) {
    const std::string text = name.is_string() ? name.get<std::string>() : "/";
    if (text.find('/') == std::string::npos) folders.push_back(folder + "/" + text);
  }
  return folders;
}

// What a run wrote by names of its own, here, of its evaluations and in the runs within it;
// whatever else stands there stays, and so do their folders then.
void remove_files_of_run(const std::string& folder) {
  std::vector<std::string> folders = inner_runs(folder);
  folders.push_back(folder + "/evaluation");
  for (const std::string& inner : folders) {
    if (!exists(inner)) continue;
    remove_files_of_run(inner);
    ::rmdir(inner.c_str());
  }
  for (const char* const name : run_files) ::unlink((folder + "/" + name).c_str());
}

}  // namespace

bool holds_run(const std::string& folder) {
  for (const char* const name : run_files) {
    // Options alone are left by a program that was killed before it did anything.
    if (std::strcmp(name, "options.json") != 0 && exists(folder + "/" + name)) return true;
  }
  return false;
}

RunFolder::RunFolder(const std::string& name, const CommonOptions& options)
    : resumed_(!options.resume.empty()) {
  if (resumed_) {
    if (!exists(options.resume + "/checkpoint.safetensors")) {
      throw UsageError("--resume " + options.resume + ": there is no " + options.resume +
                       "/checkpoint.safetensors");
    }
    if (claim(options.resume) == Claim::busy) refuse_busy();
    return;
  }
  if (!options.out.empty()) {
    const Claim result = claim(options.out);
    if (result == Claim::busy) refuse_busy();
    if (result == Claim::taken && !options.overwrite) {
      release();
      throw UsageError("--out " + options.out + " already holds a run; go on with it by --resume " +
                       options.out + ", or name another folder, or give --overwrite");
    }
    if (result == Claim::taken) remove_files_of_run(path_);
    return;
  }
  const char* const runs = std::getenv("NABLA_RUNS");  // ./nabla sets it, called from elsewhere
  const std::string usual = std::string(runs != nullptr && *runs != 0 ? runs : "runs") + "/" + name;
  for (int i = 1;; ++i) {
    moved_on_ = i > 1;
    if (claim(moved_on_ ? usual + "-" + std::to_string(i) : usual) == Claim::ours) return;
    release();
  }
}

RunFolder::~RunFolder() {
  release();
}

void RunFolder::refuse_busy() {
  release();
  throw std::runtime_error(path_ + " is in use by another program");
}

void RunFolder::refuse(const char* what, const std::string& why) {
  release();
  throw std::runtime_error(std::string("cannot ") + what + " folder " + path_ + ": " + why +
                           (resumed_ ? "" : "; choose another with --out DIR or NABLA_RUNS=DIR"));
}

void RunFolder::release() {
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

RunFolder::Claim RunFolder::claim(const std::string& path) {
  path_ = path;
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  std::error_code error;
  created_ = fs::create_directories(path_, error);
  if (error) refuse("create", error.message());
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) refuse("open", std::strerror(errno));
  if (::access(path_.c_str(), W_OK | X_OK) != 0) refuse("write to", std::strerror(errno));
  // Some network file systems know no locks: then there is none.
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return Claim::busy;
  return holds_run(path_) ? Claim::taken : Claim::ours;
}

void RunFolder::forget() {
  remove_files_of_run(path_);
  discard();
}

void RunFolder::discard() {
  if (holds_run(path_)) return;
  ::unlink(file("options.json").c_str());
  if (created_) ::rmdir(path_.c_str());  // fails, rightly, if there is something else in it
}

}  // namespace nabla::models
