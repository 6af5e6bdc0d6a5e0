// Measures: how far two distributions are from each other, and losses of the game of two networks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/ddpm/discretised.hpp"
#include "models/measure/coverage.hpp"
#include "models/measure/metrics.hpp"
#include "models/measure/parzen.hpp"
#include "nn/adversarial.hpp"
#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

namespace m = models;
using Doubles = std::vector<double>;
using Measure = std::function<Doubles(const Arrays&)>;

constexpr double infinity = std::numeric_limits<double>::infinity();

Doubles doubles(const Array& a) {
  return Doubles(a.begin(), a.end());
}

Numbers numbers(const Quads& list) {
  Numbers y(Shape{list.size()}, 0);
  y.data = list;
  return y;
}

Entry measure_entry(std::string title, std::vector<std::string> declares, Measure call,
                    Reference reference, std::vector<Arrays> samples, double eps = 64) {
  Entry entry;
  entry.title = std::move(title);
  entry.declares = std::move(declares);
  entry.measure = std::move(call);
  entry.reference = std::move(reference);
  entry.samples = std::move(samples);
  entry.eps = eps;
  return entry;
}

// Of discrete distributions -------------------------------------------------------------------

Quad kl_of(const Quads& p, const Quads& q) {
  Quad total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) total += p[i] == 0 ? 0 : p[i] * std::log(p[i] / q[i]);
  return total;
}

std::vector<Entry> discrete_entries() {
  const std::vector<Arrays> pairs{{Array{Real(0.25), Real(0.75)}, Array{Real(0.5), Real(0.5)}},
                                  {Array{Real(0.5), Real(0.5), 0, 0}, full({4}, Real(0.25))},
                                  {full({4}, Real(0.25)), Array{Real(0.5), Real(0.5), 0, 0}},
                                  {Array{1, 0}, Array{0, 1}},
                                  {Array{1, 0}, Array{1, 0}},
                                  {Array{std::numeric_limits<Real>::denorm_min(), 1}, Array{0, 1}},
                                  {Array{1}, Array{1}}};
  std::vector<Entry> list;
  list.push_back(measure_entry(
      "kl_divergence of probabilities", {"kl_divergence(vector<double>, vector<double>)"},
      [](const Arrays& x) { return Doubles{m::kl_divergence(doubles(x[0]), doubles(x[1]))}; },
      [](const std::vector<Numbers>& x) { return numbers({kl_of(x[0].data, x[1].data)}); }, pairs));
  list.push_back(measure_entry(
      "js_divergence", {"js_divergence(vector<double>, vector<double>)"},
      [](const Arrays& x) { return Doubles{m::js_divergence(doubles(x[0]), doubles(x[1]))}; },
      [](const std::vector<Numbers>& x) {
        Quads middle = x[0].data;
        for (std::size_t i = 0; i < middle.size(); ++i) middle[i] = (middle[i] + x[1].data[i]) / 2;
        return numbers({(kl_of(x[0].data, middle) + kl_of(x[1].data, middle)) / 2});
      },
      pairs));
  list[1].normwise = 1;
  list[0].refusals = {{"kl_divergence: 2 and 1 outcomes",
                       [] {
                         m::kl_divergence({0.5, 0.5}, {1});
                       }},
                      {"kl_divergence: the probabilities sum to 1.100000",
                       [] {
                         m::kl_divergence({0.5, 0.6}, {0.5, 0.5});
                       }},
                      {"kl_divergence", [] {
                         m::kl_divergence({NAN, 1}, {0, 1});
                       }}};
  list[1].refusals = {{"js_divergence: probability 1 is -0.500000", [] {
                         m::js_divergence({0.5, 0.5}, {1.5, -0.5});
                       }}};
  const auto mean_and_error = [](const Quads& x) {
    const Quad n = static_cast<Quad>(x.size());
    const Quad mean = std::accumulate(x.begin(), x.end(), Quad(0)) / n;
    Quad squares = 0;
    for (const Quad number : x) squares += (number - mean) * (number - mean);
    return Quads{mean, x.size() == 1 ? std::numeric_limits<Quad>::quiet_NaN()
                                     : std::sqrt(squares / (n - 1) / n)};
  };
  list.push_back(measure_entry(
      "mean_of", {"mean_of(vector<double>)"},
      [](const Arrays& x) {
        const m::Estimate e = m::mean_of(doubles(x[0]));
        return Doubles{e.value, e.standard_error};
      },
      [=](const std::vector<Numbers>& x) { return numbers(mean_and_error(x[0].data)); },
      {{points({30}, -2, 3)}, {Array{1, 2, 6}}, {Array{5}}}));
  list.back().refusals = {{"mean_of: no values", [] { m::mean_of({}); }}};
  list.push_back(measure_entry(
      "kl_from_log_densities", {"kl_from_log_densities(vector<double>, vector<double>)"},
      [](const Arrays& x) {
        const m::Estimate e = m::kl_from_log_densities(doubles(x[0]), doubles(x[1]));
        return Doubles{e.value, e.standard_error};
      },
      [=](const std::vector<Numbers>& x) {
        Quads terms = x[0].data;
        for (std::size_t i = 0; i < terms.size(); ++i) terms[i] -= x[1].data[i];
        return numbers(mean_and_error(terms));
      },
      {{points({30}, -2, 3), points({30}, -3, 1)}}));
  list.back().refusals = {{"kl_from_log_densities", [] { m::kl_from_log_densities({}, {}); }},
                          {"kl_from_log_densities: 1 and 2 values",
                           [] {
                             m::kl_from_log_densities({1}, {1, 2});
                           }},
                          {"kl_from_log_densities: value 0 is ln p",
                           [] { m::kl_from_log_densities({-infinity}, {0}); }}};
  return list;
}

// Of samples ----------------------------------------------------------------------------------

Quad squared_distance(const Numbers& x, std::size_t i, const Numbers& y, std::size_t j) {
  const std::size_t D = x.shape[1];
  Quad total = 0;
  for (std::size_t d = 0; d < D; ++d) {
    const Quad difference = x.data[i * D + d] - y.data[j * D + d];
    total += difference * difference;
  }
  return total;
}

// The mean of f(r²) over pairs of rows, those of a row with itself left out if told.
Quad mean_over_pairs(const Numbers& x, const Numbers& y, bool without_itself,
                     const std::function<Quad(Quad)>& f) {
  const std::size_t n = x.shape[0], count = y.shape[0];
  Quad total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      if (!without_itself || i != j) total += f(squared_distance(x, i, y, j));
    }
  }
  return total / static_cast<Quad>(n * (without_itself ? count - 1 : count));
}

// ∫ |F − G| by the sorted union of both samples.
Quad wasserstein_of(Quads x, Quads y) {
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  Quads all = x;
  all.insert(all.end(), y.begin(), y.end());
  std::sort(all.begin(), all.end());
  const auto share = [](const Quads& sample, Quad at) {
    const auto below = std::upper_bound(sample.begin(), sample.end(), at) - sample.begin();
    return static_cast<Quad>(below) / static_cast<Quad>(sample.size());
  };
  Quad total = 0;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    total += std::abs(share(x, all[i]) - share(y, all[i])) * (all[i + 1] - all[i]);
  }
  return total;
}

// Two clusters 300 apart: what ‖x‖² + ‖y‖² − 2xy loses digits of.
Array clusters(const Shape& shape) {
  Array x = points(shape, -1, 1);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] += i / shape[1] % 2 == 0 ? 300 : 0;
  return x;
}

std::vector<Arrays> sample_pairs() {
  return {{points({13, 3}, -1, 2), points({9, 3}, -2, 1)},
          {points({9, 1}, -1, 2), points({14, 1}, -2, 1)},
          {points({12, 9}, -1, 2), points({12, 9}, -1, 2)},
          {clusters({14, 16}), clusters({8, 16})},
          {points({20, 12}, 999, 1001), points({15, 12}, 999, 1001)}};
}

Array column(const Array& x) {
  return reshape(Tensor(x), {-1, 1}).value();
}

Array with_nan() {
  Array bad = zeros({3, 2});
  bad(1, 1) = std::numeric_limits<Real>::quiet_NaN();
  return bad;
}

using OfPairs = double (*)(const Array&, const Array&);

std::vector<Refusal> refusals_of(const std::string& name, const OfPairs& f, std::size_t least) {
  std::vector<Refusal> list{
      {name + ": samples must be (n, D) and (m, D), got (3, 2) and (3, 4)",
       [=] {
         f(zeros({3, 2}), zeros({3, 4}));
       }},
      {name + ": a sample is not finite",
       [=] {
         f(with_nan(), zeros({3, 2}));
       }},
      {name + ": a sample is not finite",
       [=] {
         f(zeros({3, 2}), full({3, 2}, std::numeric_limits<Real>::infinity()));
       }},
      {name, [=] {
         f(zeros({0, 2}), zeros({3, 2}));
       }}};
  if (least == 2) {
    list.push_back({name + ": needs at least 2 samples of each, got (1, 2) and (3, 2)", [=] {
                      f(zeros({1, 2}), zeros({3, 2}));
                    }});
  }
  return list;
}

std::vector<Entry> sample_entries() {
  std::vector<Entry> list;
  list.push_back(measure_entry(
      "wasserstein1", {"wasserstein1(Array, Array)"},
      [](const Arrays& x) { return Doubles{m::wasserstein1(x[0], x[1])}; },
      [](const std::vector<Numbers>& x) { return numbers({wasserstein_of(x[0].data, x[1].data)}); },
      {{points({31}, -1, 2), points({17}, -2, 1)},
       {points({10, 2}, -1, 2), points({20}, -2, 1)},
       {Array{0}, Array{-1, 1}},
       {Array{3, 1, 2}, Array{1, 2, 3}}}));
  list.back().normwise = 1;
  list.back().large = {{points({40000}, -1, 2), points({30000}, -2, 1)}};
  list.back().refusals = {{"wasserstein1: no samples, got (0,) and (2,)",
                           [] {
                             m::wasserstein1(zeros({0}), Array{1, 2});
                           }},
                          {"wasserstein1: a sample is not finite", [] {
                             m::wasserstein1(Array{1, Real(NAN)}, Array{1, 2});
                           }}};
  // Of one column every projection is the sample or its mirror image.
  list.push_back(measure_entry(
      "sliced_wasserstein1 of one column", {"sliced_wasserstein1(Array, Array, size_t, Rng)"},
      [](const Arrays& x) {
        Rng rng(1);
        return Doubles{m::sliced_wasserstein1(x[0], x[1], 3, rng)};
      },
      [](const std::vector<Numbers>& x) { return numbers({wasserstein_of(x[0].data, x[1].data)}); },
      {{points({31, 1}, -1, 2), points({17, 1}, -2, 1)},
       {points({5, 1}, -1, 2), points({5, 1}, -1, 2)}}));
  list.back().normwise = 1;
  list.back().large = {{points({3000, 5}, -1, 2), points({2000, 5}, -2, 1)}};
  list.back().refusals = refusals_of(
      "sliced_wasserstein1",
      [](const Array& x, const Array& y) {
        Rng rng(1);
        return m::sliced_wasserstein1(x, y, 3, rng);
      },
      1);
  list.back().refusals.push_back({"sliced_wasserstein1: projections must be at least 1", [] {
                                    Rng rng(1);
                                    m::sliced_wasserstein1(zeros({2, 2}), zeros({2, 2}), 0, rng);
                                  }});
  for (const bool gaussian : {true, false}) {
    const m::Kernel kernel =
        gaussian ? m::Kernel::gaussian(1.25) : m::Kernel::inverse_multiquadratic({0.5, 2});
    const auto k = [=](Quad r2) {
      return gaussian ? std::exp(-r2 / (2 * 1.25L * 1.25L)) : 0.5L / (0.5L + r2) + 2 / (2 + r2);
    };
    const std::string name = gaussian ? "gaussian" : "inverse_multiquadratic";
    list.push_back(measure_entry(
        "Kernel::" + name,
        {gaussian ? "Kernel::gaussian(double)" : "Kernel::inverse_multiquadratic(vector<double>)",
         "Kernel::operator()(double)"},
        [=](const Arrays& x) {
          Doubles y = doubles(x[0]);
          for (double& r2 : y) r2 = kernel(r2);
          return y;
        },
        [=](const std::vector<Numbers>& x) {
          Numbers y = x[0];
          for (Quad& r2 : y.data) r2 = k(r2);
          return y;
        },
        {{Array{0, 1, Real(0.1), 100, Real(1e30)}}}));
    list.back().refusals = {
        {"Kernel",
         [=] { gaussian ? m::Kernel::gaussian(0) : m::Kernel::inverse_multiquadratic({}); }},
        {"Kernel", [=] {
           gaussian ? m::Kernel::gaussian(NAN) : m::Kernel::inverse_multiquadratic({1, -1});
         }}};
    for (const bool biased : {true, false}) {
      const std::string of = biased ? "mmd2_biased" : "mmd2_unbiased";
      const auto f = biased ? m::mmd2_biased : m::mmd2_unbiased;
      list.push_back(measure_entry(
          of + ", " + name, {of + "(Array, Array, Kernel)"},
          [=](const Arrays& x) { return Doubles{f(x[0], x[1], kernel)}; },
          [=](const std::vector<Numbers>& x) {
            return numbers({mean_over_pairs(x[0], x[0], !biased, k) +
                            mean_over_pairs(x[1], x[1], !biased, k) -
                            2 * mean_over_pairs(x[0], x[1], false, k)});
          },
          sample_pairs(), 256));
      list.back().normwise = 1;
      list.back().large = {{points({600, 2}, -1, 2), points({500, 2}, -2, 1)},
                           {points({300, 20}, -1, 2), points({270, 20}, -2, 1)}};
      list.back().refusals =
          refusals_of(of,
                      biased ? OfPairs([](const Array& x, const Array& y) {
                        return m::mmd2_biased(x, y, m::Kernel::gaussian(1));
                      })
                             : OfPairs([](const Array& x, const Array& y) {
                                 return m::mmd2_unbiased(x, y, m::Kernel::gaussian(1));
                               }),
                      biased ? 1 : 2);
    }
  }
  list.push_back(measure_entry(
      "energy_distance", {"energy_distance(Array, Array)"},
      [](const Arrays& x) { return Doubles{m::energy_distance(x[0], x[1])}; },
      [](const std::vector<Numbers>& x) {
        const auto root = [](Quad r2) { return std::sqrt(r2); };
        return numbers({2 * mean_over_pairs(x[0], x[1], false, root) -
                        mean_over_pairs(x[0], x[0], false, root) -
                        mean_over_pairs(x[1], x[1], false, root)});
      },
      sample_pairs(), 1e4));
  list.back().normwise = 1;  // what is left of distances up to 1200
  list.back().large = {{points({600, 2}, -1, 2), points({500, 2}, -2, 1)},
                       {points({300, 20}, -1, 2), points({270, 20}, -2, 1)}};
  list.back().refusals = refusals_of("energy_distance", m::energy_distance, 1);
  list.push_back(measure_entry(
      "median_distance", {"median_distance(Array)"},
      [](const Arrays& x) { return Doubles{m::median_distance(x[0])}; },
      [](const std::vector<Numbers>& x) {
        Quads distances;
        for (std::size_t i = 0; i < x[0].shape[0]; ++i) {
          for (std::size_t j = 0; j < i; ++j)
            distances.push_back(std::sqrt(squared_distance(x[0], i, x[0], j)));
        }
        std::sort(distances.begin(), distances.end());
        const std::size_t half = distances.size() / 2;
        return numbers({distances.size() % 2 == 1 ? distances[half]
                                                  : (distances[half - 1] + distances[half]) / 2});
      },
      {{column({0, 1, 5})},
       {column({0, 1, 3, 7})},
       {points({13, 3}, -1, 2)},
       {clusters({14, 16})},
       {points({9, 12}, 999, 1001)}},
      256));
  list.back().large = {{points({900, 5}, -1, 2)}};
  list.back().refusals = {{"median_distance: half of the pairs are equal, choose a bandwidth",
                           [] {
                             m::median_distance(zeros({5, 2}));
                           }},
                          {"median_distance",
                           [] {
                             m::median_distance(zeros({1, 2}));
                           }},
                          {"median_distance", [] { m::median_distance(with_nan()); }}};
  return list;
}

// |μ₁ − μ₂|² + Σ (√λ₁ − √λ₂)² where both covariances are diagonal: columns that vary one at a time.
Array spread_out(const Shape& shape, double scale, double shift) {
  Array x = zeros(shape);
  const std::size_t D = shape[1];
  for (std::size_t r = 0; r < shape[0]; ++r) {
    const std::size_t d = r / 2;
    for (std::size_t c = 0; c < D; ++c) x(r, c) = static_cast<Real>(shift * double(c));
    if (d < D) x(r, d) += static_cast<Real>((r % 2 == 0 ? 1 : -1) * scale * double(d + 1));
  }
  return x;
}

Array moved(Array x, double by) {
  for (Real& number : x) number += static_cast<Real>(by);
  return x;
}

Entry frechet_entry() {
  Entry entry = measure_entry(
      "frechet_distance", {"frechet_distance(Array, Array)"},
      [](const Arrays& x) { return Doubles{m::frechet_distance(x[0], x[1])}; },
      [](const std::vector<Numbers>& in) {
        const std::size_t D = in[0].shape[1];
        Quad total = 0;
        for (std::size_t d = 0; d < D; ++d) {
          Quad mean[2] = {}, deviation[2] = {};
          for (const std::size_t k : {0, 1}) {
            const Numbers& x = in[k];
            const std::size_t n = x.shape[0];
            for (std::size_t r = 0; r < n; ++r) mean[k] += x.data[r * D + d] / static_cast<Quad>(n);
            for (std::size_t r = 0; r < n; ++r) {
              deviation[k] += (x.data[r * D + d] - mean[k]) * (x.data[r * D + d] - mean[k]);
            }
            deviation[k] = std::sqrt(deviation[k] / static_cast<Quad>(n - 1));
          }
          total += (mean[0] - mean[1]) * (mean[0] - mean[1]) +
                   (deviation[0] - deviation[1]) * (deviation[0] - deviation[1]);
        }
        return numbers({total});
      },
      // Rows enough, and fewer than columns; equal samples, and nearly equal ones.
      {{spread_out({6, 3}, 1, 0.5), spread_out({6, 3}, 2, 0.25)},
       {spread_out({8, 3}, 1, 0.5), spread_out({6, 3}, 0.5, 0)},
       {spread_out({6, 20}, 1, 0.5), spread_out({8, 20}, 2, 0.5)},
       {spread_out({6, 3}, 1, 0.5), spread_out({6, 3}, 1, 0.5)},
       {spread_out({6, 20}, 1, 0.5), spread_out({6, 20}, 1, 0.5)},
       {spread_out({6, 3}, 1, 0), spread_out({6, 3}, 1, 0x1p-14)},
       {spread_out({6, 20}, 1, 0), spread_out({6, 20}, 1, 0x1p-14)}},
      4096);
  const Array few = points({20, 64}, -1, 2);
  entry.samples.push_back({few, moved(few, 0x1p-14)});
  entry.samples.push_back({few, few});
  entry.normwise = 1;
  entry.large = {{points({300, 20}, -1, 2), points({270, 20}, -2, 1)}};
  entry.refusals = refusals_of("frechet_distance", m::frechet_distance, 2);
  return entry;
}

std::vector<Entry> density_entries() {
  std::vector<Entry> list;
  const auto log_density = [](const std::vector<Numbers>& x, Quad sigma) {  // centres, points
    const std::size_t n = x[0].shape[0], D = x[0].shape[1];
    const Quad constant = std::log(static_cast<Quad>(n)) +
                          static_cast<Quad>(D) * std::log(2 * std::acos(-1.0L) * sigma * sigma) / 2;
    Quads result;
    for (std::size_t i = 0; i < x[1].shape[0]; ++i) {
      Quads terms;
      for (std::size_t j = 0; j < n; ++j)
        terms.push_back(-squared_distance(x[1], i, x[0], j) / (2 * sigma * sigma));
      const Quad largest = *std::max_element(terms.begin(), terms.end());
      Quad total = 0;
      for (const Quad term : terms) total += std::exp(term - largest);
      result.push_back(largest + std::log(total) - constant);
    }
    return result;
  };
  for (const double sigma : {0.5, 0.001, 3.0}) {
    list.push_back(measure_entry(
        "ParzenWindow, sigma " + std::to_string(sigma),
        {"ParzenWindow::ParzenWindow(Array)", "ParzenWindow::log_prob(Array, double)"},
        [=](const Arrays& x) { return m::ParzenWindow(x[0]).log_prob(x[1], sigma); },
        [=](const std::vector<Numbers>& x) { return numbers(log_density(x, sigma)); },
        {{points({13, 3}, -1, 2), points({9, 3}, -2, 1)},
         {points({9, 1}, -1, 2), points({14, 1}, -2, 1)},
         {clusters({14, 16}), clusters({8, 16})}},
        4096));
    list.back().large = {{points({600, 5}, -1, 2), points({500, 5}, -2, 1)}};
  }
  list[0].refusals = {
      {"ParzenWindow: points (4, 3), but centres (3, 2)",
       [] {
         m::ParzenWindow(ones({3, 2})).log_prob(ones({4, 3}), 1);
       }},
      {"ParzenWindow: sigma must be above 0",
       [] {
         m::ParzenWindow(ones({3, 2})).log_prob(ones({4, 2}), 0);
       }},
      {"ParzenWindow: sigma must be above 0",
       [] {
         m::ParzenWindow(ones({3, 2})).log_prob(ones({4, 2}), NAN);
       }},
      {"ParzenWindow: a number of the centres is not finite", [] { m::ParzenWindow{with_nan()}; }},
      {"ParzenWindow", [] {
         m::ParzenWindow(empty({0, 2}));
       }}};
  list.push_back(measure_entry(
      "ParzenWindow::best_sigma", {"ParzenWindow::best_sigma(Array, vector<double>)"},
      [](const Arrays& x) {
        return Doubles{m::ParzenWindow(x[0]).best_sigma(x[1], {0.1, 0.3, 0.5, 1, 2})};
      },
      [=](const std::vector<Numbers>& x) {
        Quad best = -infinity, chosen = 0;
        for (const double sigma : {0.1, 0.3, 0.5, 1.0, 2.0}) {
          const Quads log_p = log_density(x, sigma);
          const Quad total = std::accumulate(log_p.begin(), log_p.end(), Quad(0));
          if (total > best) chosen = sigma;
          best = std::max(best, total);
        }
        return numbers({chosen});
      },
      {{points({13, 3}, -1, 2), points({9, 3}, -2, 1)},
       {points({30, 1}, -1, 2), points({14, 1}, -1, 2)}}));
  list.back().refusals = {{"best_sigma: no sigma to choose from", [] {
                             m::ParzenWindow(ones({3, 2})).best_sigma(ones({4, 2}), {});
                           }}};
  list.push_back(measure_entry(
      "geometric_steps", {"geometric_steps(double, double, size_t)"},
      [](const Arrays& x) {
        return m::geometric_steps(0.25, 4, static_cast<std::size_t>(x[0](0)));
      },
      [](const std::vector<Numbers>& x) {
        Quads steps;
        for (Quad i = 0; i < x[0].data[0]; i += 1)
          steps.push_back(0.25L * std::pow(16.0L, i / (x[0].data[0] - 1)));
        return numbers(steps);
      },
      {{Array{2}}, {Array{3}}, {Array{12}}}));
  list.back().refusals = {{"geometric_steps", [] { m::geometric_steps(0, 1, 3); }},
                          {"geometric_steps", [] { m::geometric_steps(2, 1, 3); }},
                          {"geometric_steps", [] { m::geometric_steps(1, INFINITY, 3); }}};
  list.back().sizes = {
      {"count", [](std::size_t n) { return Tensor(zeros({m::geometric_steps(1, 2, n).size()})); },
       [](Wide n) {
         return Right{n < 2, {n, 2}, {}};
       }}};
  list.back().sizes[0].right = [](Wide n) {
    Right right;
    right.refused = n < 2 || n >= (Wide{1} << 60);  // numbers of 8 bytes
    right.shape = {n};
    return right;
  };
  const auto covered = [](Quads counts, std::size_t n) {
    Quad good = 0, modes = 0, kl = 0;
    for (const Quad count : counts) {
      good += count;
      modes += count > 0;
    }
    for (const Quad count : counts) {
      if (count > 0) kl += count / good * std::log(count / good * static_cast<Quad>(counts.size()));
    }
    Quads result{modes, good / static_cast<Quad>(n),
                 good == 0 ? std::numeric_limits<Quad>::quiet_NaN() : kl};
    result.insert(result.end(), counts.begin(), counts.end());
    return result;
  };
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Array ring{{0, 0}, {10, 0}, {0, 10}, {10, 10}};
  list.push_back(measure_entry(
      "mode_coverage", {"mode_coverage(Array, Array, double)"},
      [](const Arrays& x) {
        const m::Coverage c = m::mode_coverage(x[0], x[1], 0.1);
        Doubles y{static_cast<double>(c.modes), c.high_quality, c.reverse_kl};
        for (const std::size_t count : c.counts) y.push_back(static_cast<double>(count));
        return y;
      },
      [=](const std::vector<Numbers>& x) {
        Quads counts(x[1].shape[0], 0);
        for (std::size_t i = 0; i < x[0].shape[0]; ++i) {
          std::size_t nearest = 0;
          for (std::size_t k = 1; k < counts.size(); ++k) {
            if (squared_distance(x[0], i, x[1], k) < squared_distance(x[0], i, x[1], nearest))
              nearest = k;
          }
          if (squared_distance(x[0], i, x[1], nearest) <= 0.09L) counts[nearest] += 1;
        }
        return numbers(covered(counts, x[0].shape[0]));
      },
      {{Array{{0, 0}, {Real(0.2), 0}, {10, Real(-0.29)}, {Real(0.31), 10}, {nan, 0}}, ring},
       {full({5, 2}, 10), ring},
       {full({5, 2}, 5), ring},
       {points({60, 2}, -1, 11), ring}}));
  list.back().refusals = {{"mode_coverage: samples (n, D) and modes (K, D), got (4, 3) and (2, 2)",
                           [] {
                             m::mode_coverage(ones({4, 3}), ones({2, 2}), 1);
                           }},
                          {"mode_coverage: sigma must be above 0",
                           [] {
                             m::mode_coverage(ones({4, 2}), ones({2, 2}), 0);
                           }},
                          {"mode_coverage",
                           [] {
                             m::mode_coverage(empty({0, 2}), ones({2, 2}), 1);
                           }},
                          {"mode_coverage",
                           [] {
                             m::mode_coverage(ones({4, 2}), empty({0, 2}), 1);
                           }},
                          {"mode_coverage: a mode is not finite", [] {
                             m::mode_coverage(ones({4, 2}), full({3, 2}, NAN), 1);
                           }}};
  return list;
}

// Losses of models ----------------------------------------------------------------------------

std::vector<Entry> model_entries() {
  std::vector<Entry> list(4);
  list[0].title = "game_value";
  list[0].declares = {"game_value(Tensor, Tensor)"};
  list[0].call = [](const Tensors& x) { return nn::game_value(x[0], x[1]); };
  list[0].reference = [](const std::vector<Numbers>& x) {
    Quad real = 0, fake = 0;
    for (const Quad l : x[0].data) real += log_sigmoid_of(l) / static_cast<Quad>(x[0].size());
    for (const Quad l : x[1].data) fake += log_sigmoid_of(-l) / static_cast<Quad>(x[1].size());
    return Numbers(Shape{}, real + fake);
  };
  list[0].samples = {{points({17}, -4, 5), points({9, 2}, -4, 5)},
                     {points({1}, -4, 5), points({1}, -4, 5)}};
  list[0].large = {{points({40000}, -4, 5), points({40000}, -4, 5)}};
  const Real inf = std::numeric_limits<Real>::infinity();
  list[0].limits = {{{Array{inf, inf}, Array{-inf}}, full({}, 0), {zeros({2}), zeros({1})}},
                    {{Array{inf, -inf}, Array{-inf}}, full({}, -inf), {}}};
  for (const bool minimax : {true, false}) {
    Entry& entry = list[minimax ? 1 : 2];
    entry.title = minimax ? "generator_loss, minimax" : "generator_loss, non-saturating";
    entry.declares = {"generator_loss(Tensor, GeneratorLoss)", "generator_loss_named(string)"};
    entry.call = [=](const Tensors& x) {
      return nn::generator_loss(x[0],
                                nn::generator_loss_named(minimax ? "minimax" : "non-saturating"));
    };
    entry.reference = [=](const std::vector<Numbers>& x) {
      Quad total = 0;
      for (const Quad l : x[0].data) total += minimax ? log_sigmoid_of(-l) : -log_sigmoid_of(l);
      return Numbers(Shape{}, total / static_cast<Quad>(x[0].size()));
    };
    entry.samples = {{points({17}, -4, 5)}, {points({3, 1}, -4, 5)}};
    entry.large = {{points({40000}, -4, 5)}};
    entry.refusals = {{"generator loss \"none\": minimax or non-saturating",
                       [] { nn::generator_loss_named("none"); }}};
  }
  list[3] = measure_entry(
      "share_called_real", {"share_called_real(Tensor)"},
      [](const Arrays& x) { return Doubles{nn::share_called_real(Tensor(x[0]))}; },
      [](const std::vector<Numbers>& x) {
        Quad count = 0;
        for (const Quad l : x[0].data) count += l > 0;
        return numbers({x[0].size() == 0 ? 0 : count / static_cast<Quad>(x[0].size())});
      },
      {{points({17}, -4, 5)}, {Array{0, 1, -1}}, {empty({0})}});

  // ln of the mass of the cell of each grey level.
  Entry cells;
  const std::size_t levels = 6;
  cells.title = "discretised_gaussian_log_prob";
  cells.declares = {"discretised_gaussian_log_prob(Array, Tensor, Array, size_t)"};
  cells.call = [=](const Tensors& x) {
    return m::discretised_gaussian_log_prob(x[0].value(), x[1], x[2].value(), levels);
  };
  cells.reference = [=](const std::vector<Numbers>& in) {
    Numbers y = in[0];
    for (std::size_t i = 0; i < y.size(); ++i) {
      const Quad x = in[0].data[i], mean = in[1].data[i], sigma = in[2].data[i],
                 half = 1.0L / (levels - 1);
      const auto above = [&](Quad edge) {
        return std::erfc((edge - mean) / sigma / std::sqrt(2.0L)) / 2;
      };
      const bool first = x<-1 + half, last = x> 1 - half;
      // By the tail that is smaller, so that no digits cancel.
      const Quad mass = first      ? above(2 * mean - (x + half))
                        : last     ? above(x - half)
                        : x > mean ? above(x - half) - above(x + half)
                                   : above(2 * mean - (x + half)) - above(2 * mean - (x - half));
      y.data[i] = std::log(mass);
    }
    return y;
  };
  for (const Shape& shape : {Shape{4, 6}, Shape{6}, Shape{0}}) {
    Array x = empty(shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x.data()[i] = static_cast<Real>(-1 + 2.0 * double(i % levels) / (levels - 1));
    }
    cells.samples.push_back({x, points(shape, -1.1, 1.2), points(shape, 0.1, 1.5)});
  }
  cells.large = {
      {full({181, 182}, Real(0.2)), points({181, 182}, -1.1, 1.2), points({181, 182}, 0.1, 1.5)}};
  cells.constants = {0, 2};
  cells.gradient_eps = 1024;
  const Array x = zeros({2, 3});
  cells.refusals = {
      {"discretised_gaussian_log_prob: 2 levels or more, got 1",
       [=] {
         m::discretised_gaussian_log_prob(x, Tensor(x), ones({2, 3}), 1);
       }},
      {"discretised_gaussian_log_prob: x (2, 3), mean (2,) and std_dev (2, 3) must have one shape",
       [=] {
         m::discretised_gaussian_log_prob(x, Tensor(zeros({2})), ones({2, 3}), 4);
       }}};
  for (const Real bad : {Real(-1), Real(0), Real(NAN), inf}) {
    cells.refusals.push_back(
        {"std_dev", [=] {
           m::discretised_gaussian_log_prob(x, Tensor(x), full({2, 3}, bad), 4);
         }});
  }
  cells.sizes = {{"levels",
                  [=](std::size_t n) {
                    return m::discretised_gaussian_log_prob(x, Tensor(x), ones({2, 3}), n);
                  },
                  [](Wide n) {
                    return Right{n < 2, {2, 3}, {}};
                  }}};
  list.push_back(cells);
  for (Entry& entry : list) {
    entry.normwise = 1;
    entry.eps = std::max(entry.eps, 32.0);
  }
  return list;
}

}  // namespace

std::vector<Entry> measure_entries() {
  std::vector<Entry> list{frechet_entry()};
  for (const auto& family : {discrete_entries, sample_entries, density_entries, model_entries}) {
    for (Entry& entry : family()) list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace nabla::testing
