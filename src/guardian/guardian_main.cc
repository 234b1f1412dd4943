#include "guardian/guardian_main.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "guardian/guardian.h"
#include "guardian/server_processes.h"
#include "runtime/memory.h"
#include "runtime/process_identity.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

void say_ready() {
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, "ready\n", 6);
  // The agent's pipe is not ours to hold.
  const UniqueFd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(nowhere.get(), STDIN_FILENO);
  ::dup2(nowhere.get(), STDOUT_FILENO);
}

// Before whatever else wants to run: a node that goes on after a freeze must not answer a client
// first. Before everybody where that is permitted (CAP_SYS_NICE or RLIMIT_RTPRIO), and else
// with the best claim to it. (A request for short slices, which Linux 6.12 grants to everybody,
// lets it be interrupted sooner and did not let it begin sooner: measured.)
void run_first() {
  const sched_param priority{.sched_priority = 1};
  if (::sched_setscheduler(0, SCHED_RR, &priority) != 0) ::setpriority(PRIO_PROCESS, 0, -20);
}

// To act in time when the machine is short of everything. What is not permitted is done without.
void become_hard_to_stop() {
  ::setsid();
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2})
    ::signal(number, SIG_IGN);
  ::prctl(PR_SET_NAME, "pgherd-guardian");
  [[maybe_unused]] const int entered = ::chdir("/");
  const UniqueFd oom(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const ssize_t written = ::write(oom.get(), "-1000", 5);
  run_first();
}

// What the hour of need takes stays in memory, even if the disk is gone by then; the rest of the
// program and its libraries, which only starting read, does not have to.
void keep_in_memory_what_it_takes() {
  give_back_start_memory();
  // On fault: what is used from here on stays.
  ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
  ::tzset();  // else the first word said would read a file
  [[maybe_unused]] const int nobody = kill_server_processes(ServerProcesses{});
  if (const auto self = identify_process(::getpid())) signal_process(*self, 0);
}

constexpr int kPlain = 6;
constexpr int kInheriting = 13;

// guardian --data-dir D --successor PROGRAM, and from itself (Guardian::become_newer):
// ... --inherit LISTENER FENCE_AT POSTMASTER STARTED SERVER STARTED
std::optional<std::string> data_dir_of(int argc, char** argv) {
  const auto is = [argv](int at, std::string_view word) { return argv[at] == word; };
  const bool is_known = (argc == kPlain || argc == kInheriting) && is(2, "--data-dir") &&
                        is(4, "--successor") && (argc == kPlain || is(6, "--inherit"));
  if (!is_known) return std::nullopt;
  return argv[3];
}

GuardianHeritage heritage_of(char** argv) {
  const auto number = [argv](int at) { return std::strtoll(argv[at], nullptr, 10); };
  const auto process = [&number](int at) {
    return ProcessIdentity{.pid = static_cast<pid_t>(number(at)),
                           .started = static_cast<std::uint64_t>(number(at + 1))};
  };
  return {.listener = static_cast<int>(number(7)),
          .fence_at = Instant::from_nanoseconds(number(8)),
          .processes = process(9),
          .server = process(11)};
}

Guardian guardian_of(int argc, char** argv) {
  if (argc == kPlain) return Guardian(argv[3], argv[5]);
  return Guardian(argv[3], argv[5], heritage_of(argv));
}

}  // namespace

int guardian_main(int argc, char** argv) {
  const auto data_dir = data_dir_of(argc, argv);
  if (!data_dir || data_dir->empty() || data_dir->front() != '/') {
    std::fputs(
        "usage: pgherd guardian --data-dir DIRECTORY --successor PROGRAM (both absolute; started "
        "by "
        "the agent)\n",
        stderr);
    return 1;
  }
  try {
    Guardian guardian = guardian_of(argc, argv);
    keep_in_memory_what_it_takes();
    become_hard_to_stop();
    say_ready();
    guardian.run();
    return 0;
  } catch (const std::system_error& error) {
    if (error.code().value() == EADDRINUSE) {
      say_ready();
      return 0;
    }
    std::fprintf(stderr, "%s (data directory %s)\n", error.what(), data_dir->c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the guardian of %s fails: %s\n", data_dir->c_str(), error.what());
  }
  return 1;
}

}  // namespace pgherd
