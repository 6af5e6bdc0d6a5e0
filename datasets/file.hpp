// Bytes of a file, unpacked on the way if it is gzip. Every error of the readers in this folder is
// a std::runtime_error of one line that starts with the file's name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace nabla::datasets {

/// Reads a file from the front. Whether it is gzip is decided by its first two bytes (1f 8b), not
/// by its name. Several gzip members one behind the other are read as one; what follows the last
/// one is ignored unless it begins like another, as gzip does. Nothing is unpacked beyond what
/// read() asks for, so a file that would inflate without end costs no more than its reader allows.
class FileReader {
 public:
  /// Throws if the file is missing, a directory (or anything else that is no regular file), empty,
  /// or may not be read.
  explicit FileReader(std::string path);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// Up to n bytes into `out`; fewer only at the end. Throws on corrupt or truncated gzip.
  std::size_t read(void* out, std::size_t n);

  /// Throws unless the file ends here; "the header declares 16 bytes, but the file goes on".
  void expect_end(const std::string& declaration);

  const std::string& path() const { return path_; }
  bool gzipped() const { return gzipped_; }
  std::uint64_t position() const { return position_; }  ///< unpacked bytes read so far

  /// No more bytes than this can come, unpacked: deflate shrinks to 1/1032 at best. A header that
  /// declares more is refused before memory is asked for.
  std::uint64_t most_bytes() const;
  /// What the gzip trailer claims (which may be a lie), or the size of a plain file.
  std::uint64_t claimed_bytes() const { return claimed_; }

  /// Throws std::runtime_error "PATH: what".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  struct Unpacker;

  std::size_t read_bytes(void* out, std::size_t n);  // as they are in the file
  std::size_t unpack(unsigned char* out, std::size_t n);
  bool next_member();

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0, claimed_ = 0, position_ = 0;
  bool gzipped_ = false;
  std::unique_ptr<Unpacker> unpacker_;  // of a gzip file
};

/// Text beyond this many bytes, unpacked, is refused: 2 GiB.
constexpr std::uint64_t max_text_bytes = std::uint64_t{2} << 30;

/// A whole file. Throws as FileReader does, and if there are more than `limit` bytes.
std::string read_file(const std::string& path, std::uint64_t limit = max_text_bytes);

/// "'abc'": a piece of a file for a message, shortened, with \xNN for what does not print.
std::string quoted(const char* begin, const char* end);

}  // namespace nabla::datasets
