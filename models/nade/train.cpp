// Trains the NADE of nade.hpp: ./nabla train nade --help. The lesson is in README.md.
#include "autograd/ops.hpp"
#include "models/nade/ensemble.hpp"
#include "models/program/lesson.hpp"

namespace nabla::models {
namespace {

struct Options {
  std::size_t hidden = 500, members = 1;
  std::string ordering = "raster";
  bool order_agnostic = false;
  double weight_decay = 0.05;

  void describe(OptionTable& table) {
    table.add("--hidden", hidden, "H, hidden units", at_least(1));
    table.add("--ordering", ordering,
              "of the dimensions: raster, random, or a file with their numbers");
    table.add("--members", members,
              "of the ensemble, with an ordering each: the eight scans of an image, or random ones",
              at_least(1));
    table.add("--order-agnostic", order_agnostic,
              "one network for all orderings, a fresh one in each step (EoNADE)");
    table.add("--weight-decay", weight_decay, "lambda of AdamW", at_least(0));
  }
};

Trained abilities(const NadeEnsemble& p, bool any_ordering) {
  Trained can;
  can.sample = [p](std::size_t n, Rng& rng) { return sample(p, n, rng); };
  can.log_prob = [p](const Array& x, Rng&) { return log_prob(p, x); };
  can.complete = [=](const Array& x, const std::vector<bool>& known, Rng& rng) {
    return complete(p, x, known, any_ordering, rng);
  };
  can.completes = first_half(p[0].ordering());
  return can;
}

void set_model(Run& run, const NadeEnsemble& ensemble, bool any_ordering) {
  run.constant("ordering", orderings_as_array(ensemble));
  run.model(NadeMembers(ensemble), abilities(ensemble, any_ordering));
}

// Network m = 1, 2, … under its ordering, or the only one under all.
void train_network(Run& run, const Options& options, const Data& data, std::size_t m) {
  const bool any = options.order_agnostic;
  const std::vector<Ordering> orderings =
      orderings_of_members(m, any ? options.members : 1, options.ordering, data, run.seed());
  Rng rng = run.rng();
  const NadeEnsemble ensemble = make_ensemble(orderings, options.hidden, any, rng);
  set_model(run, ensemble, any);
  nn::AdamW adam(ensemble[0].parameters(), {run.lr(), 0.9, 0.999, 1e-8, options.weight_decay});
  run.keep("adam", adam, "rng", rng);

  while (run.next_epoch()) {
    for (const Batch& batch : run.batches(data)) {
      Nade nade = ensemble[0];
      if (any) nade = nade.with_ordering(rng.permutation(data.columns));  // [UML]
      adam.set_lr(run.lr());
      run.step(adam, batch, [&](const Batch& part) { return -mean(nade.log_prob(part.x)); });
    }
    run.snapshot(data);
    run.end_epoch(joined({{"train_log_prob_nats", -run.mean_loss()}},
                         mean_log_prob(run, "valid", ensemble, data.valid)),
                  maximise("valid_log_prob_nats"));
  }
  run.use_best();
  run.show(data);
  run.finish(test_figures(run, ensemble, data));
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::probabilities("NADE", View::binary));
  const bool any = options.order_agnostic;
  const auto members = run.each("member", any ? 1 : options.members, [&](Run& own, std::size_t m) {
    train_network(own, options, data, m);
  });
  if (members.empty()) return;  // this run was the only one
  NadeEnsemble ensemble;
  for (std::size_t m = 1; m <= members.size(); ++m) {
    const Saved member(run.folder_of("member", m));
    ensemble.push_back(saved_ensemble(member, options.hidden, any)[0]);
  }
  set_model(run, ensemble, any);
  gathered(run, "member", members);  // a table
  run.show(data);
  run.finish(test_figures(run, ensemble, data));
}

Trained open(const Saved& saved, const Options& options) {
  const bool any = options.order_agnostic;
  return abilities(saved_ensemble(saved, options.hidden, any), any);
}

}  // namespace

Lesson nade_lesson() {
  return lesson(
             "nade",
             "NADE (Larochelle & Murray 2011; Uria et al. 2016, arXiv:1605.02226), for binary data",
             train, open)
      .with_epochs(30)
      .with_batch_size(0)
      .with_lr(3e-3)
      .with_schedule("linear", true);
}

}  // namespace nabla::models
