#include "models/autoencoder/measured.hpp"

#include "models/draw/rows.hpp"
#include "models/measure/codes.hpp"
#include "models/measure/sample_score.hpp"
#include "models/program/coder.hpp"

namespace nabla::models {

void describe_autoencoder(OptionTable& table, AutoencoderOptions& network, std::string& cost,
                          std::size_t& compare) {
  describe_coder(table, network);
  table.add("--cost", cost,
            "of a reconstruction: cross-entropy, or squared error summed over pixels",
            {"bernoulli", "squared"});
  table.add("--compare", compare, "samples, and test images, that distances are measured on",
            at_least(100));
}

std::string cost_key(Cost cost) {
  return cost == Cost::bernoulli ? "cost_nats" : "cost_squared";
}

Means evaluate(Run& run, const Autoencoder& model, const datasets::Rows& data, Rng rng,
               std::size_t codes) {
  const std::string cost = cost_key(model.cost_kind());
  const auto add = [&](const Tensor& x, Means& means) {
    const Tensor logits = model.decode(model.encode(x));
    means.add(cost, reconstruction_cost(logits, x, model.cost_kind()));
    means.add("reconstruction_mse", mean(square(x - sigmoid(logits)), {1}));
  };
  Means means = run.means("reconstructions", data, add);
  const double mmd2 = mmd2_to_prior(model.codes(data.first(codes)), rng);
  means.add("mmd2_codes_prior", mmd2, data.size());
  return means;
}

Figures sample_figures(Run& run, const Data& data, std::size_t most,
                       const std::vector<Kind>& kinds) {
  const SampleScore score(data, most, [&run](std::size_t done, std::size_t total) {
    run.evaluating("a classifier, for its features", done, total);
  });
  const std::size_t n = score.size(), shown = 24, columns = 12;
  Figures figures;
  std::vector<std::vector<std::string>> table{distance_headings()};
  table[0].insert(table[0].begin(), "");
  std::vector<Array> pictures;
  std::string captions;
  const auto show = [&](const std::string& name, const SampleDistances& distances,
                        const Array& images) {
    table.push_back(cells_of(distances));
    table.back().insert(table.back().begin(), name);
    pictures.push_back(datasets::first_rows(images, shown));
    captions += (captions.empty() ? "From the top: " : "; ") + name;
  };
  const SampleDistances real = score.of_real_images();
  show("validation images", real, data.valid.first(shown));
  Rng rng = run.rng(Stream::measure);
  for (const Kind& kind : kinds) {
    run.evaluating("samples, " + kind.name, 0, n);
    const Array samples = kind.draw(n, rng);
    const SampleDistances distances = score(samples);
    figures = joined(std::move(figures), figures_of(kind.key + "_", distances));
    show(kind.name, distances, samples);
  }
  figures = joined(std::move(figures), figures_of("real_", real));
  if (score.has_features()) {
    figures.emplace_back("classifier_test_accuracy", score.classifier_accuracy());
  }
  figures.emplace_back("samples_compared", n);
  run.note(score.about());
  if (kinds.size() == 1) return figures;
  const std::string count = std::to_string(n);
  run.table("comparison.md", count + " samples of each kind against " + count + " test images",
            table);
  run.image("comparison.png", stacked(data.height, data.width, pictures, columns), captions);
  return figures;
}

Figures sample_figures(Run& run, const Data& data, std::size_t most, const Autoencoder& model) {
  return sample_figures(run, data, most, {{"samples", "z ~ N(0, I)", coder(model).sample}});
}

}  // namespace nabla::models
