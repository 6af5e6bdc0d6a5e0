// Arithmetic, powers, functions and choices: values against long double, gradients against
// differences, broadcasting, ties, error messages.
#include <functional>
#include <stdexcept>

#include "reference.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

using Quad = long double;

struct UnaryCase {
  const char* name;
  std::function<Tensor(const Tensor&)> op;
  std::function<Quad(Quad)> reference;
  double low, high;
  double eps;  // allowed error, in units of Real's precision, relative to the value
};

const std::vector<UnaryCase> unary_cases = {
    {"negate", [](const Tensor& x) { return -x; }, [](Quad x) { return -x; }, -3, 3, 0},
    {"x + c", [](const Tensor& x) { return x + Real(0.5); }, [](Quad x) { return x + 0.5L; }, 0, 3,
     1},
    {"c + x", [](const Tensor& x) { return Real(0.5) + x; }, [](Quad x) { return x + 0.5L; }, 0, 3,
     1},
    {"x - c", [](const Tensor& x) { return x - 4; }, [](Quad x) { return x - 4; }, 5, 9, 1},
    {"c - x", [](const Tensor& x) { return 4 - x; }, [](Quad x) { return 4 - x; }, 5, 9, 1},
    {"x * c", [](const Tensor& x) { return x * 3; }, [](Quad x) { return 3 * x; }, -3, 3, 1},
    {"c * x", [](const Tensor& x) { return 3 * x; }, [](Quad x) { return 3 * x; }, -3, 3, 1},
    {"x / c", [](const Tensor& x) { return x / 3; }, [](Quad x) { return x / 3; }, -3, 3, 1},
    {"c / x", [](const Tensor& x) { return 3 / x; }, [](Quad x) { return 3 / x; }, 0.5, 3, 1},
    {"pow -1.5", [](const Tensor& x) { return pow(x, Real(-1.5)); },
     [](Quad x) { return std::pow(x, -1.5L); }, 0.3, 4, 4},
    {"pow 0", [](const Tensor& x) { return pow(x, 0); }, [](Quad) { return 1.0L; }, -1, 1, 0},
    {"pow 1", [](const Tensor& x) { return pow(x, 1); }, [](Quad x) { return x; }, -1, 1, 16},
    {"pow 2", [](const Tensor& x) { return pow(x, 2); }, [](Quad x) { return x * x; }, -3, 3, 1},
    {"pow 3", [](const Tensor& x) { return pow(x, 3); }, [](Quad x) { return x * x * x; }, -3, 3,
     16},
    {"square", [](const Tensor& x) { return square(x); }, [](Quad x) { return x * x; }, -3, 3, 1},
    {"sqrt", [](const Tensor& x) { return sqrt(x); }, [](Quad x) { return std::sqrt(x); }, 0.1, 9,
     1},
    {"exp", [](const Tensor& x) { return exp(x); }, [](Quad x) { return std::exp(x); }, -20, 20, 2},
    {"expm1", [](const Tensor& x) { return expm1(x); }, [](Quad x) { return std::expm1(x); }, -3, 3,
     4},
    {"expm1 near 0", [](const Tensor& x) { return expm1(x * Real(1e-6)); },
     [](Quad x) { return std::expm1(static_cast<Real>(x) * Real(1e-6)); }, -1, 1, 4},
    {"log", [](const Tensor& x) { return log(x); }, [](Quad x) { return std::log(x); }, 1.5, 50, 2},
    {"log1p", [](const Tensor& x) { return log1p(x); }, [](Quad x) { return std::log1p(x); }, -0.9,
     5, 4},
    {"log1p near 0", [](const Tensor& x) { return log1p(x * Real(1e-6)); },
     [](Quad x) { return std::log1p(static_cast<Real>(x) * Real(1e-6)); }, -1, 1, 4},
    {"abs", [](const Tensor& x) { return abs(x); }, [](Quad x) { return std::abs(x); }, -3, 3, 0},
    {"sin", [](const Tensor& x) { return sin(x); }, [](Quad x) { return std::sin(x); }, 0.2, 3, 4},
    {"cos", [](const Tensor& x) { return cos(x); }, [](Quad x) { return std::cos(x); }, -1.5, 1.5,
     4},
    {"clamp", [](const Tensor& x) { return clamp(x, -1, Real(0.5)); },
     [](Quad x) { return std::min(std::max(x, -1.0L), 0.5L); }, -3, 3, 0},
};

struct BinaryCase {
  const char* name;  // as in error messages
  std::function<Tensor(const Tensor&, const Tensor&)> op;
  std::function<Quad(Quad, Quad)> reference;
  double low, high, eps;
};

const std::vector<BinaryCase> binary_cases = {
    {"add", [](const Tensor& a, const Tensor& b) { return a + b; },
     [](Quad a, Quad b) { return a + b; }, 0, 3, 1},
    {"subtract", [](const Tensor& a, const Tensor& b) { return a - b; },
     [](Quad a, Quad b) { return a - b; }, -3, 3, 1},
    {"multiply", [](const Tensor& a, const Tensor& b) { return a * b; },
     [](Quad a, Quad b) { return a * b; }, -3, 3, 1},
    {"divide", [](const Tensor& a, const Tensor& b) { return a / b; },
     [](Quad a, Quad b) { return a / b; }, 0.5, 3, 1},
    {"pow", [](const Tensor& a, const Tensor& b) { return pow(a, b); },
     [](Quad a, Quad b) { return std::pow(a, b); }, 0.3, 3, 4},
    {"maximum", [](const Tensor& a, const Tensor& b) { return maximum(a, b); },
     [](Quad a, Quad b) { return std::max(a, b); }, -3, 3, 0},
    {"minimum", [](const Tensor& a, const Tensor& b) { return minimum(a, b); },
     [](Quad a, Quad b) { return std::min(a, b); }, -3, 3, 0},
    {"where",
     [](const Tensor& a, const Tensor& b) {
       Array condition{0, 1, Real(-0.5)};
       return where(condition.reshape(Shape{3, 1}), a, b);
     },
     nullptr, -3, 3, 0},
};

// NumPy's rule, one element at a time: where element `flat` of `shape` comes from in an array of
// shape `own`.
std::size_t source_index(std::size_t flat, const Shape& shape, const Shape& own) {
  std::size_t index = 0, stride = 1;
  for (std::size_t k = 1; k <= shape.size(); ++k) {
    const std::size_t position = flat % shape[shape.size() - k];
    flat /= shape[shape.size() - k];
    if (k > own.size()) continue;
    const std::size_t size = own[own.size() - k];
    index += stride * (size == 1 ? 0 : position);
    stride *= size;
  }
  return index;
}

struct ShapePair {
  Shape a, b, result;
};
const std::vector<ShapePair> shape_pairs = {
    {{3, 4}, {3, 4}, {3, 4}},
    {{3, 4}, {4}, {3, 4}},
    {{4}, {3, 4}, {3, 4}},
    {{3, 1}, {1, 4}, {3, 4}},
    {{3, 4}, {3, 1}, {3, 4}},
    {{}, {3, 4}, {3, 4}},
    {{3, 1}, {}, {3, 1}},
    {{3, 1}, {1}, {3, 1}},
    {{2, 1, 5}, {3, 1}, {2, 3, 5}},
    {{2, 3, 5}, {1, 3, 1}, {2, 3, 5}},
    {{1, 1, 1}, {3, 5}, {1, 3, 5}},
    {{3, 0}, {1}, {3, 0}},
    {{3, 1}, {1, 0}, {3, 0}},
    {{3, 0}, {3, 0}, {3, 0}},
    {{3, 1}, {3, 1}, {3, 1}},
    {{3, 1, 5}, {2, 1, 3, 1}, {2, 3, 3, 5}},
    {{3, 50, 40}, {3, 1, 1}, {3, 50, 40}},
};

}  // namespace

TEST_CASE("functions of one tensor have the right values") {
  // A vectorised body with a tail; enough for two threads; one; none; no axes.
  for (const Shape& shape : std::vector<Shape>{{1003}, {181, 182}, {1, 1}, {3, 0}, {}}) {
    for (const UnaryCase& c : unary_cases) {
      CAPTURE(std::string(c.name));
      const Array x = points(shape, c.low, c.high);
      const Tensor y = c.op(Tensor(x));
      CHECK(y.shape() == shape);
      CHECK(error_in_eps(y.value(), [&](std::size_t i) { return c.reference(x.data()[i]); }) <=
            c.eps);
    }
  }
}

TEST_CASE("functions of one tensor have the right gradients") {
  for (const Shape& shape : std::vector<Shape>{{5, 7}, {1}, {2, 0}, {}}) {
    for (const UnaryCase& c : unary_cases) {
      CAPTURE(std::string(c.name));
      check_gradients([&](const std::vector<Tensor>& x) { return c.op(x[0]); },
                      {points(shape, std::max(c.low, -3.0), std::min(c.high, 9.0))});
    }
  }
}

TEST_CASE("functions of two tensors broadcast, forward and backward") {
  for (const BinaryCase& c : binary_cases) {
    for (const ShapePair& s : shape_pairs) {
      if (c.name == std::string("where") && s.result.size() > 2) continue;
      CAPTURE(std::string(c.name));
      CAPTURE(to_string(s.a));
      CAPTURE(to_string(s.b));
      const Array a = points(s.a, c.low, c.high);
      const Array b = points(s.b, c.low + 0.011, c.high + 0.013);
      const Tensor y = c.op(Tensor(a), Tensor(b));
      CHECK(y.shape() == s.result);
      const double error = error_in_eps(y.value(), [&](std::size_t i) -> Quad {
        const Quad p = a.data()[source_index(i, s.result, s.a)];
        const Quad q = b.data()[source_index(i, s.result, s.b)];
        if (c.reference) return c.reference(p, q);
        return i / s.result[1] == 0 ? q : p;  // where: the first row's condition is 0
      });
      CHECK(error <= c.eps);
      if (y.size() > 1000) continue;  // differences for each element would take too long
      check_gradients([&](const std::vector<Tensor>& x) { return c.op(x[0], x[1]); }, {a, b});
    }
  }
}

TEST_CASE("one side may be a constant") {
  for (const BinaryCase& c : binary_cases) {
    CAPTURE(std::string(c.name));
    const Array a = points({3, 4}, c.low, c.high), b = points({3, 1}, c.low + 0.011, c.high);
    check_gradients([&](const std::vector<Tensor>& x) { return c.op(x[0], Tensor(b)); }, {a});
    check_gradients([&](const std::vector<Tensor>& x) { return c.op(Tensor(a), x[0]); }, {b});
  }
}

TEST_CASE("a tensor combined with itself gets both gradients") {
  const Array x = points({3, 4}, Real(0.5), 3);
  check_gradients([](const std::vector<Tensor>& v) { return v[0] * v[0] + v[0] / v[0]; }, {x});
  check_gradients([](const std::vector<Tensor>& v) { return v[0] - v[0] * v[0]; }, {x});
  CHECK(gradient([](const Tensor& v) { return maximum(v, v); }, x) == ones({3, 4}));
}

TEST_CASE("large arrays broadcast on both threads") {
  const Array a = points({200, 300}, 1, 2), column = points({200, 1}, 1, 2),
              row = points({300}, 1, 2);
  const Tensor y = Tensor(a) * Tensor(column) + Tensor(row);
  CHECK(error_in_eps(y.value(), [&](std::size_t i) -> Quad {
          return Quad(a.data()[i]) * column.data()[i / 300] + row.data()[i % 300];
        }) <= 2);
  Tensor c = parameter(column);
  const Tensor product = Tensor(a) * c;
  product.backward(ones(product.shape()));
  CHECK(error_in_eps(c.grad(), [&](std::size_t i) {
          Quad sum = 0;
          for (std::size_t j = 0; j < 300; ++j) sum += a.data()[i * 300 + j];
          return sum;
        }) <= 20);
}

TEST_CASE("ties, kinks and edges") {
  // Long enough for vector registers, whose functions are not those of the C library.
  const auto many = [](const Array& pattern) {
    Array a = empty({pattern.size() * 29});
    for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = pattern.data()[i % pattern.size()];
    return a;
  };
  Tensor p = parameter(many({1, 2, 3})), q = parameter(many({2, 2, 2}));
  maximum(p, q).backward(many({4, 4, 4}));
  CHECK(p.grad() == many({0, 2, 4}));
  CHECK(q.grad() == many({4, 2, 0}));
  p.clear_grad();
  q.clear_grad();
  minimum(p, q).backward(many({4, 4, 4}));
  CHECK(p.grad() == many({4, 2, 0}));
  CHECK(q.grad() == many({0, 2, 4}));

  CHECK(gradient([](const Tensor& x) { return abs(x); }, many({-2, 0, 2})) == many({-1, 0, 1}));
  CHECK(gradient([](const Tensor& x) { return clamp(x, -1, 1); }, many({-2, -1, 0, 1, 2})) ==
        many({0, 1, 1, 1, 0}));
  CHECK(clamp(Tensor(many({-2, 5})), 1, 1).value() == many({1, 1}));

  // 0⁰ = 1 without a slope in x, x¹ has slope 1 at 0, and 0ᵖ stays 0 when p changes a little.
  const Real infinity = std::numeric_limits<Real>::infinity();
  const Array zero = many({0});
  CHECK(pow(Tensor(zero), 0).value() == many({1}));
  CHECK(pow(Tensor(zero), Real(0.5)).value() == zero);
  CHECK(pow(Tensor(zero), -1).value() == many({infinity}));
  CHECK(gradient([](const Tensor& x) { return pow(x, 0); }, zero) == zero);
  CHECK(gradient([](const Tensor& x) { return pow(x, 1); }, zero) == many({1}));
  CHECK(gradient([](const Tensor& x) { return pow(x, 3); }, zero) == zero);
  Tensor base = parameter(many({0, 0, 0})), exponent = parameter(many({0, 1, 2}));
  const Tensor y = pow(base, exponent);
  CHECK(y.value() == many({1, 0, 0}));
  y.backward(ones(y.shape()));
  CHECK(base.grad() == many({0, 1, 0}));
  CHECK(exponent.grad() == many({0, 0, 0}));
  CHECK(pow(Tensor(zero), Tensor(many({-1}))).value() == many({infinity}));
}

TEST_CASE("the condition of where: anything but 0, of any shape that broadcasts") {
  Tensor a(full({2, 3}, 1)), b(full({}, -1));
  Array condition{0, 2, -1};  // not const: xt::where would be the better overload
  CHECK(where(condition, a, b).value() == Array{{-1, 1, 1}, {-1, 1, 1}});
  CHECK(where(Array{0, 2, -1}, a, b).value() == Array{{-1, 1, 1}, {-1, 1, 1}});
  CHECK(where(full({4, 1, 1}, 1), a, b).shape() == Shape{4, 2, 3});
  CHECK(where(full({}, 0), a, b).value() == full({2, 3}, -1));
  // What is not chosen may be infinite: its gradient is 0 and not NaN.
  Tensor x = parameter(Array{0, 4});
  where(Array{0, 1}, sqrt(x), Tensor(zeros({2}))).backward(Array{0, 1});
  CHECK(x.grad().data()[1] == doctest::Approx(0.25));
}

TEST_CASE("NaN is not lost") {
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const auto all_nan = [](const Tensor& x) {
    return std::all_of(x.value().data(), x.value().data() + x.size(),
                       [](Real v) { return std::isnan(v); });
  };
  const Tensor x(full({37}, nan)), one(full({37}, 1));
  CHECK(all_nan(maximum(x, one)));
  CHECK(all_nan(maximum(one, x)));
  CHECK(all_nan(minimum(x, one)));
  CHECK(all_nan(minimum(one, x)));
  CHECK(all_nan(clamp(x, 0, 1)));
  CHECK(all_nan(abs(x)));
  CHECK(all_nan(log(Tensor(full({37}, -1)))));
}

TEST_CASE("shapes that do not broadcast are named") {
  const Tensor a(zeros({2, 3})), b(zeros({4}));
  for (const BinaryCase& c : binary_cases) {
    if (c.name == std::string("where")) continue;
    CHECK(message_of([&] { c.op(a, b); }) ==
          std::string(c.name) + ": cannot broadcast (2, 3) with (4,)");
  }
  CHECK(message_of([&] {
          where(zeros({2, 1}), a, b);
        }) == "where: cannot broadcast the condition (2, 1) with (2, 3) and (4,)");
  CHECK(message_of([&] {
          where(zeros({5, 1}), a, a);
        }) == "where: cannot broadcast the condition (5, 1) with (2, 3) and (2, 3)");
  CHECK(message_of([&] { clamp(a, 2, 1); }) ==
        "clamp: the bounds [2.000000, 1.000000] hold no number, for x of shape (2, 3)");
  CHECK_THROWS_AS(clamp(a, std::numeric_limits<Real>::quiet_NaN(), 1), std::invalid_argument);
}
