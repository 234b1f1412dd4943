#include "postgres/local/postmaster_pid.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>

#include "runtime/files.h"

namespace pgherd {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

template <typename T>
T number_in(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : T{};
}

PostmasterStatus status_of(std::string_view line) {
  while (!line.empty() && line.back() == ' ')
    line.remove_suffix(1);
  if (line == "starting") return PostmasterStatus::Starting;
  if (line == "ready") return PostmasterStatus::Ready;
  if (line == "standby") return PostmasterStatus::Standby;
  if (line == "stopping") return PostmasterStatus::Stopping;
  return PostmasterStatus::Unknown;
}

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t bytes = ::readlink(path.c_str(), target.data(), target.size());
  return bytes <= 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(bytes));
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : path;
}

bool is_postgres_program(std::string executable) {
  constexpr std::string_view kDeleted = " (deleted)";  // the package was upgraded meanwhile
  if (executable.ends_with(kDeleted)) executable.resize(executable.size() - kDeleted.size());
  const std::string name = executable.substr(executable.rfind('/') + 1);
  return name == "postgres" || name == "postmaster";
}

bool is_owned_by_us(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && facts.st_uid == ::geteuid();
}

// `postgres -D <data_dir> ...`, as the postmaster keeps its command line.
bool was_started_for(const std::string& proc, const std::string& real_data_dir) {
  const auto words = read_file(proc + "/cmdline", 1U << 16U);
  if (!words) return false;
  std::string_view left = *words;
  bool is_postgres = false;
  for (bool is_first = true; !left.empty(); is_first = false) {
    const std::string word(left.substr(0, left.find('\0')));
    left.remove_prefix(std::min(left.size(), word.size() + 1));
    if (is_first) is_postgres = is_postgres_program(word);
    if (!is_first && word.starts_with('/') && real_path(word) == real_data_dir) return is_postgres;
  }
  return false;
}

// Where it runs and what it is. Somebody else's process cannot be the postmaster of a directory
// that we own; of our own the kernel hides both links when its group differs from ours or
// something else keeps us from tracing it, and then its command line has to do.
bool runs_postgres_in(pid_t pid, const std::string& real_data_dir) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const std::string program = link_target(proc + "/exe");
  if (program.empty()) return is_owned_by_us(proc) && was_started_for(proc, real_data_dir);
  return link_target(proc + "/cwd") == real_data_dir && is_postgres_program(program);
}

}  // namespace

std::optional<PostmasterPid> parse_postmaster_pid(std::string_view text) {
  std::array<std::string_view, 8> lines{};
  for (std::string_view& line : lines) {
    const auto end = text.find('\n');
    line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  PostmasterPid made;
  const auto pid = number_in<std::int64_t>(lines[0]);
  if (pid == 0) return std::nullopt;
  made.is_single_user = pid < 0;
  made.pid = static_cast<pid_t>(pid < 0 ? -pid : pid);
  made.data_dir = std::string(lines[1]);
  made.started_at = number_in<std::int64_t>(lines[2]);
  made.port = number_in<std::uint16_t>(lines[3]);
  made.socket_dir = std::string(lines[4]);
  made.status = status_of(lines[7]);
  return made;
}

std::optional<PostmasterPid> read_postmaster_pid(const std::string& data_dir) {
  const auto text = read_file(data_dir + "/postmaster.pid", 1U << 16U);
  return text ? parse_postmaster_pid(*text) : std::nullopt;
}

PostmasterSearch find_postmaster(const std::string& data_dir) {
  PostmasterSearch search;
  const auto file = read_postmaster_pid(data_dir);
  if (!file) return search;
  const auto process = process_status(file->pid);
  if (!process) return search;
  if (file->pid != ::getpid() && !process->has_ended() &&
      runs_postgres_in(file->pid, real_path(data_dir)))
    search.found = FoundPostmaster{.file = *file, .process = process->identity};
  else
    search.stranger = file->pid;
  return search;
}

std::optional<EnvironmentEntry> acquaintance_with_stranger(const PostmasterSearch& search) {
  if (search.stranger == 0) return std::nullopt;
  return EnvironmentEntry("PG_GRANDPARENT_PID", std::to_string(search.stranger));
}

std::vector<ProcessIdentity> postgres_processes_in(const std::string& data_dir) {
  std::vector<ProcessIdentity> found;
  const std::string real = real_path(data_dir);
  const std::unique_ptr<DIR, CloseDirectory> proc(::opendir("/proc"));
  if (!proc) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = number_in<pid_t>(entry->d_name);
    if (pid <= 0 || !runs_postgres_in(pid, real)) continue;
    if (const auto process = identify_process(pid)) found.push_back(*process);
  }
  return found;
}

bool is_logger(const ProcessIdentity& process) {
  auto title = read_file("/proc/" + std::to_string(process.pid) + "/cmdline", 1U << 10U);
  if (!title) return false;
  title->erase(title->find_last_not_of(std::string_view(" \0", 2)) + 1);
  return title->starts_with("postgres: ") && title->ends_with(": logger");
}

}  // namespace pgherd
