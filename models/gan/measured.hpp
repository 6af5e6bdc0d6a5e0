// What a GAN is measured by: how its game stands, the modes that its samples cover, how far they
// are from the test set.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "datasets/toy.hpp"
#include "models/gan/gan.hpp"
#include "models/program/run.hpp"
#include "nn/ema.hpp"

namespace nabla::models {

/// Training points of a toy, as many as in Lin et al. 2018, §4.1.
constexpr std::size_t toy_rows = 100000;

/// V(D, G), and the shares of data and of samples that D called by their name, of a batch.
void add_game(Means& means, const Tensor& value, const Gan::Logits& logits);

class Measures {
 public:
  /// Of a run of so many games.
  Measures(const Run& run, std::size_t trials);

  /// modes, high_quality_share and reverse_kl_nats of 2500 samples, the protocol of Lin et al.
  /// 2018, §4.1; nothing where no modes are known.
  Figures modes(const Trained& can, Rng rng) const;
  /// The game on the test set with as many samples; then the modes, and of images the Parzen window
  /// of Goodfellow et al. 2014, §5, of points the sliced Wasserstein distance. Notes for the run
  /// say how to read them.
  Figures test(Run& run, const Gan& gan, const Trained& can, const Data& data) const;
  /// Means of what the trials finished with, and their standard errors.
  Figures of_trials(Run& run, const std::vector<Figures>& trials) const;

 private:
  void note_modes(Run& run, const Figures& figures) const;

  std::optional<datasets::Toy> toy_;  // what --data names, if its modes are known
  std::size_t trials_;
};

/// The same with the averages as weights, whenever it is asked. `average` must outlive it.
Trained averaged(Trained can, nn::EMA& average);

}  // namespace nabla::models
