// What a run ran on: for summaries, reports and --version.
#pragma once

#include <string>

namespace nabla::models {

struct Environment {
  std::string version;    // "0.1.0"
  std::string commit;     // "82dd8e8", with "-dirty" after local changes; "unknown" without git
  std::string build;      // "release, native"
  std::string compiler;   // "g++ 12.2.0"
  std::string processor;  // as it names itself
  std::string system;     // "Linux 6.1.0 x86_64"
  int cores;              // that the process may use
  int threads;            // of nabla's one pool, now
};

Environment environment();

/// "2026-01-31T12:00:00Z"
std::string utc_now();

/// Largest resident memory of this process so far, in MiB.
double peak_memory_mib();

}  // namespace nabla::models
