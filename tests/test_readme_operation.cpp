// The operation that autograd/README.md shows: compiled, checked, and the same text.
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "autograd/broadcast.hpp"
#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"

using namespace nabla;

namespace {

// [snippet]
// y = a x², for x (…, N) and a (N,) or any shape that broadcasts with x
// dy/da = x², dy/dx = 2 a x
Tensor scaled_square(const Tensor& a, const Tensor& x) {
  broadcast_shape("scaled_square", a.shape(), x.shape());  // throws, with both shapes
  Array y = compute(a.value() * x.value() * x.value());
  const auto backward = [](Node& out, Node& a, Node& x) {
    accumulate_summed(a, out.grad() * x.value * x.value);
    accumulate_summed(x, out.grad() * 2 * a.value * x.value);
  };
  return record("scaled_square", std::move(y), backward, a, x);
}
// [end of snippet]

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// What stands between two marks, without them.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t start = text.find(from);
  REQUIRE_MESSAGE(start != std::string::npos, "no \"" << from << "\"");
  const std::size_t stop = text.find(to, start + from.size());
  REQUIRE_MESSAGE(stop != std::string::npos, "no \"" << to << "\"");
  return text.substr(start + from.size(), stop - start - from.size());
}

std::string root() {
  const char* const folder = std::getenv("NABLA_SOURCE_DIR");  // set by Meson
  return folder != nullptr ? folder : ".";
}

}  // namespace

TEST_CASE("the README shows the operation that is tested here") {
  const std::string readme = text_of(root() + "/autograd/README.md");
  const std::string section = readme.substr(readme.find("## How to write an operation"));
  const std::string shown = between(section, "```cpp\n", "```");
  // Each mark on a line of its own; the pieces keep this line from being found instead.
  const std::string tested = between(text_of(root() + "/tests/test_readme_operation.cpp"),
                                     std::string("// [") + "snippet]\n", "// [end of snippet]");
  CHECK(shown == tested);
}

TEST_CASE("its values, its message and its gradients are right") {
  const Tensor x(Array{{1, 2, 3}, {4, 5, 6}}), a(Array{1, 10, 100});
  CHECK(scaled_square(a, x).value() == Array{{1, 40, 900}, {16, 250, 3600}});
  CHECK_THROWS_WITH_AS(scaled_square(Tensor(zeros({2})), x),
                       "scaled_square: cannot broadcast (2,) with (2, 3)", std::invalid_argument);
  for (const Shape& shape : {Shape{3}, Shape{2, 1}, Shape{2, 3}, Shape{}}) {
    const GradcheckResult r =
        gradcheck([](const std::vector<Tensor>& t) { return scaled_square(t[0], t[1]); },
                  {full(shape, Real(0.5)),
                   Array{{Real(0.1), Real(0.2), Real(0.3)}, {Real(-0.4), Real(0.5), Real(0.6)}}});
    CHECK_MESSAGE(r.passed, r.message);
  }
}
