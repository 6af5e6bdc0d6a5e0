#include "models/program/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace nabla::models {
namespace {

constexpr std::chrono::milliseconds between_bars{100};
constexpr std::chrono::seconds between_lines{30};

bool is_terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

// Asked each time: windows change their size.
std::size_t terminal_width() {
  winsize size;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* const columns = std::getenv("COLUMNS");
  const int width = columns == nullptr ? 0 : std::atoi(columns);
  return width > 0 ? static_cast<std::size_t>(width) : 80;
}

}  // namespace

std::string bar_line(const std::string& head, double fraction, const std::string& tail,
                     std::size_t width) {
  constexpr std::size_t shortest = 10, longest = 40;
  char percent[16] = "";
  if (fraction >= 0) {
    std::snprintf(percent, sizeof percent, " %3.0f %%", std::floor(100 * std::min(1.0, fraction)));
  }
  const std::string text = percent + (tail.empty() ? "" : "  " + tail);
  const std::size_t taken = head.size() + text.size() + 3;
  std::string line = head;
  if (fraction >= 0 && taken + shortest <= width) {
    const std::size_t room = std::min(longest, width - taken);
    const auto done = static_cast<std::size_t>(std::min(1.0, fraction) * static_cast<double>(room));
    std::string bar(done, '=');
    if (done < room) bar += '>';
    bar.resize(room, ' ');
    line += " [" + bar + "]";
  }
  line += text;
  if (line.size() > width) line.resize(width);
  return line;
}

std::string duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const long long total = std::llround(seconds);
  char text[32];
  if (total >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  }
  return text;
}

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(is_terminal()) {
  restart();
}

void Progress::restart() {
  next_ = Clock::now();
  if (!terminal_) next_ += between_lines;
}

bool Progress::due() {
  if (quiet_) return false;
  const Clock::time_point now = Clock::now();
  if (now < next_) return false;
  if (terminal_) {
    next_ = now + between_bars;
  } else {
    next_ = now + between_lines;
  }
  return true;
}

void Progress::draw(const State& state) {
  if (!terminal_) {
    std::cerr << bar_line(state.head, state.fraction, state.tail,
                          0 + state.head.size() + state.tail.size() + 9)
              << std::endl;
    return;
  }
  // The last column is left free: some terminals wrap there.
  std::cerr << '\r' << bar_line(state.head, state.fraction, state.tail, terminal_width() - 1)
            << "\x1b[K" << std::flush;
  shown_ = true;
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear();
  std::cerr << text << std::endl;
}

void Progress::clear() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  shown_ = false;
}

}  // namespace nabla::models
