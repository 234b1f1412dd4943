#include "ctl/helpers.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>

#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string file = std::string(rest.substr(0, end)) + "/" + program;
    if (access(file.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return false;
}

// The variable may hold options too ("less -R"): it is given to the shell as it is.
std::optional<std::string> chosen(const char* variable,
                                  std::initializer_list<const char*> programs) {
  const char* chosen = std::getenv(variable);
  if (chosen != nullptr && *chosen != '\0') return chosen;
  for (const char* program : programs) {
    if (is_in_path(program)) return program;
  }
  return std::nullopt;
}

std::string shell_quoted(const std::string& text) {
  std::string made = "'";
  for (const char c : text)
    made.append(c == '\'' ? "'\\''" : std::string(1, c));
  return made.append("'");
}

// A file of its own, gone with the object.
class TemporaryFile {
 public:
  TemporaryFile(std::string_view name, const std::string& text) {
    const char* folder = std::getenv("TMPDIR");
    path_ = fmt::format("{}/{}-config-XXXXXX.yaml",
                        folder == nullptr || *folder == '\0' ? "/tmp" : folder, name);
    const int file = mkstemps(path_.data(), 5);
    if (file < 0) {
      throw CtlError(fmt::format("cannot create {}: {}", path_, std::strerror(errno)));
    }
    close(file);
    std::ofstream stream(path_);
    stream << text;
    stream.close();
    if (stream) return;
    const int problem = errno;
    (void)unlink(path_.c_str());
    throw CtlError(fmt::format("cannot write {}: {}", path_, std::strerror(problem)));
  }
  ~TemporaryFile() { (void)unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

std::string file_text(const std::string& path) {
  std::ifstream stream(path);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.is_open() && !stream.bad()) return text;
  throw CtlError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
}

std::string edited(std::string_view name, const std::string& text) {
  const auto editor = chosen("EDITOR", {"editor", "vi"});
  if (!editor) {
    throw CtlError("EDITOR environment variable is not set. editor or vi are not available");
  }
  std::string safe_name(name);
  for (char& c : safe_name) {
    if (c == '/') c = '_';
  }
  const TemporaryFile file(safe_name, text);
  const int status = std::system((*editor + " " + shell_quoted(file.path())).c_str());
  const int code = status == -1 || !WIFEXITED(status) ? 1 : WEXITSTATUS(status);
  if (code != 0) throw CtlError(fmt::format("Editor exited with return code {}", code));
  return file_text(file.path());
}

void show_paged(const std::string& text) {
  const auto pager = chosen("PAGER", {"less", "more"});
  if (!pager) {
    throw CtlError(
        "No pager could be found. Either set PAGER environment variable with your pager "
        "or install either \"less\" or \"more\" in the host.");
  }
  // less shows colours, and ends by itself when everything fits, only when told so.
  (void)setenv("LESS", "FRX", 0);
  std::FILE* pipe = popen(pager->c_str(), "w");
  if (pipe == nullptr) {
    throw CtlError(fmt::format("cannot start the pager {}: {}", *pager, std::strerror(errno)));
  }
  (void)std::fwrite(text.data(), 1, text.size(), pipe);
  (void)pclose(pipe);
}

}  // namespace pgherd::ctl
