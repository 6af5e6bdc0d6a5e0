// Trains the diffusion of diffusion.hpp: ./nabla train ddpm --help. The lesson is in README.md.
#include "models/ddpm/sampling.hpp"
#include "models/program/lesson.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t toy_rows = 200000;  // training points, where nothing else is asked for

struct Options {
  DdpmOptions model;
  SamplingOptions sampling;
  std::string loss = "simple";
  double class_dropout = 0.1, clip_norm = 1, ema = 0.999;

  void describe(OptionTable& table) {
    model.describe(table);
    table.add("--loss", loss, "L_simple (eq. 14), or one random term of the bound",
              {"simple", "bound"});
    table.add("--class-dropout", class_dropout, "probability of not telling the class in training",
              between(0, 1));
    table.add("--clip-norm", clip_norm, "of the gradient; 0: none", at_least(0));
    table.add("--ema", ema,
              "decay of a moving average of the weights, which is drawn and measured; 0: none",
              between(0, 0.99999));
    sampling.describe(table);
  }
  void answer(const datasets::DataShape& data) {  // what is left open: by the kind of data
    model.answer(data);
    sampling.answer(data, model.steps, model.classes, class_dropout > 0);
  }
};

// `scaling` takes the data to where the diffusion is, and `range` says where that is.
DiffusionModel model_of(const Options& options, const datasets::DataShape& data,
                        const datasets::Standardizer& scaling, const Array& range, Rng& rng) {
  const Diffusion diffusion = diffusion_of(options.model, data, range);
  const auto with = [&](const auto& network) {
    return options.sampling.applied({network, network, diffusion, scaling, options.model.classes});
  };
  if (data.is_image()) return with(UNet(options.model.unet, rng));
  return with(DenoisingMlp(options.model.mlp, rng));
}

Trained abilities(const DiffusionModel& model, const Options& options) {
  Trained can;
  can.sample = [model](std::size_t n, Rng& rng) { return model.sample(n, rng); };
  const std::size_t times = options.sampling.times();
  can.log_prob = [model, times](const Array& x, Rng& rng) { return model.log_prob(x, times, rng); };
  can.log_prob_is = "the variational bound, below ln p(x)";
  return can;
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::anything("the diffusion", View::scaled, 1, toy_rows));
  options.answer(data);
  const Array range = range_of(data);
  Rng rng = run.rng();
  const DiffusionModel model = model_of(options, data, data.scaling(), range, rng);
  const Diffusion& q = model.diffusion;
  nn::Adam adam(model.weights.parameters(), {run.lr()});
  nn::EMA average(model.weights.parameters(), {options.ema, true});
  run.constant("range", range);
  run.model(model.weights, abilities(model, options));
  run.keep("adam", adam, "average", average, "rng", rng);

  while (run.next_epoch()) {
    for (const Batch& batch : run.batches(data)) {
      const auto loss = [&](const Batch& part) {
        const Array& x0 = part.x.value();  // (B, D)
        const IndexArray told = model.told(part);
        const IndexArray classes =
            options.model.conditional ? drop_classes(told, options.class_dropout, rng) : told;
        const IndexArray t = draw_times(part.size(), q.steps(), rng);
        const Array noise = rng.normal(x0.shape());
        if (options.loss == "simple") {
          return mean(q.loss_simple(model.network, x0, t, noise, classes));
        }
        return mean(q.loss_bound(model.network, x0, t, noise, classes)) / Real(data.columns);
      };
      adam.set_lr(run.lr());  // it falls with each step
      run.step(adam, batch, loss, options.clip_norm);
      average.update();
    }
    Means valid;
    {
      const nn::EMA::Average in_place = average.average();
      run.snapshot([&] { return draw_few(model, data, run); });
      valid = validation_loss(model, data, run);
    }
    run.end_epoch(joined({{"train_loss", run.mean_loss()}}, valid.as("valid")));
  }
  average.adopt();

  const Figures bound = test_bound(model, options.sampling, data, run);
  run.finish(joined(bound, report_samples(model, options.sampling, data, run)));
}

Trained open(const Saved& saved, const Options& options) {
  Options answered = options;  // those of sampling are in no options.json
  answered.answer(saved.data());
  Rng rng(1);
  const DiffusionModel model =
      model_of(answered, saved.data(), saved.scaling(), saved.array("range"), rng);
  saved.load(model.weights);
  return abilities(model, answered);
}

}  // namespace

Lesson ddpm_lesson() {
  return lesson("ddpm", "Denoising diffusion (Ho, Jain & Abbeel 2020, arXiv:2006.11239)", train,
                open)
      .with_epochs(6)
      .with_batch_size(64)
      .with_schedule("linear", true)
      .without_criterion();
}

}  // namespace nabla::models
