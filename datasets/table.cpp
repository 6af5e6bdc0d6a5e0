#include "datasets/table.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "autograd/threads.hpp"
#include "datasets/file.hpp"

namespace nabla::datasets {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
const char* skip_blanks(const char* p, const char* end) {
  while (p != end && is_blank(*p)) ++p;
  return p;
}

enum class Parsed { number, not_a_number, not_finite, too_large };

// A number at the start of [p, end); moves p behind it. For what the fast path does not know.
Parsed parse_slowly(const char*& p, const char* end, Real& value) {
  const char* start = p;
  if (start != end && *start == '+' && start + 1 != end && start[1] != '-') ++start;
  const auto [stop, error] = std::from_chars(start, end, value);
  if (error == std::errc::invalid_argument) return Parsed::not_a_number;
  const char* const text = p;
  p = stop;
  if (error == std::errc::result_out_of_range) {
    // Too close to zero, or too far away: the standard does not say which.
    double wide = 0;
    const bool wide_fails = std::from_chars(start, end, wide).ec != std::errc();
    const char* const e = std::find_if(text, stop, [](char c) { return c == 'e' || c == 'E'; });
    const bool tiny = wide_fails ? stop - e > 1 && e[1] == '-' : std::abs(wide) < 1;
    if (!tiny) return Parsed::too_large;
    value = 0;
  }
  return std::isfinite(value) ? Parsed::number : Parsed::not_finite;
}

// The same, fast for what tables are made of. m / 10ᵏ is rounded once, hence correctly, while m and
// 10ᵏ are exact in single precision: m ≤ 2²⁴, k ≤ 10.
inline Parsed parse_number(const char*& p, const char* end, Real& value) {
  static const Real powers[] = {Real(1e0), Real(1e1), Real(1e2), Real(1e3), Real(1e4), Real(1e5),
                                Real(1e6), Real(1e7), Real(1e8), Real(1e9), Real(1e10)};
  const char* q = p;
  const bool negative = q != end && *q == '-';
  if (negative) ++q;
  std::uint32_t mantissa = 0;
  const char* const first = q;
  for (; q != end && is_digit(*q) && mantissa < (1u << 24); ++q) {
    mantissa = 10 * mantissa + static_cast<std::uint32_t>(*q - '0');
  }
  std::ptrdiff_t digits = q - first, decimals = 0;
  if (q != end && *q == '.') {
    const char* const point = q++;
    for (; q != end && is_digit(*q) && mantissa < (1u << 24); ++q) {
      mantissa = 10 * mantissa + static_cast<std::uint32_t>(*q - '0');
    }
    decimals = q - point - 1;
    digits += decimals;
  }
  const bool ends = q == end || (!is_digit(*q) && *q != 'e' && *q != 'E' && *q != '.');
  if (digits == 0 || !ends || mantissa > (1u << 24) || decimals > 10) {
    return parse_slowly(p, end, value);
  }
  value = static_cast<Real>(mantissa) / powers[decimals];
  if (negative) value = -value;
  p = q;
  return Parsed::number;
}

struct Problem {
  std::size_t row;
  std::string text;
};

// Reads one line of `columns` numbers at a time.
class LineParser {
 public:
  LineParser(char separator, std::size_t columns) : separator_(separator), columns_(columns) {}

  // Parses the line at `p` into out[0 … columns) and gives the start of the next. On a problem it
  // fills in `problem` and gives nullptr; a number that is no 0 or 1 is one for bytes.
  template <class T>
  const char* parse(const char* p, const char* end, T* out, std::string& problem) const {
    const char* const line = p;
    std::size_t column = 0;
    p = skip_blanks(p, end);
    while (!at_end_of_line(p, end)) {
      while (column + 4 <= columns_ && end - p > 8 && are_four_digits<T>(p)) {
        for (std::size_t i = 0; i < 4; ++i) out[column + i] = static_cast<T>(p[2 * i] - '0');
        column += 4;
        p += 8;
      }
      p = skip_blanks(p, end);
      if (at_end_of_line(p, end)) {
        if (separator_ == ',') return empty_last_field(column, problem);
        break;
      }
      Real value;
      if (end - p > 1 && is_digit(p[0]) && (p[1] == separator_ || p[1] == '\n')) {
        value = static_cast<Real>(p[0] - '0');
        ++p;
      } else {
        const char* const field = p;
        const Parsed parsed = parse_number(p, end, value);
        if (parsed != Parsed::number || !at_end_of_field(p, end)) {
          problem = "column " + std::to_string(column + 1) + ": " + complaint(field, end, parsed);
          return nullptr;
        }
      }
      if (std::is_same_v<T, std::uint8_t> && (std::signbit(value) || (value != 0 && value != 1))) {
        problem = "is not of 0 and 1";
        return nullptr;
      }
      if (column < columns_) out[column] = static_cast<T>(value);
      ++column;
      p = skip_blanks(p, end);
      if (separator_ == ' ' || at_end_of_line(p, end)) continue;
      if (*p != separator_) {
        problem = "column " + std::to_string(column) + ": no comma before " + quoted(p, p + 1);
        return nullptr;
      }
      p = skip_blanks(p + 1, end);
      if (at_end_of_line(p, end)) return empty_last_field(column, problem);
    }
    if (column != columns_) {
      const char* const blank = skip_blanks(line, end);
      problem = at_end_of_line(blank, end)
                    ? "is empty"
                    : "has " + std::to_string(column) + (column == 1 ? " column" : " columns") +
                          " where the first has " + std::to_string(columns_);
      return nullptr;
    }
    while (p != end && *p != '\n') ++p;
    return p == end ? end : p + 1;
  }

 private:
  static bool at_end_of_line(const char* p, const char* end) {
    return p == end || *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'));
  }
  // "0,1,1,0,": most of what binary data consist of. The digits 0 … 7 differ in three bits, 0 and 1
  // in one.
  template <class T>
  bool are_four_digits(const char* p) const {
    const char c = separator_;
    const char b = std::is_same_v<T, std::uint8_t> ? 1 : 7;
    const char pattern[8] = {'0', c, '0', c, '0', c, '0', c},
               may_differ[8] = {b, 0, b, 0, b, 0, b, 0};
    std::uint64_t bytes, expected, mask;
    std::memcpy(&bytes, p, 8);
    std::memcpy(&expected, pattern, 8);
    std::memcpy(&mask, may_differ, 8);
    return ((bytes ^ expected) & ~mask) == 0;
  }
  static const char* empty_last_field(std::size_t column, std::string& problem) {
    problem = "column " + std::to_string(column + 1) + ": an empty field after a comma";
    return nullptr;
  }
  bool at_end_of_field(const char* p, const char* end) const {
    return at_end_of_line(p, end) || is_blank(*p) || *p == separator_;
  }
  std::string complaint(const char* field, const char* end, Parsed parsed) const {
    const char* stop = field;
    while (!at_end_of_field(stop, end)) ++stop;
    if (stop == field) return "an empty field before a comma";
    const std::string text = quoted(field, stop);
    if (parsed == Parsed::not_finite) return text + " is not a finite number";
    if (parsed == Parsed::too_large) return text + " is too large for a number";
    const bool semicolon = std::find(field, stop, ';') != stop;
    return text + " is not a number" +
           (semicolon ? "; fields are separated by commas or white space, not by ';'" : "");
  }

  char separator_;
  std::size_t columns_;
};

const char* line_end(const char* p, const char* end) {
  const void* const found = std::memchr(p, '\n', static_cast<std::size_t>(end - p));
  return found != nullptr ? static_cast<const char*>(found) : end;
}

char separator_of(const char* line, const char* end) {
  return std::find(line, end, ',') != end ? ',' : ' ';
}

// The fields of the first line, without the blanks around them.
std::vector<std::string> fields_of(const char* line, const char* end) {
  const char separator = separator_of(line, end);
  if (end != line && end[-1] == '\r') --end;
  std::vector<std::string> fields;
  for (const char* p = skip_blanks(line, end); p != end || separator == ',';) {
    const char* stop = p;
    while (stop != end && *stop != separator && !(separator == ' ' && is_blank(*stop))) ++stop;
    const char* last = stop;
    while (last != p && is_blank(last[-1])) --last;
    fields.emplace_back(p, last);
    if (stop == end) break;
    p = skip_blanks(stop + 1, end);
  }
  return fields;
}

bool is_name(const std::string& field) {
  const char* p = field.data();
  const char* const end = p + field.size();
  Real value;
  return !field.empty() && (parse_number(p, end, value) == Parsed::not_a_number || p != end);
}

// No number among the fields, and the first does not look like a misspelt one.
bool is_header(const std::vector<std::string>& fields) {
  return !fields.empty() && std::all_of(fields.begin(), fields.end(), is_name) &&
         !is_digit(fields[0][0]) && std::strchr("+-.", fields[0][0]) == nullptr;
}

// What OpenMP gives to one thread at a time: whole lines, from row `first` on.
struct Chunk {
  const char *begin, *end;
  std::size_t first, rows;
};

std::vector<Chunk> cut_into_chunks(const char* begin, const char* end) {
  const std::size_t size = static_cast<std::size_t>(end - begin);
  const std::size_t wanted = size < (1u << 22) ? 1 : 8 * static_cast<std::size_t>(threads());
  std::vector<Chunk> chunks;
  for (std::size_t c = 0; c < wanted && begin != end; ++c) {
    const std::size_t left = static_cast<std::size_t>(end - begin);
    const char* stop = line_end(begin + (left - 1) / (wanted - c), end);
    if (stop != end) ++stop;
    chunks.push_back({begin, stop, 0, 0});
    begin = stop;
  }
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(chunks.size());
#pragma omp parallel for schedule(dynamic) if (count > 1)
  for (std::ptrdiff_t c = 0; c < count; ++c) {
    Chunk& chunk = chunks[static_cast<std::size_t>(c)];
    chunk.rows = static_cast<std::size_t>(std::count(chunk.begin, chunk.end, '\n'));
    if (chunk.end[-1] != '\n') ++chunk.rows;
  }
  for (std::size_t c = 1; c < chunks.size(); ++c) {
    chunks[c].first = chunks[c - 1].first + chunks[c - 1].rows;
  }
  return chunks;
}

// The lines of a text, cut up, before the numbers in them are read.
struct Lines {
  LineParser parser;
  std::size_t columns, rows;
  std::vector<Chunk> chunks;
};

// Reads them all into out[0 … rows · columns); gives the first problem.
template <class T>
std::optional<Problem> parse_lines(const Lines& lines, T* out) {
  std::vector<std::optional<Problem>> problems(lines.chunks.size());
  std::atomic<bool> wrong{false};
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(lines.chunks.size());
#pragma omp parallel for schedule(dynamic) if (count > 1)
  for (std::ptrdiff_t c = 0; c < count; ++c) {
    if (std::is_same_v<T, std::uint8_t> && wrong) continue;  // it was only a try
    const Chunk& chunk = lines.chunks[static_cast<std::size_t>(c)];
    std::string problem;
    const char* p = chunk.begin;
    for (std::size_t row = chunk.first; row < chunk.first + chunk.rows; ++row) {
      p = lines.parser.parse(p, chunk.end, out + row * lines.columns, problem);
      if (p == nullptr) {
        problems[static_cast<std::size_t>(c)] = Problem{row, problem};
        wrong = true;
        break;
      }
    }
  }
  for (const std::optional<Problem>& problem : problems) {
    if (problem) return problem;
  }
  return std::nullopt;
}

// The first line that is not as the first one, where the text is too short for all to be: nothing
// as large as they claim to be is made.
std::optional<Problem> first_ragged(const Lines& lines) {
  std::vector<Real> numbers(lines.columns);
  std::string problem;
  for (const Chunk& chunk : lines.chunks) {
    const char* p = chunk.begin;
    for (std::size_t row = chunk.first; row < chunk.first + chunk.rows; ++row) {
      p = lines.parser.parse(p, chunk.end, numbers.data(), problem);
      if (p == nullptr) return Problem{row, problem};
    }
  }
  return std::nullopt;
}

}  // namespace

Table parse_table(const std::string& text, const std::string& name) {
  const auto fail = [&](const std::string& what) { throw std::runtime_error(name + ": " + what); };
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (text.compare(0, 3, "\xef\xbb\xbf") == 0) begin += 3;  // a byte order mark
  while (end != begin && (is_blank(end[-1]) || end[-1] == '\n' || end[-1] == '\r')) --end;
  if (begin == end) fail("has no line with numbers");

  std::size_t first_line = 1;
  std::vector<std::string> fields = fields_of(begin, line_end(begin, end)), names;
  if (is_header(fields)) {
    names = fields;
    const char* const stop = line_end(begin, end);
    if (stop == end) fail("has a header, " + quoted(begin, end) + ", and no line with numbers");
    begin = stop + 1;
    first_line = 2;
    fields = fields_of(begin, line_end(begin, end));
  }

  const std::size_t columns = fields.size();
  if (columns == 0) fail("line " + std::to_string(first_line) + " is empty");
  Lines lines{LineParser(separator_of(begin, line_end(begin, end)), columns), columns, 0,
              cut_into_chunks(begin, end)};
  lines.rows = lines.chunks.back().first + lines.chunks.back().rows;
  const auto check = [&](const std::optional<Problem>& problem) {
    if (!problem) return;
    const bool whole_line = problem->text.compare(0, 6, "column") != 0;
    fail("line " + std::to_string(problem->row + first_line) + (whole_line ? " " : ", ") +
         problem->text);
  };
  // A number takes two characters with its separator.
  const std::size_t possible = (static_cast<std::size_t>(end - begin) + 1) / 2;
  if (lines.rows > possible / columns) check(first_ragged(lines));
  // Binary data are large and common: a try that most other tables end in their first line.
  Rows::Bytes bytes(lines.rows * columns);
  if (!parse_lines(lines, bytes.data())) {
    return {Rows(std::move(bytes), lines.rows, columns), std::move(names)};
  }
  bytes = {};
  Array numbers = empty({lines.rows, columns});
  check(parse_lines(lines, numbers.data()));
  return {Rows(std::move(numbers)), std::move(names)};
}

Table read_table(const std::string& path) {
  return parse_table(read_file(path), path);
}

}  // namespace nabla::datasets
