// EMA: an exponential moving average of parameters, which samples and scores better than the last
// step's (Polyak & Juditsky 1992; for diffusion models Ho et al. 2020, §4).
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/tensor.hpp"
#include "nn/named.hpp"

namespace nabla::nn {

struct EMAOptions {
  double decay = 0.999;
  /// Decay min(decay, (1 + n) / (10 + n)) at update n = 0, 1, …: the first values fade quickly.
  bool warm_up = false;
};

/// For parameters only: whatever else a model holds (tables of a noise schedule, say) is constant
/// and must not be averaged.
class EMA {
 public:
  /// Starts at the parameters' present values. Throws std::invalid_argument for a decay outside
  /// [0, 1], or a tensor that is not a parameter or comes twice.
  explicit EMA(std::vector<Tensor> parameters, EMAOptions options = {});
  EMA(const EMA&) = delete;  // an Average below points here
  EMA& operator=(const EMA&) = delete;

  /// average ← d · average + (1 − d) · w; after each step of the optimiser. Throws std::logic_error
  /// while the averages are swapped in.
  void update();

  /// While one lives, the parameters hold their averages:
  ///
  ///   { const EMA::Average average = ema.average(); evaluate(model); }
  class Average {
   public:
    ~Average();
    Average(const Average&) = delete;
    Average& operator=(const Average&) = delete;

   private:
    friend class EMA;
    explicit Average(EMA& ema);
    EMA& ema_;
  };
  /// Throws std::logic_error if the averages are in already.
  Average average() { return Average(*this); }

  /// The averages become the weights, for good: at the end of training, so that the model that is
  /// kept is the one that was evaluated. Throws std::logic_error while they are swapped in.
  void adopt();

  struct State {
    NamedArrays arrays;  ///< by label, or number where labels are missing or not unique
    std::uint64_t updates = 0;
  };
  State state() const;
  /// Throws std::invalid_argument, and changes nothing, unless names and shapes fit.
  void load(const State& state);

 private:
  void swap();

  std::vector<Tensor> parameters_;
  std::vector<std::string> names_;
  std::vector<Array> averages_;
  EMAOptions options_;
  std::uint64_t updates_ = 0;
  bool swapped_ = false;
};

}  // namespace nabla::nn
