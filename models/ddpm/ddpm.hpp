// A diffusion and the network for it, by the kind of data, with data in their own units outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/transform.hpp"
#include "models/ddpm/mlp.hpp"
#include "models/ddpm/sampler.hpp"
#include "models/ddpm/unet.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// "auto" and the sizes of the data are filled in by answer().
struct DdpmOptions {
  UNetOptions unet;         ///< for images
  DenoisingMlpOptions mlp;  ///< for points
  std::size_t steps = 1000, classes = 0;
  std::string noise_schedule = "cosine", predict = "auto", variance = "auto";
  bool conditional = false;

  void describe(OptionTable& table);
  /// Throws UsageError on data without the classes that it is to be told.
  void answer(const datasets::DataShape& data);
};

/// The diffusion of these options. x̂_0 is kept where data can be: at the noisiest times an error of
/// ε̂ is one of x̂_0 many times as large (1 / √ᾱ_T is 20000 for the cosine schedule of 1000 steps).
/// `range` is range_of() the data.
Diffusion diffusion_of(const DdpmOptions& options, const datasets::DataShape& data,
                       const Array& range);
/// The smallest and the largest value of the training set, as the diffusion sees it: (2,).
Array range_of(const Data& data);

/// What makes samples, figures and pictures; SamplingOptions::applied() completes it.
struct DiffusionModel {
  nn::Module weights;              ///< of the network
  Denoiser network;                ///< as trained: for the bound
  Diffusion diffusion;             ///< and its schedule
  datasets::Standardizer scaling;  ///< from the data's units to the diffusion's
  std::size_t classes = 0;         ///< K; 0 for a network that is not told any
  // Of the samples that are shown and measured:
  Denoiser guided = {};  ///< the network with guidance
  SamplerOptions sampler = {};
  std::int64_t only = -1;  ///< samples of one class; −1: of all

  std::size_t dimensions() const { return scaling.mean.size(); }
  bool of_images() const { return diffusion.options().levels != 0; }
  /// Of what is sampled or measured.
  std::size_t rows_at_a_time() const { return of_images() ? 100 : 4000; }

  /// What the network is told about a batch: its labels, or −1 for each if it knows no classes.
  IndexArray told(const Batch& batch) const;
  /// n classes to sample: the one that was asked for, or all in turn; −1 where there are none.
  IndexArray classes_of(std::size_t n) const;
  /// n draws, (n, D); with a run, its progress and Ctrl-C.
  Array sample(std::size_t n, Rng& rng, Run* run = nullptr) const;
  /// From given noise (n, D), by the given sampler, in one batch.
  Array decode(const Array& x_T, const IndexArray& classes, const SamplerOptions& how, Rng& rng,
               const Watch& watch = {}) const;

  /// L of each row of x in nats and the data's units: what `scaling` does to a density is in L_0,
  /// unless that is of grey levels. By so many of the times, 0 for all T; in one batch.
  VariationalBound bound(const Array& x, const IndexArray& classes, std::size_t times,
                         Rng& rng) const;
  /// −L of each row of x, the network being told no class: (n,), below ln p(x).
  Array log_prob(const Array& x, std::size_t times, Rng& rng) const;
};

}  // namespace nabla::models
