// Trains the VAE of vae.hpp: ./nabla train vae --help. The lesson is in README.md.
#include "models/program/lesson.hpp"
#include "models/vae/measured.hpp"
#include "nn/schedule.hpp"

namespace nabla::models {
namespace {

struct Options {
  VaeOptions network;
  std::string binarize = "auto";
  std::size_t warm_up = 0, importance_samples = 1, test_samples = 128;
  double beta = 1;

  void describe(OptionTable& table) {
    describe_coder(table, network);
    table.add("--binarize", binarize, "grey pixels: drawn as 0 or 1, or taken as they are",
              {"auto", "never"});
    table.add("--warm-up", warm_up, "epochs in which the weight of the KL grows to 1");
    table.add("--importance-samples", importance_samples,
              "K of the bound to train on (Burda et al. 2016, eq. 8); 1 is the ELBO", at_least(1));
    table.add("--beta", beta, "weight of the KL, or for K > 1 of ln p(z) - ln q(z|x); 1: a bound",
              at_least(0));
    table.add("--test-samples", test_samples, "K of the bound on log p(x) at the end", at_least(1));
  }
};

Vae network_of(const Options& options, const datasets::DataShape& data, Rng& rng) {
  return Vae(sized(options.network, data), rng);
}

Trained abilities(const Vae& vae, const Options& options, const datasets::Standardizer&) {
  const std::size_t K = options.test_samples;
  Trained can = coder(vae);
  can.log_prob = [vae, K](const Array& x, Rng& rng) { return vae.log_prob(x, K, rng); };
  can.log_prob_is = "a bound below ln p(x), by " + std::to_string(K) + " samples";
  can.draw_codes = [vae](const Array& x, Rng& rng) { return vae.draw_codes(x, rng); };
  return can;
}

void train(Run& run, Options& options) {
  // ln p(x) means something for binary x only.
  const View view = options.binarize == "auto" ? View::binary : View::as_they_are;
  const Data data = run.load(Wants::images_only("the VAE's Bernoulli decoder", view));
  run.note_if(view == View::as_they_are && !data.binary,
              "Trained on grey values: the figures are scores, not likelihoods, of this data.");
  run.note_if(options.beta != 1,
              "--beta weights the prior term in training only: the ELBO and log p(x) shown are "
              "those of the true bounds, with weight 1.");
  const std::size_t K = options.importance_samples;
  Rng rng = run.rng();
  const Vae vae = network_of(options, data, rng);
  nn::Adam adam(vae.parameters(), {run.lr()});
  run.model(vae, abilities(vae, options, data.scaling()));
  run.keep("adam", adam, "rng", rng);

  while (run.next_epoch()) {
    adam.set_lr(run.lr());
    // The weight of the KL grows from near 0 (Sønderby et al. 2016, §2.3): z is put to use before
    // its price is paid in full.
    const Real beta = options.beta * nn::schedule::linear_warm_up(run.epoch() - 1, options.warm_up);
    Means means;
    for (const Batch& batch : run.batches(data)) {
      run.step(adam, batch, [&](const Batch& part) {
        if (K > 1) return -mean(vae.importance_bound(part.x, K, rng, beta));  // −L_K
        const Elbo terms = vae.elbo(part.x, rng);  // its KL in closed form has less noise than L_1
        add(means, terms);
        return mean(terms.kl * beta - terms.reconstruction);  // −ELBO
      });
    }
    run.snapshot(data);
    const std::string bound = K > 1 ? "importance_bound_nats" : "";
    const Means valid =
        evaluate(run, vae, data.valid, Stream::validation, bound, K, Stream::valid_bound);
    Figures figures = joined(means.as("train"), valid.as("valid"));
    if (K > 1) figures.emplace_back("train_importance_bound_nats", -run.mean_loss());
    std::string decides = K > 1 ? "valid_" + bound : "valid_elbo_nats";
    if (options.beta != 1) {  // then neither is what the training goes for
      decides = "valid_weighted_nats";
      figures.emplace_back(decides, valid["reconstruction_nats"] - options.beta * valid["kl_nats"]);
    }
    run.end_epoch(figures, maximise(decides));
  }
  run.use_best();

  run.show(data);
  const Means test = evaluate(run, vae, data.test, Stream::test, "log_prob_nats",
                              options.test_samples, Stream::test_bound);
  run.finish(joined(test.as("test"),
                    {{"test_variational_gap_nats", test["log_prob_nats"] - test["elbo_nats"]},
                     {"test_importance_samples", options.test_samples}}));
}

}  // namespace

Lesson vae_lesson() {
  return lesson("vae", "Variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114)", train,
                open_network<network_of, abilities, Options>)
      .with_epochs(50)
      .with_schedule("cosine");
}

}  // namespace nabla::models
