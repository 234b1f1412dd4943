#include "runtime/process_spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sys/mman.h>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "runtime/pidfd.h"

extern char** environ;  // NOLINT: POSIX wants it declared by its users

namespace pgherd {
namespace {

// Between fork and exec only system calls are safe (other threads' locks are frozen), so everything
// they need is prepared before.
struct Prepared {
  std::vector<std::string> programs;  // to be tried in order
  std::vector<char*> argv;
  std::vector<std::string> env_text;
  std::vector<char*> env;
  std::vector<gid_t> groups;
  int in = -1;
  int out = -1;
  int err = -1;
  int report = -1;
};

// What the child was doing when it failed, as sent through the report pipe.
enum class Stage : int { Session, Groups, Group, User, Directory, Descriptors, Exec };

struct Report {
  Stage stage;
  int code;
};

const char* stage_text(Stage stage) {
  switch (stage) {
    case Stage::Session:
      return "cannot make its process group";
    case Stage::Groups:
    case Stage::Group:
    case Stage::User:
      return "cannot become the other user";
    case Stage::Directory:
      return "cannot enter its working directory";
    case Stage::Descriptors:
      return "cannot set up its input and output";
    case Stage::Exec:
      return "cannot be executed";
  }
  return "failed";
}

std::vector<std::string> programs_for(const ProcessSpec& spec, const std::string& search_path) {
  const std::string& name = spec.argv.front();
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> programs;
  for (std::size_t from = 0; from <= search_path.size();) {
    const std::size_t to = std::min(search_path.find(':', from), search_path.size());
    const std::string folder = search_path.substr(from, to - from);
    programs.push_back((folder.empty() ? "." : folder) + "/" + name);
    from = to + 1;
  }
  return programs;
}

void prepare_environment(const ProcessSpec& spec, Prepared& prepared) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (spec.run_as) {
    variables["HOME"] = spec.run_as->home;
    variables["USER"] = variables["LOGNAME"] = spec.run_as->name;
  }
  for (const auto& name : spec.env_unset)
    variables.erase(name);
  for (const auto& [name, value] : spec.env)
    variables[name] = value;
  prepared.programs =
      programs_for(spec, variables.count("PATH") > 0 ? variables["PATH"] : "/usr/bin:/bin");
  for (const auto& [name, value] : variables)
    prepared.env_text.push_back(name + "=" + value);
  for (auto& text : prepared.env_text)
    prepared.env.push_back(text.data());
  prepared.env.push_back(nullptr);
}

void prepare_groups(const ProcessSpec& spec, Prepared& prepared) {
  if (!spec.run_as) return;
  int count = 64;
  for (int attempt = 0; attempt < 2; ++attempt) {
    prepared.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(spec.run_as->name.c_str(), spec.run_as->group, prepared.groups.data(),
                       &count) >= 0)
      break;
  }
  prepared.groups.resize(static_cast<std::size_t>(count));
}

[[noreturn]] void give_up(const Prepared& prepared, Stage stage) {
  const Report report{stage, errno};
  [[maybe_unused]] const ssize_t written = ::write(prepared.report, &report, sizeof report);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Across the change of the user, and of the program.
void keep_right_to_set_priorities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> rights{};
  constexpr std::uint32_t kRight = 1U << CAP_SYS_NICE;
  rights[0] = {.effective = kRight, .permitted = kRight, .inheritable = kRight};
  if (::syscall(SYS_capset, &header, rights.data()) != 0) return;  // we have not got it
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_NICE, 0, 0);
}

// Raw calls: glibc's wrappers would talk to threads that do not exist in the child.
void become(const RunAs& who, const Prepared& prepared) {
  if (::syscall(SYS_setgroups, prepared.groups.size(), prepared.groups.data()) != 0)
    give_up(prepared, Stage::Groups);
  if (::syscall(SYS_setresgid, who.group, who.group, who.group) != 0)
    give_up(prepared, Stage::Group);
  if (::syscall(SYS_setresuid, who.user, who.user, who.user) != 0) give_up(prepared, Stage::User);
}

void take_descriptors(const Prepared& prepared) {
  if (::dup2(prepared.in, STDIN_FILENO) < 0 || ::dup2(prepared.out, STDOUT_FILENO) < 0 ||
      ::dup2(prepared.err, STDERR_FILENO) < 0)
    give_up(prepared, Stage::Descriptors);
  // A library may have opened something without close-on-exec. Not fatal on kernels before 5.11.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

[[noreturn]] void be_the_child(const ProcessSpec& spec, const Prepared& prepared, pid_t parent) {
  reset_signals();
  if ((spec.own_session ? ::setsid() : ::setpgid(0, 0)) < 0) give_up(prepared, Stage::Session);
  if (spec.may_set_priorities) ::prctl(PR_SET_KEEPCAPS, 1);
  if (spec.run_as) become(*spec.run_as, prepared);
  if (spec.may_set_priorities)
    keep_right_to_set_priorities();
  else
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_SYS_NICE, 0, 0);
  if (!spec.cwd.empty() && ::chdir(spec.cwd.c_str()) != 0) give_up(prepared, Stage::Directory);
  if (spec.dies_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // it died before the line above
  }
  take_descriptors(prepared);
  int code = ENOENT;
  for (const auto& program : prepared.programs) {
    ::execve(program.c_str(), prepared.argv.data(), prepared.env.data());
    if (errno != ENOENT && errno != ENOTDIR) code = errno;
  }
  errno = code;
  give_up(prepared, Stage::Exec);
}

std::string failure(const ProcessSpec& spec, const std::string& what, int code) {
  return spec.argv.front() + ": " + what + ": " + std::strerror(code);
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  bool open() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
  }
};

// A file in memory rather than a pipe: no writing side that could block or be refused.
UniqueFd make_stdin(const std::string& text) {
  if (text.empty()) return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd file(::memfd_create("stdin", MFD_CLOEXEC));
  std::size_t done = 0;
  while (file.is_open() && done < text.size()) {
    const ssize_t written = ::write(file.get(), text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) file.reset();
    done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
  }
  if (file.is_open() && ::lseek(file.get(), 0, SEEK_SET) != 0) file.reset();
  return file;
}

// No signal may be handled by our handlers inside the child before it has reset them.
pid_t fork_quietly(const ProcessSpec& spec, const Prepared& prepared) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  const int code = errno;
  if (pid == 0) be_the_child(spec, prepared, parent);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  return pid;
}

// Empty: exec has closed the pipe.
std::optional<Report> read_report(int fd) {
  Report report{};
  ssize_t got = 0;
  do {
    got = ::read(fd, &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof report) return std::nullopt;
  return report;
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Spawned, std::string> launch(const ProcessSpec& spec, Prepared& prepared, Pipe& report) {
  prepared.report = report.write.get();
  Spawned spawned;
  spawned.pid = fork_quietly(spec, prepared);
  if (spawned.pid < 0) return fail(failure(spec, "cannot fork", errno));
  report.write.reset();
  if (const auto bad = read_report(report.read.get())) {
    reap(spawned.pid);
    std::string what = stage_text(bad->stage);
    if (bad->stage == Stage::Directory) what += " " + spec.cwd;
    if (bad->stage == Stage::User && spec.run_as) what += " " + spec.run_as->name;
    return fail(failure(spec, what, bad->code));
  }
  spawned.pidfd.reset(open_pidfd(spawned.pid));
  if (!spawned.pidfd.is_open()) {
    const int code = errno;
    ::kill(spawned.pid, SIGKILL);
    reap(spawned.pid);
    return fail(failure(spec, "cannot be watched (pidfd_open)", code));
  }
  return spawned;
}

}  // namespace

Result<RunAs, std::string> find_user(const std::string& name) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  const int code = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr)
    return fail("there is no user \"" + name + "\"" +
                (code != 0 ? std::string(": ") + std::strerror(code) : ""));
  return RunAs{name, entry.pw_uid, entry.pw_gid, entry.pw_dir};
}

Result<Spawned, std::string> spawn(const ProcessSpec& spec) {
  if (spec.argv.empty()) return fail(std::string("no program was named"));
  Prepared prepared;
  for (const auto& word : spec.argv)
    prepared.argv.push_back(const_cast<char*>(word.c_str()));
  prepared.argv.push_back(nullptr);
  prepare_environment(spec, prepared);
  prepare_groups(spec, prepared);

  Pipe report;
  Pipe out;
  Pipe err;
  UniqueFd file;
  const UniqueFd in = make_stdin(spec.stdin_text);
  if (!in.is_open() || !report.open()) return fail(failure(spec, "cannot set up its input", errno));
  if (spec.output_file.empty()) {
    if (!out.open() || !err.open()) return fail(failure(spec, "cannot make a pipe", errno));
  } else {
    file.reset(::open(spec.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!file.is_open())
      return fail(failure(spec, "cannot write its output to " + spec.output_file, errno));
  }
  prepared.in = in.get();
  prepared.out = file.is_open() ? file.get() : out.write.get();
  prepared.err = file.is_open() ? file.get() : err.write.get();
  if (spec.inherits_stderr) prepared.err = STDERR_FILENO;
  auto spawned = launch(spec, prepared, report);
  if (spawned) {
    spawned->out = std::move(out.read);
    spawned->err = std::move(err.read);
  }
  return spawned;
}

}  // namespace pgherd
