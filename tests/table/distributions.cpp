// Distributions: functions of their parameters, of x and of an Rng that begins anew at each call.
#include "nn/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nn/mixture.hpp"
#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

using nn::Bernoulli, nn::Categorical, nn::MixtureOfNormals, nn::Normal;

constexpr Quad infinity = std::numeric_limits<Quad>::infinity();
const Quad half_log_2pi = std::log(2 * std::acos(-1.0L)) / 2;

Quad sigma(Quad x) {
  return 1 / (1 + std::exp(-x));
}

// 0 where the first factor is 0, whatever the second.
Quad times(Quad weight, Quad x) {
  return weight == 0 && !std::isnan(x) ? 0 : weight * x;
}

bool is_nan(const Quads& x) {
  return std::any_of(x.begin(), x.end(), [](Quad number) { return std::isnan(number); });
}

ElementwiseRule rule_of(std::function<Quad(const Quads&)> value,
                        std::vector<std::function<Quad(const Quads&)>> derivatives,
                        std::vector<Range> domain) {
  ElementwiseRule rule;
  rule.value = std::move(value);
  rule.derivatives = std::move(derivatives);
  rule.domain = std::move(domain);
  rule.signed_zero = false;
  return rule;
}

// Bernoulli -----------------------------------------------------------------------------------

std::vector<Entry> bernoulli_entries() {
  std::vector<Entry> list;
  list.push_back(elementwise(
      "Bernoulli::probs", "Bernoulli::probs()",
      [](const Tensors& x) { return Bernoulli(x[0]).probs(); },
      rule_of([](const Quads& x) { return sigma(x[0]); },
              {[](const Quads& x) { return sigma(x[0]) * sigma(-x[0]); }}, {{-6, 7}})));
  list.back().declares.push_back("Bernoulli::Bernoulli(Tensor)");
  ElementwiseRule log_prob =
      rule_of([](const Quads& x) { return -cross_entropy_of(x[0], x[1]); },
              {[](const Quads& x) { return x[1] - sigma(x[0]); }, nullptr}, {{-9, 8}, {0, 1}});
  log_prob.takes = [](const Quads& x) { return x[1] >= 0 && x[1] <= 1; };
  list.push_back(elementwise(
      "Bernoulli::log_prob", "Bernoulli::log_prob(Array)",
      [](const Tensors& x) { return Bernoulli(x[0]).log_prob(x[1].value()); }, log_prob));
  list.back().normwise = 1;
  list.back().eps = 8;
  const Tensor three(zeros({3}));
  list.back().refusals = {{"Bernoulli::log_prob: cannot broadcast (3,) with (2,)",
                           [=] { Bernoulli(three).log_prob(ones({2})); }},
                          {"1.5", [=] { Bernoulli(three).log_prob(full({3}, Real(1.5))); }}};
  // −p ln p − (1 − p) ln(1 − p), whose slope is −l σ(l) σ(−l).
  list.push_back(elementwise(
      "Bernoulli::entropy", "Bernoulli::entropy()",
      [](const Tensors& x) { return Bernoulli(x[0]).entropy(); },
      rule_of(
          [](const Quads& x) {
            const Quad a = std::abs(x[0]);
            return -log_sigmoid_of(a) + times(sigma(-a), a);
          },
          {[](const Quads& x) { return times(sigma(x[0]) * sigma(-x[0]), -x[0]); }}, {{-6, 7}})));
  list.push_back(elementwise(
      "kl_divergence of Bernoulli", "kl_divergence(Bernoulli, Bernoulli)",
      [](const Tensors& x) { return kl_divergence(Bernoulli(x[0]), Bernoulli(x[1])); },
      rule_of(
          [](const Quads& x) {
            const Quad a = x[0], b = x[1];
            if (is_nan(x)) return a + b;
            // What the precision takes for impossible adds nothing.
            const auto part = [](Quad p, Quad log_p, Quad log_q) {
              return static_cast<Real>(p) == 0 ? 0 : p * (log_p - log_q);
            };
            return part(sigma(a), log_sigmoid_of(a), log_sigmoid_of(b)) +
                   part(sigma(-a), log_sigmoid_of(-a), log_sigmoid_of(-b));
          },
          {[](const Quads& x) {
             if (is_nan(x)) return x[0] + x[1];
             const auto deviation = static_cast<Real>(sigma(x[0]) * sigma(-x[0]));
             return deviation == 0 ? 0 : deviation * (x[0] - x[1]);
           },
           [](const Quads& x) { return sigma(x[1]) - sigma(x[0]); }},
          {{-4, 4}, {-4, 4}})));
  list.back().normwise = 1;
  list.back().eps = 16;
  list.back().gradient_eps = 128;
  // Logits so large that nothing is left to chance.
  Entry sample;
  sample.title = "Bernoulli::sample";
  sample.declares = {"Bernoulli::sample(Rng)"};
  sample.call = [](const Tensors& x) {
    Rng rng(1);
    return Tensor(Bernoulli(x[0] * Real(1e8)).sample(rng));
  };
  sample.reference = [](const std::vector<Numbers>& x) {
    Numbers y = x[0];
    for (Quad& number : y.data) number = number > 0;
    return y;
  };
  for (const Shape& shape : {Shape{5, 7}, Shape{}, Shape{3, 0}}) {
    sample.samples.push_back({points(shape, -2, 3)});
  }
  sample.large = {{points({300, 200}, -2, 3)}};
  sample.constants = {0};
  list.push_back(sample);
  return list;
}

// Categorical ---------------------------------------------------------------------------------

bool has_a_finite_largest(const Quads& row) {
  return is_nan(row) || std::isfinite(*std::max_element(row.begin(), row.end()));
}

Quad entropy_of(const Quads& row) {
  const Quads log_p = log_softmax_of(row);
  Quad total = 0;
  for (const Quad l : log_p) total -= times(std::exp(l), l);
  return total;
}

Quad categorical_kl(const Quads& p, const Quads& q) {
  const Quads log_p = log_softmax_of(p), log_q = log_softmax_of(q);
  Quad total = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (log_p[k] != -infinity) total += std::exp(log_p[k]) * (log_p[k] - log_q[k]);
  }
  return total;
}

std::vector<Entry> categorical_entries() {
  std::vector<Entry> list(5);
  list[0].title = "Categorical::probs";
  list[0].declares = {"Categorical::probs()", "Categorical::Categorical(Tensor)"};
  list[0].call = [](const Tensors& x) { return Categorical(x[0]).probs(); };
  list[0].reference = [](const std::vector<Numbers>& x) { return mapped(x[0], {-1}, softmax_of); };
  list[0].refusals = {{"Categorical: logits need a last axis of classes, got (2, 0)",
                       [] {
                         Categorical(Tensor(zeros({2, 0})));
                       }},
                      {"Categorical", [] { Categorical(Tensor(Real(1))); }}};
  list[1].title = "Categorical::entropy";
  list[1].declares = {"Categorical::entropy()"};
  list[1].call = [](const Tensors& x) { return Categorical(x[0]).entropy(); };
  list[1].reference = [](const std::vector<Numbers>& x) {
    return reduced(x[0], {-1}, false, entropy_of);
  };
  list[1].row_rule = RowRule{[](const Quads& row) { return Quads{entropy_of(row)}; },
                             [](const Quads& row, const Quads& seed) {
                               Quads slope = log_softmax_of(row);
                               const Quad entropy = entropy_of(row);
                               for (Quad& l : slope) l = -seed[0] * times(std::exp(l), l + entropy);
                               return slope;
                             },
                             has_a_finite_largest};
  list[2].title = "Categorical::log_prob";
  list[2].declares = {"Categorical::log_prob(IndexArray)"};
  list[2].call = [](const Tensors& x) { return Categorical(x[0]).log_prob(index_of(x[1])); };
  list[2].reference = [](const std::vector<Numbers>& x) {
    std::size_t row = 0;
    return reduced(x[0], {-1}, false, [&](const Quads& l) {
      return log_softmax_of(l)[static_cast<std::size_t>(x[1].data[row++])];
    });
  };
  list[2].constants = {1};
  const Real inf = std::numeric_limits<Real>::infinity();
  list[2].limits = {{{Array{{0, -inf}, {0, -inf}}, Array{0, 1}}, Array{0, -inf}, {}}};
  list[3].title = "kl_divergence of Categorical";
  list[3].declares = {"kl_divergence(Categorical, Categorical)"};
  list[3].call = [](const Tensors& x) {
    return kl_divergence(Categorical(x[0]), Categorical(x[1]));
  };
  list[3].reference = [](const std::vector<Numbers>& x) {
    const std::size_t classes = x[0].shape.back();
    const Shape rows_p(x[0].shape.begin(), x[0].shape.end() - 1);
    const Shape rows_q(x[1].shape.begin(), x[1].shape.end() - 1);
    Numbers y(broadcast_shape("reference", rows_p, rows_q), 0);
    std::size_t i = 0;
    for_each_position(y.shape, [&](const Shape& at) {
      const auto row = [&](const Numbers& all, const Shape& own) {
        const auto start = all.data.begin() + std::ptrdiff_t(source_of(at, own) * classes);
        return Quads(start, start + std::ptrdiff_t(classes));
      };
      y.data[i++] = categorical_kl(row(x[0], rows_p), row(x[1], rows_q));
    });
    return y;
  };
  // What p never gives costs nothing; what q never gives costs infinitely much.
  const Real ln2 = static_cast<Real>(std::log(2.0L));
  list[3].limits = {{{Array{{0, -inf}, {0, 0}, {0, -inf}}, Array{{0, 0}, {0, -inf}, {0, -inf}}},
                     Array{ln2, inf, 0},
                     {}},
                    {{Array{{0, -inf}, {0, -inf}}, Array{{0, 0}, {0, -inf}}},
                     Array{ln2, 0},
                     {zeros({2, 2}), Array{{Real(-0.5), Real(0.5)}, {0, 0}}}}};
  list[3].refusals = {
      {"kl_divergence: categoricals need the same classes, got logits (2, 3) and (2,)", [] {
         kl_divergence(Categorical(Tensor(zeros({2, 3}))), Categorical(Tensor(zeros({2}))));
       }}};
  list[4].title = "Categorical::sample";
  list[4].declares = {"Categorical::sample(Rng)"};
  list[4].call = [](const Tensors& x) {
    Rng rng(1);
    const IndexArray sample = Categorical(x[0] * 100000).sample(rng);
    Array y = empty(Shape(sample.shape().begin(), sample.shape().end()));
    std::copy(sample.begin(), sample.end(), y.begin());
    return Tensor(y);
  };
  list[4].reference = [](const std::vector<Numbers>& x) {
    return reduced(x[0], {-1}, false, [](const Quads& row) {
      return static_cast<Quad>(std::max_element(row.begin(), row.end()) - row.begin());
    });
  };
  list[4].constants = {0};
  for (const Array& bad : {Array{{0, 0}, {0, Real(NAN)}}, Array{{0, 0}, {-inf, -inf}}}) {
    list[4].refusals.push_back(
        {"Categorical::sample: row 1 of logits (2, 2) has a NaN, or no largest finite number", [=] {
           Rng rng(1);
           Categorical(Tensor(bad)).sample(rng);
         }});
  }
  for (Entry& entry : list) {
    for (const Shape& shape : {Shape{7, 5}, Shape{5}, Shape{2, 3, 17}, Shape{0, 3}, Shape{4, 1}}) {
      entry.samples.push_back({points(shape, -2, 3)});
    }
    entry.large = {{points({7000, 9}, -2, 3)}};
    for (std::vector<Arrays>* inputs : {&entry.samples, &entry.large}) {
      for (Arrays& sample : *inputs) {
        const Shape shape = sample[0].shape();
        if (&entry == &list[3]) sample.push_back(points(shape, -1, 3.5));
        if (&entry != &list[2]) continue;
        Array classes = empty(Shape(shape.begin(), shape.end() - 1));
        for (std::size_t i = 0; i < classes.size(); ++i) {
          classes.data()[i] = static_cast<Real>((7 * i + 3) % shape.back());
        }
        sample.push_back(classes);
      }
    }
    entry.normwise = 1;
    entry.eps = 16;
    entry.parts = Parts{std::vector<std::optional<std::size_t>>(entry.samples[0].size(), 0), 0};
  }
  list[3].samples.push_back({points({3, 5}, -2, 3), points({5}, -1, 3)});
  list[3].samples.push_back({points({2, 1, 5}, -2, 3), points({3, 5}, -1, 3)});
  return list;
}

// Normal --------------------------------------------------------------------------------------

bool finite(Quad x) {
  return std::isfinite(x);
}

// (x − μ) / σ: 0 at the mean, however small σ is.
Quad standardised(Quad x, Quad mean, Quad log_std) {
  return x == mean && !std::isnan(log_std) ? 0 : (x - mean) * std::exp(-log_std);
}

std::vector<Entry> normal_entries() {
  std::vector<Entry> list;
  const auto log_density = [](const Quads& x) {  // of mean, ln σ, x
    const Quad z = standardised(x[2], x[0], x[1]);
    return -z * z / 2 - x[1] - half_log_2pi;
  };
  const auto by_mean = [](const Quads& x) {
    const Quad z = standardised(x[2], x[0], x[1]);
    return z == 0 ? 0 : z * std::exp(-x[1]);
  };
  const auto by_log_std = [](const Quads& x) {
    const Quad z = standardised(x[2], x[0], x[1]);
    return z * z - 1;
  };
  // σ = 0 has no density, and ∞ − ∞ is nothing.
  const auto takes = [](const Quads& x) {
    return finite(x[0]) && finite(x[2]) && x[1] != -infinity &&
           std::abs(x[0] - x[2]) <= std::numeric_limits<Real>::max();
  };
  ElementwiseRule rule =
      rule_of(log_density, {by_mean, by_log_std, [=](const Quads& x) { return -by_mean(x); }},
              {{-2, 2}, {-1, 1}, {-3, 3}});
  rule.takes = takes;
  list.push_back(elementwise(
      "Normal::log_prob", "Normal::log_prob(Tensor)",
      [](const Tensors& x) { return Normal::from_log_std(x[0], x[1]).log_prob(x[2]); }, rule));
  list.back().declares.push_back("Normal::from_log_std(Tensor, Tensor)");
  ElementwiseRule by_variance = rule_of(
      [=](const Quads& x) {
        return log_density({x[0], x[1] / 2, x[2]});
      },
      {[=](const Quads& x) {
         return by_mean({x[0], x[1] / 2, x[2]});
       },
       [=](const Quads& x) {
         return by_log_std({x[0], x[1] / 2, x[2]}) / 2;
       },
       [=](const Quads& x) {
         return -by_mean({x[0], x[1] / 2, x[2]});
       }},
      {{-2, 2}, {-1, 1}, {-3, 3}});
  by_variance.takes = takes;
  list.push_back(elementwise(
      "Normal::log_prob by ln σ²", "Normal::from_log_var(Tensor, Tensor)",
      [](const Tensors& x) { return Normal::from_log_var(x[0], x[1]).log_prob(x[2]); },
      by_variance));
  ElementwiseRule of_array = rule;
  of_array.derivatives[2] = nullptr;
  list.push_back(elementwise(
      "Normal::log_prob of an array", "Normal::log_prob(Array)",
      [](const Tensors& x) { return Normal::from_log_std(x[0], x[1]).log_prob(x[2].value()); },
      of_array));
  list.push_back(elementwise(
      "Normal::entropy", "Normal::entropy()",
      [](const Tensors& x) { return Normal::from_log_std(x[0], x[1]).entropy(); },
      rule_of([](const Quads& x) { return x[1] + half_log_2pi + 0.5L; },
              {nullptr, [](const Quads&) { return 1.0L; }}, {{-2, 2}, {-1, 1}})));
  list.push_back(elementwise(
      "Normal::std_dev", "Normal::std_dev()",
      [](const Tensors& x) { return Normal::from_log_std(constant(zeros({})), x[0]).std_dev(); },
      rule_of([](const Quads& x) { return std::exp(x[0]); },
              {[](const Quads& x) { return std::exp(x[0]); }}, {{-6, 6}})));
  // With d = ln σp − ln σq and z = (μp − μq)/σq: ½ (e^2d − 1 − 2d) + ½ z².
  const auto z_of = [](const Quads& x) { return standardised(x[0], x[2], x[3]); };
  const auto growth = [](const Quads& x) { return std::expm1(2 * (x[1] - x[3])); };
  const auto by_p = [=](const Quads& x) { return z_of(x) == 0 ? 0 : z_of(x) * std::exp(-x[3]); };
  ElementwiseRule kl = rule_of(
      [=](const Quads& x) { return (growth(x) - 2 * (x[1] - x[3]) + z_of(x) * z_of(x)) / 2; },
      {by_p, growth, [=](const Quads& x) { return -by_p(x); },
       [=](const Quads& x) { return -growth(x) - z_of(x) * z_of(x); }},
      {{-2, 2}, {-1, 1}, {-1.5, 2}, {-1, 1}});
  kl.takes = [](const Quads& x) {
    return std::all_of(x.begin(), x.end(), [](Quad number) { return std::abs(number) <= 1e4L; });
  };
  list.push_back(elementwise(
      "kl_divergence of Normal", "kl_divergence(Normal, Normal)",
      [](const Tensors& x) {
        return kl_divergence(Normal::from_log_std(x[0], x[1]), Normal::from_log_std(x[2], x[3]));
      },
      kl));
  ElementwiseRule to_standard = rule_of(
      [](const Quads& x) {
        return x[1] == infinity && !std::isnan(x[0])
                   ? infinity
                   : (std::expm1(2 * x[1]) - 2 * x[1] + x[0] * x[0]) / 2;
      },
      {[](const Quads& x) { return x[0]; }, [](const Quads& x) { return std::expm1(2 * x[1]); }},
      {{-2, 2}, {-1, 1}});
  list.push_back(elementwise(
      "kl_to_standard_normal", "kl_to_standard_normal(Normal)",
      [](const Tensors& x) { return kl_to_standard_normal(Normal::from_log_std(x[0], x[1])); },
      to_standard));
  for (Entry& entry : list) {
    entry.normwise = 1;
    entry.eps = 16;
    entry.gradient_eps = 128;
    entry.refusals.clear();  // x and q are refused by what meets them first
  }
  list[0].refusals = {
      {"Normal: cannot broadcast (2,) with (3,)",
       [] { Normal::from_log_std(Tensor(ones({2})), Tensor(ones({3}))); }},
      {"cannot broadcast (4,) with (2, 3)", [] {
         Normal::from_log_std(Tensor(ones({2, 3})), Tensor(ones({3}))).log_prob(Tensor(ones({4})));
       }}};
  // μ + σ ε with the ε of an Rng of the same seed.
  for (const bool with_gradient : {true, false}) {
    Entry entry;
    entry.title = with_gradient ? "Normal::rsample" : "Normal::sample";
    entry.declares = {entry.title + "(Rng)"};
    entry.call = [=](const Tensors& x) {
      Rng rng(3);
      const Normal p = Normal::from_log_std(x[0], x[1]);
      return with_gradient ? p.rsample(rng) : Tensor(p.sample(rng));
    };
    entry.reference = [](const std::vector<Numbers>& x) {
      Rng rng(3);
      Numbers y(rng.normal(broadcast_shape("reference", x[0].shape, x[1].shape)));
      Rng again(3);
      std::size_t i = 0;
      for_each_position(y.shape, [&](const Shape& at) {
        y.data[i] = x[0].data[source_of(at, x[0].shape)] +
                    std::exp(x[1].data[source_of(at, x[1].shape)]) * y.data[i];
        ++i;
      });
      return y;
    };
    for (const auto& [mean, scale] : std::vector<std::pair<Shape, Shape>>{
             {{5, 7}, {5, 7}}, {{2, 1}, {3}}, {{}, {4}}, {{}, {}}, {{0, 3}, {3}}}) {
      entry.samples.push_back({points(mean, -2, 2), points(scale, -1, 1)});
    }
    entry.large = {{points({181, 182}, -2, 2), points({182}, -1, 1)}};
    if (!with_gradient) entry.constants = {0, 1};
    entry.normwise = 1;
    list.push_back(entry);
  }
  return list;
}

// Mixtures ------------------------------------------------------------------------------------

Numbers mixture_log_prob(const std::vector<Numbers>& in) {
  const std::size_t K = in[0].shape.back();
  const Shape rows(in[0].shape.begin(), in[0].shape.end() - 1);
  Numbers y(broadcast_shape("reference", rows, in[3].shape), 0);
  std::size_t i = 0;
  for_each_position(y.shape, [&](const Shape& at) {
    const std::size_t from = source_of(at, rows) * K;
    const Quad x = in[3].data[source_of(at, in[3].shape)];
    const Quads weights = log_softmax_of(Quads(in[0].data.begin() + std::ptrdiff_t(from),
                                               in[0].data.begin() + std::ptrdiff_t(from + K)));
    Quads terms;
    for (std::size_t k = 0; k < K; ++k) {
      const Quad log_std = in[2].data[from + k];
      const Quad z = standardised(x, in[1].data[from + k], log_std);
      terms.push_back(weights[k] - z * z / 2 - log_std - half_log_2pi);
    }
    const Quad largest = *std::max_element(terms.begin(), terms.end());
    Quad total = 0;
    for (const Quad term : terms) total += std::exp(term - largest);
    y.data[i++] = largest + std::log(total);
  });
  return y;
}

std::vector<Entry> mixture_entries() {
  std::vector<Entry> list(4);
  for (const bool of_array : {false, true}) {
    Entry& entry = list[of_array ? 1 : 0];
    entry.title =
        of_array ? "MixtureOfNormals::log_prob of an array" : "MixtureOfNormals::log_prob";
    entry.declares = {
        of_array ? "MixtureOfNormals::log_prob(Array)" : "MixtureOfNormals::log_prob(Tensor)",
        "MixtureOfNormals::MixtureOfNormals(Tensor, Tensor, Tensor)"};
    entry.call = [=](const Tensors& x) {
      const MixtureOfNormals p(x[0], x[1], x[2]);
      return of_array ? p.log_prob(x[3].value()) : p.log_prob(x[3]);
    };
    entry.reference = mixture_log_prob;
    for (const auto& [parameters, x] : std::vector<std::pair<Shape, Shape>>{{{7, 5}, {7}},
                                                                            {{2, 1, 3}, {2, 4}},
                                                                            {{3}, {6}},
                                                                            {{3}, {}},
                                                                            {{4, 1}, {4}},
                                                                            {{0, 2}, {0}}}) {
      entry.samples.push_back({points(parameters, -1, 2), points(parameters, -2, 2),
                               points(parameters, -1, 1), points(x, -3, 3)});
    }
    entry.large = {{points({7000, 5}, -1, 2), points({7000, 5}, -2, 2), points({7000, 5}, -1, 1),
                    points({7000}, -3, 3)}};
    if (of_array) entry.constants = {3};
    entry.parts = Parts{{0, 0, 0, 0}, 0};
  }
  // Far away every density underflows and its logarithm does not; a weight may vanish, and a
  // component be as narrow as it likes.
  const Real inf = std::numeric_limits<Real>::infinity();
  const Real far = static_cast<Real>(-500000 - half_log_2pi);
  const Real half = static_cast<Real>(-half_log_2pi - std::log(2.0L));
  list[0].limits = {{{Array{0, -10000}, Array{0, 1}, Array{0, 0}, Array{1000}}, Array{far}, {}},
                    {{Array{0, -inf}, Array{0, 1}, Array{0, 0}, Array{1000}}, Array{far}, {}},
                    {{Array{0, 0}, Array{0, 1}, Array{0, -200}, Array{0}}, Array{half}, {}},
                    {{Array{0, 0}, Array{0, 5}, Array{-200, 0}, Array{0}},
                     Array{static_cast<Real>(200 - half_log_2pi - std::log(2.0L))},
                     {}},
                    {{Array{0, 0}, Array{0, 1}, Array{-800, 0}, Array{2}},
                     Array{half - Real(0.5)},
                     {Array{Real(-0.5), Real(0.5)}, Array{0, 1}, Array{0, 0}, Array{-1}}}};
  list[0].refusals = {
      {"MixtureOfNormals: logits, means and log_std need one shape (…, K), got (2,), (2,) and (3,)",
       [] { MixtureOfNormals(Tensor(ones({2})), Tensor(ones({2})), Tensor(ones({3}))); }},
      {"MixtureOfNormals",
       [] { MixtureOfNormals(Tensor(Real(1)), Tensor(Real(1)), Tensor(Real(1))); }}};
  list[2].title = "MixtureOfNormals::mean";
  list[2].declares = {"MixtureOfNormals::mean()"};
  list[2].call = [](const Tensors& x) {
    return MixtureOfNormals(x[0], x[1], x[1].detach()).mean();
  };
  list[2].reference = [](const std::vector<Numbers>& x) {
    std::size_t i = 0;
    return reduced(x[0], {-1}, false, [&](const Quads& logits) {
      Quad total = 0;
      for (const Quad p : softmax_of(logits)) total += p * x[1].data[i++];
      return total;
    });
  };
  // All the weight on one component, and that one so narrow that its mean is what comes.
  list[3].title = "MixtureOfNormals::sample";
  list[3].declares = {"MixtureOfNormals::sample(Rng)"};
  list[3].call = [](const Tensors& x) {
    Rng rng(1);
    const Tensor narrow(full(x[0].shape(), -800));
    return Tensor(MixtureOfNormals(x[0] * 100000, x[1], narrow).sample(rng));
  };
  list[3].reference = [](const std::vector<Numbers>& x) {
    std::size_t from = 0;
    return reduced(x[0], {-1}, false, [&](const Quads& logits) {
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      const Quad mean = x[1].data[from + static_cast<std::size_t>(best)];
      from += logits.size();
      return mean;
    });
  };
  list[3].constants = {0, 1};
  for (const std::size_t i : {2, 3}) {
    for (const Shape& shape : {Shape{7, 5}, Shape{3}, Shape{2, 3, 4}, Shape{0, 2}}) {
      list[i].samples.push_back({points(shape, -1, 2), points(shape, -2, 2)});
    }
    list[i].large = {{points({7000, 5}, -1, 2), points({7000, 5}, -2, 2)}};
    list[i].parts = Parts{{0, 0}, 0};
  }
  for (Entry& entry : list) {
    entry.normwise = 1;
    entry.eps = 16;
    entry.gradient_eps = 128;
  }
  return list;
}

}  // namespace

std::vector<Entry> distribution_entries() {
  std::vector<Entry> list;
  for (const auto& family :
       {bernoulli_entries, categorical_entries, normal_entries, mixture_entries}) {
    for (Entry& entry : family()) list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace nabla::testing
