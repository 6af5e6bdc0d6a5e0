#include "models/wae/wae.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/node.hpp"
#include "models/measure/codes.hpp"

namespace nabla::models {
namespace {

// |a_i − b_j|² for all pairs: (n, Z), (m, Z) → (n, m). By differences: |a|² + |b|² − 2 aᵀb would
// leave rounding noise for points that are close to each other and far from 0.
//   da_i = Σ_j 2 g_ij (a_i − b_j), db_j = −Σ_i 2 g_ij (a_i − b_j)
Tensor squared_distances(const Tensor& a, const Tensor& b) {
  const std::size_t n = a.size(0), m = b.size(0), Z = a.size(1);
  Array r2 = empty({n, m});
  for (std::size_t i = 0; i < n * m; ++i) {
    const Real* const of_a = a.value().data() + i / m * Z;
    const Real* const of_b = b.value().data() + i % m * Z;
    Real total = 0;
    for (std::size_t z = 0; z < Z; ++z) total += (of_a[z] - of_b[z]) * (of_a[z] - of_b[z]);
    r2.data()[i] = total;
  }
  const auto backward = [n, m, Z](Node& out, Node& a, Node& b) {
    Array da = zeros({n, Z}), db = zeros({m, Z});
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < m; ++j) {
        const Real g = 2 * out.grad().data()[i * m + j];
        for (std::size_t z = 0; z < Z; ++z) {
          const Real d = g * (a.value.data()[i * Z + z] - b.value.data()[j * Z + z]);
          da.data()[i * Z + z] += d;
          db.data()[j * Z + z] -= d;
        }
      }
    }
    a.accumulate(std::move(da));
    b.accumulate(std::move(db));
  };
  return record("squared_distances", std::move(r2), backward, a, b);
}

// k(a_i, b_j) for all pairs: (n, Z), (m, Z) → (n, m)
Tensor kernel_matrix(const Tensor& a, const Tensor& b, const Kernel& kernel) {
  const Tensor r2 = squared_distances(a, b);
  Tensor k;
  for (const double scale : kernel.scales) {
    const Real C = static_cast<Real>(scale);
    const Tensor one = C / (r2 + C);  // C / (C + |a − b|²)                             [T, §4]
    k = k.defined() ? k + one : one;
  }
  return k;
}

// The mean of k over pairs of different points: the diagonal, a point with itself, is left out.
Tensor mean_off_diagonal(const Tensor& k) {
  const std::size_t n = k.shape()[0];
  Array off = ones({n, n});
  for (std::size_t i = 0; i < n; ++i) off(i, i) = 0;
  return sum(k * Tensor(std::move(off))) / static_cast<Real>(n * (n - 1));
}

}  // namespace

Tensor mmd2_unbiased(const Tensor& codes, const Tensor& draws, const Kernel& kernel) {
  if (kernel.form != Kernel::Form::inverse_multiquadratic) {
    throw std::invalid_argument(
        "mmd2_unbiased: only inverse multiquadratic kernels have a gradient");
  }
  if (codes.ndim() != 2 || draws.ndim() != 2 || codes.size(1) != draws.size(1) ||
      codes.size(0) < 2 || draws.size(0) < 2) {
    throw std::invalid_argument("mmd2_unbiased: needs (n, Z) and (m, Z), n and m at least 2, got " +
                                to_string(codes.shape()) + " and " + to_string(draws.shape()));
  }
  return mean_off_diagonal(kernel_matrix(codes, codes, kernel)) +
         mean_off_diagonal(kernel_matrix(draws, draws, kernel)) -
         mean(kernel_matrix(codes, draws, kernel)) * 2;  // MMD²                       [Gr, eq. 3]
}

Wae::Wae(const AutoencoderOptions& options, Rng& rng)
    : Autoencoder(options, rng), kernel_(prior_kernel(options.latent)) {}

WaeTerms Wae::objective(const Tensor& x, Rng& rng) const {
  const Tensor z = encode(x);                             // (B, Z), z ~ q
  const Tensor prior(rng.normal(z.shape()));              // (B, Z), ζ ~ p
  return {cost(x, z), mmd2_unbiased(z, prior, kernel_)};  // c and MMD²                 [T, eq. 4]
}

}  // namespace nabla::models
