// Tensors and graphs for people: text and pictures.
#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <unordered_set>

#include "autograd/tensor.hpp"

namespace nabla {
namespace {

constexpr std::size_t printed_whole = 200;  // more elements than this are abbreviated
constexpr std::size_t edge = 3;             // to so many at each end of an axis

class ArrayPrinter {
 public:
  explicit ArrayPrinter(const Array& a) : array_(a), short_(a.size() > printed_whole) {
    visit(0, 0, [this](Real x) { width_ = std::max(width_, text(x).size()); });
  }

  void print(std::ostream& out) const { print(out, 0, 0); }

 private:
  static std::string text(Real x) {
    std::ostringstream s;
    s << std::setprecision(5) << x;
    return s.str();
  }

  bool skipped(std::size_t i, std::size_t n) const {
    return short_ && n > 2 * edge && i >= edge && i < n - edge;
  }

  template <class F>
  void visit(std::size_t axis, std::size_t flat, const F& f) const {
    if (axis == array_.dimension()) return f(array_.data()[flat]);
    const std::size_t n = array_.shape()[axis];
    for (std::size_t i = 0; i < n; ++i) {
      if (skipped(i, n)) i = n - edge;
      visit(axis + 1, flat * n + i, f);
    }
  }

  void print(std::ostream& out, std::size_t axis, std::size_t flat) const {
    if (axis == array_.dimension()) {
      out << std::setw(static_cast<int>(width_)) << text(array_.data()[flat]);
      return;
    }
    const std::size_t n = array_.shape()[axis];
    const bool innermost = axis + 1 == array_.dimension();
    const std::string next = innermost ? ", " : ",\n" + std::string(axis + 1, ' ');
    out << "[";
    for (std::size_t i = 0; i < n; ++i) {
      if (i != 0) out << next;
      if (skipped(i, n)) {
        out << "…" << next;
        i = n - edge;
      }
      print(out, axis + 1, flat * n + i);
    }
    out << "]";
  }

  const Array& array_;
  bool short_;
  std::size_t width_ = 0;
};

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined tensor";
  out << tensor.node().describe() << (tensor.requires_grad() ? ", differentiable\n" : "\n");
  ArrayPrinter(tensor.value()).print(out);
  return out;
}

std::string graphviz(const Tensor& tensor) {
  std::ostringstream out;
  out << "digraph nabla {\n  rankdir=BT;\n  node [shape=box, style=rounded];\n";
  std::vector<const Node*> open{&tensor.node()};
  std::unordered_set<const Node*> seen{open[0]};
  while (!open.empty()) {
    const Node* const node = open.back();
    open.pop_back();
    out << "  n" << node->sequence << " [label=" << quoted(node->describe());
    if (node->is_leaf()) {
      out << ", style=filled, fillcolor=" << (node->requires_grad() ? "lightblue" : "lightgrey");
    }
    out << "];\n";
    for (const Node::Parent& parent : node->parents) {
      out << "  n" << parent.node->sequence << " -> n" << node->sequence << ";\n";
      if (seen.insert(parent.node.get()).second) open.push_back(parent.node.get());
    }
  }
  out << "}\n";
  return out.str();
}

}  // namespace nabla
