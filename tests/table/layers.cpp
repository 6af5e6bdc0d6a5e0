// Layers, as functions of their input and of all their parameters.
#include <algorithm>
#include <cmath>
#include <memory>

#include "autograd/random.hpp"
#include "nn/activation.hpp"
#include "nn/attention.hpp"
#include "nn/conv.hpp"
#include "nn/dropout.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/norm.hpp"
#include "nn/time_embedding.hpp"
#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

// f(inputs) where the last of `inputs` become the module's parameters and get its gradients.
Tensor with_parameters(const nn::Module& module, const std::function<Tensor(const Tensors&)>& f,
                       const Tensors& inputs) {
  const Tensors parameters = module.parameters();
  const std::size_t own = inputs.size() - parameters.size();
  Tensors leaves;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (k < own) {
      leaves.push_back(parameter(inputs[k].value()));
    } else {
      leaves.push_back(parameters[k - own]);
      leaves.back().mutable_value() = inputs[k].value();
    }
  }
  const Tensor y = f(Tensors(leaves.begin(), leaves.begin() + std::ptrdiff_t(own)));
  const auto backward = [leaves, y](Node& out) {
    for (Tensor leaf : leaves) leaf.clear_grad();
    y.backward(out.grad(), true);
    for (std::size_t k = 0; k < leaves.size(); ++k) {
      if (leaves[k].has_grad()) out.parents[k].node->accumulate(leaves[k].grad());
    }
  };
  return record_many("layer", y.value(), backward, inputs);
}

using Layer = std::shared_ptr<nn::Module>;

Entry layer_entry(std::string title, std::vector<std::string> declares, const Layer& layer,
                  std::function<Tensor(const Tensors&)> f, Reference reference,
                  const std::vector<Arrays>& samples, const Arrays& large = {}) {
  Entry entry;
  entry.title = std::move(title);
  entry.declares = std::move(declares);
  entry.call = [=](const Tensors& x) { return with_parameters(*layer, f, x); };
  entry.reference = std::move(reference);
  const auto with_values = [&](Arrays inputs) {
    for (const Tensor& p : layer->parameters()) inputs.push_back(p.value());
    return inputs;
  };
  for (const Arrays& sample : samples) entry.samples.push_back(with_values(sample));
  if (!large.empty()) entry.large = {with_values(large)};
  entry.normwise = 1;
  entry.eps = 64;
  entry.gradient_eps = 256;
  return entry;
}

// What is right where a layer of size n is made and its first parameter has this shape.
std::function<Right(Wide)> shape_of(std::function<std::vector<Wide>(Wide)> shape,
                                    std::function<bool(Wide)> refused = nullptr) {
  return [=](Wide n) {
    Right right;
    right.refused = refused && refused(n);
    if (!right.refused) right.shape = shape(n);
    return right;
  };
}

const Tensor& first_parameter(const nn::Module& module) {
  static Tensor kept;
  kept = module.parameters().at(0);
  return kept;
}

std::vector<Entry> linear_layers() {
  std::vector<Entry> list;
  Rng rng(1);
  const auto plain = std::make_shared<nn::Linear>(4, 3, rng);
  const auto bare = std::make_shared<nn::Linear>(4, 3, rng, nn::LinearOptions{false});
  const std::vector<Arrays> rows{
      {points({5, 4}, -1, 1)}, {points({4}, -1, 1)}, {points({2, 3, 4}, -1, 1)}, {empty({0, 4})}};
  const Arrays many{points({9000, 4}, -1, 1)};
  list.push_back(layer_entry(
      "Linear",
      {"Linear::Linear(size_t, size_t, Rng, LinearOptions)", "Linear::operator()(Tensor)"}, plain,
      [=](const Tensors& x) { return (*plain)(x[0]); }, affine, rows, many));
  list.back().refusals = {
      {"linear: the input's last axis must be the weight's first, got (2, 5) and (4, 3)",
       [=] {
         (*plain)(Tensor(ones({2, 5})));
       }},
      {"Linear: (4611686018427387904, 3) is too large a shape", [] {
         Rng fresh(1);
         nn::Linear(std::size_t{1} << 62, 3, fresh);
       }}};
  const auto made = [](std::size_t in, std::size_t out) {
    Rng fresh(1);
    return first_parameter(nn::Linear(in, out, fresh));
  };
  list.back().sizes = {
      {"in", [=](std::size_t n) { return made(n, 2); }, shape_of([](Wide n) {
         return std::vector<Wide>{n, 2};
       })},
      {"out", [=](std::size_t n) { return made(2, n); }, shape_of([](Wide n) {
         return std::vector<Wide>{2, n};
       })},
      {"in and out", [=](std::size_t n) { return made(n, n); }, shape_of([](Wide n) {
         return std::vector<Wide>{n, n};
       })}};
  list.push_back(layer_entry(
      "Linear without a bias", {"Linear::operator()(Tensor)"}, bare,
      [=](const Tensors& x) { return (*bare)(x[0]); }, affine, rows, many));
  for (const std::string name : {"relu", "tanh"}) {
    const bool relu = name == "relu";
    list.push_back(layer_entry(
        "Linear, then " + name, {"Linear::operator()(Tensor, Activation)"}, plain,
        [=](const Tensors& x) { return (*plain)(x[0], name); },
        [=](const std::vector<Numbers>& x) {
          Numbers y = affine(x);
          for (Quad& number : y.data) number = relu ? std::max<Quad>(number, 0) : std::tanh(number);
          return y;
        },
        rows, many));
  }
  const auto mlp =
      std::make_shared<nn::MLP>(std::vector<std::size_t>{4, 5, 6, 2}, rng, "tanh", "sigmoid");
  list.push_back(layer_entry(
      "MLP",
      {"MLP::MLP(vector<size_t>, Rng, Activation, Activation, LinearOptions)",
       "MLP::operator()(Tensor)"},
      mlp, [=](const Tensors& x) { return (*mlp)(x[0]); },
      [](const std::vector<Numbers>& x) {
        Numbers h = x[0];
        for (std::size_t layer = 0; layer < 3; ++layer) {
          h = affine({h, x[1 + 2 * layer], x[2 + 2 * layer]});
          for (Quad& number : h.data)
            number = layer < 2 ? std::tanh(number) : 1 / (1 + std::exp(-number));
        }
        return h;
      },
      rows, many));
  list.back().refusals = {{"MLP: needs at least two sizes (in, …, out), got 1",
                           [] {
                             Rng fresh(1);
                             nn::MLP({4}, fresh);
                           }},
                          {"\"nothing\"", [] {
                             Rng fresh(1);
                             nn::MLP({4, 3}, fresh, "nothing");
                           }}};
  list.back().sizes = {{"the middle one",
                        [](std::size_t n) {
                          Rng fresh(1);
                          return first_parameter(nn::MLP({2, n, 3}, fresh));
                        },
                        shape_of([](Wide n) {
                          return std::vector<Wide>{2, n};
                        })}};
  return list;
}

// Activations by name: the nine of them one after another.
Entry activation_layer() {
  static const std::vector<std::string> names{"elu",     "gelu", "identity", "leaky_relu", "relu",
                                              "sigmoid", "silu", "softplus", "tanh"};
  Entry entry;
  entry.title = "Activation";
  entry.declares = {"Activation::Activation(string)", "Activation::Activation(char)",
                    "Activation::Activation(F)", "Activation::leaky_relu(Real)",
                    "Activation::operator()(Tensor)"};
  entry.call = [](const Tensors& x) {
    Tensors results;
    for (const std::string& name : names) results.push_back(nn::Activation(name)(x[0]));
    results.push_back(nn::Activation::leaky_relu(Real(0.25))(x[0]));
    results.push_back(nn::Activation([](const Tensor& t) { return t * 2; })(x[0]));
    return stack(results);
  };
  entry.reference = [](const std::vector<Numbers>& in) {
    const Quads& x = in[0].data;
    Shape shape = in[0].shape;
    shape.insert(shape.begin(), names.size() + 2);
    Numbers y(shape, 0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Quad v = x[i], sigma = 1 / (1 + std::exp(-v));
      const Quads all{v > 0 ? v : std::expm1(v),
                      v * std::erfc(-v / std::sqrt(2.0L)) / 2,
                      v,
                      v > 0 ? v : Real(0.01) * v,
                      std::max<Quad>(v, 0),
                      sigma,
                      v * sigma,
                      std::log1p(std::exp(v)),
                      std::tanh(v),
                      v > 0 ? v : v / 4,
                      2 * v};
      for (std::size_t k = 0; k < all.size(); ++k) y.data[k * x.size() + i] = all[k];
    }
    return y;
  };
  entry.samples = {{points({5, 7}, -4, 4.5)}, {points({}, -4, 4.5)}, {empty({0, 3})}};
  entry.large = {{points({181, 182}, -4, 4.5)}};
  entry.normwise = 1;
  entry.refusals = {
      {"activation: \"rule\" is none of elu, gelu, identity, leaky_relu, relu, sigmoid, "
       "silu, softplus, tanh",
       [] { nn::Activation("rule"); }}};
  return entry;
}

std::vector<Entry> convolution_layers() {
  std::vector<Entry> list;
  Rng rng(2);
  const ConvOptions options{2, 1};
  const auto conv = std::make_shared<nn::Conv2d>(3, 4, 3, rng, nn::Conv2dOptions{2, 1});
  const auto up = std::make_shared<nn::ConvTranspose2d>(3, 4, 4, rng, nn::Conv2dOptions{2, 1});
  const Array x = points({2, 5, 4, 3}, -1, 1), many = points({9, 20, 20, 3}, -1, 1);
  const auto plain = [=](const std::vector<Numbers>& in) { return convolved(in, options, false); };
  list.push_back(layer_entry(
      "Conv2d",
      {"Conv2d::Conv2d(size_t, size_t, size_t, Rng, Conv2dOptions)", "Conv2d::operator()(Tensor)"},
      conv, [=](const Tensors& t) { return (*conv)(t[0]); }, plain, {{x}, {empty({0, 5, 4, 3})}},
      {many}));
  list.back().refusals = {
      {"Conv2d: (18446744073709551615, 18446744073709551615, 2, 3) is too large a shape", [] {
         Rng fresh(1);
         nn::Conv2d(2, 3, ~std::size_t{0}, fresh);
       }}};
  const auto made = [](std::size_t in, std::size_t out, std::size_t kernel) {
    Rng fresh(1);
    return first_parameter(nn::Conv2d(in, out, kernel, fresh));
  };
  const auto made_up = [](std::size_t in, std::size_t out, std::size_t kernel) {
    Rng fresh(1);
    return first_parameter(nn::ConvTranspose2d(in, out, kernel, fresh));
  };
  list.back().sizes = {
      {"in", [=](std::size_t n) { return made(n, 2, 3); }, shape_of([](Wide n) {
         return std::vector<Wide>{3, 3, n, 2};
       })},
      {"out", [=](std::size_t n) { return made(2, n, 3); }, shape_of([](Wide n) {
         return std::vector<Wide>{3, 3, 2, n};
       })},
      {"kernel", [=](std::size_t n) { return made(2, 2, n); }, shape_of([](Wide n) {
         return std::vector<Wide>{n, n, 2, 2};
       })}};
  list.push_back(layer_entry(
      "Conv2d with a bias for each image", {"Conv2d::operator()(Tensor, Tensor)"}, conv,
      [=](const Tensors& t) { return (*conv)(t[0], t[1]); },
      [=](const std::vector<Numbers>& in) {  // x, of each image, weight, bias
        Numbers bias = in[1];
        for (std::size_t i = 0; i < bias.size(); ++i) bias.data[i] += in[3].data[i % 4];
        return convolved({in[0], in[2], bias}, options, false);
      },
      {{x, points({2, 4}, -1, 1)}}, {many, points({9, 4}, -1, 1)}));
  list.push_back(layer_entry(
      "Conv2d::add", {"Conv2d::add(Tensor, Tensor)"}, conv,
      [=](const Tensors& t) { return conv->add(t[0], t[1]); },
      [=](const std::vector<Numbers>& in) {
        return convolved({in[0], in[2], in[3], in[1]}, options, false);
      },
      {{x, points({2, 3, 2, 4}, -1, 1)}}, {many, points({9, 10, 10, 4}, -1, 1)}));
  list.push_back(layer_entry(
      "ConvTranspose2d",
      {"ConvTranspose2d::ConvTranspose2d(size_t, size_t, size_t, Rng, Conv2dOptions)",
       "ConvTranspose2d::operator()(Tensor)"},
      up, [=](const Tensors& t) { return (*up)(t[0]); },
      [=](const std::vector<Numbers>& in) { return convolved(in, options, true); },
      {{points({2, 3, 2, 3}, -1, 1)}}, {many}));
  list.back().sizes = {
      {"in", [=](std::size_t n) { return made_up(n, 2, 3); }, shape_of([](Wide n) {
         return std::vector<Wide>{3, 3, n, 2};
       })},
      {"out", [=](std::size_t n) { return made_up(2, n, 3); }, shape_of([](Wide n) {
         return std::vector<Wide>{3, 3, 2, n};
       })},
      {"kernel", [=](std::size_t n) { return made_up(2, 2, n); }, shape_of([](Wide n) {
         return std::vector<Wide>{n, n, 2, 2};
       })}};
  return list;
}

std::vector<Entry> norm_layers() {
  std::vector<Entry> list;
  const Array x = points({2, 3, 2, 6}, -2, 3), many = points({24, 10, 9, 6}, -2, 3);
  const Real epsilon = Real(1e-5);
  const auto norm = [=](const Partition& part, bool silu) {
    return [=](const std::vector<Numbers>& in) { return normalised(in, part, epsilon, silu); };
  };
  const auto group = std::make_shared<nn::GroupNorm>(2, 6);
  list.push_back(layer_entry(
      "GroupNorm", {"GroupNorm::GroupNorm(size_t, size_t, Real)", "GroupNorm::operator()(Tensor)"},
      group, [=](const Tensors& t) { return (*group)(t[0]); }, norm(by_group(2), false), {{x}},
      {many}));
  list.back().refusals = {
      {"GroupNorm: the groups must divide the channels, got 4 and 6", [] { nn::GroupNorm(4, 6); }}};
  list.back().sizes = {
      {"groups", [](std::size_t n) { return first_parameter(nn::GroupNorm(n, 6)); },
       shape_of([](Wide) { return std::vector<Wide>{6}; },
                [](Wide n) { return n == 0 || 6 % n != 0; })},
      {"channels", [](std::size_t n) { return first_parameter(nn::GroupNorm(1, n)); },
       shape_of([](Wide n) { return std::vector<Wide>{n}; })}};
  list.push_back(layer_entry("GroupNorm::silu", {"GroupNorm::silu(Tensor)"}, group,
                             [=](const Tensors& t) { return group->silu(t[0]); },
                             norm(by_group(2), true), {{x}}, {many}));
  const auto layer = std::make_shared<nn::LayerNorm>(6);
  list.push_back(layer_entry(
      "LayerNorm", {"LayerNorm::LayerNorm(size_t, Real)", "LayerNorm::operator()(Tensor)"}, layer,
      [=](const Tensors& t) { return (*layer)(t[0]); }, norm(by_row(), false),
      {{x}, {points({6}, -2, 3)}}, {many}));
  list.back().sizes = {{"channels", [](std::size_t n) { return first_parameter(nn::LayerNorm(n)); },
                        shape_of([](Wide n) { return std::vector<Wide>{n}; })}};
  const auto batch = std::make_shared<nn::BatchNorm>(6);
  list.push_back(layer_entry(
      "BatchNorm",
      {"BatchNorm::BatchNorm(size_t, BatchNormOptions)", "BatchNorm::operator()(Tensor)"}, batch,
      [=](const Tensors& t) { return (*batch)(t[0]); }, norm(by_channel(), false), {{x}}, {many}));
  list.back().refusals = {
      {"BatchNorm: an empty batch has no mean, got (0, 3)",
       [] {
         nn::BatchNorm(3)(Tensor(empty({0, 3})));
       }},
      {"BatchNorm: gain and shift must have shape (4,) for the input (2, 4), got (3,) and (3,)",
       [] {
         nn::BatchNorm(3)(Tensor(ones({2, 4})));
       }}};
  list.back().sizes = {{"channels", [](std::size_t n) { return first_parameter(nn::BatchNorm(n)); },
                        shape_of([](Wide n) { return std::vector<Wide>{n}; })}};
  // In evaluation by averages that are given, and not moved: {x, mean, variance, gain, shift}.
  const auto fixed = std::make_shared<nn::BatchNorm>(6);
  fixed->eval();
  const Array mean = points({6}, -1, 1), variance = points({6}, 0.5, 2);
  list.push_back(layer_entry(
      "BatchNorm in evaluation", {"RunningStatistics::load(NamedArrays)"}, fixed,
      [=](const Tensors& t) {
        fixed->statistics().load({{"mean", t[1].value()}, {"variance", t[2].value()}});
        return (*fixed)(t[0]);
      },
      [=](const std::vector<Numbers>& in) {
        Numbers y = in[0];
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t c = i % 6;
          y.data[i] =
              in[3].data[c] * (y.data[i] - in[1].data[c]) / std::sqrt(in[2].data[c] + epsilon) +
              in[4].data[c];
        }
        return y;
      },
      {{x, mean, variance}, {empty({0, 6}), mean, variance}}, {many, mean, variance}));
  list.back().constants = {1, 2};
  for (const auto& [bad, text] : std::vector<std::pair<Real, std::string>>{
           {Real(-1), "-1"}, {Real(-1e-5), "-1e-05"}, {Real(NAN), "nan"}}) {
    const std::string words = ": epsilon must be finite and ≥ 0, got " + text;
    list[0].refusals.push_back({"GroupNorm" + words, [bad = bad] { nn::GroupNorm(2, 6, bad); }});
    list[2].refusals.push_back({"LayerNorm" + words, [bad = bad] { nn::LayerNorm(6, bad); }});
    list[3].refusals.push_back({"BatchNorm" + words, [bad = bad] {
                                  nn::BatchNorm(6, {Real(0.1), bad});
                                }});
  }
  for (Entry& entry : list) entry.gradient_scale = 1;

  // average ← (1 − momentum) average + momentum · new, of mean 0 and variance 1.
  Entry update;
  update.title = "RunningStatistics";
  update.declares = {"RunningStatistics::RunningStatistics(size_t)",
                     "RunningStatistics::update(Array, Array, Real)", "RunningStatistics::mean()",
                     "RunningStatistics::variance()"};
  update.call = [](const Tensors& t) {
    nn::RunningStatistics statistics(t[0].size());
    statistics.update(t[0].value(), t[1].value(), Real(0.25));
    return stack({Tensor(statistics.mean()), Tensor(statistics.variance())});
  };
  update.reference = [](const std::vector<Numbers>& in) {
    Numbers y(Shape{2, in[0].size()}, 0);
    for (std::size_t c = 0; c < in[0].size(); ++c) {
      y.data[c] = 0.25L * in[0].data[c];
      y.data[in[0].size() + c] = 0.75L + 0.25L * in[1].data[c];
    }
    return y;
  };
  update.samples = {{points({17}, -1, 1), points({17}, 0.5, 2)}};
  update.constants = {0, 1};
  update.refusals = {{"RunningStatistics: load: missing \"variance\" (3,)", [] {
                        nn::RunningStatistics(3).load({{"mean", zeros({3})}});
                      }}};
  update.sizes = {{"channels",
                   [](std::size_t n) { return Tensor(nn::RunningStatistics(n).mean()); },
                   shape_of([](Wide n) { return std::vector<Wide>{n}; })}};
  list.push_back(update);
  return list;
}

Entry attention_layer(std::size_t channels, std::size_t heads, std::size_t groups) {
  Rng rng(4);
  const auto layer = std::make_shared<nn::SelfAttention2d>(channels, heads, groups, rng,
                                                           nn::AttentionOptions{false});
  const std::size_t C = channels;
  Entry entry = layer_entry(
      "SelfAttention2d, " + std::to_string(heads) + " heads",
      {"SelfAttention2d::SelfAttention2d(size_t, size_t, size_t, Rng, AttentionOptions)",
       "SelfAttention2d::operator()(Tensor)"},
      layer, [=](const Tensors& t) { return (*layer)(t[0]); },
      [=](const std::vector<Numbers>& in) {  // x, gain, shift, W₁, b₁, W₂, b₂
        const Numbers& x = in[0];
        const Numbers qkv = affine(
            {normalised({x, in[1], in[2]}, by_group(groups), Real(1e-5), false), in[3], in[4]});
        Numbers y = affine({attended(qkv, heads), in[5], in[6]});
        for (std::size_t i = 0; i < y.size(); ++i) y.data[i] += x.data[i];
        return y;
      },
      {{points({2, 2, 3, C}, -1, 2)}, {empty({0, 3, 3, C})}}, {points({5, 12, 11, C}, -1, 2)});
  entry.gradient_scale = 1;
  entry.refusals = {
      {"SelfAttention2d: the heads must divide the channels, got 3 and 4",
       [] {
         Rng fresh(1);
         nn::SelfAttention2d(4, 3, 2, fresh);
       }},
      {"SelfAttention2d: the input is (B, h, w, " + std::to_string(C) + "), got (3, 3, 4)", [=] {
         (*layer)(Tensor(ones({3, 3, 4})));
       }}};
  const auto made = [](std::size_t c, std::size_t h, std::size_t g) {
    Rng fresh(1);
    return first_parameter(nn::SelfAttention2d(c, h, g, fresh));
  };
  const auto six = [](Wide) { return std::vector<Wide>{6}; };
  const auto divides = [](Wide n) { return n == 0 || 6 % n != 0; };
  entry.sizes = {{"heads", [=](std::size_t n) { return made(6, n, 1); }, shape_of(six, divides)},
                 {"groups", [=](std::size_t n) { return made(6, 1, n); }, shape_of(six, divides)},
                 // A size between takes a machine's memory before its (C, 3 C) weights are refused.
                 {"channels", [=](std::size_t n) { return made(n, 1, 1); },
                  shape_of([](Wide n) { return std::vector<Wide>{n}; },
                           [](Wide n) { return n >= (Wide{1} << 61); })}};
  return entry;
}

std::vector<Entry> other_layers() {
  std::vector<Entry> list;
  Rng rng(6);
  const auto table = std::make_shared<nn::Embedding>(5, 3, rng);
  Entry embedded = layer_entry(
      "Embedding",
      {"Embedding::Embedding(size_t, size_t, Rng, Initialiser)",
       "Embedding::operator()(IndexArray)"},
      table, [=](const Tensors& t) { return (*table)(index_of(t[0])); },
      [](const std::vector<Numbers>& in) {
        Shape shape = in[0].shape;
        shape.push_back(in[1].shape[1]);
        Numbers y(shape, 0);
        for (std::size_t i = 0; i < y.size(); ++i) {
          y.data[i] = in[1].data[static_cast<std::size_t>(in[0].data[i / 3]) * 3 + i % 3];
        }
        return y;
      },
      {{Array{{4, 0}, {4, 1}}}, {Array{2}}, {empty({0})}});
  embedded.constants = {0};
  embedded.refusals = {
      {"embedding: index 5 at (0,) of (1,) is outside 0 … 4", [=] { (*table)(IndexArray{5}); }}};
  const auto made = [](std::size_t count, std::size_t size) {
    Rng fresh(1);
    return first_parameter(nn::Embedding(count, size, fresh));
  };
  embedded.sizes = {{"count", [=](std::size_t n) { return made(n, 2); }, shape_of([](Wide n) {
                       return std::vector<Wide>{n, 2};
                     })},
                    {"size", [=](std::size_t n) { return made(2, n); }, shape_of([](Wide n) {
                       return std::vector<Wide>{2, n};
                     })}};
  list.push_back(embedded);

  // The mask is that of an Rng of the same seed.
  Entry dropout;
  dropout.title = "Dropout";
  dropout.declares = {"Dropout::Dropout(Real)", "Dropout::operator()(Tensor, Rng)"};
  dropout.call = [](const Tensors& x) {
    Rng fresh(7);
    return nn::Dropout(Real(0.25))(x[0], fresh);
  };
  dropout.reference = [](const std::vector<Numbers>& x) {
    Rng fresh(7);
    const Array kept = fresh.bernoulli(x[0].shape, Real(0.75));
    Numbers y = x[0];
    for (std::size_t i = 0; i < y.size(); ++i) y.data[i] *= kept.data()[i] / 0.75L;
    return y;
  };
  dropout.samples = {{points({5, 7}, -2, 3)}, {points({}, -2, 3)}, {empty({3, 0})}};
  dropout.large = {{points({181, 182}, -2, 3)}};
  dropout.refusals = {
      {"dropout: probability must be in [0, 1), got 1", [] { nn::Dropout(1); }},
      {"dropout: probability must be in [0, 1), got -0.1", [] { nn::Dropout(Real(-0.1)); }},
      {"dropout", [] { nn::Dropout(Real(NAN)); }}};
  list.push_back(dropout);
  Entry evaluated = dropout;
  evaluated.title = "Dropout in evaluation";
  evaluated.call = [](const Tensors& x) {
    Rng fresh(7);
    const nn::Dropout layer(Real(0.25));
    layer.eval();
    return layer(x[0], fresh) * 1;
  };
  evaluated.reference = [](const std::vector<Numbers>& x) { return x[0]; };
  list.push_back(evaluated);

  for (const std::size_t size : {7, 2, 1}) {
    Entry entry;
    entry.title = "sinusoidal_embedding of size " + std::to_string(size);
    entry.declares = {"sinusoidal_embedding(Array, size_t, double)"};
    entry.call = [=](const Tensors& x) {
      return Tensor(nn::sinusoidal_embedding(x[0].value(), size, 100));
    };
    entry.reference = [=](const std::vector<Numbers>& x) {
      const std::size_t n = size / 2;
      Numbers y(Shape{x[0].size(), size}, 0);
      for (std::size_t i = 0; i < x[0].size() * n; ++i) {
        const std::size_t row = i / n, k = i % n;
        const Quad frequency = n == 1 ? 1 : std::pow(100.0L, -Quad(k) / Quad(n - 1));
        y.data[row * size + k] = std::sin(x[0].data[row] * frequency);
        y.data[row * size + n + k] = std::cos(x[0].data[row] * frequency);
      }
      return y;
    };
    entry.samples = {{Array{0, 1, Real(999.5)}}, {empty({0})}};
    entry.constants = {0};
    entry.normwise = 1;
    entry.eps = sizeof(Real) == 8 ? 1000 : 4;  // sin of an angle of a thousand, itself rounded
    entry.refusals = {{"sinusoidal_embedding: the times have one axis, got (2, 1)",
                       [] {
                         nn::sinusoidal_embedding(ones({2, 1}), 8);
                       }},
                      {"sinusoidal_embedding: longest_period must be finite and ≥ 1, got 0.5",
                       [] { nn::sinusoidal_embedding(ones({2}), 8, 0.5); }}};
    entry.sizes = {{"size",
                    [](std::size_t n) { return Tensor(nn::sinusoidal_embedding(ones({2}), n)); },
                    shape_of([](Wide n) {
                      return std::vector<Wide>{2, n};
                    })}};
    list.push_back(entry);
  }
  return list;
}

}  // namespace

std::vector<Entry> layer_entries() {
  std::vector<Entry> list{activation_layer(), attention_layer(6, 1, 3), attention_layer(6, 2, 3)};
  for (const auto& family : {linear_layers, convolution_layers, norm_layers, other_layers}) {
    for (Entry& entry : family()) list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace nabla::testing
