// Activations in the tail and where float's exponents end; tests/table has all else.
#include <functional>

#include "reference.hpp"

using namespace nabla;
using namespace nabla::testing;

TEST_CASE("far in the tail a probability is small, but not 0, and near 0 no digit is lost") {
  const Array x = full({33}, -40);
  CHECK(error_in_eps(softplus(Tensor(x)).value(), [](std::size_t) { return std::exp(-40.0L); }) <=
        4);
  const Array tiny = full({33}, Real(-1e-5));
  CHECK(error_in_eps(elu(Tensor(tiny)).value(), [&](std::size_t i) {
          return std::expm1(static_cast<long double>(tiny.data()[i]));
        }) <= 4);
}

TEST_CASE("functions go on where float's exponents end, and are accurate there") {
  // eˣ up to the largest float and down to the smallest denormal; a number has the same bits
  // wherever it stands in the array.
  const Array x = points({3001}, -104.5, 89.5);
  const auto of = [&](std::size_t i) { return static_cast<long double>(x.data()[i]); };
  const long double least = std::numeric_limits<Real>::denorm_min() /
                            static_cast<long double>(std::numeric_limits<Real>::epsilon());
  const auto compare = [&](const Tensor& y, const std::function<long double(long double)>& f) {
    CHECK(error_in_eps(
              y.value(), [&](std::size_t i) { return f(of(i)); }, least) <= 2);
    double worst = 0;  // and denormals to the last unit
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double want = f(of(i));
      if (std::abs(want) < std::numeric_limits<Real>::min()) {
        worst = std::max(worst, double(std::abs(y.value().data()[i] - want) /
                                       std::numeric_limits<Real>::denorm_min()));
      }
    }
    CHECK(worst <= 1.5);
  };
  compare(exp(Tensor(x)), [](long double v) { return std::exp(v); });
  compare(expm1(Tensor(x)), [](long double v) { return std::expm1(v); });
  compare(sigmoid(Tensor(x)), [](long double v) { return 1 / (1 + std::exp(-v)); });
  compare(softplus(Tensor(x)), [](long double v) { return std::log1p(std::exp(v)); });
}
