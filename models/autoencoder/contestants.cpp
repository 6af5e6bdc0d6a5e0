#include "models/autoencoder/contestants.hpp"

#include <stdexcept>

#include "models/aae/aae.hpp"
#include "models/measure/in_pieces.hpp"
#include "models/vae/vae.hpp"
#include "models/wae/wae.hpp"
#include "nn/optim.hpp"

namespace nabla::models {
namespace {

nn::NamedTensors prefixed(const std::string& name, const nn::Module& model) {
  nn::NamedTensors result;
  for (const auto& [path, tensor] : model.named_parameters()) {
    result.emplace_back(name + "." + path, tensor);
  }
  return result;
}

double descend(nn::Adam& adam, const Tensor& loss) {
  adam.clear_grad();
  loss.backward();
  adam.step();
  return static_cast<double>(loss.item());
}

class PlainContestant : public Contestant {
 public:
  explicit PlainContestant(const ContestantOptions& options)
      : Contestant("ae"),
        init_(options.seed),
        model_(options.shape, init_),
        lr_(options.lr),
        adam_(model_.parameters(), {lr_}) {}

  nn::NamedTensors parameters() const override { return prefixed(name(), model_); }
  void keep(Run& run) override { run.keep("adam-" + name(), adam_); }
  void scale_rate(double factor) override { adam_.set_lr(factor * lr_); }
  double step(const Tensor& x) override {
    return descend(adam_, mean(model_.cost(x, model_.encode(x))));
  }
  Array codes(const Array& x, Rng& /*rng*/) const override { return model_.codes(x); }
  Array reconstruct(const Array& x) const override { return model_.reconstruct(x); }
  Array images(const Array& z) const override { return model_.images(z); }

 private:
  Rng init_;
  Autoencoder model_;
  double lr_;
  nn::Adam adam_;
};

class VaeContestant : public Contestant {
 public:
  explicit VaeContestant(const ContestantOptions& options)
      : Contestant("vae"),
        init_(options.seed),
        model_(shape(options.shape), init_),
        rng_(options.seed, 41),
        lr_(options.lr),
        adam_(model_.parameters(), {lr_}) {}

  nn::NamedTensors parameters() const override { return prefixed(name(), model_); }
  void keep(Run& run) override {
    run.keep("adam-" + name(), adam_);
    run.keep("rng-" + name(), rng_);
  }
  void scale_rate(double factor) override { adam_.set_lr(factor * lr_); }
  double step(const Tensor& x) override {
    return descend(adam_, -mean(model_.elbo(x, rng_).value()));
  }
  Array codes(const Array& x, Rng& rng) const override {
    const NoGrad no_grad;
    return in_pieces(x, [&](const Array& piece) {
      const Posterior q = model_.encode(Tensor(piece));
      return reparameterise(q, rng.normal(q.mean.shape())).value();
    });
  }
  Array reconstruct(const Array& x) const override {
    return in_pieces(x, [&](const Array& piece) { return model_.reconstruct(piece); });
  }
  Array images(const Array& z) const override {
    const NoGrad no_grad;
    return in_pieces(
        z, [&](const Array& piece) { return sigmoid(model_.decode(Tensor(piece))).value(); });
  }

 private:
  static VaeOptions shape(const AutoencoderOptions& options) {
    VaeOptions result;
    result.data = options.data;
    result.hidden = options.hidden;
    result.latent = options.latent;
    result.activation = options.activation;
    return result;
  }

  Rng init_;
  Vae model_;
  Rng rng_;
  double lr_;
  nn::Adam adam_;
};

class WaeContestant : public Contestant {
 public:
  explicit WaeContestant(const ContestantOptions& options)
      : Contestant("wae"),
        init_(options.seed),
        model_(options.shape, init_),
        rng_(options.seed, 42),
        lambda_(options.lambda),
        lr_(options.lr),
        adam_(model_.parameters(), {lr_}) {}

  nn::NamedTensors parameters() const override { return prefixed(name(), model_); }
  void keep(Run& run) override {
    run.keep("adam-" + name(), adam_);
    run.keep("rng-" + name(), rng_);
  }
  void scale_rate(double factor) override { adam_.set_lr(factor * lr_); }
  double step(const Tensor& x) override {
    return descend(adam_, model_.objective(x, rng_).value(lambda_));
  }
  Array codes(const Array& x, Rng& /*rng*/) const override { return model_.codes(x); }
  Array reconstruct(const Array& x) const override { return model_.reconstruct(x); }
  Array images(const Array& z) const override { return model_.images(z); }

 private:
  Rng init_;
  Wae model_;
  Rng rng_;
  double lambda_, lr_;
  nn::Adam adam_;
};

class AaeContestant : public Contestant {
 public:
  explicit AaeContestant(const ContestantOptions& options)
      : Contestant("aae"),
        init_(options.seed),
        model_(shape(options), init_),
        rng_(options.seed, 43),
        training_(model_, {options.lr, options.discriminator_lr, options.encoder_lr}) {}

  nn::NamedTensors parameters() const override { return prefixed(name(), model_); }
  void keep(Run& run) override {
    run.keep("reconstruction-" + name(), training_.reconstruction());
    run.keep("discriminator-" + name(), training_.discriminator());
    run.keep("encoder-" + name(), training_.encoder());
    run.keep("rng-" + name(), rng_);
  }
  void scale_rate(double factor) override { training_.scale_rates(factor); }
  double step(const Tensor& x) override {
    const Tensor cost = training_.reconstruction_step(x);
    const Tensor z = model_.encode(x);
    training_.discriminator_step(z, Tensor(rng_.normal(z.shape())));
    training_.encoder_step(z);
    return static_cast<double>(mean(cost).item());
  }
  Array codes(const Array& x, Rng& /*rng*/) const override { return model_.codes(x); }
  Array reconstruct(const Array& x) const override { return model_.reconstruct(x); }
  Array images(const Array& z) const override { return model_.images(z); }

 private:
  static AaeOptions shape(const ContestantOptions& options) {
    AaeOptions result;
    static_cast<AutoencoderOptions&>(result) = options.shape;
    result.discriminator = options.discriminator;
    return result;
  }

  Rng init_;
  Aae model_;
  Rng rng_;
  AaeTraining training_;
};

}  // namespace

std::unique_ptr<Contestant> make_contestant(const std::string& name,
                                            const ContestantOptions& options) {
  if (name == "ae") return std::make_unique<PlainContestant>(options);
  if (name == "vae") return std::make_unique<VaeContestant>(options);
  if (name == "wae") return std::make_unique<WaeContestant>(options);
  if (name == "aae") return std::make_unique<AaeContestant>(options);
  throw std::invalid_argument("\"" + name + "\": ae, vae, wae or aae");
}

}  // namespace nabla::models
