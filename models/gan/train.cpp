// Trains the GAN of gan.hpp: ./nabla train gan --help. The lesson is in README.md.
#include "autograd/ops.hpp"
#include "models/gan/measured.hpp"
#include "models/gan/optimal_train.hpp"
#include "models/gan/pictures.hpp"
#include "models/program/lesson.hpp"
#include "nn/adversarial.hpp"

namespace nabla::models {
namespace {

struct Options {
  GanOptions network{0, 0, {}, 0, -1};  // to be chosen by the kind of data
  std::string loss = "non-saturating", lesson = "gan";
  double lr_ratio = 1, beta1 = 0.5, average = 0.999;
  std::size_t trials = 1;

  void describe(OptionTable& table) {
    table.add("--hidden", network.hidden,
              "G's widths, D's are reversed; none: 256,512 for images, 128,128 else", at_least(1));
    table.add("--latent", network.latent, "Z, size of z; 0: 64 for images, 2 else");
    table.add("--packing", network.packing, "m, examples D sees together; 0: 1 for images, 2 else");
    table.add("--noise", network.noise, "std of noise on what D sees; -1: 0.5 for images, 0 else",
              at_least(-1));
    table.add("--generator-loss", loss, "G minimises E[ln(1 - D(G(z)))], or -E[ln D(G(z))]",
              {"minimax", "non-saturating"});
    table.add("--lr-ratio", lr_ratio, "D's learning rate as a multiple of G's, --lr", above(0));
    table.add("--beta1", beta1, "of both Adams", between(0, 0.9999));
    table.add("--average", average, "decay of an average of G's weights, which is sampled; 0: none",
              between(0, 0.99999));
    table.add("--trials", trials, "games with seeds and folders of their own", at_least(1));
    table.add("--lesson", lesson, "the game; or D alone between two known densities, without data",
              {"gan", "optimal-discriminator"});
  }
};

Trained abilities(const Gan& gan, const datasets::Standardizer& scaling) {
  Trained can;
  can.sample = [=](std::size_t n, Rng& rng) { return scaling.invert(gan.sample(n, rng)); };
  can.decode = [=](const Array& z) { return scaling.invert(gan.samples_at(z)); };
  can.latent = gan.options().latent;
  return can;
}

void play(Run& run, const Options& options, const Data& data, const Measures& measures) {
  Rng rng = run.rng();
  const Gan gan(options.network, rng);
  const std::vector<Tensor> of_g = gan.generator().parameters(), none;
  nn::Adam g(of_g, {run.lr(), options.beta1});
  nn::Adam d(gan.discriminator().parameters(), {run.lr(), options.beta1});
  nn::EMA average(options.average > 0 ? of_g : none, {options.average, true});
  const Trained can = averaged(abilities(gan, data.scaling()), average);
  Film film(data, can);
  run.model(gan, can);
  run.keep("g_adam", g, "d_adam", d);
  if (options.average > 0) run.keep("average", average);
  run.keep("rng", rng, "film", film);

  while (run.next_epoch()) {
    g.set_lr(run.lr());
    d.set_lr(run.lr() * options.lr_ratio);
    Means game;
    for (const Batch& batch : run.batches(data, {1, options.network.packing})) {  // whole packs
      const Tensor x = gan.blurred(batch.x, rng);
      const Tensor z(gan.prior(batch.size(), rng));
      const Tensor fake = gan.blurred(gan.generate(z), rng);

      // D's step: V(D, G) up. Detached, the samples keep G out of it.
      run.step(d, batch, [&](const Batch&) {
        const Gan::Logits logits = gan.discriminate(x, fake.detach());
        const Tensor value = nn::game_value(logits.real, logits.fake);
        add_game(game, value, logits);
        return -value;
      });
      // G's step, on the same z against the new D, whose weights are constants here.
      const nn::Frozen fixed(gan.discriminator());
      const double loss = run.step(g, batch, [&](const Batch&) {
        return nn::generator_loss(gan.discriminate(fake), nn::generator_loss_named(options.loss));
      });
      game.add("generator_loss_nats", loss, batch.size());
      average.update();
    }
    run.snapshot([&] { return film.add(run); }, true);
    run.end_epoch(joined(game.as(""), measures.modes(can, run.rng(Stream::validation))));
  }
  average.adopt();  // the averages are the model
  film.show(run);
  show_samples(run, gan, can, data);
  run.finish(measures.test(run, gan, can, data));
}

void train(Run& run, Options& options) {
  if (options.lesson != "gan") return train_optimal_discriminator(run, options.network);
  const Data data = run.load(Wants::anything("the GAN", View::scaled, 2, toy_rows));
  options.network = options.network.chosen_for(data);
  const Measures measures(run, options.trials);
  const std::vector<Figures> trials = run.each(
      "trial", options.trials, [&](Run& one, std::size_t) { play(one, options, data, measures); });
  if (!trials.empty()) run.finish(measures.of_trials(run, trials));
}

Trained open(const Saved& saved, const Options& options) {
  if (options.lesson != "gan") throw std::runtime_error(saved.file() + ": trained no generator");
  Rng rng(1);
  const Gan gan(options.network.chosen_for(saved.data()), rng);
  saved.load(gan);
  return abilities(gan, saved.scaling());
}

}  // namespace

Lesson gan_lesson() {
  return lesson("gan", "Generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)",
                train, open)
      .with_epochs(50)
      .with_schedule("linear")
      .without_criterion();
}

}  // namespace nabla::models
