// How a diffusion is sampled and measured: options, figures and pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "models/ddpm/ddpm.hpp"

namespace nabla::models {

/// Options that say nothing about training: a resumed run may have others. "auto" and −1 mean by
/// the kind of data, which answer() turns into what is then done.
struct SamplingOptions {
  std::string sampler = "auto";
  double eta = 0, guidance = 0;
  std::int64_t sample_steps = -1;   ///< 0: all
  std::int64_t only_class = -1;     ///< −1: all
  std::int64_t test_examples = -1;  ///< for the bound, −1 until test_bound(); 0: all
  std::int64_t test_times = -1;     ///< for the bound; 0: all
  std::size_t compare = 0;    ///< samples for distances from test images, at most; below 2: none
  std::size_t orderings = 0;  ///< likewise for each sampler of a table

  void describe(OptionTable& table);
  /// For T steps, a network that is told one of `classes` (0: none), and knows p(x) beside p(x | c)
  /// or does not. Throws UsageError on what it cannot do.
  void answer(const datasets::DataShape& data, std::size_t T, std::size_t classes,
              bool knows_marginal);
  // Once answered:
  DiffusionModel applied(DiffusionModel model) const;  ///< the model with these samplers
  std::size_t times() const;                           ///< for the bound; 0: all
};

/// −ln p(x) of test examples is at most this, in all and by its terms [DDPM, eq. 5].
Figures test_bound(const DiffusionModel& model, const SamplingOptions& options, const Data& data,
                   Run& run);

/// The mean of L_simple over validation examples, of images the first 1000: with the same times and
/// noise always.
Means validation_loss(const DiffusionModel& model, const Data& data, Run& run);

/// Pictures of samples, and figures of them.
Figures report_samples(const DiffusionModel& model, const SamplingOptions& options,
                       const Data& data, Run& run);
Figures report_points(const DiffusionModel& model, const Data& data, Run& run);
Figures report_images(const DiffusionModel& model, const SamplingOptions& options, const Data& data,
                      Run& run);

/// A few samples from the same noise each time, in few steps: for snapshots.
Array draw_few(const DiffusionModel& model, const Data& data, Run& run);
Array draw_points(const Data& data, const Array& x);
Array draw_images(const Data& data, const Array& x);

}  // namespace nabla::models
