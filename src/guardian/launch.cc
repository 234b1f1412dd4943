#include "guardian/launch.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

extern char** environ;  // NOLINT: POSIX wants it declared by its users

namespace pgherd {
namespace {

constexpr int kOomScoreUnknown = 10000;

// In front of the strings, each of which ends in a zero byte.
struct Head {
  std::uint32_t arguments = 0;
  std::uint32_t variables = 0;
  std::int32_t oom_score = kOomScoreUnknown;
  std::uint32_t limits_known = 0;  // a bit for each
  std::array<rlimit, RLIM_NLIMITS> limits{};
};

std::string executable_of(const std::string& name, const std::string& search_path) {
  if (name.find('/') != std::string::npos) return name;
  for (std::size_t from = 0; from <= search_path.size();) {
    const std::size_t to = std::min(search_path.find(':', from), search_path.size());
    const std::string folder = search_path.substr(from, to - from);
    const std::string path = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
    from = to + 1;
  }
  return name;
}

std::map<std::string, std::string> environment_of(const ServerProcess& process) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& name : process.env_unset)
    variables.erase(name);
  for (const auto& [name, value] : process.env)
    variables[name] = value;
  return variables;
}

int own_oom_score() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC));
  std::array<char, 16> text{};
  if (!file.is_open() || ::read(file.get(), text.data(), text.size() - 1) <= 0)
    return kOomScoreUnknown;
  return std::atoi(text.data());
}

std::string text_of(const ServerProcess& process) {
  const auto variables = environment_of(process);
  const auto path = variables.find("PATH");
  Head head;
  head.arguments = static_cast<std::uint32_t>(process.argv.size());
  head.variables = static_cast<std::uint32_t>(variables.size());
  head.oom_score = own_oom_score();
  for (unsigned which = 0; which < head.limits.size(); ++which) {
    if (::getrlimit(static_cast<__rlimit_resource>(which), &head.limits[which]) == 0)
      head.limits_known |= 1U << which;
  }
  std::string text(reinterpret_cast<const char*>(&head), sizeof head);
  const auto add = [&text](const std::string& one) { text.append(one.c_str(), one.size() + 1); };
  add(executable_of(process.argv.front(),
                    path == variables.end() ? "/usr/bin:/bin" : path->second));
  for (std::size_t i = 1; i < process.argv.size(); ++i)
    add(process.argv[i]);
  for (const auto& [name, value] : variables)
    add(name + "=" + value);
  return text;
}

bool write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    done += static_cast<std::size_t>(written);
  }
  return true;
}

// Where the server's own words go.
[[noreturn]] void refuse(const char* what, const char* why) {
  const std::string line = std::string(what) + " " + why + ": " + std::strerror(errno) + "\n";
  write_all(STDERR_FILENO, line);
  ::_exit(127);
}

std::string read_all(int fd) {
  struct stat facts{};
  std::string text;
  if (::fstat(fd, &facts) != 0) return text;
  text.resize(static_cast<std::size_t>(facts.st_size));
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t got =
        ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return text;
}

// `count` strings that begin at `from`, which is moved past them; ends in a null.
std::vector<char*> strings_at(std::string& text, std::size_t& from, std::uint32_t count) {
  std::vector<char*> found;
  for (std::uint32_t i = 0; i < count && from < text.size(); ++i) {
    found.push_back(text.data() + from);
    from = text.find('\0', from) + 1;
  }
  found.push_back(nullptr);
  return found;
}

void become_ordinary(const Head& head) {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const sched_param ordinary{};
  ::sched_setscheduler(0, SCHED_OTHER, &ordinary);
  ::setpriority(PRIO_PROCESS, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_SYS_NICE, 0, 0);
  if (head.oom_score != kOomScoreUnknown) {
    const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    write_all(file.get(), std::to_string(head.oom_score));
  }
  for (unsigned which = 0; which < head.limits.size(); ++which) {
    if ((head.limits_known & (1U << which)) != 0)
      ::setrlimit(static_cast<__rlimit_resource>(which), &head.limits[which]);
  }
}

}  // namespace

Result<PackedServer, std::string> pack(const ServerProcess& process) {
  PackedServer packed;
  packed.text.reset(::memfd_create("server", MFD_CLOEXEC));
  if (!packed.text.is_open() || !write_all(packed.text.get(), text_of(process)))
    return fail(std::string("cannot write down its arguments: ") + std::strerror(errno));
  packed.log.reset(
      ::open(process.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!packed.log.is_open())
    return fail("cannot open its log " + process.log_file + ": " + std::strerror(errno));
  return packed;
}

void become_server(int text_fd, int log, pid_t guardian) {
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::getppid() != guardian) ::_exit(127);  // it ended before the line above
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::setsid();
  std::string text = read_all(text_fd);
  Head head;
  if (text.size() <= sizeof head) refuse("the guardian", "cannot read what it is to start");
  std::memcpy(&head, text.data(), sizeof head);
  std::size_t at = sizeof head;
  const std::vector<char*> arguments = strings_at(text, at, head.arguments);
  const std::vector<char*> variables = strings_at(text, at, head.variables);
  become_ordinary(head);
  if (::chdir("/") != 0) refuse(arguments.front(), "cannot be started in /");
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve(arguments.front(), arguments.data(), variables.data());
  refuse(arguments.front(), "cannot be executed");
}

}  // namespace pgherd
