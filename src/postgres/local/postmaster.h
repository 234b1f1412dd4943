// Postmaster: the server process of one data directory: found, started, watched, stopped. It is
// started in a session of its own and is not ours: it goes on when the agent ends, and the next
// agent adopts it through postmaster.pid.
//
// Threads: the hands' loop.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "model/instance_view.h"
#include "postgres/launcher.h"
#include "postgres/local/failure.h"
#include "postgres/local/postmaster_pid.h"
#include "runtime/process.h"
#include "steps/step.h"

namespace pgherd {

// The request to end an act. Whoever waits looks at it every few milliseconds; what waits elsewhere
// (a query) leaves word in `interrupt` how to be woken. And how long it may open PostgreSQL, which
// is told anew while it goes on.
struct ActControl {
  bool is_cancelled = false;
  Instant lease_valid_until = Instant::never();
  std::function<void()> interrupt;
  void cancel() {
    is_cancelled = true;
    if (interrupt) interrupt();
  }
  void extend(Instant until) {
    if (!lease_valid_until.is_never()) lease_valid_until = std::max(lease_valid_until, until);
  }
};

// Waits on the loop of the coroutine.
[[nodiscard]] boost::asio::awaitable<void> pause_for(Duration time);

struct ServerStart {
  std::string program;  // path of postgres
  std::vector<std::string> arguments;
  std::string log_file;
  Instant not_after = Instant::never();
};

class Postmaster {
 public:
  // `changed`: the server is gone, or its status line has changed; never called from inside a
  // function of this class. `launch`: on the hands' loop; nothing: as a child of this process.
  Postmaster(boost::asio::any_io_executor loop, std::string data_dir, std::function<void()> changed,
             Launch launch);
  ~Postmaster();

  // Looks at postmaster.pid and adopts what runs.
  ProcessState look();
  [[nodiscard]] std::int64_t pid() const { return present_ ? present_->process.pid : 0; }
  [[nodiscard]] const PostmasterPid* file() const { return present_ ? &present_->file : nullptr; }
  // False: nobody is there, or it is not ours to signal.
  bool signal(int number);

  // Starts the server and returns when its process exists. `may_start` is asked last of all.
  [[nodiscard]] boost::asio::awaitable<Attempt> start(ServerStart how,
                                                      std::function<Attempt()> may_start);
  // Until it accepts connections. Fails with the end of its log when it ends, with TimedOut at
  // `deadline`, with Cancelled; the server is left as it is.
  [[nodiscard]] boost::asio::awaitable<Attempt> wait_until_ready(Instant deadline,
                                                                 const ActControl& control);
  // Until nothing of the server is left. Fast becomes immediate when cancelled, or when the server
  // hangs after pg_control says "shut down" (then nothing can be lost by it); immediate becomes
  // SIGKILL of every process. `shut_down` is called once, when pg_control says so.
  [[nodiscard]] boost::asio::awaitable<Attempt> stop(StopMode mode, const ActControl& control,
                                                     std::function<void()> shut_down);
  // What a killed postmaster left behind is killed as well, at once: nothing that it could still do
  // counts. Its logger has half a second to write down what was said.
  [[nodiscard]] boost::asio::awaitable<Attempt> kill_leftovers();

  // The server's log since the last start, at most some lines.
  [[nodiscard]] std::string log_tail() const;

 private:
  [[nodiscard]] boost::asio::awaitable<Attempt> launch(ServerProcess process);
  [[nodiscard]] Attempt start_as_child(ServerProcess process);
  // What a stop has told to whom.
  struct Told {
    ProcessIdentity process;
    int number = 0;
    friend bool operator==(const Told&, const Told&) = default;
  };
  [[nodiscard]] bool tell_to_end(int number, Told& told);
  // The process that was started last, while it lives.
  [[nodiscard]] std::optional<ProcessIdentity> beginning() const;
  void adopt(const FoundPostmaster& found);
  void ended(const ProcessIdentity& which);
  void watch_status();
  boost::asio::awaitable<void> follow_status();
  [[nodiscard]] std::string why_it_ended() const;

  boost::asio::any_io_executor loop_;
  std::string data_dir_;
  std::function<void()> changed_;
  std::optional<FoundPostmaster> present_;
  std::unique_ptr<PidWatch> watch_;
  Launch launch_;
  // What was started last, until it is stopped: by the guardian, or as a child.
  ProcessIdentity launched_;
  std::unique_ptr<ChildProcess> child_;
  bool stop_is_under_way_ = false;
  bool is_following_status_ = false;
  std::string log_file_;
  std::uint64_t log_starts_at_ = 0;
  std::shared_ptr<char> alive_;
};

}  // namespace pgherd
