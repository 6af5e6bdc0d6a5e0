// Node: one value in the graph, and record(), the only way an operation enters it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "autograd/array.hpp"

namespace nabla {

class Node;
using NodePtr = std::shared_ptr<Node>;

/// What a Tensor points to: a value, its gradient once there is one, and how it came about.
class Node {
 public:
  Node(const char* operation, Array value);
  ~Node();  // does not recurse: a chain of a million nodes is destroyed in constant stack
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Array value;

  /// d(root)/d(this), of value's shape. Throws std::logic_error while there is none.
  const Array& grad() const;
  bool has_grad() const { return grad_.has_value(); }
  bool requires_grad() const { return requires_grad_; }

  /// Adds an array or xtensor expression to the gradient. Its shape must be value's exactly (see
  /// unbroadcast); nothing happens, and nothing is evaluated, when no gradient is wanted.
  template <class E>
  void accumulate(const E& gradient);
  void accumulate(Array&& gradient);

  /// For kernels that write through a pointer or gemm: write(buffer, beta) must set
  /// buffer = beta · buffer + gradient. With beta = 0 the buffer is uninitialised.
  template <class Write>
  void accumulate_with(Write&& write);

  void clear_grad();

  // The rest serves tensor.cpp and the inspection of graphs.
  struct Parent {
    NodePtr node;
    std::uint32_t version;  // of the parent's value when the operation read it
  };

  const char* operation;      // "matmul"; "parameter" or "constant" at a leaf
  std::string label;          // a parameter's name, for messages and pictures
  std::uint64_t sequence;     // creation number: greater than that of every parent
  std::uint32_t version = 0;  // counts in-place changes of `value`
  std::vector<Parent> parents;
  std::function<void(Node&)> backward;
  bool history_freed = false;
  bool keeps_grad = false;  // an intermediate result whose gradient was asked for

  bool is_leaf() const { return parents.empty() && !history_freed; }
  void require_grad(bool wanted = true) { requires_grad_ = wanted; }
  std::string describe() const;  // "matmul (64, 400)", with the label where there is one

 private:
  friend class BackwardWalk;

  void check_gradient_shape(const Shape& shape) const;

  std::optional<Array> grad_;
  bool requires_grad_ = false;
  std::uint64_t walk_ = 0;  // the last backward walk that queued this node
};

/// Number of nodes alive in the process: returns to its start after each training step.
std::size_t live_nodes();

class Tensor;

namespace detail {

bool grad_enabled();
bool finite_check_enabled();
const NodePtr& node_of(const Tensor& tensor);  // throws on an undefined tensor
Tensor finish_record(NodePtr node, std::vector<Node::Parent> parents,
                     std::function<void(Node&)> backward);
void check_finite_value(const Node& node, const std::vector<const Node*>& parents);

template <class T>
using NodeReference = Node&;

template <class Backward, std::size_t... I>
std::function<void(Node&)> bind_parents(Backward backward, std::index_sequence<I...>) {
  return [backward = std::move(backward)](Node& out) { backward(out, *out.parents[I].node...); };
}

}  // namespace detail

/// Enters an operation into the graph and returns its result.
///
/// `operation` is its name, a literal. `backward(out, parents…)` receives the result's node and
/// those of the parents as arguments and adds to each parent's gradient; it may capture constants
/// (an axis, a stride), never tensors or nodes: that would hold them twice or in a cycle.
/// When no parent wants a gradient, or under NoGrad, nothing but the value is kept.
template <class Backward, class... Parents>
Tensor record(const char* operation, Array value, Backward backward, const Parents&... parents);

/// The same for any number of parents: `backward(out)` finds them in out.parents[i].node.
Tensor record_many(const char* operation, Array value, std::function<void(Node&)> backward,
                   const std::vector<Tensor>& parents);

// ---------------------------------------------------------------------------------------------

// Evaluated first and added then: a second pass where a gradient is there already, which is rare,
// for a fifth less compile time everywhere.
template <class E>
void Node::accumulate(const E& gradient) {
  if (requires_grad_) accumulate(compute(gradient));
}

template <class Write>
void Node::accumulate_with(Write&& write) {
  if (!requires_grad_) return;
  if (grad_) {
    write(*grad_, Real(1));
  } else {
    write(grad_.emplace(value.shape()), Real(0));
  }
}

}  // namespace nabla
