// Pictures and figures of diffusions over points.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "autograd/ops.hpp"
#include "datasets/toy.hpp"
#include "models/ddpm/sampling.hpp"
#include "models/draw/plot.hpp"
#include "models/draw/rows.hpp"
#include "models/measure/coverage.hpp"
#include "models/measure/metrics.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t panel = 220;  // pixels of a panel of a filmstrip
// Of 1000: close together where the cloud changes its look.
const std::vector<double> film_times{1000, 600, 400, 250, 150, 80, 40, 0};

// Room for the noise around the data: every panel of every picture has this window.
Window window_of(const Data& data) {
  const Window w = window_around(first_two(data.test.all()));
  const double x = (w.x_high - w.x_low) / 5, y = (w.y_high - w.y_low) / 5;
  return {w.x_low - x, w.x_high + x, w.y_low - y, w.y_high + y};
}

Array strip(const std::vector<Array>& panels) {
  return side_by_side(panels, panels.size());
}

// The label of the nearest row of `points`: where a sample ended.
std::vector<int> nearest_labels(const Array& x, const Array& points, const IndexArray& labels) {
  std::vector<int> result(x.shape()[0], 0);
  for (std::size_t i = 0; i < x.shape()[0]; ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < points.shape()[0]; ++k) {
      const double dx = static_cast<double>(x(i, 0) - points(k, 0));
      const double dy = static_cast<double>(x(i, 1) - points(k, 1));
      const double squared = dx * dx + dy * dy;
      if (squared >= nearest) continue;
      nearest = squared;
      result[i] = labels.size() == 0 ? 0 : static_cast<int>(labels(k));
    }
  }
  return result;
}

// x_t of test points at the film's times, coloured by label: the forward process.
Array draw_forward(const DiffusionModel& model, const Data& data) {
  const Array raw = data.test.first(2000);
  const Array x0 = model.scaling.apply(raw);
  const std::size_t n = x0.shape()[0];
  Rng rng(1);
  const Array noise = rng.normal(x0.shape());  // one draw each, so that points move on a line
  std::vector<int> labels(n, 0);
  for (std::size_t i = 0; data.test_labels.size() != 0 && i < n; ++i) {
    labels[i] = static_cast<int>(data.test_labels(i));
  }
  std::vector<Array> panels;
  for (auto time = film_times.rbegin(); time != film_times.rend(); ++time) {
    const double t = *time / 1000 * static_cast<double>(model.diffusion.steps());
    const Array x_t =
        model.diffusion.q_sample(x0, same_time(n, static_cast<std::size_t>(std::lround(t))), noise);
    panels.push_back(scatter(first_two(model.scaling.invert(x_t)), labels, window_of(data), panel));
  }
  return strip(panels);
}

// One cloud on its way from noise to data, by the sampler; each point has the colour of the data
// it ends at.
Array draw_reverse(const DiffusionModel& model, const Data& data) {
  constexpr std::size_t n = 2000;
  Rng rng(2);
  std::vector<Array> clouds;
  const Watch watch = [&](double time, const Array& x) {
    if (clouds.size() < film_times.size() && time <= film_times[clouds.size()] + 1e-6) {
      clouds.push_back(first_two(model.scaling.invert(x)));
    }
  };
  const Array x_T = rng.normal({n, model.dimensions()});
  model.decode(x_T, model.classes_of(n), model.sampler, rng, watch);
  const std::vector<int> labels =
      nearest_labels(clouds.back(), first_two(data.test.first(2000)), data.test_labels);
  std::vector<Array> panels;
  for (const Array& cloud : clouds) {
    panels.push_back(scatter(cloud, labels, window_of(data), panel));
  }
  return strip(panels);
}

// The ways of some points under DDIM with η = 0, in many steps: lines of dots, in the colour of
// their end, over the data in grey.
Array draw_ways(const DiffusionModel& model, const Data& data) {
  constexpr std::size_t n = 120;
  Rng rng(3);
  SamplerOptions how;
  how.ddim = true;
  std::vector<Tensor> places;
  const Watch watch = [&](double, const Array& x) {
    places.emplace_back(first_two(model.scaling.invert(x)));
  };
  const Array ends = first_two(
      model.decode(rng.normal({n, model.dimensions()}), model.classes_of(n), how, rng, watch));
  const Array test = first_two(data.test.first(2000));
  const std::vector<int> labels = nearest_labels(ends, test, data.test_labels);
  std::vector<int> colours(test.shape()[0], -1);
  for (std::size_t i = 0; i < places.size(); ++i) {
    colours.insert(colours.end(), labels.begin(), labels.end());
  }
  places.insert(places.begin(), Tensor(test));
  return scatter(concat(places, 0).value(), colours, window_of(data), 480);
}

// Distances between samples and fresh data, and between two sets of fresh data: averages over
// several sets, as both are noisy.
struct Distances {
  std::vector<double> energy, sliced;
  void add(const Array& x, const Array& y, Rng& rng) {
    energy.push_back(energy_distance(x, y));
    sliced.push_back(sliced_wasserstein1(x, y, 100, rng));
  }
};

void add_distances(const Distances& samples, const Distances& data, Figures& figures) {
  const auto add = [&](const std::string& name, const std::vector<double>& of_model,
                       const std::vector<double>& of_data) {
    const double ours = mean_of(of_model).value, scale = mean_of(of_data).value;
    figures.emplace_back(name, ours);
    figures.emplace_back(name + "_of_fresh_data", scale);
    figures.emplace_back(name + "_ratio", ours / scale);
  };
  add("energy_distance", samples.energy, data.energy);
  add("sliced_wasserstein1", samples.sliced, data.sliced);
}

void measure_toy(const DiffusionModel& model, const datasets::Toy& toy, Run& run,
                 Figures& figures) {
  constexpr std::size_t sets = 10, n = 4000;
  Rng rng(run.seed(), 30);
  const datasets::Rows samples(model.sample(sets * n, rng, &run));
  Distances near, fresh_data;
  for (std::size_t i = 0; i < sets; ++i) {
    run.evaluating("distances", i, sets);
    const Array some = samples.range(i * n, n);
    for (int pair = 0; pair < 2; ++pair) {
      const Array fresh = toy.sample(n, rng).points;
      near.add(some, fresh, rng);
      fresh_data.add(toy.sample(n, rng).points, fresh, rng);
    }
  }
  add_distances(near, fresh_data, figures);
  run.note("Distances are means over " + std::to_string(sets) + " sets of " + std::to_string(n) +
           " samples, each beside two sets of fresh data of that size; of fresh data, over " +
           std::to_string(2 * sets) + " pairs.");
  if (toy.modes().size() == 0) return;
  const Coverage c = mode_coverage(samples.all(), toy.modes(), toy.std_dev());
  figures.emplace_back("modes", static_cast<double>(c.modes));
  figures.emplace_back("high_quality_share", c.high_quality);
  figures.emplace_back("reverse_kl_nats", c.reverse_kl);
}

void measure_table(const DiffusionModel& model, const Data& data, Run& run, Figures& figures) {
  const std::size_t n = std::min<std::size_t>(data.test.size(), 4000);
  Rng rng(run.seed(), 30);
  const Array test = data.test.first(n);
  Distances near, real;
  near.add(model.sample(n, rng, &run), test, rng);
  if (data.valid.empty()) return;
  real.add(data.valid.first(n), test, rng);
  add_distances(near, real, figures);
}

}  // namespace

Array draw_points(const Data& data, const Array& x) {
  return scatter(first_two(x), window_of(data), panel);
}

Figures report_points(const DiffusionModel& model, const Data& data, Run& run) {
  Figures figures;
  const std::optional<datasets::Toy> toy = datasets::toy_named(run.options().data);
  if (model.only >= 0) {
    run.note("Samples of one class: not measured, as the data are of all.");
  } else if (toy) {
    measure_toy(model, *toy, run, figures);
  } else {
    measure_table(model, data, run, figures);
  }
  if (toy) figures.emplace_back("true_entropy_nats", toy->entropy());
  if (data.columns < 2) return figures;
  Rng rng = run.rng(Stream::pictures);
  const Array test = data.test.first(4000);
  const Window window = window_of(data);
  run.image("samples.png",
            strip({scatter(first_two(test), window, 400),
                   scatter(first_two(model.sample(test.shape()[0], rng, &run)), window, 400)}),
            "Test points, and as many samples");
  run.image("forward.png", draw_forward(model, data),
            "q: test points as noise is added, coloured by label");
  run.image("reverse.png", draw_reverse(model, data),
            "p: one cloud of noise on its way to the data, each point in the colour of where it "
            "ends");
  run.image("ways.png", draw_ways(model, data),
            "Ways from noise to data under DDIM with η = 0, in the colour of their end");
  return figures;
}

}  // namespace nabla::models
