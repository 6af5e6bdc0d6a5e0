#include "tests/table/names.hpp"

#include <algorithm>
#include <cctype>
#include <regex>

namespace nabla::testing {
namespace {

std::string replaced(const std::string& text, const std::string& pattern, const std::string& by) {
  return std::regex_replace(text, std::regex(pattern), by);
}

std::string without_comments(const std::string& text) {
  return replaced(text, "//[^\n]*|\n[ ]*#[^\n]*", "");
}

// The position behind the bracket that closes the one at `open`.
std::size_t behind(const std::string& text, std::size_t open, char opening, char closing) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    depth += text[i] == opening ? 1 : text[i] == closing ? -1 : 0;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

// "const std::vector<Tensor>& parts" is vector<Tensor>.
std::string type_of(std::string parameter) {
  parameter = parameter.substr(0, parameter.find('='));
  parameter = replaced(parameter, "\\bstd::", "");
  parameter = replaced(parameter, "\\bconst\\b|[&*]", " ");
  parameter = replaced(parameter, "^\\s+|\\s+$", "");
  // The name is the last word, if there is a type before it.
  return replaced(replaced(parameter, "^(.*[^\\s:])\\s+\\w+$", "$1"), "\\s+", " ");
}

std::string types_of(const std::string& parameters) {
  std::string result, one;
  int depth = 0;
  const auto finish = [&] {
    const std::string type = type_of(one);
    if (!type.empty()) result += (result.empty() ? "" : ", ") + type;
    one.clear();
  };
  for (const char c : parameters) {
    depth += c == '<' || c == '(' || c == '{' ? 1 : c == '>' || c == ')' || c == '}' ? -1 : 0;
    if (c == ',' && depth == 0) {
      finish();
    } else {
      one += c;
    }
  }
  finish();
  return result;
}

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(without_comments(text)) {}

  std::vector<std::string> names() {
    read_scope("", true);
    return std::move(names_);
  }

 private:
  // Statements up to the closing bracket of a namespace or class.
  void read_scope(const std::string& prefix, bool is_public) {
    while (at_ < text_.size()) {
      std::string statement;
      int depth = 0;
      for (; at_ < text_.size(); ++at_) {
        const char c = text_[at_];
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (depth == 0 && (c == ';' || c == '{' || c == '}')) break;
        statement += c;
        const std::string label = replaced(statement, "\\s", "");
        if (label == "public:" || label == "private:" || label == "protected:") {
          is_public = label == "public:";
          statement.clear();
        }
      }
      if (at_ >= text_.size()) return;
      const char ended_by = text_[at_];
      if (ended_by == '}') {
        ++at_;
        return;
      }
      if (ended_by == ';') {
        ++at_;
        if (is_public) add(prefix, statement, "");
        continue;
      }
      read_block(prefix, is_public, statement);
    }
  }

  void read_block(const std::string& prefix, bool is_public, const std::string& statement) {
    const std::size_t end = behind(text_, at_, '{', '}');
    std::smatch match;
    if (std::regex_search(statement, match, std::regex("\\bnamespace\\s+([\\w:]*)")) &&
        match[1] != "detail") {
      ++at_;
      return read_scope(prefix, true);
    }
    if (is_public &&
        std::regex_search(
            statement, match,
            std::regex("^\\s*(?:template\\s*<.*>\\s*)?(class|struct)\\s+(\\w+)[^(=]*$"))) {
      ++at_;
      read_scope(prefix + match[2].str() + "::", match[1] == "struct");
      return;
    }
    if (is_public) add(prefix, statement, text_.substr(at_ + 1, end - at_ - 2));
    at_ = end;
  }

  void add(const std::string& prefix, std::string statement, const std::string& body) {
    statement = replaced(statement, "\\s+", " ");
    const std::size_t start = statement.find("template <");
    if (start != std::string::npos) {
      statement = statement.substr(behind(statement, statement.find('<', start), '<', '>'));
    }
    std::smatch match;
    if (!std::regex_search(statement, match,
                           std::regex("^([^(=]*?)(operator ?(?:\\(\\)|[^ (]+)|~?\\w+)\\(")) ||
        statement.find("= delete") != std::string::npos ||
        std::regex_search(statement, std::regex("^ ?(using|typedef|friend|enum)\\b")) ||
        match[2].str()[0] == '~') {
      return;
    }
    if (!prefix.empty() && std::regex_match(body, std::regex("\\s*return \\w+_;\\s*"))) return;
    const std::size_t open = static_cast<std::size_t>(match.length(0)) - 1;
    const std::size_t close = behind(statement, open, '(', ')');
    names_.push_back(prefix + match[2].str() + "(" +
                     types_of(statement.substr(open + 1, close - open - 2)) + ")");
  }

  std::string text_;
  std::size_t at_ = 0;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<std::string> declared_names(const std::string& header_text) {
  return Reader(header_text).names();
}

}  // namespace nabla::testing
