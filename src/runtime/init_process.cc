#include "runtime/init_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace pgherd {
namespace {

constexpr std::array kPassedOn = {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGINT, SIGABRT, SIGTERM};
constexpr int kBySignal = 128;

int exit_status(int status) {
  return WIFSIGNALED(status) ? kBySignal + WTERMSIG(status) : WEXITSTATUS(status);
}

// All that have ended by now; the child's exit status if it is among them.
std::optional<int> reap(pid_t child) {
  std::optional<int> result;
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
    if (ended == child) result = exit_status(status);
  return result;
}

int keep_house(pid_t child, const sigset_t& all) {
  while (true) {
    int number = 0;
    if (::sigwait(&all, &number) != 0) continue;
    if (number == SIGCHLD) {
      if (const auto status = reap(child)) return *status;
    } else if (std::find(kPassedOn.begin(), kPassedOn.end(), number) != kPassedOn.end()) {
      ::kill(child, number);
    }
  }
}

}  // namespace

std::optional<int> act_as_init() {
  if (::getpid() != 1) return std::nullopt;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // None is lost between the fork and the first wait.
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child > 0) return keep_house(child, all);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return std::nullopt;
}

}  // namespace pgherd
