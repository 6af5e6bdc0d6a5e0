// Modules: names, order, sharing, mode, and values by name.
#include <doctest/doctest.h>

#include "nn/module.hpp"

using namespace nabla;
using nn::Module;

namespace {

// y = w x + b with w of shape (2,), b of shape (3,)
class Leaf : public Module {
 public:
  Leaf() : w(parameter("w", ones({2}))), b(parameter("b", zeros({3}))) {}
  Tensor w, b;
};

class Tree : public Module {
 public:
  Tree() : own(parameter("own", ones({1, 4}))) { children({{"left", left}, {"right", right}}); }
  Leaf left, right;
  Tensor own;
};

class Open : public Module {
 public:
  using Module::buffer;
  using Module::children;
  using Module::parameter;
};

std::vector<std::string> names(const Module& module) {
  std::vector<std::string> list;
  for (const auto& named : module.named_parameters()) list.push_back(named.first);
  return list;
}

}  // namespace

TEST_CASE("parameters come depth-first in the order of registration, with their paths") {
  const Tree tree;
  CHECK(names(tree) == std::vector<std::string>{"own", "left.w", "left.b", "right.w", "right.b"});
  CHECK(tree.parameters().size() == 5);
  CHECK(tree.parameter_count() == 4 + 2 * 5);
  CHECK(tree.right.b.label() == "right.b");
  Open root;
  root.children({{"tree", tree}});
  CHECK(names(root)[4] == "tree.right.b");
  CHECK(tree.right.b.label() == "tree.right.b");  // errors name the path from the root
  CHECK(Module().parameters().empty());
  CHECK(Module().parameter_count() == 0);
}

TEST_CASE("copies share parameters and mode, and survive the original") {
  std::vector<Tree> trees;
  {
    Tree tree;
    trees.push_back(tree);
    trees.push_back(std::move(tree));
  }
  trees[0].left.w.mutable_value().fill(7);
  CHECK(trees[1].named_parameters()[1].second.value()(0) == 7);
  CHECK(trees[1].left.w.value()(0) == 7);
  trees[0].eval();
  CHECK_FALSE(trees[1].training());
  CHECK_FALSE(trees[1].left.training());
  trees[1].train();
  CHECK(trees[0].right.training());
  trees[0].left.eval();  // a part alone
  CHECK(trees[0].training());
  CHECK_FALSE(trees[1].left.training());
}

TEST_CASE("gradients are cleared everywhere") {
  const Tree tree;
  for (const Tensor& tensor : tree.parameters()) tensor.node().accumulate(ones(tensor.shape()));
  CHECK(tree.right.b.has_grad());
  tree.clear_grad();
  for (const Tensor& tensor : tree.parameters()) CHECK_FALSE(tensor.has_grad());
}

TEST_CASE("a layer used twice has its parameters listed once") {
  Leaf leaf;
  Open root;
  root.children({{"first", leaf}, {"second", leaf}});
  CHECK(names(root) == std::vector<std::string>{"first.w", "first.b"});
  CHECK(root.parameter_count() == 5);
}

TEST_CASE("names are unique, not empty and without dots; no module contains itself") {
  Open module;
  module.parameter("w", ones({1}));
  module.children({{"child", Leaf()}});
  CHECK_THROWS_WITH(module.parameter("w", ones({1})), "module: the name \"w\" is already taken");
  CHECK_THROWS_WITH(module.parameter("child", ones({1})),
                    "module: the name \"child\" is already taken");
  CHECK_THROWS_WITH(module.children({{"w", Leaf()}}), "module: the name \"w\" is already taken");
  CHECK_THROWS_WITH(module.parameter("a.b", ones({1})),
                    "module: \"a.b\" cannot be a name: it must not be empty or contain a dot");
  CHECK_THROWS_AS(module.parameter("", ones({1})), std::invalid_argument);
  CHECK_THROWS_WITH(module.children({{"self", module}}),
                    "children: \"self\" contains the module it would go into");
  Open outer;
  outer.children({{"inner", module}});
  CHECK_THROWS_AS(module.children({{"outer", outer}}), std::invalid_argument);
}

TEST_CASE("values are saved and loaded by name") {
  Tree tree, other;
  tree.left.w.mutable_value() = Array{2, 3};
  const nn::NamedArrays state = tree.state();
  CHECK(state.size() == 5);
  tree.left.w.mutable_value().fill(0);
  CHECK(state.at("left.w") == Array{2, 3});  // a copy
  other.load(state);
  CHECK(other.left.w.value() == Array{2, 3});
  other.left.w.mutable_value().fill(9);
  CHECK(state.at("left.w") == Array{2, 3});
}

TEST_CASE("buffers are part of the model, shared by copies, and no parameters") {
  Open inner, root;
  inner.parameter("w", ones({2}));
  Tensor table = inner.buffer("table", Array{1, 2, 3});
  root.children({{"first", inner}, {"second", inner}});
  CHECK(names(root) == std::vector<std::string>{"first.w"});
  CHECK(root.parameters().size() == 1);
  CHECK(root.parameter_count() == 2);
  REQUIRE(root.named_buffers().size() == 1);
  CHECK(root.named_buffers()[0].first == "first.table");
  REQUIRE(root.named_tensors().size() == 2);
  CHECK(root.named_tensors()[1].first == "first.table");
  CHECK(table.label() == "first.table");
  CHECK_FALSE(table.requires_grad());
  const Open copy = root;
  table.mutable_value().fill(7);
  nn::NamedArrays state = copy.state();
  CHECK(state.size() == 2);
  CHECK(state.at("first.table") == full({3}, 7));
  state.at("first.table").fill(8);
  CHECK(table.value() == full({3}, 7));  // a copy
  root.load(state);
  CHECK(table.value() == full({3}, 8));
  CHECK(copy.state().at("first.table") == full({3}, 8));
  state.erase("first.table");
  CHECK_THROWS_WITH(root.load(state), "load: missing \"first.table\" (3,)");
  CHECK_THROWS_WITH(inner.buffer("w", ones({1})), "module: the name \"w\" is already taken");
  CHECK_THROWS_WITH(inner.parameter("table", ones({1})),
                    "module: the name \"table\" is already taken");
}

TEST_CASE("a buffer's check refuses values from afar, and then nothing is changed") {
  Open inner, root;
  const Tensor w = inner.parameter("w", ones({2}));
  const Tensor scale = inner.buffer("scale", ones({1}), [](const Array& values) {
    if (values(0) <= 0) throw std::invalid_argument("scale: must be above 0");
  });
  root.children({{"inner", inner}});
  CHECK_THROWS_WITH(root.load({{"inner.w", zeros({2})}, {"inner.scale", zeros({1})}}),
                    "scale: must be above 0");
  CHECK(w.value() == ones({2}));
  root.load({{"inner.w", zeros({2})}, {"inner.scale", full({1}, 2)}});
  CHECK(w.value() == zeros({2}));
  CHECK(scale.value() == full({1}, 2));
}

TEST_CASE("load refuses what does not fit, says all that is wrong and changes nothing") {
  Tree tree;
  nn::NamedArrays state = tree.state();
  state.at("left.w").fill(5);
  state.erase("right.b");
  state["stray"] = ones({1, 1});
  state["own"] = ones({4});
  CHECK_THROWS_WITH(tree.load(state),
                    "load: missing \"right.b\" (3,); unknown \"stray\" (1, 1); \"own\" has shape "
                    "(4,), expected (1, 4)");
  CHECK(tree.left.w.value()(0) == 1);
  CHECK_THROWS_WITH(tree.load({}),
                    "load: missing \"left.b\" (3,), \"left.w\" (2,), \"own\" (1, 4) and 2 more");
}

TEST_CASE("an array changed by load is noticed by a graph that has read the old one") {
  Tree tree;
  const Tensor y = record(
      "twice", compute(tree.own.value() * 2), [](Node& out, Node& x) { x.accumulate(out.grad()); },
      tree.own);
  tree.load(tree.state());
  CHECK_THROWS_AS(y.backward(ones({1, 4})), std::logic_error);
}
