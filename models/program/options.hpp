// The options of a training program: typed, with ranges, kept with the run and taken up again.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nabla::models {

/// A wrong command line: exit status 2. A model may throw it too, for options that do not fit each
/// other or the data.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The numbers an option accepts; never NaN or infinity.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;

  bool contains(double x) const;
  std::string text() const;  // " of at least 1", "" for any number
};
inline Range any_number() {
  return {};
}
inline Range at_least(double low) {
  return {low, std::numeric_limits<double>::infinity(), false};
}
inline Range above(double low) {
  return {low, std::numeric_limits<double>::infinity(), true};
}
inline Range between(double low, double high) {
  return {low, high, false};
}

/// What every program takes; a program sets its defaults here before parsing.
struct CommonOptions {
  std::string data = "fashion-mnist";
  std::string data_dir;          // empty: $NABLA_DATA and the system's folders
  std::size_t epochs = 20;       // in total, also when a run goes on
  std::size_t batch_size = 128;  // a default of 0: batch_size_for() decides
  double lr = 1e-3;
  std::string schedule = "constant";  // of the learning rate: constant, linear, cosine
  std::uint64_t seed = 1;
  std::size_t threads = 0;     // 0: as many as OpenMP finds
  std::size_t patience = 0;    // epochs without a better criterion before stopping; 0: never
  std::size_t train_size = 0;  // training examples, the first of the data set; 0: all
  std::string out;             // empty: runs/NAME, or the first free of runs/NAME-2, …
  std::string resume;
  bool overwrite = false;
  bool check_finite = false;
  bool quiet = false;
};

/// --batch-size; where that is 0, a 200th of `examples`, from 10 to 100: small data sets need
/// more steps an epoch, large ones gain speed.
std::size_t batch_size_for(const CommonOptions& options, std::size_t examples);

/// Where an option stands in --help, and whether a resumed run must keep it.
enum class OptionKind {
  model,   // the model's own: recorded
  common,  // every program's: recorded
  free,    // says only where things are or how they are shown: a resumed run may change it
};

/// What --help and --version say besides the options.
struct ProgramText {
  std::string program, title, footer, version;
};

/// The registry behind Program. Every option is bound to a variable that holds its default.
class OptionTable {
 public:
  using Kind = OptionKind;

  /// Counts, below 2³¹; with any_number() all 64 bits.
  void add(const std::string& flag, std::size_t& value, const std::string& help,
           Range range = at_least(0), Kind kind = Kind::model);
  /// Where below 0 has a meaning of its own.
  void add(const std::string& flag, std::int64_t& value, const std::string& help, Range range = {},
           Kind kind = Kind::model);
  void add(const std::string& flag, double& value, const std::string& help, Range range = {},
           Kind kind = Kind::model);
  void add(const std::string& flag, std::string& value, const std::string& help,
           Kind kind = Kind::model);
  /// One of a few words.
  void add(const std::string& flag, std::string& value, const std::string& help,
           std::vector<std::string> choices, Kind kind = Kind::model);
  /// Off unless it is given.
  void add(const std::string& flag, bool& value, const std::string& help, Kind kind = Kind::model);
  /// Whole numbers with commas between, "256,256,128"; the empty text is the empty list.
  void add(const std::string& flag, std::vector<std::size_t>& value, const std::string& help,
           Range range = {}, Kind kind = Kind::model);

  /// Reads the command line and sets the variables. False if --help or --version was asked for: the
  /// text is in `answer`. Throws UsageError.
  bool parse(int argc, const char* const* argv, const ProgramText& text, std::string& answer);

  bool given(const std::string& flag) const;  // on the command line
  /// What an option that was left open came to be.
  void answer(const std::string& flag, const std::string& value);
  /// Flag without dashes and value, for people.
  std::vector<std::pair<std::string, std::string>> rows() const;
  /// The recorded options, "batch_size": 128 for --batch-size, as the members of a JSON object.
  std::string to_json() const;
  /// Sets every recorded option from such an object (keys that are no option are passed over), but
  /// --epochs where the command line has it. Throws UsageError if the command line says otherwise
  /// for another option, with its flag and both values; std::runtime_error on a damaged object.
  void take_up(const std::string& json, const std::string& source);

 private:
  struct Entry {
    std::string flag, help, type;
    Kind kind;
    bool is_flag;
    std::function<void(const std::string&)> set;  // throws UsageError
    std::function<std::string()> text;            // what set() would read
    std::function<std::string()> json;
    bool given = false;
  };

  void add_entry(Entry entry);
  const Entry& find(const std::string& flag) const;

  std::vector<Entry> entries_;
};

}  // namespace nabla::models
