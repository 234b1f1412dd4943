// Child processes: run a program, hand its output on line by line, end it with everything it
// started.
//
// Every child gets a process group (or session) of its own, closed descriptors, default signals and
// an empty signal mask. It is always reaped. Stages that can hang are bounded only if `timeout` is
// given.
//
// Threads: everything on the loop that was given (one thread); callbacks come there too.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd {

// Another user to become, with all their groups. Needs root.
struct RunAs {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
  std::string home;
};
// Error text if there is no such user.
[[nodiscard]] Result<RunAs, std::string> find_user(const std::string& name);

enum class OutputOf { Stdout, Stderr };

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is looked for in PATH if it has no slash
  std::vector<std::pair<std::string, std::string>> env;  // set, on top of our own environment
  std::vector<std::string> env_unset;
  std::string cwd;  // "": ours
  std::string stdin_text;
  bool own_session = false;       // else only an own process group
  bool dies_with_parent = false;  // SIGKILL when the thread that started it ends (not with run_as)
  std::optional<RunAs> run_as;
  // Has the right to set priorities (CAP_SYS_NICE) if we have it, and may hand it on in this way.
  // All others are without.
  bool may_set_priorities = false;
  std::optional<Duration> timeout;
  Duration kill_after = 5s;  // from SIGTERM to SIGKILL, when timed out or cancelled
  // Appended to this file instead of being captured. For what outlives us.
  std::string output_file;
  bool inherits_stderr = false;  // ours, instead of being captured
  std::function<void(OutputOf, std::string_view line)> on_line;
  std::size_t tail_bytes_max = 64U << 10U;  // of each stream
};

struct ProcessEnd {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;
  bool timed_out = false;
  bool cancelled = false;
  std::string out;  // the last tail_bytes_max of it
  std::string err;
  [[nodiscard]] bool succeeded() const { return exit_code == 0 && !timed_out && !cancelled; }
};
// "exited with status 1", "was killed by signal 9 (Killed)", "did not end in time".
[[nodiscard]] std::string describe(const ProcessEnd& end);

// A child that runs for long. Destroying it kills the group (SIGKILL), unless it has ended or
// detach() was called; it is reaped in the background as long as the loop runs.
class ChildProcess {
 public:
  // The error text names the program and why it could not be started (no such file, no
  // permission...).
  [[nodiscard]] static Result<std::unique_ptr<ChildProcess>, std::string> start(
      const boost::asio::any_io_executor& loop, ProcessSpec spec);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] bool has_ended() const;
  // Called once, when the child itself has ended and what it had written by then is handed on.
  // Descendants that keep its output open are not waited for.
  void on_end(std::function<void(const ProcessEnd&)> handler);
  // To the child alone. Nothing if it has ended.
  void signal(int number);
  // SIGTERM to the group, SIGKILL after `kill_after`. The end says `cancelled`.
  void terminate();
  void detach();

 private:
  class State;
  explicit ChildProcess(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// Until the child has ended, and no longer. `meanwhile` is called every `look`; it may terminate
// the child.
[[nodiscard]] boost::asio::awaitable<ProcessEnd> end_of(ChildProcess& child, Duration look,
                                                        std::function<void()> meanwhile);

// Runs to the end. Cancelling the coroutine terminates the group first (see terminate()) and
// returns only when the child is gone, so whoever cancels knows that nothing is left running.
[[nodiscard]] boost::asio::awaitable<Result<ProcessEnd, std::string>> run_process(ProcessSpec spec);

}  // namespace pgherd
