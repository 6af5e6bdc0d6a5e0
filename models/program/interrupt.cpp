#include "models/program/interrupt.hpp"

#include <csignal>
#include <cstddef>
#include <cstring>
#include <unistd.h>

namespace nabla::models {
namespace {

volatile std::sig_atomic_t signals = 0;
char message[256];
std::size_t message_length = 0;
struct sigaction before_int, before_term;

void count_signal(int) {
  if (signals != 0) ::_exit(130);
  signals = 1;
  // Only what is safe in a handler: the text was made before.
  if (::write(STDERR_FILENO, message, message_length) < 0) return;
}

}  // namespace

InterruptGuard::InterruptGuard(const std::string& name) {
  const std::string text = (::isatty(STDERR_FILENO) == 1 ? "\n" : "") + name +
                           ": stopping after this step (Ctrl-C again stops at once)\n";
  message_length = text.copy(message, sizeof message);
  signals = 0;
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = count_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &before_int);
  ::sigaction(SIGTERM, &action, &before_term);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &before_int, nullptr);
  ::sigaction(SIGTERM, &before_term, nullptr);
  signals = 0;
}

void check_interrupt() {
  if (signals != 0) throw Interrupted{};
}

}  // namespace nabla::models
