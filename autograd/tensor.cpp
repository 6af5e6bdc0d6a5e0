#include "autograd/tensor.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <ostream>
#include <sstream>
#include <stdexcept>

namespace nabla {
namespace {

std::atomic<std::uint64_t> nodes_created{0};
std::atomic<std::size_t> nodes_alive{0};
thread_local bool recording = true;
thread_local bool checking_finite = false;

std::string first_not_finite(const Array& a) {
  const Real* const p = a.data();
  const Real* const bad = std::find_if(p, p + a.size(), [](Real x) { return !std::isfinite(x); });
  std::ostringstream text;
  text << *bad << " at flat index " << bad - p;
  return text.str();
}

}  // namespace

// Node ----------------------------------------------------------------------------------------

Node::Node(const char* operation, Array value)
    : value(std::move(value)),
      operation(operation),
      sequence(nodes_created.fetch_add(1, std::memory_order_relaxed)) {
  nodes_alive.fetch_add(1, std::memory_order_relaxed);
}

Node::~Node() {
  nodes_alive.fetch_sub(1, std::memory_order_relaxed);
  if (parents.empty()) return;
  // The last owner of a chain would otherwise recurse once per node. The outermost destructor
  // keeps a list; those it sets off only append their parents to it.
  static thread_local std::vector<Parent>* pending = nullptr;
  if (pending != nullptr) {
    std::move(parents.begin(), parents.end(), std::back_inserter(*pending));
    return;
  }
  std::vector<Parent> list = std::move(parents);
  pending = &list;
  while (!list.empty()) {
    const Parent parent = std::move(list.back());
    list.pop_back();
  }
  pending = nullptr;
}

const Array& Node::grad() const {
  if (!grad_) {
    throw std::logic_error("grad: " + describe() + " has no gradient; " +
                           (requires_grad_ ? "call backward() first, and keep_grad() before it on "
                                             "an intermediate result"
                                           : "only parameters and what depends on them get one"));
  }
  return *grad_;
}

void Node::accumulate(Array&& gradient) {
  if (!requires_grad_) return;
  check_gradient_shape(gradient.shape());
  if (grad_) {
    evaluate_into(*grad_, gradient, Update::add);
  } else {
    grad_ = std::move(gradient);
  }
}

void Node::clear_grad() {
  grad_.reset();
}

void Node::check_gradient_shape(const Shape& shape) const {
  if (shape == value.shape()) return;
  throw std::logic_error("accumulate: gradient of shape " + to_string(shape) + " for " +
                         describe() + "; unbroadcast it first");
}

std::string Node::describe() const {
  std::string text = operation;
  if (!label.empty()) text += " \"" + label + "\"";
  return text + " " + to_string(value.shape());
}

std::size_t live_nodes() {
  return nodes_alive.load(std::memory_order_relaxed);
}

// record --------------------------------------------------------------------------------------

namespace detail {

bool grad_enabled() {
  return recording;
}
bool finite_check_enabled() {
  return checking_finite;
}

const NodePtr& node_of(const Tensor& tensor) {
  if (tensor.node_ == nullptr) throw std::logic_error("an undefined Tensor was used");
  return tensor.node_;
}

Tensor finish_record(NodePtr node, std::vector<Node::Parent> parents,
                     std::function<void(Node&)> backward) {
  node->parents = std::move(parents);
  node->backward = std::move(backward);
  node->require_grad();
  return Tensor(std::move(node));
}

void check_finite_value(const Node& node, const std::vector<const Node*>& parents) {
  if (all_finite(node.value)) return;
  std::string text = "finite check: " + node.describe() + " has " + first_not_finite(node.value) +
                     " (forward); parents:";
  for (const Node* const parent : parents) {
    text += " " + parent->describe() + (all_finite(parent->value) ? "" : " [not finite]");
  }
  throw std::runtime_error(text);
}

}  // namespace detail

Tensor record_many(const char* operation, Array value, std::function<void(Node&)> backward,
                   const std::vector<Tensor>& parents) {
  NodePtr node = std::make_shared<Node>(operation, std::move(value));
  if (checking_finite) {
    std::vector<const Node*> list;
    for (const Tensor& parent : parents) list.push_back(&parent.node());
    detail::check_finite_value(*node, list);
  }
  const bool wanted = std::any_of(parents.begin(), parents.end(),
                                  [](const Tensor& parent) { return parent.requires_grad(); });
  if (!recording || !wanted) return Tensor(std::move(node));
  std::vector<Node::Parent> list;
  list.reserve(parents.size());
  for (const Tensor& parent : parents) {
    list.push_back({detail::node_of(parent), parent.node().version});
  }
  return detail::finish_record(std::move(node), std::move(list), std::move(backward));
}

// backward ------------------------------------------------------------------------------------

// One walk from a result back to the leaves, newest node first. A node is newer than its parents,
// so when its turn comes every operation that used it has already added its share.
class BackwardWalk {
 public:
  BackwardWalk(NodePtr root, bool keep_graph) : keep_graph_(keep_graph) {
    static std::atomic<std::uint64_t> walks{0};
    number_ = walks.fetch_add(1, std::memory_order_relaxed) + 1;
    check_usable(*root);
    push(std::move(root));
  }

  void run() {
    while (!queue_.empty()) {
      const NodePtr node = pop();
      if (node->is_leaf()) continue;
      check_usable(*node);
      if (node->has_grad()) {
        node->backward(*node);
        if (checking_finite) check_finite_gradients(*node);
      }
      if (!node->keeps_grad) node->clear_grad();
      for (const Node::Parent& parent : node->parents) {
        if (parent.node->requires_grad() && parent.node->walk_ != number_) push(parent.node);
      }
      if (!keep_graph_) {
        node->parents.clear();
        node->backward = nullptr;
        node->history_freed = true;
      }
    }
  }

 private:
  static bool older(const NodePtr& a, const NodePtr& b) { return a->sequence < b->sequence; }

  void push(NodePtr node) {
    node->walk_ = number_;
    queue_.push_back(std::move(node));
    std::push_heap(queue_.begin(), queue_.end(), older);
  }

  NodePtr pop() {
    std::pop_heap(queue_.begin(), queue_.end(), older);
    NodePtr node = std::move(queue_.back());
    queue_.pop_back();
    return node;
  }

  static void check_usable(const Node& node) {
    if (node.history_freed) {
      throw std::logic_error("backward: the graph behind " + node.describe() +
                             " was freed by an earlier backward(); compute the result again, or "
                             "pass keep_graph = true to the earlier call");
    }
    for (const Node::Parent& parent : node.parents) {
      if (parent.node->version != parent.version) {
        throw std::logic_error("backward: the value of " + parent.node->describe() +
                               " was changed in place after " + node.describe() +
                               " had used it; run backward() before the change");
      }
    }
  }

  static void check_finite_gradients(const Node& node) {
    for (const Node::Parent& parent : node.parents) {
      if (!parent.node->has_grad() || all_finite(parent.node->grad())) continue;
      std::string text = "finite check: the gradient of " + parent.node->describe() + " has " +
                         first_not_finite(parent.node->grad()) + " after the backward of " +
                         node.describe() + "; its parents:";
      for (const Node::Parent& other : node.parents) text += " " + other.node->describe();
      throw std::runtime_error(text);
    }
  }

  std::vector<NodePtr> queue_;  // a heap, newest on top
  std::uint64_t number_ = 0;
  bool keep_graph_;
};

void Tensor::backward(bool keep_graph) const {
  if (size() != 1) {
    throw std::invalid_argument("backward: " + node().describe() +
                                " is not a single number; reduce it with sum() or mean(), or give "
                                "the seed gradient");
  }
  backward(ones(shape()), keep_graph);
}

void Tensor::backward(const Array& seed, bool keep_graph) const {
  if (!requires_grad()) {
    throw std::logic_error("backward: " + node().describe() + (node().is_leaf() ? "" : " result") +
                           " depends on no parameter (or was computed under NoGrad)");
  }
  if (seed.shape() != shape()) {
    throw std::invalid_argument("backward: seed of shape " + to_string(seed.shape()) + " for " +
                                node().describe());
  }
  BackwardWalk walk(node_, keep_graph);
  node().accumulate(seed);
  walk.run();
}

// Tensor --------------------------------------------------------------------------------------

Tensor::Tensor(Array value) : node_(std::make_shared<Node>("constant", std::move(value))) {}

Tensor::Tensor(Real value) : Tensor(full(Shape{}, value)) {}

std::size_t Tensor::size(std::ptrdiff_t axis) const {
  return shape()[normalised_axes("size", {axis}, shape())[0]];
}

Real Tensor::item() const {
  if (size() != 1) {
    throw std::invalid_argument("item: " + node().describe() + " is not a single number");
  }
  return *value().data();
}

Tensor& Tensor::keep_grad() {
  node().keeps_grad = true;
  return *this;
}

Tensor Tensor::detach() const {
  return Tensor(value());
}

Array& Tensor::mutable_value() {
  if (!node().is_leaf()) {
    throw std::logic_error("mutable_value: " + node().describe() +
                           " was computed; only leaves may be changed in place");
  }
  ++node().version;
  return node().value;
}

Array& Tensor::mutable_grad() {
  return const_cast<Array&>(node().grad());
}

Tensor& Tensor::set_label(std::string label) {
  node().label = std::move(label);
  return *this;
}

Tensor parameter(Array value) {
  NodePtr node = std::make_shared<Node>("parameter", std::move(value));
  node->require_grad();
  return Tensor(std::move(node));
}

NoGrad::NoGrad() : before_(recording) {
  recording = false;
}
NoGrad::~NoGrad() {
  recording = before_;
}

FiniteCheck::FiniteCheck(bool on) : before_(checking_finite) {
  checking_finite = on;
}
FiniteCheck::~FiniteCheck() {
  checking_finite = before_;
}

}  // namespace nabla
