#include "models/program/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

namespace nabla::models {
namespace {

using Json = nlohmann::ordered_json;

// "0.001", the shortest text that gives the same number.
std::string shortest(double x) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  return {text, end};
}

template <class T>
std::string text_of(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return shortest(x);
  } else {
    return std::to_string(x);
  }
}

// The whole text as a number in the range, or nothing.
template <class T>
std::optional<T> number(const std::string& text, const Range& range) {
  T value{};
  const char* const last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || stop != last || !range.contains(static_cast<double>(value)))
    return {};
  return value;
}

[[noreturn]] void expect(const std::string& flag, const std::string& what, const std::string& got) {
  throw UsageError(flag + ": expected " + what + ", got '" + got + "'");
}

template <class T>
std::string kind_of_number() {
  return std::is_floating_point_v<T> ? "a number" : "a whole number";
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::vector<std::string> parts(const std::string& text) {
  std::vector<std::string> result;
  for (std::size_t start = 0; !text.empty() && start != std::string::npos;) {
    const std::size_t comma = text.find(',', start);
    const bool last = comma == std::string::npos;
    result.push_back(text.substr(start, last ? comma : comma - start));
    start = last ? comma : comma + 1;
  }
  return result;
}

std::string list_text(const std::vector<std::size_t>& list) {
  std::vector<std::string> words;
  for (const std::size_t n : list) words.push_back(std::to_string(n));
  return joined(words, ",");
}

std::string key_of(const std::string& flag) {
  std::string key = flag.substr(2);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

// A recorded value as the command line would have it.
std::string text_of_json(const Json& value) {
  if (value.is_string()) return value;
  if (!value.is_array()) return value.dump();
  std::vector<std::string> words;
  for (const Json& element : value) words.push_back(element.dump());
  return joined(words, ",");
}

}  // namespace

bool Range::contains(double x) const {
  return std::isfinite(x) && (low_excluded ? x > low : x >= low) && x <= high;
}

std::string Range::text() const {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (has_low && has_high) return " from " + shortest(low) + " to " + shortest(high);
  if (has_high) return " of at most " + shortest(high);
  if (!has_low) return "";
  return (low_excluded ? " above " : " of at least ") + shortest(low);
}

void OptionTable::add_entry(Entry entry) {
  const bool taken = std::any_of(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.flag == entry.flag; });
  if (taken || entry.flag.compare(0, 2, "--") != 0 || entry.flag.size() < 3) {
    throw std::logic_error("option " + entry.flag + (taken ? " is there twice" : ": no --name"));
  }
  entries_.push_back(std::move(entry));
}

namespace {

// set, text and json of one number.
template <class T>
auto number_setter(const std::string& flag, T& value, const Range& range) {
  return [flag, &value, range](const std::string& text) {
    const std::optional<T> parsed = number<T>(text, range);
    if (!parsed) expect(flag, kind_of_number<T>() + range.text(), text);
    value = *parsed;
  };
}

template <class T>
auto text_getter(T& value) {
  return [&value] { return text_of(value); };
}

}  // namespace

void OptionTable::add(const std::string& flag, std::size_t& value, const std::string& help,
                      Range range, Kind kind) {
  // Counts are below 2³¹, so that none overflows in what is made of it; any_number() is for seeds.
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
  const bool is_count = std::isfinite(range.low);
  const Range checked = is_count ? range : at_least(0);
  const auto set = [flag, &value, checked, is_count](const std::string& text) {
    const std::optional<std::size_t> parsed = number<std::size_t>(text, checked);
    if (!parsed || (is_count && *parsed > most)) {
      expect(flag, kind_of_number<std::size_t>() + checked.text(), text);
    }
    value = *parsed;
  };
  add_entry({flag, help, "N", kind, false, set, text_getter(value), text_getter(value)});
}

void OptionTable::add(const std::string& flag, std::int64_t& value, const std::string& help,
                      Range range, Kind kind) {
  add_entry({flag, help, "N", kind, false, number_setter(flag, value, range), text_getter(value),
             text_getter(value)});
}

void OptionTable::add(const std::string& flag, double& value, const std::string& help, Range range,
                      Kind kind) {
  add_entry({flag, help, "X", kind, false, number_setter(flag, value, range), text_getter(value),
             text_getter(value)});
}

void OptionTable::add(const std::string& flag, std::string& value, const std::string& help,
                      Kind kind) {
  const auto set = [&value](const std::string& text) { value = text; };
  const auto json = [&value] {
    return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  add_entry({flag, help, "TEXT", kind, false, set, [&value] { return value; }, json});
}

void OptionTable::add(const std::string& flag, std::string& value, const std::string& help,
                      std::vector<std::string> choices, Kind kind) {
  const auto set = [flag, &value, choices](const std::string& text) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      expect(flag, "one of " + joined(choices, ", "), text);
    }
    value = text;
  };
  add_entry({flag, help, joined(choices, "|"), kind, false, set, [&value] { return value; },
             [&value] { return Json(value).dump(); }});
}

void OptionTable::add(const std::string& flag, bool& value, const std::string& help, Kind kind) {
  const auto set = [flag, &value](const std::string& text) {
    if (text != "true" && text != "false") expect(flag, "true or false", text);
    value = text == "true";
  };
  const auto text = [&value] { return std::string(value ? "true" : "false"); };
  add_entry({flag, help, "", kind, true, set, text, text});
}

void OptionTable::add(const std::string& flag, std::vector<std::size_t>& value,
                      const std::string& help, Range range, Kind kind) {
  const auto set = [flag, &value, range](const std::string& text) {
    std::vector<std::size_t> list;
    for (const std::string& part : parts(text)) {
      const std::optional<std::size_t> parsed = number<std::size_t>(part, range);
      if (!parsed) expect(flag, "whole numbers" + range.text() + " with commas between", text);
      list.push_back(*parsed);
    }
    value = std::move(list);
  };
  const auto text = [&value] { return list_text(value); };
  add_entry({flag, help, "N,N,...", kind, false, set, text, [text] { return "[" + text() + "]"; }});
}

bool OptionTable::parse(int argc, const char* const* argv, const ProgramText& text,
                        std::string& answer) {
  CLI::App app(text.title, text.program);
  app.footer(text.footer);
  app.set_version_flag("--version", text.version, "Show version and commit");
  app.set_help_flag("-h,--help", "Show this text");
  app.get_formatter()->column_width(34);
  // CLI11 only splits the command line: the values are read here, so that the same words refuse
  // a bad one wherever it comes from.
  std::vector<std::unique_ptr<std::string>> texts;
  std::vector<CLI::Option*> options;
  for (const Entry& entry : entries_) {
    CLI::Option* option;
    texts.push_back(std::make_unique<std::string>());
    if (entry.is_flag) {
      option = app.add_flag(entry.flag, entry.help);
    } else {
      option = app.add_option(entry.flag, *texts.back(), entry.help);
      option->type_name(entry.type)->default_str(entry.text());
    }
    option->group(entry.kind == Kind::model ? "Options of this model" : "Options");
    options.push_back(option);
  }
  // CLI11 would take "--lr --quiet" for a rate called "--quiet".
  for (int i = 1; i < argc; ++i) {
    const auto named = [&](int at) {
      return std::find_if(entries_.begin(), entries_.end(),
                          [&](const Entry& entry) { return entry.flag == argv[at]; });
    };
    const auto entry = named(i);
    if (entry == entries_.end() || entry->is_flag) continue;
    if (i + 1 == argc || named(i + 1) != entries_.end()) {
      throw UsageError(entry->flag + ": its value is missing (see --help)");
    }
    ++i;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    answer = app.help() + "\n";
    return false;
  } catch (const CLI::CallForVersion&) {
    answer = text.version + "\n";
    return false;
  } catch (const CLI::ParseError& e) {
    throw UsageError(std::string(e.what()) + " (see --help)");
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].given = options[i]->count() > 0;
    if (entries_[i].given) entries_[i].set(entries_[i].is_flag ? "true" : *texts[i]);
  }
  return true;
}

const OptionTable::Entry& OptionTable::find(const std::string& flag) const {
  for (const Entry& entry : entries_) {
    if (entry.flag == flag) return entry;
  }
  throw std::logic_error("there is no option " + flag);
}

void OptionTable::answer(const std::string& flag, const std::string& value) {
  find(flag).set(value);
}

bool OptionTable::given(const std::string& flag) const {
  return find(flag).given;
}

std::vector<std::pair<std::string, std::string>> OptionTable::rows() const {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Entry& entry : entries_) {
    if (entry.kind != Kind::free) rows.emplace_back(entry.flag.substr(2), entry.text());
  }
  return rows;
}

std::size_t batch_size_for(const CommonOptions& options, std::size_t examples) {
  if (options.batch_size != 0) return options.batch_size;
  return std::clamp<std::size_t>(examples / 200, 10, 100);
}

std::string OptionTable::to_json() const {
  Json object = Json::object();
  for (const Entry& entry : entries_) {
    if (entry.kind != Kind::free) object[key_of(entry.flag)] = Json::parse(entry.json());
  }
  return object.dump(2) + "\n";
}

void OptionTable::take_up(const std::string& json, const std::string& source) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) throw std::runtime_error(source + ": not a JSON object");
  for (const Entry& entry : entries_) {
    const auto found = object.find(key_of(entry.flag));
    if (entry.kind == Kind::free || found == object.end()) continue;
    const std::string asked = entry.text();
    if (entry.given && entry.flag == "--epochs") continue;
    try {
      entry.set(text_of_json(*found));
    } catch (const UsageError& e) {
      throw std::runtime_error(source + ": " + e.what());
    }
    if (entry.given && entry.text() != asked) {
      throw UsageError(entry.flag + (entry.is_flag ? "" : " " + asked) + " contradicts " + source +
                       ", where it is " + entry.text() + "; leave it out to go on with that run");
    }
  }
}

}  // namespace nabla::models
