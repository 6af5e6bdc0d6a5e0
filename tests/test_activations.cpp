// Activations: values against long double, gradients against differences, and logits of ±10⁴.
#include <functional>

#include "reference.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

using Quad = long double;

struct Case {
  const char* name;
  std::function<Tensor(const Tensor&)> op;
  std::function<Quad(Quad)> reference;
  double eps;  // allowed error, in units of Real's precision, relative to the value
};

Quad sigma(Quad x) {
  return 1 / (1 + std::exp(-x));
}

const std::vector<Case> cases = {
    {"tanh", [](const Tensor& x) { return tanh(x); }, [](Quad x) { return std::tanh(x); }, 4},
    {"sigmoid", [](const Tensor& x) { return sigmoid(x); }, sigma, 4},
    {"log_sigmoid", [](const Tensor& x) { return log_sigmoid(x); },
     [](Quad x) { return -std::log1p(std::exp(-x)); }, 4},
    {"softplus", [](const Tensor& x) { return softplus(x); },
     [](Quad x) { return std::log1p(std::exp(x)); }, 4},
    {"relu", [](const Tensor& x) { return relu(x); }, [](Quad x) { return std::max(x, 0.0L); }, 0},
    {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); },
     [](Quad x) { return x > 0 ? x : Real(0.01) * x; }, 1},
    {"leaky_relu 0.3", [](const Tensor& x) { return leaky_relu(x, Real(0.3)); },
     [](Quad x) { return x > 0 ? x : Real(0.3) * x; }, 1},
    {"elu", [](const Tensor& x) { return elu(x); },
     [](Quad x) { return x > 0 ? x : std::expm1(x); }, 4},
    {"elu 0.7", [](const Tensor& x) { return elu(x, Real(0.7)); },
     [](Quad x) { return x > 0 ? x : Real(0.7) * std::expm1(x); }, 4},
    {"silu", [](const Tensor& x) { return silu(x); }, [](Quad x) { return x * sigma(x); }, 4},
    // In the left tail; xsimd's erfc is good to 1e-11 in double.
    {"gelu", [](const Tensor& x) { return gelu(x); },
     [](Quad x) { return x / 2 * std::erfc(-x / std::sqrt(2.0L)); }, is_double ? 3e4 : 40},
};

}  // namespace

TEST_CASE("activations have the right values") {
  for (const Shape& shape : std::vector<Shape>{{1003}, {181, 182}, {1, 1}, {3, 0}, {}}) {
    for (const Case& c : cases) {
      CAPTURE(std::string(c.name));
      const Array x = points(shape, -6, 7);
      const Tensor y = c.op(Tensor(x));
      CHECK(y.shape() == shape);
      CHECK(error_in_eps(y.value(), [&](std::size_t i) { return c.reference(x.data()[i]); }) <=
            c.eps);
    }
  }
}

TEST_CASE("activations have the right gradients") {
  for (const Shape& shape : std::vector<Shape>{{5, 7}, {1}, {2, 0}, {}}) {
    for (const Case& c : cases) {
      CAPTURE(std::string(c.name));
      check_gradients([&](const std::vector<Tensor>& x) { return c.op(x[0]); },
                      {points(shape, -4, 4.5)});
    }
  }
}

TEST_CASE("logits of ten thousand neither overflow nor become NaN") {
  Array x = empty({40});  // longer than a vector register, with a tail
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = i % 2 == 0 ? Real(1e4) : Real(-1e4);
  for (const Case& c : cases) {
    CAPTURE(std::string(c.name));
    const Array y = c.op(Tensor(x)).value();
    const Array dx = gradient(c.op, x);
    CHECK(all_finite(y));
    CHECK(all_finite(dx));
    const bool bounded = c.name == std::string("tanh") || c.name == std::string("sigmoid");
    const bool from_below = c.name == std::string("log_sigmoid");
    for (std::size_t i = 0; i < 40; i += 19) {  // elements 0, 19, 38: +, −, +
      const bool positive = i % 2 == 0;
      if (positive) CHECK(y.data()[i] == (bounded ? 1 : from_below ? 0 : Real(1e4)));
      if (positive) CHECK(dx.data()[i] == (bounded || from_below ? 0 : 1));
    }
  }
  CHECK(log_sigmoid(Tensor(x)).value().data()[1] == Real(-1e4));
  CHECK(gradient([](const Tensor& t) { return log_sigmoid(t); }, x).data()[1] == 1);
  CHECK(softplus(Tensor(x)).value().data()[1] == 0);
  CHECK(gradient([](const Tensor& t) { return elu(t, 2); }, x).data()[1] == 0);
}

TEST_CASE("the kink at 0 and small numbers") {
  const Array zero = full({37}, 0);
  CHECK(gradient([](const Tensor& x) { return relu(x); }, zero) == zero);
  CHECK(gradient([](const Tensor& x) { return leaky_relu(x, Real(0.5)); }, zero) ==
        full({37}, Real(0.5)));
  CHECK(gradient([](const Tensor& x) { return elu(x); }, zero) == full({37}, 1));
  // Far in the tail the probability is small, but not 0.
  const Array x = full({33}, -40);
  CHECK(error_in_eps(softplus(Tensor(x)).value(), [](std::size_t) { return std::exp(-40.0L); }) <=
        4);
  const Array tiny = full({33}, Real(-1e-5));
  CHECK(error_in_eps(elu(Tensor(tiny)).value(), [&](std::size_t i) {
          return std::expm1(static_cast<Quad>(tiny.data()[i]));
        }) <= 4);
}

TEST_CASE("NaN is not lost") {
  const Array x = full({37}, std::numeric_limits<Real>::quiet_NaN());
  for (const Case& c : cases) {
    CAPTURE(std::string(c.name));
    const Tensor y = c.op(Tensor(x));
    CHECK(std::all_of(y.value().data(), y.value().data() + y.size(),
                      [](Real v) { return std::isnan(v); }));
  }
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

TEST_CASE("activations refuse a slope that is no number") {
  const Tensor x(zeros({2}));
  constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
  CHECK_THROWS_WITH_AS(leaky_relu(x, nan), "leaky_relu: slope must be finite, got nan",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(elu(x, nan), "elu: alpha must be finite, got nan", std::invalid_argument);
  CHECK_THROWS_AS(leaky_relu(x, std::numeric_limits<Real>::infinity()), std::invalid_argument);
  // A slope of 0 is relu, at −∞ too.
  CHECK(leaky_relu(Tensor(full({1}, -std::numeric_limits<Real>::infinity())), 0).item() == 0);
}
