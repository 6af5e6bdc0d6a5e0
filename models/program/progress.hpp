// What a program shows while it works, on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace nabla::models {

/// One line: "epoch 3/20 [=====>    ]  42 %  loss 103.21  28100 examples/s  ETA 1:32", cut to fit
/// `width` columns. The bar goes first when space is short. `fraction` of the epoch in [0, 1], or
/// negative while the length of an epoch is not known.
std::string bar_line(const std::string& head, double fraction, const std::string& tail,
                     std::size_t width);

/// "0:07", "1:32", "2:05:00"; "?" when it is not known (negative or not finite).
std::string duration(double seconds);

/// On a terminal a bar that is redrawn at most ten times a second, elsewhere a plain line now and
/// then; both nothing when quiet.
class Progress {
 public:
  explicit Progress(bool quiet);

  bool quiet() const { return quiet_; }

  /// A new piece of work begins: plain lines wait their time again.
  void restart();
  /// How far it is. Cheap when nothing is to be drawn: the text is made only then.
  template <class Text>
  void update(Text&& text) {
    if (due()) draw(text());
  }
  struct State {
    std::string head;
    double fraction;
    std::string tail;
  };
  /// A line that stays.
  void line(const std::string& text);
  /// Removes the bar, for what is printed next.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool due();
  void draw(const State& state);

  bool quiet_, terminal_, shown_ = false;
  Clock::time_point next_;
};

}  // namespace nabla::models
