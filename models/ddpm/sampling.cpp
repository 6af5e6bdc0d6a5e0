#include "models/ddpm/sampling.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include "models/measure/bits_per_dim.hpp"

namespace nabla::models {

void SamplingOptions::describe(OptionTable& table) {
  constexpr OptionKind free = OptionKind::free;
  table.add("--sampler", sampler,
            "ancestral (Algorithm 2), or DDIM; auto: ancestral for images, DDIM else",
            std::vector<std::string>{"auto", "ancestral", "ddim"}, free);
  table.add("--eta", eta, "η of DDIM: 0 adds no noise, 1 as much as ancestral", between(0, 1),
            free);
  table.add("--sample-steps", sample_steps,
            "times that samplers visit, at most T; 0: all T, -1: 100 for images, 250 else",
            at_least(-1), free);
  table.add("--guidance", guidance,
            "w: samples from (1 + w) times the prediction for the class, less w without",
            at_least(0), free);
  table.add("--class", only_class, "samples of this class only; -1: of all", at_least(-1), free);
  table.add("--test-examples", test_examples,
            "for the bound; 0: all, -1: of images a 50th of the training's, at most 500",
            at_least(-1), free);
  table.add("--test-times", test_times,
            "times per example for the bound; 0: all T, -1: 50 for images, 100 else", at_least(-1),
            free);
  table.add("--compare", compare,
            "samples for distances from test images, at most; 0: not measured", at_least(0), free);
  table.add("--orderings", orderings, "samples of each sampler for a table of samplers; 0: none",
            at_least(0), free);
}

void SamplingOptions::answer(const datasets::DataShape& data, std::size_t T, std::size_t classes,
                             bool knows_marginal) {
  if (only_class >= 0 && classes == 0) {
    throw UsageError("--class is for a network that knows classes: --conditional");
  }
  if (guidance != 0 && (classes == 0 || !knows_marginal)) {
    throw UsageError(
        "--guidance needs --conditional, and a --class-dropout above 0 to have learnt p(x) too");
  }
  if (only_class >= static_cast<std::int64_t>(classes)) {
    throw UsageError("--class " + std::to_string(only_class) + ": there are " +
                     std::to_string(classes) + ", from 0");
  }
  const bool images = data.is_image();
  if (sampler == "auto") sampler = images ? "ancestral" : "ddim";
  if (sample_steps < 0) sample_steps = images ? 100 : 250;
  sample_steps = std::min(sample_steps, static_cast<std::int64_t>(T));
  if (test_times < 0) test_times = images ? 50 : 100;
}

DiffusionModel SamplingOptions::applied(DiffusionModel model) const {
  model.guided = models::guided(model.network, guidance);
  model.sampler = {sampler == "ddim", eta, static_cast<std::size_t>(sample_steps)};
  model.only = only_class;
  return model;
}

std::size_t SamplingOptions::times() const {
  return static_cast<std::size_t>(test_times);
}

Means validation_loss(const DiffusionModel& model, const Data& data, Run& run) {
  const datasets::Rows some(data.is_image() ? data.valid.first(1000) : data.valid.all());
  Rng fixed(1, 40);
  const auto add = [&](const Batch& batch, Means& means) {
    const Array x0 = data.inputs(batch.x.value());
    const IndexArray t = draw_times(batch.size(), model.diffusion.steps(), fixed);
    const Array noise = fixed.normal(x0.shape());
    means.add("loss_simple",
              model.diffusion.loss_simple(model.network, x0, t, noise, model.told(batch)));
  };
  return run.means("L_simple", some, data.valid_labels, add, model.rows_at_a_time());
}

Figures test_bound(const DiffusionModel& model, const SamplingOptions& options, const Data& data,
                   Run& run) {
  std::size_t n = static_cast<std::size_t>(std::max<std::int64_t>(0, options.test_examples));
  if (options.test_examples < 0 && data.is_image()) {
    n = std::min<std::size_t>(500, data.train.size() / 50);
  }
  if (n == 0 || n > data.test.size()) n = data.test.size();
  const std::size_t times = options.times();
  Rng rng = run.rng(Stream::test);
  const auto add = [&](const Batch& batch, Means& means) {
    const VariationalBound terms = model.bound(batch.x.value(), model.told(batch), times, rng);
    means.add("bound", Tensor(terms.total()));
    means.add("bound_prior", Tensor(terms.prior));
    means.add("bound_steps", Tensor(terms.steps));
    means.add("bound_decoder", Tensor(terms.decoder));
  };
  const Means means = run.means("variational bound", datasets::Rows(data.test.first(n)),
                                data.test_labels, add, model.rows_at_a_time());
  Figures figures;
  for (const auto& [key, nats] : means.as("test")) {
    if (data.is_image()) {
      figures.emplace_back(key + "_bits_per_dim", bits_per_dim(nats, data.columns));
    } else {
      figures.emplace_back(key + "_nats", nats);
    }
  }
  run.note("The variational bound is that of " + std::to_string(n) + " test examples, with " +
           (times == 0 ? "all" : std::to_string(times) + " of the") + " times for each.");
  return figures;
}

Figures report_samples(const DiffusionModel& model, const SamplingOptions& options,
                       const Data& data, Run& run) {
  const SamplerOptions& how = model.sampler;
  const std::size_t T = model.diffusion.steps(), steps = how.steps == 0 ? T : how.steps;
  std::ostringstream text;  // these options are in no options.json
  text << "Samples: " << (how.ddim ? "DDIM" : "ancestral") << " in " << steps << " of " << T
       << " steps";
  if (how.ddim) text << ", η = " << how.eta;
  if (model.classes != 0) text << ", guidance " << options.guidance;
  if (model.only >= 0) text << ", class " << model.only;
  run.note(text.str() + ".");
  Figures figures{{"sample_steps", static_cast<double>(steps)},
                  {"sample_eta", how.ddim ? how.eta : 1}};
  if (model.classes != 0) figures.emplace_back("guidance", options.guidance);
  return joined(figures, data.is_image() ? report_images(model, options, data, run)
                                         : report_points(model, data, run));
}

Array draw_few(const DiffusionModel& model, const Data& data, Run& run) {
  const std::size_t n = data.is_image() ? 12 : 1000;
  Rng rng = run.rng(Stream::snapshot);
  const Array x_T = rng.normal({n, model.dimensions()});
  SamplerOptions how;
  how.ddim = true;
  how.steps = std::min<std::size_t>(20, model.diffusion.steps());
  const Array x = model.decode(x_T, model.classes_of(n), how, rng);
  return data.is_image() ? draw_images(data, x) : draw_points(data, x);
}

}  // namespace nabla::models
