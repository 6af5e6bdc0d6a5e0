// The tests that every entry of the table passes.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "autograd/threads.hpp"
#include "tests/reference.hpp"
#include "tests/table/names.hpp"
#include "tests/table/run.hpp"

using namespace nabla;
using namespace nabla::testing;

namespace {

std::string text_of(const std::string& path) {
  const char* const folder = std::getenv("NABLA_SOURCE_DIR");  // set by Meson
  std::ifstream in((folder != nullptr ? folder + std::string("/") : "") + path);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

double precision(const Entry& entry) {
  return entry.measure ? std::numeric_limits<double>::epsilon()
                       : static_cast<double>(std::numeric_limits<Real>::epsilon());
}

// Of long double numbers, what the entry's precision makes of them.
double rounded(const Entry& entry, Quad x) {
  return entry.measure ? static_cast<double>(x) : static_cast<double>(static_cast<Real>(x));
}

// |got − want| in units of the precision of `scale`; infinite where one is NaN or infinite alone.
double error_of(const Entry& entry, double got, Quad want, Quad scale) {
  const double expected = rounded(entry, want);
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  const Quad smallest = std::numeric_limits<Real>::min();
  const Quad error = std::abs(got - want) / std::max({scale, std::abs(want), smallest});
  return std::isfinite(error) ? static_cast<double>(error) / precision(entry)
                              : std::numeric_limits<double>::infinity();
}

// The worst of an array, as text, or nothing if all errors are within the limit.
std::string difference(const Entry& entry, const std::vector<double>& got, const Quads& want,
                       double allowed, std::optional<double> normwise) {
  if (got.size() != want.size()) {
    return "has " + std::to_string(got.size()) + " numbers, not " + std::to_string(want.size());
  }
  Quad scale = 0;
  if (normwise) {
    scale = *normwise;
    for (const Quad x : want) scale = std::isfinite(x) ? std::max(scale, std::abs(x)) : scale;
  }
  double worst = allowed;
  std::ostringstream text;
  text.precision(17);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = error_of(entry, got[i], want[i], scale);
    if (error <= worst) continue;
    worst = error;
    text.str("");
    text << "element " << i << " is " << got[i] << ", not " << want[i] << ": " << error
         << " units in the last place, allowed are " << allowed;
  }
  return text.str();
}

std::string shapes_of(const Arrays& inputs) {
  std::string text;
  for (const Array& input : inputs) text += (text.empty() ? "" : ", ") + to_string(input.shape());
  return text;
}

std::vector<Numbers> numbers_of(const Arrays& inputs) {
  return {inputs.begin(), inputs.end()};
}

// Σ seed ⊙ reference.
Quad objective(const Entry& entry, const std::vector<Numbers>& inputs, const Array& seed) {
  const Numbers y = entry.reference(inputs);
  Quad total = 0;
  for (std::size_t i = 0; i < y.size(); ++i) total += y.data[i] * static_cast<Quad>(seed.data()[i]);
  return total;
}

// The gradient of that in one input by differences: the error is of the order h⁴.
Quads differences(const Entry& entry, std::vector<Numbers> inputs, std::size_t k,
                  const Array& seed) {
  constexpr Quad h = 1e-4L;
  Quads gradient;
  for (Quad& x : inputs[k].data) {
    const Quad centre = x;
    const auto at = [&](Quad offset) {
      x = centre + offset;
      return objective(entry, inputs, seed);
    };
    gradient.push_back((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h));
    x = centre;
  }
  return gradient;
}

// The samples, and the large inputs too; of those a measure may have some that its reference is not
// for.
std::vector<Arrays> all_samples(const Entry& entry) {
  std::vector<Arrays> list = entry.samples;
  if (entry.call) list.insert(list.end(), entry.large.begin(), entry.large.end());
  return list;
}

std::size_t largest_of(const Arrays& inputs) {
  std::size_t largest = 0;
  for (const Array& input : inputs) largest = std::max(largest, input.size());
  return largest;
}
constexpr std::size_t few = 200;  // numbers, for each of which differences do not take too long

std::string message_of_call(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another exception: ") + error.what();
  }
  return "nothing was thrown";
}

void require_one_line(const std::string& message) {
  CHECK_MESSAGE(message.find('\n') == std::string::npos, message);
}

// A list of all ways to take one number each from `numbers`, `count` times.
std::vector<Quads> tuples(const Quads& numbers, std::size_t count) {
  std::vector<Quads> result{{}};
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<Quads> longer;
    for (const Quads& start : result) {
      for (const Quad x : numbers) {
        longer.push_back(start);
        longer.back().push_back(x);
      }
    }
    result = std::move(longer);
  }
  return result;
}

// Number k of each tuple, for each k.
Arrays columns_of(const std::vector<Quads>& list) {
  Arrays columns;
  for (std::size_t k = 0; k < list[0].size(); ++k) {
    Array column = empty({list.size()});
    for (std::size_t i = 0; i < list.size(); ++i) column(i) = static_cast<Real>(list[i][k]);
    columns.push_back(column);
  }
  return columns;
}

bool same_numbers(const Quads& a, const Quads& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Quad x, Quad y) {
    return same_bits(static_cast<double>(x), static_cast<double>(y));
  });
}

std::string to_text(const Quads& x) {
  std::ostringstream text;
  for (const Quad number : x) text << (text.str().empty() ? "(" : ", ") << number;
  return text.str() + ")";
}

// Values at which an elementwise entry is called.
std::vector<Quads> special_tuples(const ElementwiseRule& rule) {
  std::vector<Quads> result;
  for (const Quads& x : tuples(special_numbers(), rule.domain.size())) {
    if (!rule.takes || rule.takes(x)) result.push_back(x);
  }
  return result;
}

// Some of the domain and some special ones, few enough to try every place.
std::vector<Quads> tuples_to_move(const ElementwiseRule& rule) {
  std::vector<Quads> result;
  for (std::size_t i = 0; i < 11; ++i) {
    Quads x;
    for (std::size_t k = 0; k < rule.domain.size(); ++k) {
      const double u = std::fmod(0.1 + 0.6180339887 * double(i) + 0.37 * double(k), 1.0);
      x.push_back(
          static_cast<Real>(rule.domain[k].low + (rule.domain[k].high - rule.domain[k].low) * u));
    }
    result.push_back(x);
  }
  const std::vector<Quads> special = special_tuples(rule);
  const std::size_t step = special.size() <= 13 ? 1 : special.size() / 13;
  for (std::size_t i = 0; i < special.size(); i += step) result.push_back(special[i]);
  return result;
}

// What is wrong with one entry: the first few as text.
class Faults {
 public:
  void add(const std::string& text) {
    if (++count_ <= 4) text_ += "\n  " + text;
  }
  void check() const { CHECK_MESSAGE(count_ == 0, count_ << " faults:" << text_); }

 private:
  int count_ = 0;
  std::string text_;
};

class Threads {
 public:
  ~Threads() { set_threads(before_); }

 private:
  int before_ = threads();
};

// Headers whose functions the table holds, and those of the same folders that have none.
const std::vector<std::string> headers{"autograd/ops.hpp",
                                       "nn/activation.hpp",
                                       "nn/attention.hpp",
                                       "nn/conv.hpp",
                                       "nn/distributions.hpp",
                                       "nn/dropout.hpp",
                                       "nn/embedding.hpp",
                                       "nn/linear.hpp",
                                       "nn/mixture.hpp",
                                       "nn/norm.hpp",
                                       "nn/schedule.hpp",
                                       "nn/time_embedding.hpp",
                                       "nn/adversarial.hpp",
                                       "models/measure/coverage.hpp",
                                       "models/measure/metrics.hpp",
                                       "models/measure/parzen.hpp",
                                       "models/ddpm/discretised.hpp"};

}  // namespace

TEST_CASE("every function of the headers is in the table, and nothing else") {
  std::set<std::string> declared, titles;
  for (const std::string& header : headers) {
    for (const std::string& name : declared_names(text_of(header))) declared.insert(name);
  }
  std::set<std::string> named;
  for (const Entry& entry : table()) {
    CHECK_MESSAGE(titles.insert(entry.title).second, "two entries have the title " << entry.title);
    for (const std::string& name : entry.declares) {
      named.insert(name);
      CHECK_MESSAGE(declared.count(name) == 1,
                    entry.title << " declares " << name << ", which no header has");
    }
  }
  for (const std::string& name : declared) {
    CHECK_MESSAGE(named.count(name) == 1,
                  name << " is in a header, and no entry of tests/table declares it");
  }
}

TEST_CASE("values are those of plain loops in long double") {
  for (const Entry& entry : table()) {
    CAPTURE(entry.title);
    CHECK(!entry.samples.empty());
    for (const Arrays& inputs : all_samples(entry)) {
      CAPTURE(shapes_of(inputs));
      const Run got = forward(entry, inputs);
      const Numbers want = entry.reference(numbers_of(inputs));
      CHECK(to_string(got.shape) == to_string(want.shape));
      const std::string error = difference(entry, got.value, want.data, entry.eps, entry.normwise);
      CHECK_MESSAGE(error.empty(), error);
    }
  }
}

TEST_CASE("gradients are the differences of plain loops in long double") {
  for (const Entry& entry : table()) {
    if (!entry.call) continue;
    CAPTURE(entry.title);
    const double allowed = std::max(entry.gradient_eps, 1e-11 / precision(entry));
    for (const Arrays& inputs : entry.samples) {
      if (largest_of(inputs) > few) continue;
      CAPTURE(shapes_of(inputs));
      Tensors x;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        x.push_back(is_constant(entry, k) ? Tensor(inputs[k]) : parameter(inputs[k]));
      }
      const Tensor y = entry.call(x);
      if (entry.constants.size() == inputs.size()) continue;
      CHECK(y.requires_grad());
      const Array seed = seed_of(y.shape());
      y.backward(seed, true);
      y.backward(seed);  // every gradient is now there twice
      const std::vector<Numbers> numbers = numbers_of(inputs);
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (is_constant(entry, k)) continue;
        CAPTURE(k);
        const Quads want = differences(entry, numbers, k, seed);
        Quads twice = want;
        for (Quad& number : twice) number *= 2;
        const std::vector<double> sum(x[k].grad().begin(), x[k].grad().end());
        std::string error = difference(entry, sum, twice, allowed, entry.gradient_scale);
        CHECK_MESSAGE(error.empty(), error);
        // And as the only gradient that is wanted.
        Tensors alone(inputs.begin(), inputs.end());
        alone[k] = parameter(inputs[k]);
        entry.call(alone).backward(seed);
        const std::vector<double> once(alone[k].grad().begin(), alone[k].grad().end());
        error = difference(entry, once, want, allowed, entry.gradient_scale);
        CHECK_MESSAGE(error.empty(), error);
      }
    }
  }
}

TEST_CASE("gradients of many numbers add up to the slope in a direction") {
  for (const Entry& entry : table()) {
    if (!entry.call) continue;
    CAPTURE(entry.title);
    const double allowed = std::max(entry.gradient_eps, 1e-9 / precision(entry));
    for (const Arrays& inputs : all_samples(entry)) {
      if (largest_of(inputs) <= few || entry.constants.size() == inputs.size()) continue;
      CAPTURE(shapes_of(inputs));
      // So small a step that hardly a number goes past a kink.
      constexpr Quad h = 1e-7L;
      std::vector<Numbers> ahead = numbers_of(inputs), behind = ahead;
      Tensors x;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        x.push_back(is_constant(entry, k) ? Tensor(inputs[k]) : parameter(inputs[k]));
        if (is_constant(entry, k)) continue;
        const Array direction = seed_of(inputs[k].shape());
        for (std::size_t i = 0; i < direction.size(); ++i) {
          ahead[k].data[i] += h * static_cast<Quad>(direction.data()[i]);
          behind[k].data[i] -= h * static_cast<Quad>(direction.data()[i]);
        }
      }
      const Tensor y = entry.call(x);
      const Array seed = seed_of(y.shape());
      const Quad want = (objective(entry, ahead, seed) - objective(entry, behind, seed)) / (2 * h);
      for (const Quad times : {1, 2}) {  // the second time added to what is there
        y.backward(seed, true);
        Quad slope = 0, scale = entry.gradient_scale;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
          if (is_constant(entry, k)) continue;
          const Array direction = seed_of(inputs[k].shape());
          REQUIRE(x[k].has_grad());
          const Array gradient = x[k].grad();
          REQUIRE(gradient.size() == direction.size());
          for (std::size_t i = 0; i < direction.size(); ++i) {
            const Quad part =
                static_cast<Quad>(direction.data()[i]) * static_cast<Quad>(gradient.data()[i]);
            slope += part;
            scale += std::abs(part);
          }
        }
        const double error =
            static_cast<double>(std::abs(slope - times * want) / scale) / precision(entry);
        CHECK_MESSAGE(error <= allowed, "the slope of " << times << " calls is " << slope
                                                        << ", not " << times * want << ": " << error
                                                        << " units in the last place of all parts, "
                                                        << "allowed are " << allowed);
      }
    }
  }
}

TEST_CASE("elementwise functions keep their limits at ±∞, ±0, denormals and NaN") {
  for (const Entry& entry : table()) {
    if (!entry.elementwise) continue;
    CAPTURE(entry.title);
    const ElementwiseRule& rule = *entry.elementwise;
    std::vector<Quads> list = special_tuples(rule);
    for (const ElementLimit& limit : rule.limits) list.push_back(limit.x);
    const Run got = run(entry, columns_of(list), Seed::ones);
    Faults faults;
    const auto expect = [&](bool right, const Quads& x, const std::string& what, double is,
                            Quad not_is) {
      std::ostringstream text;
      text << "at " << to_text(x) << " " << what << " is " << is << ", not " << not_is;
      if (!right) faults.add(text.str());
    };
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Quads& x = list[i];
      const auto limit = std::find_if(rule.limits.begin(), rule.limits.end(),
                                      [&](const ElementLimit& l) { return same_numbers(l.x, x); });
      const bool given = limit != rule.limits.end();
      const Quad value = given ? limit->value : rule.value(x);
      const bool right = error_of(entry, got.value[i], value, 0) <= entry.eps &&
                         (!rule.signed_zero || got.value[i] != 0 ||
                          std::signbit(got.value[i]) == std::signbit(value));
      expect(right, x, "it", got.value[i], value);
      for (std::size_t k = 0; k < x.size(); ++k) {
        if (!rule.derivatives[k]) continue;
        const Quad slope = given ? limit->derivatives[k] : rule.derivatives[k](x);
        const bool good = error_of(entry, got.gradients[k][i], slope, 0) <= entry.gradient_eps;
        expect(good, x, "the gradient of input " + std::to_string(k), got.gradients[k][i], slope);
      }
    }
    faults.check();
  }
}

TEST_CASE("other functions keep the limits that are declared") {
  for (const Entry& entry : table()) {
    CAPTURE(entry.title);
    for (const Limit& limit : entry.limits) {
      CAPTURE(shapes_of(limit.inputs));
      const Run got = run(entry, limit.inputs, Seed::ones);
      const std::string error =
          difference(entry, got.value, Numbers(limit.value).data, entry.eps, entry.normwise);
      CHECK_MESSAGE(error.empty(), error);
      for (std::size_t k = 0; k < limit.gradients.size(); ++k) {
        if (is_constant(entry, k)) continue;
        CAPTURE(k);
        const std::string wrong =
            difference(entry, got.gradients[k], Numbers(limit.gradients[k]).data,
                       entry.gradient_eps, entry.gradient_scale);
        CHECK_MESSAGE(wrong.empty(), wrong);
      }
    }
  }
}

TEST_CASE("a number's bits do not depend on its place, nor on its neighbours") {
  for (const Entry& entry : table()) {
    if (!entry.elementwise) continue;
    CAPTURE(entry.title);
    const std::vector<Quads> list = tuples_to_move(*entry.elementwise);
    std::vector<Run> alone;
    for (const Quads& x : list) alone.push_back(run(entry, columns_of({x}), Seed::ones));
    std::string error;
    for (std::size_t length = 1; length <= 41; length += 2) {
      for (std::size_t first = 0; first < list.size(); ++first) {
        std::vector<Quads> moved;
        for (std::size_t i = 0; i < length; ++i) moved.push_back(list[(first + i) % list.size()]);
        const Run got = run(entry, columns_of(moved), Seed::ones);
        for (std::size_t i = 0; i < length; ++i) {
          const Run& want = alone[(first + i) % list.size()];
          bool same = same_bits(got.value[i], want.value[0]);
          for (std::size_t k = 0; k < got.gradients.size(); ++k) {
            same = same && (got.gradients[k].empty() ||
                            same_bits(got.gradients[k][i], want.gradients[k][0]));
          }
          if (!same && error.empty()) {
            error = to_text(moved[i]) + " at position " + std::to_string(i) + " of " +
                    std::to_string(length) + " is not what it is alone";
          }
        }
      }
    }
    CHECK_MESSAGE(error.empty(), error);
  }
}

TEST_CASE("functions of rows keep their limits at ±∞, ±0, denormals and NaN") {
  for (const Entry& entry : table()) {
    if (!entry.row_rule) continue;
    CAPTURE(entry.title);
    const RowRule& rule = *entry.row_rule;
    Faults faults;
    for (const std::size_t length : {1, 2, 3}) {
      std::vector<Quads> list;
      for (const Quads& row : tuples(special_numbers(), length)) {
        if (!rule.takes || rule.takes(row)) list.push_back(row);
      }
      // Rows in the order of the table, or as columns.
      const auto arranged = [&](const std::vector<double>& all, std::size_t size) {
        std::vector<Quads> rows(list.size(), Quads(size));
        for (std::size_t i = 0; i < all.size(); ++i) {
          if (rule.of_columns) rows[i % list.size()][i / list.size()] = all[i];
          if (!rule.of_columns) rows[i / size][i % size] = all[i];
        }
        return rows;
      };
      Array x = empty(rule.of_columns ? Shape{length, list.size()} : Shape{list.size(), length});
      for (std::size_t i = 0; i < list.size(); ++i) {
        for (std::size_t k = 0; k < length; ++k) {
          (rule.of_columns ? x(k, i) : x(i, k)) = static_cast<Real>(list[i][k]);
        }
      }
      const Run got = run(entry, {x});
      const std::size_t width = got.value.size() / list.size();
      const Array seed = seed_of(got.shape);
      const std::vector<Quads> values = arranged(got.value, width);
      const std::vector<Quads> seeds = arranged({seed.begin(), seed.end()}, width);
      const std::vector<Quads> gradients = arranged(got.gradients[0], length);
      for (std::size_t i = 0; i < list.size(); ++i) {
        std::string error = difference(entry, {values[i].begin(), values[i].end()},
                                       rule.value(list[i]), entry.eps, entry.normwise);
        if (!error.empty()) faults.add("of " + to_text(list[i]) + " " + error);
        error = difference(entry, {gradients[i].begin(), gradients[i].end()},
                           rule.gradient(list[i], seeds[i]), entry.gradient_eps, 1.0);
        if (!error.empty()) faults.add("of " + to_text(list[i]) + " the gradient's " + error);
      }
    }
    faults.check();
  }
}

TEST_CASE("a part's bits do not depend on its place, nor on the other parts") {
  for (const Entry& entry : table()) {
    if (!entry.parts) continue;
    CAPTURE(entry.title);
    const Arrays& inputs = entry.samples[0];
    const Parts& parts = *entry.parts;
    // Part after part of those inputs that have parts, the others whole.
    const auto picked = [&](std::size_t first, std::size_t count) {
      Arrays result = inputs;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (!parts.axes[k]) continue;
        Shape shape = inputs[k].shape();
        const std::size_t axis = *parts.axes[k], all = shape[axis];
        shape[axis] = count;
        result[k] = empty(shape);
        std::size_t i = 0;
        for_each_position(shape, [&](Shape at) {
          at[axis] = (first + at[axis]) % all;
          result[k].data()[i++] = inputs[k].data()[flat(inputs[k].shape(), at)];
        });
      }
      return result;
    };
    // The numbers of one part.
    const auto part = [](const std::vector<double>& all, const Shape& shape, std::size_t axis,
                         std::size_t which) {
      std::vector<double> numbers;
      std::size_t i = 0;
      for_each_position(shape, [&](const Shape& at) {
        if (at[axis] == which) numbers.push_back(all[i]);
        ++i;
      });
      return numbers;
    };
    std::size_t count = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (parts.axes[k]) count = inputs[k].shape()[*parts.axes[k]];
    }
    struct Alone {
      std::vector<double> value;
      std::vector<std::vector<double>> gradients;
    };
    std::vector<Alone> alone;
    for (std::size_t i = 0; i < count; ++i) {
      const Arrays few = picked(i, parts.alone);
      const Run got = run(entry, few, Seed::ones);
      alone.push_back({part(got.value, got.shape, parts.result_axis, 0), got.gradients});
      for (std::size_t k = 0; k < got.gradients.size(); ++k) {
        if (!parts.axes[k] || got.gradients[k].empty()) continue;
        alone.back().gradients[k] = part(got.gradients[k], few[k].shape(), *parts.axes[k], 0);
      }
    }
    std::string error;
    for (std::size_t length = 2 * parts.alone - 1; length <= 41 && error.empty(); length += 2) {
      for (std::size_t first = 0; first < count && error.empty(); first += 2) {
        const Arrays moved = picked(first, length);
        const Run got = run(entry, moved, Seed::ones);
        for (std::size_t i = 0; i < length; ++i) {
          const Alone& want = alone[(first + i) % count];
          bool same = same_bits(part(got.value, got.shape, parts.result_axis, i), want.value);
          for (std::size_t k = 0; k < got.gradients.size(); ++k) {
            if (!parts.axes[k] || got.gradients[k].empty()) continue;
            same = same && same_bits(part(got.gradients[k], moved[k].shape(), *parts.axes[k], i),
                                     want.gradients[k]);
          }
          if (!same && error.empty()) {
            error = "part " + std::to_string((first + i) % count) + " at position " +
                    std::to_string(i) + " of " + std::to_string(length) +
                    " is not what it is alone";
          }
        }
      }
    }
    CHECK_MESSAGE(error.empty(), error);
  }
}

TEST_CASE("what does not fit is refused by name") {
  for (const Entry& entry : table()) {
    CAPTURE(entry.title);
    for (const Refusal& refusal : entry.refusals) {
      const std::string message = message_of_call(refusal.call);
      require_one_line(message);
      const bool named = message.find(refusal.words) != std::string::npos;
      CHECK_MESSAGE(named, "\"" << message << "\" does not hold \"" << refusal.words << "\"");
    }
  }
}

TEST_CASE("no size wraps: it is refused, or the result is right") {
  const std::uint64_t one = 1;
  for (const Entry& entry : table()) {
    CAPTURE(entry.title);
    for (const SizeParameter& size : entry.sizes) {
      CAPTURE(size.name);
      for (const std::uint64_t n :
           {std::uint64_t{0}, one, std::uint64_t{2}, std::uint64_t{3}, one << 31, one << 32,
            (one << 32) + 1, one << 61, one << 62, (one << 62) + 1, (one << 63) - 1, one << 63,
            ~std::uint64_t{0} - 1, ~std::uint64_t{0}}) {
        CAPTURE(n);
        const Right right = size.right(static_cast<Wide>(n));
        Wide bytes = sizeof(Real);
        bool none = false;
        for (const Wide extent : right.shape) {
          none = none || extent == 0;
          // Sizes that only a product with other large ones makes too large stop growing.
          const Wide most = Wide{1} << 100, factor = std::max<Wide>(extent, 1);
          bytes = bytes > most / factor ? most : bytes * factor;
        }
        const bool fits = bytes <= std::numeric_limits<std::ptrdiff_t>::max();
        if (!right.refused && !right.number && fits && !none && bytes > static_cast<Wide>(huge)) {
          continue;  // a machine may have so much; this test takes no more than `huge`
        }
        if (right.refused || (!fits && !none)) {
          const std::string message = message_of_call([&] { size.call(n); });
          require_one_line(message);
          const bool refused =
              message != "nothing was thrown" && message.find("another exception") != 0;
          CHECK_MESSAGE(refused, message);
          continue;
        }
        Tensor y;
        const std::string message = message_of_call([&] { y = size.call(n); });
        if (!y.defined()) {
          CHECK_MESSAGE((none && !fits), message);
          continue;
        }
        if (right.number) {
          CHECK(double(y.item()) == doctest::Approx(*right.number).epsilon(1e-6));
          continue;
        }
        CHECK(std::equal(y.shape().begin(), y.shape().end(), right.shape.begin(), right.shape.end(),
                         [](std::size_t a, Wide b) { return static_cast<Wide>(a) == b; }));
      }
    }
  }
}

TEST_CASE("any number of threads gives the same bits, and so does a second call") {
  const Threads restored;
  struct Case {
    const Entry* entry;
    const Arrays* inputs;
    bool is_large;
    std::uint64_t on_one_thread;
  };
  std::vector<Case> cases;
  for (const Entry& entry : table()) {
    for (const Arrays& inputs : entry.samples) cases.push_back({&entry, &inputs, false, 0});
    for (const Arrays& inputs : entry.large) cases.push_back({&entry, &inputs, true, 0});
  }
  for (const int count : {1, 2, 3, 4, 7}) {
    set_threads(count);
    for (Case& c : cases) {
      if (!c.is_large && count != 1 && count != 7) continue;
      const std::uint64_t got = fingerprint(run(*c.entry, *c.inputs));
      if (count == 1) {
        c.on_one_thread = got;
        const std::uint64_t again = fingerprint(run(*c.entry, *c.inputs));
        CHECK_MESSAGE(again == got, c.entry->title << ": a second call gives other bits for "
                                                   << shapes_of(*c.inputs));
      } else {
        CHECK_MESSAGE(got == c.on_one_thread, c.entry->title << ": other bits on " << count
                                                             << " threads than on 1 for "
                                                             << shapes_of(*c.inputs));
      }
    }
  }
}
