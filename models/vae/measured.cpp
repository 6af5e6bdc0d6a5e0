#include "models/vae/measured.hpp"

namespace nabla::models {

void add(Means& means, const Elbo& terms) {
  means.add("elbo_nats", terms.value());
  means.add("reconstruction_nats", terms.reconstruction);
  means.add("kl_nats", terms.kl);
}

Means evaluate(Run& run, const Vae& vae, const datasets::Rows& data, Stream elbo,
               const std::string& bound, std::size_t K, Stream of_bound) {
  Rng rng = run.rng(elbo), rng_of_bound = run.rng(of_bound);
  const auto add_all = [&](const Tensor& x, Means& means) {
    add(means, vae.elbo(x, rng));
    if (!bound.empty()) means.add(bound, Tensor(vae.log_prob(x.value(), K, rng_of_bound)));
  };
  return run.means("ELBO and bound", data, add_all, 200);
}

}  // namespace nabla::models
