#include "datasets/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace nabla::datasets {
namespace {

gzFile handle(void* file) {
  return static_cast<gzFile>(file);
}

// Opened without waiting: a pipe would otherwise block before it can be refused.
int open_regular(const std::string& path, std::uint64_t& size) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  struct stat status {};
  const char* problem = nullptr;
  if (::fstat(descriptor, &status) != 0) {
    problem = std::strerror(errno);
  } else if (S_ISDIR(status.st_mode)) {
    problem = "is a directory, not a file";
  } else if (!S_ISREG(status.st_mode)) {
    problem = "is not a regular file";
  } else if (status.st_size == 0) {
    problem = "is empty";
  }
  if (problem != nullptr) {
    const std::string message = path + ": " + problem;
    ::close(descriptor);
    throw std::runtime_error(message);
  }
  size = static_cast<std::uint64_t>(status.st_size);
  return descriptor;
}

// The last four bytes of a gzip file: the unpacked size modulo 2³², if there is one member.
std::uint64_t trailing_size(int descriptor, std::uint64_t size) {
  unsigned char b[4] = {};
  if (size < 4 || ::pread(descriptor, b, 4, static_cast<off_t>(size - 4)) != 4) return 0;
  return b[0] | std::uint64_t{b[1]} << 8 | std::uint64_t{b[2]} << 16 | std::uint64_t{b[3]} << 24;
}

}  // namespace

FileReader::FileReader(std::string path) : path_(std::move(path)) {
  const int descriptor = open_regular(path_, size_);
  const std::uint64_t trailer = trailing_size(descriptor, size_);
  gzFile file = gzdopen(descriptor, "rb");
  if (file == nullptr) {
    ::close(descriptor);
    throw std::bad_alloc();
  }
  gzbuffer(file, 1u << 18);
  file_ = file;
  gzipped_ = gzdirect(file) == 0;
  claimed_ = gzipped_ ? trailer : size_;
}

FileReader::~FileReader() {
  gzclose_r(handle(file_));
}

void FileReader::fail(const std::string& what) const {
  throw std::runtime_error(path_ + ": " + what);
}

std::uint64_t FileReader::most_bytes() const {
  return gzipped_ ? size_ * 1032 : size_;
}

std::size_t FileReader::read(void* out, std::size_t n) {
  std::size_t done = 0;
  while (done < n) {
    const unsigned piece = static_cast<unsigned>(std::min<std::size_t>(n - done, 1u << 30));
    const int got = gzread(handle(file_), static_cast<char*>(out) + done, piece);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      position_ += static_cast<std::uint64_t>(got);
    }
    if (got == static_cast<int>(piece)) continue;
    // Short: the end, or trouble.
    int code = Z_OK;
    const char* const text = gzerror(handle(file_), &code);
    if (code == Z_BUF_ERROR) {
      fail("truncated: the gzip data stop after " + std::to_string(position_) + " unpacked bytes");
    }
    if (code == Z_ERRNO) fail(std::string("cannot be read: ") + std::strerror(errno));
    if (code < 0) {
      // zlib puts the name of the descriptor in front of its reason: "<fd:3>: reason".
      const char* const reason = std::strstr(text, ": ");
      fail("corrupt gzip data, after " + std::to_string(position_) + " or more unpacked bytes (" +
           (reason != nullptr ? reason + 2 : text) + ")");
    }
    break;
  }
  return done;
}

void FileReader::expect_end(const std::string& declaration) {
  char extra;
  if (read(&extra, 1) != 0) fail(declaration + ", but the file goes on after them");
}

std::string read_file(const std::string& path, std::uint64_t limit) {
  FileReader file(path);
  const auto too_long = [&] {
    file.fail("more than " + std::to_string(limit) + " bytes" +
              (file.gzipped() ? ", unpacked," : "") + " of text are refused");
  };
  if (!file.gzipped() && file.claimed_bytes() > limit) too_long();
  // The trailer is believed as far as is plausible; from there on the buffer doubles.
  std::uint64_t guess = std::min(file.claimed_bytes(), file.most_bytes() / 16);
  std::string text;
  std::size_t size = 0;
  while (true) {
    text.resize(static_cast<std::size_t>(std::min(guess, limit)) + 1);  // one more: to see the end
    size += file.read(&text[size], text.size() - size);
    if (size < text.size()) break;
    if (size > limit) too_long();
    guess = std::max<std::uint64_t>(4096, 2 * text.size());
  }
  text.resize(size);
  return text;
}

std::string quoted(const char* begin, const char* end) {
  constexpr std::ptrdiff_t longest = 24;
  const bool cut = end - begin > longest;
  if (cut) end = begin + longest;
  static const char hex[] = "0123456789abcdef";
  std::string text = "'";
  for (const char* p = begin; p != end; ++p) {
    const unsigned char c = static_cast<unsigned char>(*p);
    if (c >= 32 && c < 127) {
      text += *p;
    } else {
      text += {'\\', 'x', hex[c >> 4], hex[c & 15]};
    }
  }
  return text + (cut ? "…'" : "'");
}

}  // namespace nabla::datasets
