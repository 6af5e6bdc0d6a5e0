// Operations that only move numbers.
#include <algorithm>
#include <cmath>

#include "tests/points.hpp"
#include "tests/table/table.hpp"

namespace nabla::testing {
namespace {

// y[at] = x[from(at)].
Numbers moved(const Numbers& x, const Shape& shape, const std::function<Shape(Shape)>& from) {
  Numbers y(shape, 0);
  std::size_t i = 0;
  for_each_position(shape, [&](const Shape& at) { y.data[i++] = x.data[flat(x.shape, from(at))]; });
  return y;
}

Array whole_numbers(const Shape& shape, std::size_t below) {
  Array a = empty(shape);
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = static_cast<Real>((7 * i + 3) % below);
  return a;
}

Array numbers(const Shape& shape) {
  return points(shape, -2, 3);
}

std::size_t place(std::ptrdiff_t axis, std::size_t ndim) {
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::ptrdiff_t>(ndim) : axis);
}

// A size as a signed number, as a cast makes of it.
Wide as_signed(Wide n) {
  return n < (Wide{1} << 63) ? n : n - (Wide{1} << 64);
}

Entry exact(std::string title, std::string declares, std::function<Tensor(const Tensors&)> call,
            Reference reference, std::vector<Arrays> samples, std::vector<Arrays> large) {
  Entry entry;
  entry.title = std::move(title);
  entry.declares = {std::move(declares)};
  entry.call = std::move(call);
  entry.reference = std::move(reference);
  entry.samples = std::move(samples);
  entry.large = std::move(large);
  entry.eps = 0;  // numbers arrive as they left
  return entry;
}

std::vector<Entry> reshape_entries() {
  const auto to = [](const std::string& title, const NewShape& asked, const Shape& shape,
                     const Array& x) {
    return exact(
        title, "reshape(Tensor, NewShape)", [=](const Tensors& t) { return reshape(t[0], asked); },
        [=](const std::vector<Numbers>& n) {
          Numbers y = n[0];
          y.shape = shape;
          return y;
        },
        {{x}}, {});
  };
  std::vector<Entry> list{to("reshape to (3, 4)", {3, 4}, {3, 4}, numbers({2, 6})),
                          to("reshape to (-1,)", {-1}, {12}, numbers({2, 6})),
                          to("reshape to (2, -1, 3)", {2, -1, 3}, {2, 2, 3}, numbers({2, 6})),
                          to("reshape to (1, 1)", {1, 1}, {1, 1}, numbers({})),
                          to("reshape to ()", {}, {}, numbers({1})),
                          to("reshape to (5, 0)", {5, 0}, {5, 0}, empty({0, 3})),
                          to("reshape to (-1, 3)", {-1, 3}, {0, 3}, empty({0, 3}))};
  const Tensor x(zeros({2, 6})), none(zeros({0, 3})), four(zeros({4})), nothing(zeros({0}));
  constexpr std::ptrdiff_t large = std::ptrdiff_t{1} << 32;
  list[0].refusals = {{"reshape: (2, 6) to (5, 2): the numbers of elements differ",
                       [=] {
                         reshape(x, {5, 2});
                       }},
                      {"reshape: (2, 6) to (5, -1): no size fits in place of -1",
                       [=] {
                         reshape(x, {5, -1});
                       }},
                      {"reshape: (2, 6) to (-1, -1): only one size may be -1",
                       [=] {
                         reshape(x, {-1, -1});
                       }},
                      {"reshape: (2, 6) to (-2, 6): a size is negative",
                       [=] {
                         reshape(x, {-2, 6});
                       }},
                      {"reshape: (0, 3) to (0, -1): no size fits in place of -1",
                       [=] {
                         reshape(none, {0, -1});
                       }},
                      {"reshape: (0,) to (4294967296, 4294967296): the numbers of elements differ",
                       [=] {
                         reshape(nothing, {large, large});
                       }},
                      {"reshape: (4294967296, 4294967296, 0) is too large a shape",
                       [=] {
                         reshape(nothing, {large, large, 0});
                       }},
                      {"reshape: (4,) to", [=] {
                         reshape(four, {large << 30, 4, -1});
                       }}};
  const auto call = [](const Tensor& t, const std::vector<std::size_t>& asked) {
    return reshape(t, NewShape(asked.begin(), asked.end()));
  };
  const auto right = [](std::size_t elements, const std::vector<Wide>& shape) {
    Wide product = 1;
    for (const Wide size : shape) product = std::min(product * size, Wide{1} << 63);
    return Right{product != static_cast<Wide>(elements), shape, {}};
  };
  const auto below = [](Wide n) { return as_signed(n) >= 0; };
  list[0].sizes = {{"the first of two",
                    [=](std::size_t n) {
                      return call(four, {n, 2});
                    },
                    [=](Wide n) {
                      if (as_signed(n) == -1) return Right{false, {2, 2}, {}};
                      return below(n) ? right(4, {n, 2}) : Right{true, {}, {}};
                    }},
                   {"the first of two, of which one is 4",
                    [=](std::size_t n) {
                      return call(four, {n, 4});
                    },
                    [=](Wide n) {
                      if (as_signed(n) == -1) return Right{false, {1, 4}, {}};
                      return below(n) ? right(4, {n, 4}) : Right{true, {}, {}};
                    }},
                   {"both, of nothing",
                    [=](std::size_t n) {
                      return call(Tensor(zeros({0})), {n, n});
                    },
                    [=](Wide n) {
                      return below(n) ? right(0, {n, n}) : Right{true, {}, {}};
                    }},
                   {"two and a 4, of nothing",
                    [=](std::size_t n) {
                      return call(Tensor(zeros({0})), {n, 4});
                    },
                    [=](Wide n) {
                      if (as_signed(n) == -1) return Right{false, {0, 4}, {}};
                      return below(n) ? right(0, {n, 4}) : Right{true, {}, {}};
                    }}};
  return list;
}

Entry permute_to(const std::string& title, const Axes& order, const Shape& shape) {
  return exact(
      title, "permute(Tensor, Axes)", [=](const Tensors& x) { return permute(x[0], order); },
      [=](const std::vector<Numbers>& x) {
        Shape result;
        for (const std::ptrdiff_t axis : order) {
          result.push_back(x[0].shape[place(axis, order.size())]);
        }
        return moved(x[0], result, [&](const Shape& at) {
          Shape from(at.size());
          for (std::size_t i = 0; i < at.size(); ++i) from[place(order[i], at.size())] = at[i];
          return from;
        });
      },
      {{numbers(shape)}}, {});
}

std::vector<Entry> permute_entries() {
  std::vector<Entry> list{permute_to("permute a matrix", {1, 0}, {17, 9}),
                          permute_to("permute nothing", {}, {}),
                          permute_to("permute one axis", {0}, {7}),
                          permute_to("permute three axes", {-1, 0, 1}, {2, 3, 4})};
  list[0].large = {{numbers({250, 200})}, {numbers({40, 1300})}};
  list[0].samples.push_back({numbers({0, 4})});
  for (const Shape& shape : {Shape{33, 16}, Shape{16, 16}, Shape{40, 3}, Shape{3, 40}}) {
    list[0].samples.push_back({numbers(shape)});
  }
  list[0].samples.push_back({numbers({1, 5})});
  Axes order{0, 1, 2, 3};
  do {
    std::string text;
    for (const std::ptrdiff_t axis : order) text += std::to_string(axis);
    list.push_back(permute_to("permute " + text, order, {2, 3, 1, 5}));
    list.back().samples.push_back({numbers({3, 18, 2, 20})});
    list.back().large.push_back({numbers({8, 20, 12, 20})});
  } while (std::next_permutation(order.begin(), order.end()));
  const Tensor x(zeros({2, 3}));
  list[0].refusals = {
      {"permute: 2 axes are to be ordered, got (0,) for (2, 3)", [=] { permute(x, {0}); }},
      {"permute: no axis 2 in (2, 3)",
       [=] {
         permute(x, {0, 2});
       }},
      {"permute: an axis is given twice for (2, 3)", [=] {
         permute(x, {1, -1});
       }}};
  Entry transposed = exact(
      "transpose", "transpose(Tensor)", [](const Tensors& x) { return transpose(x[0]); },
      [](const std::vector<Numbers>& x) {
        Shape shape = x[0].shape;
        std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
        return moved(x[0], shape, [](Shape at) {
          std::swap(at[at.size() - 1], at[at.size() - 2]);
          return at;
        });
      },
      {{numbers({2, 3, 4})}, {numbers({5, 7})}, {empty({0, 3})}, {numbers({1, 1})}},
      {{numbers({250, 200})}});
  transposed.refusals = {
      {"transpose: needs at least 2 axes, got (3,)", [] { transpose(Tensor(zeros({3}))); }}};
  list.push_back(transposed);
  return list;
}

Entry broadcast_entry() {
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{3}, {2, 3}},    {{2, 1}, {2, 3}}, {{}, {2, 2}},          {{1, 3, 1}, {4, 2, 3, 5}},
      {{2, 3}, {2, 3}}, {{1}, {0}},       {{2, 1, 4}, {2, 3, 4}}};
  // The shape comes as a second input: an array that has it.
  Entry entry = exact(
      "broadcast_to", "broadcast_to(Tensor, Shape)",
      [](const Tensors& x) { return broadcast_to(x[0], x[1].shape()); },
      [](const std::vector<Numbers>& x) {
        Numbers y(x[1].shape, 0);
        std::size_t i = 0;
        for_each_position(
            y.shape, [&](const Shape& at) { y.data[i++] = x[0].data[source_of(at, x[0].shape)]; });
        return y;
      },
      {}, {{numbers({1, 64}), zeros({700, 64})}, {numbers({700, 1}), zeros({700, 64})}});
  for (const auto& [from, to] : shapes) entry.samples.push_back({numbers(from), zeros(to)});
  entry.constants = {1};
  const Tensor two(zeros({2})), x(zeros({2, 3})), one(zeros({1}));
  entry.refusals = {
      {"broadcast_to: (2,) does not broadcast to (2, 3)",
       [=] {
         broadcast_to(two, {2, 3});
       }},
      {"broadcast_to: (2, 3) does not broadcast to (3,)", [=] { broadcast_to(x, {3}); }},
      {"broadcast_to: (2, 3) does not broadcast to (1, 3)", [=] {
         broadcast_to(x, {1, 3});
       }}};
  entry.sizes = {{"one", [=](std::size_t n) { return broadcast_to(one, {n}); },
                  [](Wide n) {
                    return Right{false, {n}, {}};
                  }},
                 {"two",
                  [=](std::size_t n) {
                    return broadcast_to(one, {n, n});
                  },
                  [](Wide n) {
                    return Right{false, {n, n}, {}};
                  }},
                 {"one and 5",
                  [=](std::size_t n) {
                    return broadcast_to(one, {n, 5});
                  },
                  [](Wide n) {
                    return Right{false, {n, 5}, {}};
                  }}};
  return entry;
}

Entry slice_of(std::ptrdiff_t axis, std::ptrdiff_t start, std::ptrdiff_t stop,
               std::ptrdiff_t step) {
  const std::string title = "slice " + std::to_string(axis) + ": " + std::to_string(start) + ":" +
                            (stop == end ? "end" : std::to_string(stop)) + ":" +
                            std::to_string(step);
  return exact(
      title, "slice(Tensor, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t)",
      [=](const Tensors& x) { return slice(x[0], axis, start, stop, step); },
      [=](const std::vector<Numbers>& x) {
        const std::size_t a = place(axis, x[0].shape.size());
        const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(x[0].shape[a]);
        const auto clipped = [size](std::ptrdiff_t i) {
          return std::clamp<std::ptrdiff_t>(i < 0 ? i + size : i, 0, size);
        };
        std::vector<std::size_t> taken;
        for (Wide i = clipped(start); i < clipped(stop); i += step) {
          taken.push_back(static_cast<std::size_t>(i));
        }
        Shape shape = x[0].shape;
        shape[a] = taken.size();
        return moved(x[0], shape, [&](Shape at) {
          at[a] = taken[at[a]];
          return at;
        });
      },
      {{numbers({6, 5, 7})}}, {});
}

std::vector<Entry> slice_entries() {
  std::vector<Entry> list;
  for (const std::ptrdiff_t axis : {0, 1, -1}) {
    list.push_back(slice_of(axis, 1, 4, 1));
    list.push_back(slice_of(axis, 0, end, 2));
  }
  for (const auto& [start, stop, step] :
       std::vector<std::tuple<std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t>>{{-2, end, 1},
                                                                               {0, -4, 1},
                                                                               {-100, 100, 1},
                                                                               {1, 6, 3},
                                                                               {5, end, 100},
                                                                               {4, 2, 1},
                                                                               {100, end, 1},
                                                                               {2, end, end}}) {
    list.push_back(slice_of(0, start, stop, step));
  }
  list[0].samples.push_back({empty({0, 2, 3})});
  list[0].large = {{numbers({6, 300, 70})}};
  const Tensor x(zeros({3, 4, 5}));
  list[0].refusals = {{"slice: no axis 3 in (3, 4, 5)", [=] { slice(x, 3, 0); }},
                      {"slice: step 0 is below 1, for (3, 4, 5)", [=] { slice(x, 0, 0, 2, 0); }}};
  const auto number = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
  list[0].sizes = {{"start", [=](std::size_t n) { return slice(x, 0, number(n)); },
                    [](Wide n) {
                      const Wide start = as_signed(n) < 0 ? as_signed(n) + 3 : as_signed(n);
                      return Right{false, {3 - std::clamp<Wide>(start, 0, 3), 4, 5}, {}};
                    }},
                   {"stop", [=](std::size_t n) { return slice(x, 0, 0, number(n)); },
                    [](Wide n) {
                      const Wide stop = as_signed(n) < 0 ? as_signed(n) + 3 : as_signed(n);
                      return Right{false, {std::clamp<Wide>(stop, 0, 3), 4, 5}, {}};
                    }},
                   {"step", [=](std::size_t n) { return slice(x, 0, 0, end, number(n)); },
                    [](Wide n) {
                      const Wide step = as_signed(n);
                      return Right{step < 1, {step < 1 ? 0 : (3 + step - 1) / step, 4, 5}, {}};
                    }}};
  return list;
}

Entry gather_along(std::ptrdiff_t axis, const Shape& index) {
  Entry entry = exact(
      "gather along " + std::to_string(axis), "gather(Tensor, ptrdiff_t, IndexArray)",
      [=](const Tensors& x) { return gather(x[0], axis, index_of(x[1])); },
      [=](const std::vector<Numbers>& x) {
        const std::size_t a = place(axis, x[0].shape.size());
        return moved(x[0], x[1].shape, [&](Shape at) {
          at[a] = static_cast<std::size_t>(x[1].data[flat(x[1].shape, at)]);
          return at;
        });
      },
      {}, {});
  const Shape shape{3, 4, 2};
  entry.samples = {{numbers(shape), whole_numbers(index, shape[place(axis, 3)])}};
  entry.constants = {1};
  return entry;
}

std::vector<Entry> index_entries() {
  std::vector<Entry> list{gather_along(0, {5, 4, 2}), gather_along(1, {3, 9, 2}),
                          gather_along(-1, {3, 4, 1})};
  list[0].samples.push_back({numbers({3, 2}), empty({0, 2})});
  list[0].large = {{numbers({50, 700}), whole_numbers({70, 700}, 50)}};
  const Tensor x(zeros({3, 4}));
  const IndexArray rows{{2, 0, 1, 1}}, outside{{0, 1}, {2, 4}, {0, 0}}, negative{{0, -1, 0, 0}};
  list[0].refusals = {
      {"gather: index 4 at (1, 1) of (3, 2) is outside 0 … 3, axis 1 of x (3, 4)",
       [=] { gather(x, 1, outside); }},
      {"gather: index -1 at (0, 1) of (1, 4) is outside 0 … 2, axis 0 of x (3, 4)",
       [=] { gather(x, 0, negative); }},
      {"gather: the index must have the shape of x but for axis 1, got x (3, 4) and index (1, 4)",
       [=] { gather(x, 1, rows); }},
      {"gather: no axis 2 in (3, 4)", [=] { gather(x, 2, rows); }}};
  const auto one_index = [](std::size_t n) { return IndexArray{static_cast<std::int64_t>(n)}; };
  const auto in_three = [](Wide n) { return n < 3; };
  list[0].sizes = {{"index",
                    [=](std::size_t n) { return gather(Tensor(zeros({3})), 0, one_index(n)); },
                    [=](Wide n) {
                      return Right{!in_three(n), {1}, {}};
                    }}};
  Entry entry = exact(
      "embedding", "embedding(Tensor, IndexArray)",
      [](const Tensors& x) { return embedding(x[0], index_of(x[1])); },
      [](const std::vector<Numbers>& x) {
        Shape shape = x[1].shape;
        shape.push_back(x[0].shape[1]);
        return moved(x[0], shape, [&](const Shape& at) {
          const Shape in_index(at.begin(), at.end() - 1);
          return Shape{static_cast<std::size_t>(x[1].data[flat(x[1].shape, in_index)]), at.back()};
        });
      },
      {{numbers({4, 3}), whole_numbers({2, 2}, 4)},
       {numbers({4, 3}), empty({0})},
       {numbers({4, 1}), whole_numbers({}, 4)},
       {numbers({2, 0}), whole_numbers({3}, 2)},
       {numbers({5, 17}), whole_numbers({9}, 5)}},
      {{numbers({30, 40}), whole_numbers({2000}, 30)}});
  entry.constants = {1};
  const Tensor table(zeros({4, 3}));
  const IndexArray too_large{0, 4};
  entry.refusals = {
      {"embedding: index 4 at (1,) of (2,) is outside 0 … 3, the rows of the table (4, 3)",
       [=] { embedding(table, too_large); }},
      {"embedding: the table has two axes (rows, width), got (3,)",
       [=] { embedding(Tensor(zeros({3})), rows); }}};
  entry.sizes = {{"index",
                  [=](std::size_t n) {
                    return embedding(Tensor(zeros({3, 2})), one_index(n));
                  },
                  [=](Wide n) {
                    return Right{!in_three(n), {1, 2}, {}};
                  }}};
  list.push_back(entry);
  return list;
}

// Parts one after another along an axis; for stack each is one position of it.
Numbers joined(std::vector<Numbers> parts, std::size_t axis, bool stacked) {
  if (stacked) {
    for (Numbers& part : parts) part.shape.insert(part.shape.begin() + std::ptrdiff_t(axis), 1);
  }
  Shape shape = parts[0].shape;
  shape[axis] = 0;
  for (const Numbers& part : parts) shape[axis] += part.shape[axis];
  Numbers y(shape, 0);
  std::size_t i = 0;
  for_each_position(shape, [&](Shape at) {
    std::size_t which = 0;
    while (at[axis] >= parts[which].shape[axis]) at[axis] -= parts[which++].shape[axis];
    y.data[i++] = parts[which].data[flat(parts[which].shape, at)];
  });
  return y;
}

std::vector<Entry> joining_entries() {
  std::vector<Entry> list;
  for (const std::ptrdiff_t axis : {0, 1, -1}) {
    Shape second{2, 3, 4}, none{2, 3, 4};
    second[place(axis, 3)] = 5;
    none[place(axis, 3)] = 0;
    list.push_back(exact(
        "concat along " + std::to_string(axis), "concat(vector<Tensor>, ptrdiff_t)",
        [=](const Tensors& x) { return concat(x, axis); },
        [=](const std::vector<Numbers>& x) {
          return joined(x, place(axis, x[0].shape.size()), false);
        },
        {{numbers({2, 3, 4}), numbers(second), empty(none)}, {numbers({2, 3, 4})}}, {}));
    list.push_back(exact(
        "stack along " + std::to_string(axis), "stack(vector<Tensor>, ptrdiff_t)",
        [=](const Tensors& x) { return stack(x, axis); },
        [=](const std::vector<Numbers>& x) {
          return joined(x, place(axis, x[0].shape.size() + 1), true);
        },
        {{numbers({2, 3}), points({2, 3}, 0, 1)}, {empty({0, 3}), empty({0, 3})}}, {}));
    list.push_back(exact(
        "split along " + std::to_string(axis), "split(Tensor, vector<size_t>, ptrdiff_t)",
        // The pieces in another order, and one of them twice.
        [=](const Tensors& x) {
          const Tensors pieces = split(x[0], {1, 0, x[0].size(axis) - 1}, axis);
          return concat({pieces[2], pieces[1], pieces[0], pieces[2]}, axis);
        },
        [=](const std::vector<Numbers>& x) {
          const std::size_t a = place(axis, x[0].shape.size());
          Shape shape = x[0].shape;
          const std::size_t n = shape[a];
          shape[a] = 2 * n - 1;
          return moved(x[0], shape, [&](Shape at) {
            at[a] = (at[a] + 1) % n;
            return at;
          });
        },
        {{numbers({4, 6, 3})}}, {{numbers({90, 40, 20})}}));
  }
  list[0].samples.push_back({numbers({1}), numbers({3})});
  list[0].large = {{numbers({100, 400}), numbers({7, 400})}};
  list[1].samples.push_back({numbers({}), points({}, 0, 1)});
  const Tensor a(zeros({2, 3})), b(zeros({2, 4})), c(zeros({2})), three(zeros({3}));
  list[0].refusals = {{"concat: there is nothing to join", [] { concat({}, 0); }},
                      {"concat: shapes must agree but for axis 0, got (2, 3), (2, 4)",
                       [=] {
                         concat({a, b}, 0);
                       }},
                      {"concat: shapes must agree but for axis 1, got (2, 3), (2,)",
                       [=] {
                         concat({a, c}, 1);
                       }},
                      {"concat: no axis 2 in (2, 3)", [=] { concat({a}, 2); }}};
  list[1].refusals = {{"stack: there is nothing to join", [] { stack({}); }},
                      {"stack: shapes must be equal, got (2, 3), (2, 4)",
                       [=] {
                         stack({a, b});
                       }},
                      {"stack: no axis 3 in a stack of (2, 3)", [=] {
                         stack({a, a}, 3);
                       }}};
  list[2].refusals = {
      {"split: sizes (1, 1) add up to 2, but axis 1 of (2, 3) has 3",
       [=] {
         split(a, {1, 1}, 1);
       }},
      {"split: sizes (4, 18446744073709551615) add up to 18446744073709551615, but axis 0 of (3,) "
       "has 3",
       [=] {
         split(three, {4, ~std::size_t{0}}, 0);
       }}};
  list[2].sizes = {{"one", [=](std::size_t n) { return split(three, {n}, 0)[0]; },
                    [](Wide n) {
                      return Right{n != 3, {n}, {}};
                    }},
                   {"the second, behind a 1",
                    [=](std::size_t n) {
                      return split(three, {1, n}, 0)[1];
                    },
                    [](Wide n) {
                      return Right{n != 2, {n}, {}};
                    }},
                   {"the second, behind a 4",
                    [=](std::size_t n) {
                      return split(three, {4, n}, 0)[1];
                    },
                    [](Wide) {
                      return Right{true, {}, {}};
                    }},
                   {"the first of two that wrap to 3",
                    [=](std::size_t n) {
                      return split(three, {n, std::size_t{3} - n}, 0)[0];
                    },
                    [](Wide n) {
                      return Right{n > 3, {n}, {}};
                    }}};
  return list;
}

std::vector<Entry> pad_entries() {
  std::vector<Entry> list;
  for (const std::ptrdiff_t axis : {0, 1, -1}) {
    list.push_back(exact(
        "pad along " + std::to_string(axis), "pad(Tensor, ptrdiff_t, size_t, size_t, Real)",
        [=](const Tensors& x) { return pad(x[0], axis, 2, 1, 5); },
        [=](const std::vector<Numbers>& x) {
          const std::size_t a = place(axis, x[0].shape.size());
          Shape shape = x[0].shape;
          shape[a] += 3;
          Numbers y(shape, 5);
          for_each_position(x[0].shape, [&](Shape at) {
            const Quad number = x[0].data[flat(x[0].shape, at)];
            at[a] += 2;
            y.data[flat(shape, at)] = number;
          });
          return y;
        },
        {{numbers({2, 3, 4})}}, {{numbers({70, 40, 20})}}));
  }
  list[0].samples.push_back({numbers({1})});
  list[0].samples.push_back({empty({0, 2})});
  const Tensor x(zeros({2, 3})), three(zeros({3}));
  list[0].refusals = {{"pad: no axis 2 in (2, 3)", [=] { pad(x, 2, 1, 1); }},
                      {"pad: (2305843009213693955,) is too large a shape",
                       [=] { pad(three, 0, std::size_t{1} << 61, 0); }}};
  list[0].sizes = {{"before", [=](std::size_t n) { return pad(three, 0, n, 0); },
                    [](Wide n) {
                      return Right{false, {3 + n}, {}};
                    }},
                   {"after", [=](std::size_t n) { return pad(three, 0, 0, n); },
                    [](Wide n) {
                      return Right{false, {3 + n}, {}};
                    }},
                   {"before and after", [=](std::size_t n) { return pad(three, 0, n, n); },
                    [](Wide n) {
                      return Right{false, {3 + 2 * n}, {}};
                    }},
                   {"before, and an after that wraps it to 0",
                    [=](std::size_t n) { return pad(three, 0, n, std::size_t{0} - n); },
                    [](Wide n) {
                      return Right{n != 0, {3}, {}};
                    }}};
  return list;
}

}  // namespace

IndexArray index_of(const Tensor& x) {
  IndexArray index(IndexArray::shape_type(x.shape().begin(), x.shape().end()));
  for (std::size_t i = 0; i < index.size(); ++i) {
    index.data()[i] = static_cast<std::int64_t>(x.value().data()[i]);
  }
  return index;
}

std::vector<Entry> shape_entries() {
  std::vector<Entry> list{broadcast_entry()};
  for (const auto& family : {reshape_entries, permute_entries, slice_entries, index_entries,
                             joining_entries, pad_entries}) {
    for (Entry& entry : family()) list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace nabla::testing
