// Tensor: the handle that users hold.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <string>

#include "autograd/node.hpp"

namespace nabla {

/// A value in a computation that can be differentiated. Copies share the value, as in Python.
///
///   Tensor w = parameter(array);              // a gradient will be wanted
///   Tensor loss = mean(square(w));            // each operation records itself
///   loss.backward();                          // now w.grad() is d(loss)/dw
class Tensor {
 public:
  Tensor() = default;            ///< undefined: every use but defined() throws
  explicit Tensor(Array value);  ///< a constant
  explicit Tensor(Real value);   ///< a constant of shape ()
  explicit Tensor(NodePtr node) : node_(std::move(node)) {}

  bool defined() const { return node_ != nullptr; }
  const Array& value() const { return node().value; }
  const Shape& shape() const { return node().value.shape(); }
  std::size_t ndim() const { return node().value.dimension(); }
  std::size_t size() const { return node().value.size(); }
  std::size_t size(std::ptrdiff_t axis) const;  ///< negative axes count from the back
  Real item() const;                            ///< the only element; throws if there are others

  /// The gradient that backward() left, of shape(). Throws std::logic_error if there is none.
  const Array& grad() const { return node().grad(); }
  bool has_grad() const { return node().has_grad(); }
  bool requires_grad() const { return node().requires_grad(); }
  void clear_grad() { node().clear_grad(); }
  /// Keeps the gradient of an intermediate result, which backward() otherwise drops on its way.
  Tensor& keep_grad();

  /// Adds d(this)/d(leaf) to the gradient of every leaf that wants one, from newest node to oldest
  /// and without recursion, and frees the graph as it goes. Only for a single number; for other
  /// shapes give the seed, d(objective)/d(this).
  /// With keep_graph the same graph can be walked again.
  void backward(bool keep_graph = false) const;
  void backward(const Array& seed, bool keep_graph = false) const;

  /// The same value, as a constant: no gradient flows through it.
  Tensor detach() const;

  /// To change a leaf's value in place, as an optimiser does. A graph that has read the old value
  /// refuses to run backward afterwards. Throws std::logic_error on a computed tensor.
  Array& mutable_value();
  /// To change the gradient in place, as clipping does.
  Array& mutable_grad();

  /// A name for messages and pictures; parameters of a Module get theirs by themselves.
  Tensor& set_label(std::string label);
  const std::string& label() const { return node().label; }

  Node& node() const { return *detail::node_of(*this); }

 private:
  friend const NodePtr& detail::node_of(const Tensor& tensor);
  NodePtr node_;
};

/// A leaf whose gradient is wanted.
Tensor parameter(Array value);
/// A leaf of the given numbers: constant({{1, 2}, {3, 4}}) is Tensor(Array{{1, 2}, {3, 4}}).
inline Tensor constant(Array value) {
  return Tensor(std::move(value));
}

/// Value, shape and origin, for people.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

/// While one lives, operations on this thread record nothing: for evaluation and sampling.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// While one lives, the first NaN or infinity on this thread throws std::runtime_error, forward
/// or backward, which names the operation, the shapes and the parents. Costs one pass per result.
class FiniteCheck {
 public:
  explicit FiniteCheck(bool on = true);
  ~FiniteCheck();
  FiniteCheck(const FiniteCheck&) = delete;
  FiniteCheck& operator=(const FiniteCheck&) = delete;

 private:
  bool before_;
};

/// The graph behind a tensor in Graphviz's language, for `dot -Tsvg`. Call it before backward(),
/// which frees the graph.
std::string graphviz(const Tensor& tensor);

// ---------------------------------------------------------------------------------------------

template <class Backward, class... Parents>
Tensor record(const char* operation, Array value, Backward backward, const Parents&... parents) {
  static_assert(sizeof...(Parents) > 0, "an operation has parents; a leaf is made by parameter()");
  static_assert(std::is_invocable_v<Backward, Node&, detail::NodeReference<Parents>...>,
                "backward takes (Node& out, Node& parent, …), one Node& for each parent");
  NodePtr node = std::make_shared<Node>(operation, std::move(value));
  if (detail::finite_check_enabled()) {
    detail::check_finite_value(*node, {detail::node_of(parents).get()...});
  }
  if (!detail::grad_enabled() || !(parents.requires_grad() || ...)) return Tensor(std::move(node));
  std::vector<Node::Parent> list;
  list.reserve(sizeof...(Parents));
  (list.push_back({detail::node_of(parents), parents.node().version}), ...);
  return detail::finish_record(
      std::move(node), std::move(list),
      detail::bind_parents(std::move(backward), std::index_sequence_for<Parents...>()));
}

}  // namespace nabla
