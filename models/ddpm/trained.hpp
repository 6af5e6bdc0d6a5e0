// A trained diffusion as the program draws and measures it: samples in the data's own units.
#pragma once

#include <cstddef>

#include "datasets/dataset.hpp"
#include "datasets/transform.hpp"
#include "models/ddpm/sampler.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// What makes figures and pictures from a diffusion; holds its parameters through `network`.
struct Trained {
  Diffusion diffusion;
  Denoiser network;                   ///< as trained: for the bound
  Denoiser guided;                    ///< … and with guidance: for samples
  datasets::Standardizer scaling;     ///< from the data's units to the diffusion's
  SamplerOptions sampler;             ///< of the samples that are shown and measured
  std::size_t classes = 0;            ///< K; 0 for a network that is not told any
  std::int64_t only = -1;             ///< samples of one class; −1: of all
  std::size_t rows_at_a_time = 4000;  ///< of what is sampled or measured

  std::size_t dimensions() const { return scaling.mean.size(); }

  /// n classes to sample: the one that was asked for, or all in turn; −1 where there are none.
  IndexArray classes_of(std::size_t n) const;
  /// n draws, (n, D), with progress and Ctrl-C.
  Array sample(std::size_t n, Rng& rng, Run& run) const;
  /// From given noise (n, D), by the given sampler, in one batch.
  Array decode(const Array& x_T, const IndexArray& classes, const SamplerOptions& how, Rng& rng,
               const Watch& watch = {}) const;

  /// Means of the bound's terms over rows of x, in nats and the data's units: what `scaling` does
  /// to a density is in L_0, unless that is of grey levels.
  struct BoundMeans {
    double prior = 0, steps = 0, decoder = 0;
    double total() const { return prior + steps + decoder; }
  };
  BoundMeans bound(const Array& x, const IndexArray& labels, std::size_t times, Rng& rng,
                   Run& run) const;
};

// Pictures and figures at the end of a run, and for snapshots on its way a few samples from the
// same noise each time, in few steps.

void report_points(const Trained& trained, const datasets::Dataset& data, Run& run,
                   Figures& figures);  // points.cpp
Array draw_points(const Trained& trained, const datasets::Dataset& data, Run& run);

/// `compare`: at most how many samples the distances from test images are measured with, and
/// `orderings` likewise for each sampler of a table; below 2: not at all.
void report_images(const Trained& trained, const datasets::Dataset& data, std::size_t compare,
                   std::size_t orderings, Run& run, Figures& figures);  // images.cpp
Array draw_images(const Trained& trained, const datasets::Dataset& data, Run& run);

}  // namespace nabla::models
