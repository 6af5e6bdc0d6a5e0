#include "nn/files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace nabla::nn {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

[[noreturn]] void fail_to_write(const std::string& path) {
  throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
}

void write_all(int file, const char* next, std::size_t bytes, const std::string& path) {
  while (bytes > 0) {
    const ssize_t written = ::write(file, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_to_write(path);
    next += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp") {
  struct stat there;
  if (::stat(path_.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    throw std::runtime_error("cannot write " + path_ + ": it is there and not a regular file");
  }
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) fail_to_write(path_);
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  write_all(file_, static_cast<const char*>(data), bytes, path_);
}

void AtomicFile::commit() {
  // EINVAL: a file system that cannot flush. Without the flush a crash of the machine could leave
  // the new name on an empty file.
  if (::fsync(file_) != 0 && errno != EINVAL) fail_to_write(path_);
  const int closed = ::close(file_);
  file_ = -1;
  if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int why = errno;
    ::unlink(temporary_.c_str());
    errno = why;
    fail_to_write(path_);
  }
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);  // the new name itself; a file system that refuses has done its best
    ::close(folder);
  }
}

void write_file(const std::string& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void append_file(const std::string& path, std::string_view content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) fail_to_write(path);
  try {
    write_all(file, content.data(), content.size(), path);
  } catch (...) {
    ::close(file);
    throw;
  }
  if (::close(file) != 0) fail_to_write(path);
}

std::string read_file(const std::string& path) {
  const auto fail = [&] {
    throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno));
  };
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) fail();
  std::string content;
  char buffer[1 << 16];
  std::size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, file)) > 0) content.append(buffer, got);
  const int why = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  errno = why;
  if (why != 0) fail();
  return content;
}

}  // namespace nabla::nn
