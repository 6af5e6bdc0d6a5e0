// Trains the AAE of aae.hpp: ./nabla train aae --help. The lesson is in README.md.
#include <cmath>

#include "models/aae/aae.hpp"
#include "models/autoencoder/measured.hpp"
#include "models/program/lesson.hpp"

namespace nabla::models {
namespace {

struct Options {
  AaeOptions network;
  std::string cost = "bernoulli";
  double discriminator_lr = 1e-4, encoder_lr = 3e-4;
  std::size_t compare = 5000;

  void describe(OptionTable& table) {
    describe_autoencoder(table, network, cost, compare);
    table.add("--discriminator", network.discriminator, "widths of its hidden layers", at_least(1));
    table.add("--discriminator-lr", discriminator_lr, "rate of the discriminator's step", above(0));
    table.add("--encoder-lr", encoder_lr,
              "rate of the step in which the encoder plays the generator", above(0));
  }
};

Aae network_of(const Options& options, const datasets::DataShape& data, Rng& rng) {
  return Aae(with_cost(sized(options.network, data), options.cost), rng);
}

Figures game_figures(const Aae& aae, const datasets::Rows& data, Rng rng,
                     const std::string& of_value, const std::string& of_shares) {
  const Aae::Game game = aae.game(data.first(codes_compared), rng);
  return {{of_value + "game_value_nats", game.value},
          {of_shares + "codes_called_real", game.codes_called_real},
          {of_shares + "draws_called_real", game.draws_called_real}};
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::images_only("the AAE"));
  Rng rng = run.rng();
  const Aae aae = network_of(options, data, rng);
  // β₁ = ½ in the game: the opponent moves, a long memory of gradients would be of another game.
  nn::Adam reconstruction(aae.encoder_and_decoder(), {run.lr()});
  nn::Adam discriminator(aae.discriminator().parameters(), {options.discriminator_lr, 0.5});
  nn::Adam encoder(aae.encoder().parameters(), {options.encoder_lr, 0.5});
  run.model(aae, coder(aae));
  run.keep("reconstruction", reconstruction, "discriminator", discriminator, "encoder", encoder,
           "rng", rng);

  while (run.next_epoch()) {
    reconstruction.set_lr(run.lr());
    // Where all three fell alike, reconstruction would win in the end: its small steps all point
    // one way, and the codes leave the prior for whatever gives the last detail.
    const double of_game = std::pow(run.rate(), 0.75);
    discriminator.set_lr(of_game * options.discriminator_lr);
    encoder.set_lr(of_game * options.encoder_lr);
    Means means;
    for (const Batch& batch : run.batches(data)) {
      run.step(reconstruction, batch, [&](const Batch& part) {  // min over e, f of c      [M, §2]
        const Tensor c = aae.cost(part.x, aae.encode(part.x));
        means.add(cost_key(aae.cost_kind()), c);
        return mean(c);
      });
      const Tensor z = aae.encode(batch.x);               // (B, Z), after that step
      run.step(discriminator, batch, [&](const Batch&) {  // max over D of V
        const Tensor loss = aae.discriminator_loss(z, Tensor(rng.normal(z.shape())));
        means.add("game_value_nats", -loss.item(), batch.size());
        return loss;
      });
      const nn::Frozen fixed(aae.discriminator());
      // min over e of −E ln D(e(x))
      run.step(encoder, batch, [&](const Batch&) { return aae.encoder_loss(z); });
    }
    run.snapshot(data);
    const Means valid = evaluate(run, aae, data.valid, run.rng(Stream::validation));
    const Figures game = game_figures(aae, data.valid, run.rng(Stream::validation), "valid_", "");
    run.end_epoch(joined(joined(means.as("train"), valid.as("valid")), game));
  }

  run.show(data);
  run.note(
      "The value of the game is −ln 4 = −1.386 nats where the discriminator cannot tell codes from "
      "draws of the prior, 0 at most. MMD² is unbiased: near 0 it is negative as often as not.");
  const Figures test = evaluate(run, aae, data.test, run.rng(Stream::test)).as("test");
  const Figures game = game_figures(aae, data.test, run.rng(Stream::test), "test_", "test_");
  run.finish(joined(joined(test, game), sample_figures(run, data, options.compare, aae)));
}

}  // namespace

Lesson aae_lesson() {
  // In a game neither loss says which epoch is best.
  return lesson("aae", "Adversarial autoencoder (Makhzani et al. 2016, arXiv:1511.05644)", train,
                open_network<network_of, coder<Aae>, Options>)
      .with_schedule("cosine")
      .without_criterion();
}

}  // namespace nabla::models
