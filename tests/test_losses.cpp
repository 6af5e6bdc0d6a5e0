// Losses: places of infinities and of bad targets; tests/table has all else.
#include "reference.hpp"

using namespace nabla;
using namespace nabla::testing;

TEST_CASE("a small binary cross-entropy is not rounded away: softplus(−30) = e⁻³⁰") {
  CHECK(error_in_eps(binary_cross_entropy(Tensor(full({33}, 30)), ones({33})).value(),
                     [](std::size_t) { return std::log1p(std::exp(-30.0L)); }) <= 4);
}

TEST_CASE("the Bernoulli log-probability of an infinite logit at every place of a row") {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  const Array l{infinity, -infinity, infinity, -infinity, infinity, -infinity};
  const Array t{1, 0, 0, 1, Real(0.5), Real(0.5)};
  const Array expected{0, 0, infinity, infinity, infinity, infinity};
  const Array slopes{0, 0, 1, -1, Real(0.5), Real(-0.5)};
  for (std::size_t i = 0; i < l.size(); ++i) {
    // The row does not fill its registers.
    for (std::size_t place = 0; place < 37; ++place) {
      Array row = full({1, 37}, 2), x = full({1, 37}, 1);
      row(0, place) = l(i);
      x(0, place) = t(i);
      const Array finite = bernoulli_log_prob(Tensor(full({1, 36}, 2)), Tensor(ones({36}))).value();
      const Real log_prob = bernoulli_log_prob(Tensor(row), Tensor(x)).item();
      if (expected(i) == 0) {
        CHECK(log_prob == doctest::Approx(static_cast<double>(finite(0))));
      } else {
        CHECK(log_prob == -infinity);
      }
      const Array dl =
          gradient([&](const Tensor& y) { return bernoulli_log_prob(y, Tensor(x)); }, row);
      CHECK(dl(0, place) == -slopes(i));
    }
  }
}

TEST_CASE("a target that is none is found wherever it is in a large array") {
  for (const std::size_t place : {0u, 50u, 9998u}) {
    Array large = points({9999}, 0, 1);
    large.data()[place] = std::numeric_limits<Real>::quiet_NaN();
    const std::string message =
        message_of([&] { binary_cross_entropy(Tensor(zeros({9999})), large); });
    CHECK(message == "binary_cross_entropy: target nan at flat index " + std::to_string(place) +
                         " of (9999,) is outside [0, 1]");
  }
}
