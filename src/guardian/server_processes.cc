#include "guardian/server_processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/pidfd.h"

namespace pgherd {
namespace {

struct Place {
  dev_t device = 0;
  ino_t inode = 0;
  bool exists = false;
};

// By inode: whatever links lead there, and whatever name it has by now.
Place place_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return Place{status.st_dev, status.st_ino, true};
}

bool is_named_postgres(pid_t pid) {
  std::array<char, PATH_MAX> target{};
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length <= 0) return false;  // a kernel thread, gone, or another user's
  std::string_view program(target.data(), static_cast<std::size_t>(length));
  program = program.substr(program.rfind('/') + 1);
  return program == "postgres" || program == "postgres (deleted)";  // replaced by an upgrade
}

bool works_in(pid_t pid, const Place& place) {
  if (!place.exists) return false;
  const Place cwd = place_of("/proc/" + std::to_string(pid) + "/cwd");
  return cwd.exists && cwd.device == place.device && cwd.inode == place.inode;
}

std::vector<ProcessStatus> all_processes() {
  std::vector<ProcessStatus> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto status = process_status(static_cast<pid_t>(std::atoi(entry->d_name)));
    if (status && !status->has_ended()) found.push_back(*status);
  }
  return found;
}

bool is_in(const std::vector<ProcessIdentity>& group, pid_t pid) {
  return std::any_of(group.begin(), group.end(),
                     [&](const ProcessIdentity& member) { return member.pid == pid; });
}

// Parents may come after their children in /proc, so it is gone through until nothing is added.
void add_descendants(std::vector<ProcessIdentity>& group, const std::vector<ProcessStatus>& all) {
  for (std::size_t before = 0; before != group.size();) {
    before = group.size();
    for (const auto& process : all)
      if (is_in(group, process.parent) && !is_in(group, process.identity.pid))
        group.push_back(process.identity);
  }
}

// Who wakes may take the processor from whoever woke it, as a process does that is killed: it wakes
// to go. Not so in this class, into which everybody may put the processes of the same user.
void let_not_interrupt(pid_t pid) {
  const sched_param none{};
  ::sched_setscheduler(pid, SCHED_BATCH, &none);
}

}  // namespace

PostmasterGrip::PostmasterGrip(const ProcessIdentity& postmaster)
    : pid_(postmaster.pid), process_(postmaster.pid > 0 ? open_pidfd(postmaster.pid) : -1) {
  const std::string number = std::to_string(postmaster.pid);
  const std::string list = "/proc/" + number + "/task/" + number + "/children";
  if (process_.is_open()) children_.reset(::open(list.c_str(), O_RDONLY | O_CLOEXEC));
  // Opened first, compared then: both stay with the process that was compared.
  if (is_running(postmaster)) return;
  process_.reset();
  children_.reset();
}

// One of the numbers could mean another process only if the postmaster had taken note of its end,
// and the kernel had been once through all its numbers, since they were read.
bool PostmasterGrip::send(int number) const {
  if (!process_.is_open()) return false;
  std::array<pid_t, 1024> children{};  // the youngest are the last
  std::size_t count = 0;
  std::array<char, 4096> text{};
  pid_t child = 0;
  off_t at = 0;
  ssize_t got = 0;
  while ((got = ::pread(children_.get(), text.data(), text.size(), at)) > 0) {
    at += got;
    for (const char c : std::string_view(text.data(), static_cast<std::size_t>(got))) {
      if (c >= '0' && c <= '9') {
        child = child * 10 + (c - '0');
      } else if (child != 0) {
        children[count++ % children.size()] = std::exchange(child, 0);
      }
    }
  }
  if (number != 0) let_not_interrupt(pid_);  // each child that goes wakes it
  for (std::size_t left = std::min(count, children.size()); left > 0; --left) {
    const pid_t youngest = children[(--count) % children.size()];
    if (number != 0) let_not_interrupt(youngest);
    ::kill(youngest, number);
  }
  return signal_pidfd(process_.get(), number) == 0;
}

bool PostmasterGrip::strike() const {
  return send(SIGKILL);
}

void PostmasterGrip::rehearse() const {
  send(0);
}

int kill_server_processes(const ServerProcesses& server) {
  const Place home = place_of(server.data_dir);
  const auto all = all_processes();
  std::vector<ProcessIdentity> found;
  for (const auto& process : all)
    if (process.identity == server.postmaster) found.push_back(process.identity);
  for (const auto& process : all) {
    const pid_t pid = process.identity.pid;
    if (!is_in(found, pid) && works_in(pid, home) && is_named_postgres(pid))
      found.push_back(process.identity);
  }
  // A postmaster that was not named is the one whose parent is not among them; before the others.
  std::stable_partition(found.begin(), found.end(), [&](const ProcessIdentity& one) {
    const auto status = process_status(one.pid);
    return status && !is_in(found, status->parent);
  });
  add_descendants(found, all);
  int alive = 0;
  for (const auto& process : found) {
    if (process.pid == ::getpid() || !is_running(process)) continue;
    ++alive;
    signal_process(process, SIGKILL);
  }
  return alive;
}

}  // namespace pgherd
