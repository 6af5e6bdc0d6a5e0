// Ctrl-C: the first asks a program to stop after its current step, the second stops it at once.
#pragma once

#include <stdexcept>
#include <string>

namespace nabla::models {

/// Thrown where a program looks whether it was asked to stop. Not an std::exception: a model that
/// catches those must not swallow it.
struct Interrupted {};

/// While one lives, SIGINT and SIGTERM are counted instead of ending the process; the second one
/// ends it with status 130. `name` starts the line that the first one prints, "train_vae".
class InterruptGuard {
 public:
  explicit InterruptGuard(const std::string& name);
  ~InterruptGuard();  // as it was before
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// Throws Interrupted if a signal came since the guard was made.
void check_interrupt();

}  // namespace nabla::models
