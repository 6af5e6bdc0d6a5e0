// The checker of gradients must itself be able to fail.
#include <doctest/doctest.h>
#include <stdexcept>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"

using namespace nabla;

namespace {

const Array at{Real(0.3), Real(-0.7), Real(1.1)};

// Someone's own operation, y = x³, with a derivative to choose.
Tensor cube(const Tensor& x, Real factor) {
  return record(
      "cube", compute(x.value() * x.value() * x.value()),
      [factor](Node& out, Node& x) { x.accumulate(factor * out.grad() * x.value * x.value); }, x);
}

bool mentions(const GradcheckResult& result, const std::string& text) {
  return result.message.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("an operation from outside passes with the right derivative and fails with a wrong one") {
  const auto check = [](Real factor) {
    return gradcheck([factor](const std::vector<Tensor>& x) { return cube(x[0], factor); }, {at});
  };
  const GradcheckResult right = check(3);
  CHECK_MESSAGE(right, right.message);
  CHECK(right.largest_error < GradcheckOptions().tolerance);
  CHECK(right.message.empty());

  const GradcheckResult wrong = check(2);
  CHECK_FALSE(wrong);
  CHECK(wrong.largest_error > GradcheckOptions().tolerance);
  CHECK(mentions(wrong, "gradcheck: input 0 (3,), element 0: backward gives "));

  if (sizeof(Real) == 8) CHECK_FALSE(check(Real(3.00001)));  // small mistakes too
}

TEST_CASE("it names the element and the input that are wrong") {
  const auto only_last_wrong = [](const std::vector<Tensor>& x) {
    return record(
        "mine", compute(x[0].value() * x[1].value()),
        [](Node& out, Node& a, Node& b) {
          a.accumulate(out.grad() * b.value);
          Array db = compute(out.grad() * a.value);
          db.data()[2] *= 2;
          b.accumulate(std::move(db));
        },
        x[0], x[1]);
  };
  const GradcheckResult result = gradcheck(only_last_wrong, {at, Array{1, 2, 3}});
  CHECK_FALSE(result);
  CHECK(mentions(result, "input 1 (3,), element 2"));
}

TEST_CASE("a derivative of NaN fails") {
  const auto nan = [](const std::vector<Tensor>& x) {
    return cube(x[0], std::numeric_limits<Real>::quiet_NaN());
  };
  CHECK_FALSE(gradcheck(nan, {at}));
}

TEST_CASE("an input that the result does not depend on has gradient 0") {
  const auto first = [](const std::vector<Tensor>& x) { return cube(x[0], 3); };
  const GradcheckResult result = gradcheck(first, {at, at});
  CHECK_MESSAGE(result, result.message);

  const GradcheckResult none =
      gradcheck([](const std::vector<Tensor>&) { return Tensor(at); }, {at});
  CHECK_FALSE(none);
  CHECK(none.message == "gradcheck: the result depends on no input");

  // A dependence that backward does not know of is found.
  const auto hidden = [](const std::vector<Tensor>& x) { return cube(x[0], 3) + x[1].detach(); };
  CHECK(mentions(gradcheck(hidden, {at, at}), "input 1 (3,), element 0: backward gives 0"));
}

TEST_CASE("a gradient that overwrites instead of adding fails") {
  const auto overwrites = [](const std::vector<Tensor>& x) {
    return record(
        "overwriting cube", compute(x[0].value() * x[0].value() * x[0].value()),
        [](Node& out, Node& x) {
          x.accumulate_with([&](Array& dx, Real) {  // ignores beta
            evaluate_into(dx, 3 * out.grad() * x.value * x.value);
          });
        },
        x[0]);
  };
  CHECK_FALSE(gradcheck(overwrites, {at}));
}

TEST_CASE("shapes: results and inputs of any, also empty") {
  const auto product = [](const std::vector<Tensor>& x) { return x[0] * x[1]; };
  CHECK(gradcheck(product, {full({3, 1}, 2), full({}, 3)}));
  CHECK(gradcheck(product, {zeros({0, 2}), full({2}, 3)}));
}
