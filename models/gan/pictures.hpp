// Pictures of a GAN: its samples over time, and at the end beside what D makes of the plane.
#pragma once

#include "models/gan/gan.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// Samples at the same z in some of the epochs: one sees what each becomes. Part of the checkpoint,
/// so that the film of a resumed run is whole.
class Film {
 public:
  /// Both must outlive it.
  Film(const Data& data, const Trained& can) : data_(data), can_(can) {}

  /// Adds samples of the run's epoch, and gives the film so far: rows of images at one z each, or
  /// one scatter plot after another.
  Array add(const Run& run);
  /// over-time.png, if there is anything to show.
  void show(Run& run) const;

  nn::NamedArrays state() const { return frames_; }
  void load(const nn::NamedArrays& frames) { frames_ = frames; }

 private:
  Array picture() const;

  const Data& data_;
  const Trained& can_;
  nn::NamedArrays frames_;  // by rising epoch
};

/// samples.png: images; or test points, samples, and D over the plane where it sees one at a time.
void show_samples(Run& run, const Gan& gan, const Trained& can, const Data& data);

}  // namespace nabla::models
