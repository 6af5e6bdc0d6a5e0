// Losses: values against the textbook's formula in long double, gradients against differences,
// logits of ±10⁴, and what is refused.
#include <functional>
#include <stdexcept>

#include "reference.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

using Quad = long double;

IndexArray classes_like(const Shape& shape, std::int64_t count) {
  IndexArray classes(IndexArray::shape_type(shape.begin(), shape.end()));
  for (std::size_t i = 0; i < classes.size(); ++i) {
    classes.data()[i] = static_cast<std::int64_t>(i * 7 + 3) % count;
  }
  return classes;
}

}  // namespace

TEST_CASE("binary cross-entropy is −t ln σ(l) − (1 − t) ln(1 − σ(l))") {
  for (const Shape& shape : std::vector<Shape>{{1003}, {181, 182}, {1, 1}, {3, 0}, {}}) {
    const Array l = points(shape, -9, 8), t = points(shape, 0, 1);
    const Tensor loss = binary_cross_entropy(Tensor(l), t);
    CHECK(loss.shape() == shape);
    const double error = error_in_eps(
        loss.value(),
        [&](std::size_t i) {
          const Quad p = 1 / (1 + std::exp(-static_cast<Quad>(l.data()[i])));
          const Quad target = t.data()[i];
          return -target * std::log(p) - (1 - target) * std::log(1 - p);
        },
        1);
    CHECK(error <= 12);
  }
  for (const Shape& shape : std::vector<Shape>{{5, 7}, {1}, {2, 0}, {}}) {
    const Array t = points(shape, 0, 1);
    check_gradients([&](const std::vector<Tensor>& x) { return binary_cross_entropy(x[0], t); },
                    {points(shape, -4, 4)});
  }
}

TEST_CASE("the Bernoulli log-probability sums x ln σ(l) + (1 − x) ln σ(−l) over the last axis") {
  struct Shapes {
    Shape logits, x;
  };
  const std::vector<Shapes> all{
      {{7, 33}, {7, 33}}, {{3, 7, 16}, {7, 16}}, {{2, 3, 5, 1}, {5, 1}}, {{50, 784}, {784}},
      {{5}, {5}},         {{3, 0, 4}, {0, 4}},   {{4, 0}, {4, 0}},       {{2, 3, 0}, {3, 0}}};
  for (const Shapes& shapes : all) {
    const Array l = points(shapes.logits, -9, 8), x = points(shapes.x, 0, 1);
    const Tensor result = bernoulli_log_prob(Tensor(l), Tensor(x));
    CHECK(result.shape() == Shape(shapes.logits.begin(), shapes.logits.end() - 1));
    const std::size_t D = shapes.logits.back();
    const double error = error_in_eps(result.value(), [&](std::size_t row) {
      Quad sum = 0;
      for (std::size_t d = 0; d < D; ++d) {
        const Quad p = 1 / (1 + std::exp(-static_cast<Quad>(l.data()[row * D + d])));
        const Quad t = x.data()[(row * D + d) % x.size()];
        sum += t * std::log(p) + (1 - t) * std::log(1 - p);
      }
      return sum;
    });
    CHECK(error <= 32);
    // The gradient in float too: the vectors and the rest of a row.
    const Array dl = gradient([&](const Tensor& t) { return bernoulli_log_prob(t, Tensor(x)); }, l);
    CHECK(error_in_eps(
              dl,
              [&](std::size_t i) {
                return x.data()[i % x.size()] - 1 / (1 + std::exp(-static_cast<Quad>(l.data()[i])));
              },
              1) <= 8);
  }
  const Array x = points({4, 19}, 0, 1);
  check_gradients(
      [&](const std::vector<Tensor>& l) {
        return bernoulli_log_prob(l[0], Tensor(x)) + bernoulli_log_prob(l[0], Tensor(x));
      },
      {points({3, 4, 19}, -4, 4)});
}

TEST_CASE("the Bernoulli log-probability of sure logits, and what it refuses") {
  const Array l{Real(1e4), Real(-1e4), Real(1e4), Real(-1e4)}, x{1, 0, 0, 0};
  CHECK(bernoulli_log_prob(Tensor(l), Tensor(x)).item() == Real(-1e4));
  const auto message = [](const Shape& logits, const Array& x) {
    return message_of([&] { bernoulli_log_prob(Tensor(zeros(logits)), Tensor(x)); });
  };
  CHECK(message({3, 4}, zeros({3})) ==
        "bernoulli_log_prob: logits (…, D) need x of their last axes, got (3, 4) and (3,)");
  CHECK(message({4}, zeros({2, 4})) ==
        "bernoulli_log_prob: logits (…, D) need x of their last axes, got (4,) and (2, 4)");
  CHECK(message({}, zeros({})) ==
        "bernoulli_log_prob: logits (…, D) need x of their last axes, got () and ()");
  CHECK(message({2}, Array{0, Real(1.5)}) ==
        "bernoulli_log_prob: target 1.500000 at flat index 1 of (2,) is outside [0, 1]");
  CHECK(message_of([] { bernoulli_log_prob(Tensor(zeros({2})), parameter(zeros({2}))); }) ==
        "bernoulli_log_prob: x gets no gradient; detach() it");
}

TEST_CASE("binary cross-entropy of sure logits") {
  Array l = empty({40}), t = empty({40});  // right and wrong, sure of both
  for (std::size_t i = 0; i < 40; ++i) {
    l.data()[i] = i % 2 == 0 ? Real(1e4) : Real(-1e4);
    t.data()[i] = i % 4 < 2 ? 1 : 0;
  }
  const Array loss = binary_cross_entropy(Tensor(l), t).value();
  const Array dl = gradient([&](const Tensor& x) { return binary_cross_entropy(x, t); }, l);
  for (std::size_t i = 0; i < 40; ++i) {
    const bool right = (l.data()[i] > 0) == (t.data()[i] == 1);
    CHECK(loss.data()[i] == (right ? 0 : Real(1e4)));
    CHECK(dl.data()[i] == (right ? 0 : l.data()[i] > 0 ? 1 : -1));
  }
  // A small loss is not rounded away: softplus(−30) = e⁻³⁰.
  CHECK(error_in_eps(binary_cross_entropy(Tensor(full({33}, 30)), ones({33})).value(),
                     [](std::size_t) { return std::log1p(std::exp(-30.0L)); }) <= 4);
}

TEST_CASE("binary cross-entropy and the Bernoulli log-probability of infinite logits") {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  const Array l{infinity, -infinity, infinity, -infinity, infinity, -infinity};
  const Array t{1, 0, 0, 1, Real(0.5), Real(0.5)};
  const Array expected{0, 0, infinity, infinity, infinity, infinity};
  const Array slopes{0, 0, 1, -1, Real(0.5), Real(-0.5)};
  CHECK(binary_cross_entropy(Tensor(l), t).value() == expected);
  CHECK(gradient([&](const Tensor& x) { return binary_cross_entropy(x, t); }, l) == slopes);
  for (std::size_t i = 0; i < l.size(); ++i) {
    // One infinite logit, at every place of a row that does not fill its registers.
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

TEST_CASE("binary cross-entropy refuses what cannot be a target") {
  const Tensor l(zeros({2, 3}));
  CHECK(message_of([&] { binary_cross_entropy(l, zeros({3})); }) ==
        "binary_cross_entropy: targets must have the logits' shape, got (2, 3) and (3,)");
  Array t = zeros({2, 3});
  t(1, 1) = Real(1.5);
  CHECK(message_of([&] { binary_cross_entropy(l, t); }) ==
        "binary_cross_entropy: target 1.500000 at flat index 4 of (2, 3) is outside [0, 1]");
  t(1, 1) = Real(-0.25);
  CHECK(message_of([&] { binary_cross_entropy(l, t); }) ==
        "binary_cross_entropy: target -0.250000 at flat index 4 of (2, 3) is outside [0, 1]");
  for (const std::size_t place : {0u, 50u, 9998u}) {  // wherever in a large array
    Array large = points({9999}, 0, 1);
    large.data()[place] = std::numeric_limits<Real>::quiet_NaN();
    const std::string message =
        message_of([&] { binary_cross_entropy(Tensor(zeros({9999})), large); });
    CHECK(message == "binary_cross_entropy: target nan at flat index " + std::to_string(place) +
                         " of (9999,) is outside [0, 1]");
  }
}

TEST_CASE("cross-entropy is −ln softmax(l)[c]") {
  struct Sizes {
    Shape lead;
    std::size_t classes;
  };
  for (const Sizes& s :
       std::vector<Sizes>{{{5}, 7}, {{2, 3}, 4}, {{3}, 1}, {{}, 5}, {{0}, 5}, {{70}, 600}}) {
    Shape shape = s.lead;
    shape.push_back(s.classes);
    CAPTURE(to_string(shape));
    const Array l = points(shape, -9, 8);
    const IndexArray c = classes_like(s.lead, static_cast<std::int64_t>(s.classes));
    const Tensor loss = cross_entropy(Tensor(l), c);
    CHECK(loss.shape() == s.lead);
    const double error = error_in_eps(
        loss.value(),
        [&](std::size_t r) {
          const Real* const row = l.data() + r * s.classes;
          Quad sum = 0;
          for (std::size_t k = 0; k < s.classes; ++k) sum += std::exp(static_cast<Quad>(row[k]));
          return std::log(sum) - row[c.data()[r]];
        },
        1);
    CHECK(error <= 30);
    if (l.size() < 100) {
      check_gradients([&](const std::vector<Tensor>& x) { return cross_entropy(x[0], c); }, {l});
    }
  }
  CHECK(cross_entropy(Tensor(zeros({0, 0})), classes_like({0}, 1)).shape() == Shape{0});
}

TEST_CASE("cross-entropy of sure logits") {
  const Real big = Real(1e4);
  const Array l{{big, -big, 0}, {big, -big, 0}, {big, big, big}};
  const IndexArray c{0, 1, 2};
  const Array loss = cross_entropy(Tensor(l), c).value();
  CHECK(loss.data()[0] == 0);
  CHECK(loss.data()[1] == 2 * big);
  CHECK(loss.data()[2] == doctest::Approx(std::log(3.0)));
  const Array dl = gradient([&](const Tensor& x) { return cross_entropy(x, c); }, l);
  CHECK(all_finite(dl));
  CHECK(dl(1, 0) == 1);
  CHECK(dl(1, 1) == -1);
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  CHECK(std::isnan(cross_entropy(Tensor(Array{{0, nan}}), IndexArray{0}).item()));
  CHECK(std::isnan(cross_entropy(Tensor(Array{{nan, 0}}), IndexArray{1}).item()));
}

TEST_CASE("cross-entropy refuses classes that do not exist") {
  const Tensor l(zeros({2, 3}));
  CHECK(message_of([&] {
          cross_entropy(l, IndexArray{0, 3});
        }) == "cross_entropy: class 3 at flat index 1 of (2,) is outside [0, 3)");
  CHECK(message_of([&] {
          cross_entropy(l, IndexArray{-1, 0});
        }) == "cross_entropy: class -1 at flat index 0 of (2,) is outside [0, 3)");
  CHECK(message_of([&] {
          cross_entropy(Tensor(zeros({1, 0})), IndexArray{0});
        }) == "cross_entropy: class 0 at flat index 0 of (1,) is outside [0, 0)");
  CHECK(message_of([&] {
          cross_entropy(l, IndexArray{0, 1, 2});
        }) ==
        "cross_entropy: logits (…, K) need one class for each row, got (2, 3) and classes (3,)");
  CHECK(message_of([&] { cross_entropy(Tensor(zeros({})), IndexArray{0}); }) ==
        "cross_entropy: logits (…, K) need one class for each row, got () and classes (1,)");
}

TEST_CASE("mean squared error") {
  for (const Shape& shape : std::vector<Shape>{{1003}, {181, 182}, {1, 1}, {}}) {
    const Array p = points(shape, -2, 3), t = points(shape, 1, 4);
    const Tensor loss = mean_squared_error(Tensor(p), Tensor(t));
    CHECK(loss.shape() == Shape{});
    CHECK(error_in_eps(loss.value(), [&](std::size_t) {
            Quad sum = 0;
            for (std::size_t i = 0; i < p.size(); ++i) {
              const Quad d = static_cast<Quad>(p.data()[i]) - t.data()[i];
              sum += d * d;
            }
            return sum / static_cast<Quad>(p.size());
          }) <= 20);
    if (p.size() > 2000) continue;
    check_gradients([](const std::vector<Tensor>& x) { return mean_squared_error(x[0], x[1]); },
                    {p, t});
  }
  CHECK(std::isnan(mean_squared_error(Tensor(zeros({0})), Tensor(zeros({0}))).item()));
  CHECK(message_of([] {
          mean_squared_error(Tensor(zeros({4, 1})), Tensor(zeros({4})));
        }) == "mean_squared_error: shapes must be equal, got (4, 1) and (4,)");
}
