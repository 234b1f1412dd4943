#include "runtime/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

FileError error_of(std::string_view what, const std::string& path, int code) {
  return FileError{code, std::string("cannot ").append(what).append(" ").append(path).append(": ") +
                             std::strerror(code)};
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// 0 or errno.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int fill(int fd, std::string_view content, mode_t mode, const std::optional<FileOwner>& owner) {
  // Before the content: what is secret is at no moment readable by others.
  if (owner && ::fchown(fd, owner->user, owner->group) != 0) return errno;
  if (::fchmod(fd, mode) != 0) return errno;
  if (const int code = write_all(fd, content); code != 0) return code;
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

Result<void, FileError> sync_directory(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return fail(error_of("open the directory", path, errno));
  // Some file systems cannot sync directories and say EINVAL; there is nothing more to be had.
  if (::fsync(directory.get()) != 0 && errno != EINVAL)
    return fail(error_of("force to disk the directory", path, errno));
  return {};
}

Result<void, FileError> write_file_atomically(const std::string& path, std::string_view content,
                                              mode_t mode, const std::optional<FileOwner>& owner) {
  std::string beside = path + ".XXXXXX";
  UniqueFd file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file.is_open()) return fail(error_of("create a file beside", path, errno));
  if (const int code = fill(file.get(), content, mode, owner); code != 0) {
    ::unlink(beside.c_str());
    return fail(error_of("write", beside, code));
  }
  file.reset();
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(beside.c_str());
    return fail(error_of("put into place", path, code));
  }
  return sync_directory(directory_of(path));
}

namespace {

// Also of a link to what is not there yet.
std::string target_of(std::string path) {
  constexpr int kLinksMax = 40;  // as the kernel
  namespace fs = std::filesystem;
  std::error_code error;
  for (int links = 0; links < kLinksMax && fs::is_symlink(path, error); ++links) {
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = (fs::path(path).parent_path() / target).string();
  }
  return path;
}

bool is_about_the_place(int code) {
  return code == EACCES || code == EPERM || code == EROFS || code == EBUSY;
}

Result<void, FileError> overwrite(const std::string& path, std::string_view content, mode_t mode) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) return fail(error_of("open", path, errno));
  struct stat facts{};
  const bool has_mode = ::fstat(file.get(), &facts) == 0 && (facts.st_mode & 07777U) == mode;
  if (!has_mode && ::fchmod(file.get(), mode) != 0)
    return fail(error_of("set the mode of", path, errno));
  if (::ftruncate(file.get(), 0) != 0) return fail(error_of("empty", path, errno));
  if (const int code = write_all(file.get(), content); code != 0)
    return fail(error_of("write", path, code));
  if (::fsync(file.get()) != 0) return fail(error_of("force to disk", path, errno));
  return {};
}

}  // namespace

Result<void, FileError> write_file_in_its_place(const std::string& path, std::string_view content,
                                                mode_t mode) {
  const std::string target = target_of(path);
  const auto replaced = write_file_atomically(target, content, mode);
  if (replaced || !is_about_the_place(replaced.error().code)) return replaced;
  // What cannot be told better is that nothing can be made there.
  return overwrite(target, content, mode) ? Result<void, FileError>{} : replaced;
}

Result<std::string, FileError> read_file(const std::string& path, std::size_t bytes_max) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail(error_of("open", path, errno));
  std::string content;
  std::array<char, 16384> piece;  // NOLINT: filled by read
  for (;;) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(error_of("read", path, errno));
    if (got == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(got));
    if (content.size() > bytes_max) return fail(error_of("take all of", path, EFBIG));
  }
}

}  // namespace pgherd
