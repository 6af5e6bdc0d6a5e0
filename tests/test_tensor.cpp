// The graph: leaves, backward, freeing, inspection, and what goes wrong.
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"
#include "tests/reference.hpp"

using namespace nabla;
using nabla::testing::message_of;

namespace {

// y = x₀ + x₁ and y = x₀ x₁ of this file's own, so that it tests record() and nothing beyond.
Tensor plus(const Tensor& a, const Tensor& b) {
  return record(
      "plus", compute(a.value() + b.value()),
      [](Node& out, Node& a, Node& b) {
        a.accumulate(out.grad());
        b.accumulate(out.grad());
      },
      a, b);
}
Tensor times(const Tensor& a, const Tensor& b) {
  return record(
      "times", compute(a.value() * b.value()),
      [](Node& out, Node& a, Node& b) {
        a.accumulate(out.grad() * b.value);
        b.accumulate(out.grad() * a.value);
      },
      a, b);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string printed(const Tensor& tensor) {
  std::ostringstream out;
  out << tensor;
  return out.str();
}

}  // namespace

TEST_CASE("a tensor is a handle: copies share value and gradient") {
  Tensor a = parameter(Array{1, 2, 3});
  Tensor b = a;
  b.mutable_value()(0) = 7;
  CHECK(a.value()(0) == 7);
  sum(a).backward();
  CHECK(b.grad() == ones({3}));
  b.clear_grad();
  CHECK(!a.has_grad());
  CHECK(a.ndim() == 1);
  CHECK(a.size() == 3);
  const Tensor m = constant(zeros({2, 5}));
  CHECK(m.size(0) == 2);
  CHECK(m.size(-1) == 5);
  CHECK_THROWS_WITH_AS(m.size(2), "size: no axis 2 in (2, 5)", std::invalid_argument);
  CHECK(Tensor(Real(4)).item() == 4);
  CHECK(Tensor(full({1, 1}, 4)).item() == 4);
  CHECK_THROWS_WITH_AS(m.item(), "item: constant (2, 5) is not a single number",
                       std::invalid_argument);
}

TEST_CASE("gradients add up until they are cleared") {
  Tensor x = parameter(Array{1, 2});
  sum(times(x, x)).backward();
  CHECK(x.grad() == Array{2, 4});
  sum(x).backward();
  CHECK(x.grad() == Array{3, 5});
  x.mutable_grad()(0) = 0;
  sum(x).backward();
  CHECK(x.grad() == Array{1, 6});
  x.clear_grad();
  CHECK(!x.has_grad());
  sum(x).backward();
  CHECK(x.grad() == Array{1, 1});
  // Used twice in one operation, and along two paths.
  x.clear_grad();
  const Tensor y = times(x, x);
  sum(plus(plus(y, y), x)).backward();
  CHECK(x.grad() == Array{5, 9});
}

TEST_CASE("constants get no gradient, and nothing is recorded for them") {
  const Tensor c = constant(Array{1, 2});
  const std::size_t before = live_nodes();
  const Tensor y = times(c, c);
  CHECK(live_nodes() == before + 1);
  CHECK(y.node().parents.empty());
  CHECK(!y.requires_grad());
  Tensor x = parameter(Array{3, 4});
  sum(times(c, x)).backward();
  CHECK(x.grad() == Array{1, 2});
  CHECK(!c.has_grad());
  CHECK_THROWS_WITH_AS(c.grad(),
                       "grad: constant (2,) has no gradient; only parameters and what depends on "
                       "them get one",
                       std::logic_error);
  CHECK(contains(message_of<std::logic_error>([&] { sum(c).backward(); }),
                 "depends on no parameter"));
}

TEST_CASE("detach stops the gradient") {
  Tensor x = parameter(Array{1, 2});
  sum(times(x, x.detach())).backward();
  CHECK(x.grad() == Array{1, 2});
  CHECK(x.detach().value() == x.value());
  CHECK(!x.detach().requires_grad());
}

TEST_CASE("NoGrad records nothing while it lives") {
  Tensor x = parameter(Array{1, 2});
  {
    const NoGrad outer;
    { const NoGrad inner; }
    const Tensor y = times(x, x);
    CHECK(y.value() == Array{1, 4});
    CHECK(!y.requires_grad());
    CHECK(y.node().parents.empty());
    CHECK(!concat({x, x}, 0).requires_grad());
    CHECK(contains(message_of<std::logic_error>([&] { sum(y).backward(); }), "under NoGrad"));
  }
  CHECK(times(x, x).requires_grad());
}

TEST_CASE("keep_grad keeps the gradient of an intermediate result") {
  Tensor x = parameter(Array{1, 2});
  Tensor dropped = times(x, x), kept = times(x, x);
  kept.keep_grad();
  sum(plus(dropped, kept)).backward();
  CHECK(kept.grad() == ones({2}));
  CHECK(contains(message_of<std::logic_error>([&] { dropped.grad(); }),
                 "grad: times (2,) has no gradient; call backward() first, and keep_grad()"));
}

TEST_CASE("keep_graph lets a graph be walked again; otherwise it is freed") {
  Tensor x = parameter(Array{1, 2});
  const Tensor y = times(x, x);
  const Tensor loss = sum(y);
  loss.backward(true);
  CHECK(x.grad() == Array{2, 4});
  loss.backward();
  CHECK(x.grad() == Array{4, 8});  // not more: the gradients in between started afresh
  CHECK(message_of<std::logic_error>([&] { loss.backward(); }) ==
        "backward: the graph behind sum () was freed by an earlier backward(); compute the result "
        "again, or pass keep_graph = true to the earlier call");
  // A new result on top of a freed part fails too, and names that part.
  const Tensor other = sum(times(y, x));
  CHECK(contains(message_of<std::logic_error>([&] { other.backward(); }),
                 "the graph behind times (2,) was freed"));
}

TEST_CASE("a value changed in place between forward and backward is noticed") {
  Tensor x = parameter(Array{1, 2});
  x.set_label("x");
  const Tensor loss = sum(times(x, x));
  x.mutable_value()(0) = 5;
  CHECK(message_of<std::logic_error>([&] { loss.backward(); }) ==
        "backward: the value of parameter \"x\" (2,) was changed in place after times (2,) had "
        "used it; run backward() before the change");
  x.clear_grad();
  sum(times(x, x)).backward();  // a graph that has seen the new value is fine
  CHECK(x.grad() == Array{10, 4});
  Tensor y = times(x, x);
  CHECK_THROWS_WITH_AS(
      y.mutable_value(),
      "mutable_value: times (2,) was computed; only leaves may be changed in place",
      std::logic_error);
}

TEST_CASE("backward from an array takes a seed of its shape") {
  Tensor x = parameter(Array{1, 2});
  const Tensor y = times(x, x);
  CHECK_THROWS_WITH_AS(y.backward(),
                       "backward: times (2,) is not a single number; reduce it with sum() or "
                       "mean(), or give the seed gradient",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(y.backward(ones({2, 1})), "backward: seed of shape (2, 1) for times (2,)",
                       std::invalid_argument);
  y.backward(Array{10, 100});
  CHECK(x.grad() == Array{20, 400});
  // A leaf is its own derivative.
  Tensor leaf = parameter(full({1}, 3));
  leaf.backward();
  CHECK(leaf.grad() == ones({1}));
}

TEST_CASE("an undefined tensor is refused, not dereferenced") {
  const Tensor none;
  CHECK(!none.defined());
  const char* const message = "an undefined Tensor was used";
  CHECK_THROWS_WITH_AS(none.value(), message, std::logic_error);
  CHECK_THROWS_WITH_AS(none.backward(), message, std::logic_error);
  CHECK_THROWS_WITH_AS(times(none, Tensor(Real(1))), message, std::logic_error);
  CHECK_THROWS_WITH_AS(sum(none), message, std::logic_error);
  CHECK_THROWS_WITH_AS(concat({none}, 0), message, std::logic_error);
  CHECK_THROWS_WITH_AS(graphviz(none), message, std::logic_error);
  CHECK(printed(none) == "undefined tensor");
}

TEST_CASE("a gradient of the wrong shape is refused where it arises") {
  Tensor x = parameter(Array{1, 2});
  const Tensor y = record(
      "careless", Array{{1, 2}, {3, 4}}, [](Node& out, Node& x) { x.accumulate(out.grad()); }, x);
  CHECK(message_of<std::logic_error>([&] {
          y.backward(ones({2, 2}));
        }) == "accumulate: gradient of shape (2, 2) for parameter (2,); unbroadcast it first");
  const Tensor z = record(
      "careless", Array{1, 2}, [](Node&, Node& x) { x.accumulate(zeros({3})); }, x);
  CHECK_THROWS_AS(z.backward(ones({2})), std::logic_error);
}

TEST_CASE("record_many: any number of parents") {
  const std::vector<Tensor> parts{parameter(Array{1}), constant(Array{2}), parameter(Array{3})};
  const Tensor y = record_many(
      "total", compute(parts[0].value() + parts[1].value() + parts[2].value()),
      [](Node& out) {
        for (const Node::Parent& parent : out.parents) parent.node->accumulate(out.grad());
      },
      parts);
  y.backward();
  CHECK(parts[0].grad() == Array{1});
  CHECK(!parts[1].has_grad());
  CHECK(parts[2].grad() == Array{1});
}

TEST_CASE("a chain of a million operations runs, differentiates and is destroyed") {
  const std::size_t before = live_nodes();
  {
    Tensor x = parameter(full({1}, Real(0.5)));
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = sigmoid(y);
    CHECK(live_nodes() == before + 1000001);
    y.backward();
    CHECK(x.has_grad());
    CHECK(live_nodes() == before + 2);  // the history is gone, x and y are left
  }
  CHECK(live_nodes() == before);
  {
    Tensor y = parameter(full({1}, Real(0.5)));
    for (int i = 0; i < 1000000; ++i) y = sigmoid(y);
  }  // destroyed without a backward
  CHECK(live_nodes() == before);
}

TEST_CASE("2⁴⁰ paths through 40 nodes cost 40 steps") {
  Tensor x = parameter(Array{1});
  Tensor y = x;
  std::size_t visits = 0;
  for (int i = 0; i < 40; ++i) {
    y = record(
        "double", compute(y.value() + y.value()),
        [&visits](Node& out, Node& a, Node& b) {
          ++visits;
          a.accumulate(out.grad());
          b.accumulate(out.grad());
        },
        y, y);
  }
  CHECK(y.value()(0) == std::ldexp(Real(1), 40));
  y.backward();
  CHECK(visits == 40);
  CHECK(x.grad()(0) == std::ldexp(Real(1), 40));
}

TEST_CASE("the number of live nodes returns to its start after each training step") {
  Tensor w = parameter(full({3, 2}, Real(0.1))), b = parameter(zeros({2}));
  const Tensor x = constant(ones({4, 3}));
  const std::size_t before = live_nodes();
  for (int step = 0; step < 3; ++step) {
    {
      const Tensor loss = mean(logsumexp(sigmoid(linear(x, w, b)), {1}));
      CHECK(live_nodes() > before);
      loss.backward();
      CHECK(live_nodes() == before + 1);  // only the loss
    }
    CHECK(live_nodes() == before);
    w.clear_grad();
    b.clear_grad();
  }
  {  // An evaluation, and a graph that is never walked.
    const Tensor loss = mean(sigmoid(linear(x, w, b)));
    const NoGrad no_grad;
    const Tensor test = mean(sigmoid(linear(x, w, b)));
    CHECK(live_nodes() == before + 4);  // linear, sigmoid, mean; and the test's mean alone
  }
  CHECK(live_nodes() == before);
}

TEST_CASE("an exception during backward leaves a graph that can be dropped") {
  const std::size_t before = live_nodes();
  {
    Tensor x = parameter(Array{1, 2});
    const Tensor bad = record(
        "bad", Array{1, 2}, [](Node&, Node&) -> void { throw std::runtime_error("no derivative"); },
        x);
    CHECK_THROWS_WITH_AS(sum(times(bad, x)).backward(), "no derivative", std::runtime_error);
    x.clear_grad();
    sum(x).backward();
    CHECK(x.grad() == ones({2}));
  }
  CHECK(live_nodes() == before);
}

TEST_CASE("the finite check names operation and parents, forward") {
  const Real infinity = std::numeric_limits<Real>::infinity();
  Tensor x = parameter(Array{1, infinity});
  x.set_label("x");
  const Tensor c = constant(Array{1, 0});
  CHECK_NOTHROW(times(x, c));  // off by default
  {
    const FiniteCheck check;
    const std::string message = message_of<std::runtime_error>([&] { times(x, c); });
    CHECK(contains(message, "finite check: times (2,) has "));
    CHECK(contains(message, "nan at flat index 1 (forward)"));
    CHECK(contains(message, "parents: parameter \"x\" (2,) [not finite] constant (2,)"));
    const std::string joined = message_of<std::runtime_error>([&] { concat({c, x}, 0); });
    CHECK(contains(joined, "finite check: concat (4,) has inf at flat index 3 (forward)"));
    CHECK(contains(joined, "constant (2,) parameter \"x\" (2,) [not finite]"));
    const FiniteCheck off(false);
    CHECK_NOTHROW(times(x, c));
  }
  CHECK_NOTHROW(times(x, c));
}

TEST_CASE("the finite check names operation and parents, backward") {
  const FiniteCheck check;
  Tensor x = parameter(Array{4, 0});
  x.set_label("x");
  // √0 is finite, its derivative is not.
  const Tensor y = record(
      "root", compute(xt::sqrt(x.value())),
      [](Node& out, Node& x) { x.accumulate(out.grad() / (2 * out.value)); }, x);
  CHECK(message_of<std::runtime_error>([&] { sum(y).backward(); }) ==
        "finite check: the gradient of parameter \"x\" (2,) has inf at flat index 1 after the "
        "backward of root (2,); its parents: parameter \"x\" (2,)");
}

TEST_CASE("tensors print with origin, shape and values") {
  Tensor w = parameter(Array{{1, 2}, {Real(-30.5), 4}});
  w.set_label("w");
  CHECK(printed(w) ==
        "parameter \"w\" (2, 2), differentiable\n"
        "[[    1,     2],\n"
        " [-30.5,     4]]");
  CHECK(printed(sum(w.detach())) == "sum ()\n-23.5");
  CHECK(printed(Tensor(zeros({0}))) == "constant (0,)\n[]");
  CHECK(printed(Tensor(zeros({2, 0}))) == "constant (2, 0)\n[[],\n []]");
  Array large = empty({1000});
  for (std::size_t i = 0; i < 1000; ++i) large(i) = static_cast<Real>(i);
  CHECK(printed(Tensor(large)) == "constant (1000,)\n[  0,   1,   2, …, 997, 998, 999]");
  large.reshape({500, 2});
  CHECK(printed(Tensor(large)) ==
        "constant (500, 2)\n"
        "[[  0,   1],\n [  2,   3],\n [  4,   5],\n …,\n"
        " [994, 995],\n [996, 997],\n [998, 999]]");
}

TEST_CASE("a graph is a Graphviz picture") {
  Tensor w = parameter(Array{1, 2});
  w.set_label("the \"w\"");
  const Tensor c = constant(Array{3, 4});
  const Tensor y = times(plus(w, c), w);
  const std::string picture = graphviz(y);
  const auto id = [](const Tensor& t) { return "n" + std::to_string(t.node().sequence); };
  CHECK(picture.rfind("digraph nabla {", 0) == 0);
  CHECK(picture.substr(picture.size() - 2) == "}\n");
  CHECK(contains(picture, id(y) + " [label=\"times (2,)\"]"));
  CHECK(contains(picture, id(w) + " [label=\"parameter \\\"the \\\"w\\\"\\\" (2,)\", "));
  CHECK(contains(picture, id(c) + " [label=\"constant (2,)\", "));
  CHECK(contains(picture, id(w) + " -> " + id(y) + ";"));
  const auto count = [&picture](const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = picture.find(part); at != std::string::npos;
         at = picture.find(part, at + 1)) {
      ++found;
    }
    return found;
  };
  CHECK(count("[label=") == 4);  // each node once: w, c, plus, times
  CHECK(count(" -> ") == 4);
}

#ifdef NABLA_DOUBLE
TEST_CASE("gradcheck passes what is right and finds what is wrong") {
  using Inputs = std::vector<Tensor>;
  const Array a{{1, 2}, {3, 4}}, b{{Real(0.5), -1}, {2, 1}};
  CHECK(gradcheck([](const Inputs& x) { return times(x[0], x[1]); }, {a, b}).passed);
  // Off by one part in 10⁵.
  const auto wrong = [](const Inputs& x) {
    return record(
        "wrong", compute(x[0].value() * x[0].value()),
        [](Node& out, Node& x) { x.accumulate(out.grad() * x.value * 2.00002); }, x[0]);
  };
  const GradcheckResult r = gradcheck(wrong, {a});
  CHECK(!r.passed);
  CHECK(r.largest_error > 5e-6);
  CHECK(contains(r.message, "gradcheck: input 0 (2, 2), element 0: backward gives"));
  CHECK(!gradcheck([](const Inputs& x) { return times(x[0].detach(), x[1].detach()); }, {a, b}));
  // A gradient that overwrites instead of adding.
  const auto overwrites = [](const Inputs& x) {
    return record(
        "overwrites", compute(x[0].value() * 3),
        [](Node& out, Node& x) {
          x.clear_grad();
          x.accumulate(out.grad() * 3);
        },
        x[0]);
  };
  CHECK(!gradcheck(overwrites, {a}));
}
#endif
