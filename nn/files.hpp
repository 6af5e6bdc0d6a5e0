// Files that are either whole or not there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nabla::nn {

/// A file that appears under its name only when it is complete: written beside it as PATH.tmp,
/// flushed to the disk, then renamed over the file that was there. Without commit() nothing has
/// happened. What is there and no file, a folder or /dev/null, is refused.
/// Throws std::runtime_error "cannot write PATH: No space left on device".
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  std::string path_, temporary_;
  int file_ = -1;
};

/// The whole file in one call.
void write_file(const std::string& path, std::string_view content);

/// Adds to the end of a file, creating it if need be; errors as above.
void append_file(const std::string& path, std::string_view content);

/// Throws std::runtime_error "cannot read PATH: No such file or directory".
std::string read_file(const std::string& path);

}  // namespace nabla::nn
