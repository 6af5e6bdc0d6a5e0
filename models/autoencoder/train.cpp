// Trains the autoencoder of autoencoder.hpp, and looks for where its codes lie:
// ./nabla train autoencoder --help. The lesson is in README.md.
#include "models/autoencoder/measured.hpp"
#include "models/measure/codes.hpp"
#include "models/measure/in_pieces.hpp"
#include "models/program/lesson.hpp"

namespace nabla::models {
namespace {

struct Options {
  AutoencoderOptions network;
  std::string cost = "bernoulli";
  std::size_t compare = 5000;

  void describe(OptionTable& table) { describe_autoencoder(table, network, cost, compare); }
};

Autoencoder network_of(const Options& options, const datasets::DataShape& data, Rng& rng) {
  return Autoencoder(with_cost(sized(options.network, data), options.cost), rng);
}

// Nothing says where codes lie. Once they are there, a normal can be fitted to them.
Trained abilities(const Autoencoder& model, const CodeGaussian& fitted) {
  Trained can = coder(model);
  can.sample = [model, fitted](std::size_t n, Rng& rng) {
    return model.images(fitted.sample(n, rng));
  };
  can.sample_is = "z ~ normal fitted to its codes";
  return can;
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::images_only("the autoencoder"));
  Rng rng = run.rng();
  const Autoencoder model = network_of(options, data, rng);
  nn::Adam adam(model.parameters(), {run.lr()});
  const Trained from_the_prior = coder(model);
  run.model(model, from_the_prior);
  run.keep("adam", adam);

  while (run.next_epoch()) {
    adam.set_lr(run.lr());
    for (const Batch& batch : run.batches(data)) {
      run.step(adam, batch, [&](const Batch& part) {
        return mean(model.cost(part.x, model.encode(part.x)));  // E[c(x, y)], and nothing else
      });
    }
    run.snapshot(data);
    const Means valid = evaluate(run, model, data.valid, run.rng(Stream::validation), 2000);
    run.end_epoch(joined({{"train_ae_loss", run.mean_loss()}}, valid.as("valid_ae")));
  }

  const Array codes = in_pieces(data.train, [&](const Array& x) { return model.codes(x); });
  const CodeGaussian fitted(codes);
  run.constant("codes.mean", fitted.mean());
  run.constant("codes.root", fitted.root());
  run.show(data);
  Figures test = evaluate(run, model, data.test, run.rng(Stream::test)).as("ae");
  const Array prior = rng.normal({codes_compared, model.latent()});
  test.emplace_back("real_mmd2_codes_prior", mmd2_to_prior(prior, rng));
  const Trained can = abilities(model, fitted);
  const auto own = [&](std::size_t n, Rng& rng) { return model.images(draw_rows(codes, n, rng)); };
  run.finish(joined(test, sample_figures(run, data, options.compare,
                                         {{"ae", "z ~ N(0, I)", from_the_prior.sample},
                                          {"ae_gaussian", can.sample_is, can.sample},
                                          {"ae_own_codes", "z = codes of training images", own}})));
}

Trained open(const Saved& saved, const Options& options) {
  Rng rng(1);
  const Autoencoder model = network_of(options, saved.data(), rng);
  saved.load(model);
  return abilities(model, CodeGaussian(saved.array("codes.mean"), saved.array("codes.root")));
}

}  // namespace

Lesson autoencoder_lesson() {
  return lesson("autoencoder", "Autoencoder, no generative model (Hinton & Salakhutdinov 2006)",
                train, open)
      .with_schedule("cosine")
      .without_criterion();
}

}  // namespace nabla::models
