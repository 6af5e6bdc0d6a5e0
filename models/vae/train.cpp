// Trains the VAE of vae.hpp: ./nabla train vae --help. The lesson is in README.md.
#include <cmath>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/transform.hpp"
#include "models/draw/plot.hpp"
#include "models/program/run.hpp"
#include "models/vae/vae.hpp"
#include "nn/optim.hpp"
#include "nn/schedule.hpp"

namespace {

using namespace nabla;
using datasets::Batches;
using datasets::Dataset;
using datasets::Rows;
using models::Run;
using models::Vae;

struct Options {
  std::vector<int> hidden{400};
  int latent = 20;
  std::string activation = "relu";
  std::string binarize = "auto";
  std::string schedule = "cosine";
  int warm_up = 0;
  int importance_samples = 1;
  double beta = 1;
  int test_samples = 128;
};

// Means over a data set, in nats.
struct Score {
  double elbo = 0, reconstruction = 0, kl = 0;
};

Score score(const Vae& vae, const Rows& data, Rng rng) {
  const NoGrad no_grad;
  Score total;
  const double n = static_cast<double>(data.size());
  for (const std::vector<std::size_t>& rows : Batches::in_order(data.size(), 1000)) {
    const models::Elbo terms = vae.elbo(Tensor(data.take(rows)), rng);
    total.reconstruction += sum(terms.reconstruction).item() / n;
    total.kl += sum(terms.kl).item() / n;
  }
  total.elbo = total.reconstruction - total.kl;
  return total;
}

// The mean of L_K: for large K an estimate of ln p(x).
double mean_bound(Run& run, const std::string& what, const Vae& vae, const Rows& data, int K,
                  Rng rng) {
  double total = 0;
  const std::size_t n = data.size();
  for (const std::vector<std::size_t>& rows : Batches::in_order(n, 200)) {
    run.evaluating(what, rows.front(), n);
    const Array bounds = vae.log_prob(data.take(rows), static_cast<std::size_t>(K), rng);
    for (const Real value : bounds) total += value / static_cast<double>(n);
  }
  run.evaluating(what, n, n);
  return total;
}

// What a person wants to see of the trained model; Rngs of their own leave the run's alone.
void draw_pictures(Run& run, const Vae& vae, const Dataset& data, const Rows& test) {
  Rng rng(run.seed(), 20);
  const auto grid = [&](const Array& images, std::size_t columns) {
    return models::enlarge(models::grid(images, data.height, data.width, columns), 2);
  };
  run.image("samples.png", grid(vae.sample(100, rng), 10), "100 samples: p(x|z), z ~ N(0, I)");

  const Array x = test.first(20), y = vae.reconstruct(x);
  Array pairs = empty({2 * x.shape()[0], data.columns});
  for (std::size_t i = 0; i < x.shape()[0]; ++i) {  // ten images, below them what the model makes
    const std::size_t row = i / 10 * 20 + i % 10;
    std::copy_n(x.data() + i * data.columns, data.columns, pairs.data() + row * data.columns);
    std::copy_n(y.data() + i * data.columns, data.columns,
                pairs.data() + (row + 10) * data.columns);
  }
  run.image("reconstructions.png", grid(pairs, 10),
            "Test images, and below each p(x|z) at z = μ(x)");

  if (vae.latent() != 2) return;
  const models::Window window{-3, 3, -3, 3};
  Array z = models::cell_centres(window, 20, 20);  // row 0 is at the bottom of the plane
  Array plane = empty({400, data.columns});
  const NoGrad no_grad;
  const Array decoded = sigmoid(vae.decode(Tensor(z))).value();
  for (std::size_t row = 0; row < 20; ++row) {
    std::copy_n(decoded.data() + row * 20 * data.columns, 20 * data.columns,
                plane.data() + (19 - row) * 20 * data.columns);
  }
  run.image("latent-plane.png", models::grid(plane, data.height, data.width, 20, 0),
            "p(x|z) for z over the square from −3 to 3");
  const Array codes = vae.encode(Tensor(test.all())).mean.value();
  std::vector<int> classes(data.test_labels.begin(), data.test_labels.end());
  run.image("codes.png", models::scatter(codes, classes, models::window_around(codes)),
            "μ(x) of the test images, coloured by class");
}

void train(Run& run, const Options& options) {
  const Dataset data = datasets::load(run.options().data, models::load_options(run.options()));
  if (!data.is_image() || data.low < 0 || data.high > 1) {
    throw models::UsageError("--data " + run.options().data +
                             ": the VAE's decoder is Bernoulli, it " +
                             "takes images with values from 0 to 1");
  }
  // ln p(x) means something for binary x only. Grey pixels are probabilities of being 1, drawn anew
  // in each epoch for training and once for validation and test.
  const bool fresh = options.binarize == "auto" && !data.binary;
  const Rows valid = fresh ? datasets::binarize_once(data.valid, run.seed() + 1) : data.valid;
  const Rows test = fresh ? datasets::binarize_once(data.test, run.seed() + 2) : data.test;
  if (!fresh && !data.binary) {
    run.note("Trained on grey values: the figures are scores, not likelihoods, of this data.");
  }

  const int K = options.importance_samples;
  if (options.beta != 1) {
    run.note(
        "--beta weights the prior term in training only: the ELBO and log p(x) shown are those "
        "of the true bounds, with weight 1.");
  }

  models::VaeOptions shape;
  shape.data = data.columns;
  shape.hidden.assign(options.hidden.begin(), options.hidden.end());
  shape.latent = static_cast<std::size_t>(options.latent);
  shape.activation = options.activation;
  Rng rng(run.seed());
  Vae vae(shape, rng);
  nn::Adam adam(vae.parameters(), {run.lr()});
  run.keep(vae.named_parameters());
  run.keep("adam", adam);
  run.keep("rng", rng);
  run.expect_examples(data.train.size());

  while (run.next_epoch()) {
    const std::uint64_t epoch = static_cast<std::uint64_t>(run.epoch());
    const Batches batches(data.train.size(), static_cast<std::size_t>(run.batch_size()), run.seed(),
                          epoch);
    if (options.schedule == "cosine") {
      adam.set_lr(run.lr() * nn::schedule::cosine(epoch - 1, run.options().epochs));
    }
    // The weight of the KL grows from near 0 (Sønderby et al. 2016, §2.3): z is put to use before
    // its price is paid in full.
    const double beta = options.beta * nn::schedule::linear_warm_up(epoch - 1, options.warm_up);
    double reconstruction = 0, kl = 0;
    for (const std::vector<std::size_t>& rows : batches) {
      Array batch = data.train.take(rows);  // (B, D)
      if (fresh) batch = datasets::binarize_fresh(batch, rows, run.seed(), epoch);
      const Tensor x(std::move(batch));

      Tensor loss;
      if (K == 1) {  // −ELBO, its KL in closed form, which has less noise than L_1
        const models::Elbo terms = vae.elbo(x, rng);  // (B,) each
        loss = mean(terms.kl * static_cast<Real>(beta) - terms.reconstruction);
        reconstruction += sum(terms.reconstruction).item();
        kl += sum(terms.kl).item();
      } else {  // −L_K
        loss = -mean(
            vae.importance_bound(x, static_cast<std::size_t>(K), rng, static_cast<Real>(beta)));
      }
      adam.clear_grad();
      loss.backward();
      adam.step();
      run.step(loss.item(), rows.size());
    }
    if (run.snapshot_due()) {
      Rng fixed(run.seed(), 11);  // the same z each time: one sees the images form
      run.snapshot(models::grid(vae.sample(36, fixed), data.height, data.width, 12));
    }
    const Score at = score(vae, valid, Rng(run.seed(), 10));
    models::Figures figures;
    if (K == 1) {
      const double n = static_cast<double>(data.train.size());
      figures = {{"train_elbo_nats", (reconstruction - kl) / n},
                 {"valid_elbo_nats", at.elbo},
                 {"train_reconstruction_nats", reconstruction / n},
                 {"valid_reconstruction_nats", at.reconstruction},
                 {"train_kl_nats", kl / n},
                 {"valid_kl_nats", at.kl}};
    } else {
      const double bound =
          mean_bound(run, "L_K of the validation set", vae, valid, K, Rng(run.seed(), 14));
      figures = {{"train_importance_bound_nats", -run.mean_loss()},
                 {"valid_importance_bound_nats", bound},
                 {"valid_elbo_nats", at.elbo},
                 {"valid_reconstruction_nats", at.reconstruction},
                 {"valid_kl_nats", at.kl}};
    }
    std::string criterion = K == 1 ? "valid_elbo_nats" : "valid_importance_bound_nats";
    if (options.beta != 1) {  // then neither is what the training goes for
      criterion = "valid_weighted_nats";
      figures.emplace_back(criterion, at.reconstruction - options.beta * at.kl);
    }
    run.end_epoch(figures, models::maximise(criterion));
  }
  run.use_best();

  draw_pictures(run, vae, data, test);
  const Score score_test = score(vae, test, Rng(run.seed(), 12));
  const double log_prob = mean_bound(run, "log p(x) of the test set", vae, test,
                                     options.test_samples, Rng(run.seed(), 13));
  run.finish({{"test_elbo_nats", score_test.elbo},
              {"test_reconstruction_nats", score_test.reconstruction},
              {"test_kl_nats", score_test.kl},
              {"test_log_prob_nats", log_prob},
              {"test_variational_gap_nats", log_prob - score_test.elbo},
              {"test_importance_samples", options.test_samples}});
}

}  // namespace

int main(int argc, char** argv) {
  models::Program program("vae",
                          "Variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114)");
  Options options;
  program.options().epochs = 50;
  program.option("--hidden", options.hidden,
                 "widths of the encoder's layers; the decoder's are reversed", models::at_least(1));
  program.option("--latent", options.latent, "Z, size of the latent space", models::at_least(1));
  program.option("--activation", options.activation, "of the hidden layers",
                 {"relu", "tanh", "silu", "elu", "softplus"});
  program.option("--binarize", options.binarize,
                 "grey pixels: drawn as 0 or 1, or taken as they are", {"auto", "never"});
  program.option("--schedule", options.schedule, "of the learning rate over all epochs",
                 {"cosine", "constant"});
  program.option("--warm-up", options.warm_up, "epochs in which the weight of the KL grows to 1",
                 models::at_least(0));
  program.option("--importance-samples", options.importance_samples,
                 "K of the bound to train on (Burda et al. 2016, eq. 8); 1 is the ELBO",
                 models::at_least(1));
  program.option("--beta", options.beta,
                 "weight of the KL, or with K > 1 of ln p(z) - ln q(z|x); 1 gives bounds",
                 models::at_least(0));
  program.option("--test-samples", options.test_samples,
                 "K of the importance-sampled log p(x) at the end", models::at_least(1));
  return program.run(argc, argv, [&](Run& run) { train(run, options); });
}
