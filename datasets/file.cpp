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

// Not zlib's gzread: from 1.3.2 on it forgets between two calls that the data stopped too early,
// and takes fewer than four bytes for no gzip at all.
struct FileReader::Unpacker {
  z_stream stream{};
  bool at_end = false;  // of the last member
  unsigned char packed[std::size_t{1} << 18];

  Unpacker() {
    constexpr int gzip = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip) != Z_OK) throw std::bad_alloc();
  }
  ~Unpacker() { inflateEnd(&stream); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
};

FileReader::FileReader(std::string path) : path_(std::move(path)) {
  descriptor_ = open_regular(path_, size_);
  unsigned char start[2] = {};
  gzipped_ = ::pread(descriptor_, start, 2, 0) == 2 && start[0] == 0x1f && start[1] == 0x8b;
  claimed_ = gzipped_ ? trailing_size(descriptor_, size_) : size_;
  if (!gzipped_) return;
  try {
    unpacker_ = std::make_unique<Unpacker>();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

FileReader::~FileReader() {
  ::close(descriptor_);
}

void FileReader::fail(const std::string& what) const {
  throw std::runtime_error(path_ + ": " + what);
}

std::uint64_t FileReader::most_bytes() const {
  return gzipped_ ? size_ * 1032 : size_;
}

std::size_t FileReader::read_bytes(void* out, std::size_t n) {
  constexpr std::size_t most = std::size_t{1} << 30;  // the kernel takes no more than 2 GiB at once
  std::size_t done = 0;
  while (done < n) {
    const ssize_t got =
        ::read(descriptor_, static_cast<char*>(out) + done, std::min(n - done, most));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      fail(std::string("cannot be read: ") + std::strerror(errno));
    }
  }
  return done;
}

// Behind the end of a member: whether another one begins.
bool FileReader::next_member() {
  z_stream& stream = unpacker_->stream;
  if (stream.avail_in < 2) {  // the two bytes may lie in two pieces of the file
    unsigned char* const packed = unpacker_->packed;
    std::copy(stream.next_in, stream.next_in + stream.avail_in, packed);
    const std::size_t room = sizeof unpacker_->packed - stream.avail_in;
    stream.avail_in += static_cast<uInt>(read_bytes(packed + stream.avail_in, room));
    stream.next_in = packed;
  }
  if (stream.avail_in == 0 || stream.next_in[0] != 0x1f) return false;
  if (stream.avail_in > 1 && stream.next_in[1] != 0x8b) return false;
  inflateReset(&stream);  // keeps next_in
  return true;
}

std::size_t FileReader::unpack(unsigned char* out, std::size_t n) {
  z_stream& stream = unpacker_->stream;
  std::size_t done = 0;
  while (done < n && !unpacker_->at_end) {
    if (stream.avail_in == 0) {
      stream.next_in = unpacker_->packed;
      stream.avail_in = static_cast<uInt>(read_bytes(unpacker_->packed, sizeof unpacker_->packed));
    }
    const uInt piece = static_cast<uInt>(std::min<std::size_t>(n - done, 1u << 30));
    stream.next_out = out + done;
    stream.avail_out = piece;
    const bool at_end_of_file = stream.avail_in == 0;
    const int code = inflate(&stream, Z_NO_FLUSH);
    done += piece - stream.avail_out;
    if (code == Z_STREAM_END) {
      unpacker_->at_end = !next_member();
    } else if (code == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (code == Z_DATA_ERROR || code == Z_NEED_DICT) {
      fail("corrupt gzip data, after " + std::to_string(position_ + done) +
           " or more unpacked bytes (" + (stream.msg != nullptr ? stream.msg : "dictionary") + ")");
    } else if (at_end_of_file && stream.avail_out == piece) {
      fail("truncated: the gzip data stop after " + std::to_string(position_ + done) +
           " unpacked bytes");
    }
  }
  return done;
}

std::size_t FileReader::read(void* out, std::size_t n) {
  const std::size_t done =
      gzipped_ ? unpack(static_cast<unsigned char*>(out), n) : read_bytes(out, n);
  position_ += done;
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
