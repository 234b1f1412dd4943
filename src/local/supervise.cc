#include "local/supervise.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "local/errors.h"
#include "local/herd.h"
#include "local/http.h"
#include "local/kept_program.h"
#include "runtime/log.h"
#include "runtime/process.h"
#include "runtime/unique_fd.h"

namespace pgherd::local {
namespace {
namespace asio = boost::asio;

// Longer than an agent needs for a fast shutdown of PostgreSQL with a checkpoint.
constexpr Duration kAgentPatience = 60s;
constexpr Duration kPatience = 10s;
// etcd's last leader looks for a successor, for seven seconds, among members that are ending as
// well. Its data is safe at every instant, so nobody has to wait for that.
constexpr Duration kEtcdPatience = 2s;

Duration patience_with(PartKind kind) {
  if (kind == PartKind::Agent) return kAgentPatience;
  return kind == PartKind::Etcd ? kEtcdPatience : kPatience;
}

// Held until the process ends. A POSIX lock, since it tells others who holds it.
UniqueFd take_lock(const std::string& dir) {
  const std::string path = dir + "/supervisor.pid";
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) throw LocalError("cannot open " + path + ": " + std::strerror(errno));
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_SETLK, &lock) != 0) {
    if (errno != EACCES && errno != EAGAIN)
      throw LocalError("cannot lock " + path + ": " + std::strerror(errno));
    throw LocalError("the herd in " + dir + " has a supervisor already");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    log_warning("cannot write {}: {}", path, std::strerror(errno));
  return file;
}

class Supervisor {
 public:
  explicit Supervisor(Herd herd) : herd_(std::move(herd)), signals_(loop_, SIGTERM, SIGINT) {
    herd_.supervisor = identify_process(::getpid()).value_or(ProcessIdentity{::getpid(), 0});
    for (Part& part : herd_.parts)
      wards_.push_back(
          std::make_unique<KeptProgram>(loop_.get_executor(), part, [this] { save(); }));
  }

  void run(bool only_stop) {
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    save();
    if (!only_stop)
      for (const auto& ward : wards_)
        ward->keep_alive();
    asio::co_spawn(loop_, stay_and_stop(only_stop), [this](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
      loop_.stop();
    });
    loop_.run();
  }

 private:
  using Fits = std::function<bool(const Part&)>;

  // A full disk must not end the supervision of what runs.
  void save() {
    try {
      save_herd(herd_);
    } catch (const LocalError& error) {
      log_error("{}", error.what());
    }
  }

  asio::awaitable<void> stay_and_stop(bool only_stop) {
    if (!only_stop) {
      const int number = co_await signals_.async_wait(asio::use_awaitable);
      log_info("signal {}: stopping the herd", number);
    }
    // Named first: g++ 12 destroys twice what is built inside a co_await expression.
    const std::string primary = find_primary();
    const Fits standbys = [&](const Part& part) {
      return part.kind == PartKind::Agent && part.name != primary;
    };
    co_await stop_parts(standbys);
    for (const auto kind :
         {PartKind::Agent, PartKind::Haproxy, PartKind::Router, PartKind::Proxy, PartKind::Etcd}) {
      const Fits same_kind = [kind](const Part& part) { return part.kind == kind; };
      co_await stop_parts(same_kind);
      if (kind != PartKind::Agent) continue;
      for (const Part* agent : herd_.agents())
        co_await stop_left_behind(*agent);
    }
    herd_.supervisor = {};
    save();
    log_info("the herd is stopped");
  }

  // "": nobody says so. Asked of all at most half a second each; what is frozen does not answer.
  std::string find_primary() const {
    for (const Part* agent : herd_.agents()) {
      if (!is_running(agent->process)) continue;
      const auto answer = http_get(agent->ports.at("rest"), "/primary", std::nullopt, 500ms);
      if (answer && answer->status == 200) return agent->name;
    }
    return "";
  }

  // All that fit at the same time; returns when they are gone.
  asio::awaitable<void> stop_parts(const Fits& fits) {
    asio::steady_timer all_gone(loop_, asio::steady_timer::time_point::max());
    std::size_t left = 0;
    for (std::size_t i = 0; i < herd_.parts.size(); ++i) {
      const Part& part = herd_.parts[i];
      if (!fits(part) || is_stopped_.count(part.name) > 0) continue;
      is_stopped_.insert(part.name);
      ++left;
      wards_[i]->stop(patience_with(part.kind), [&] {
        if (--left == 0) all_gone.cancel();
      });
    }
    boost::system::error_code ignored;
    while (left > 0)
      co_await all_gone.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  // An agent that was paused, or had to be killed, leaves its PostgreSQL running.
  asio::awaitable<void> stop_left_behind(const Part& agent) {
    if (!running_postmaster(agent.data_dir)) co_return;
    log_info("{}: PostgreSQL runs without its agent; stopping it", agent.name);
    ProcessSpec spec;
    spec.argv = {
        herd_.pg_bindir + "/pg_ctl", "stop", "-D", agent.data_dir, "-m", "fast", "-t", "30"};
    spec.timeout = 40s;
    const auto end = co_await run_process(std::move(spec));
    if (!end)
      log_error("{}: {}", agent.name, end.error());
    else if (!end->succeeded())
      log_error("{}: pg_ctl {}: {}", agent.name, describe(*end), end->err);
  }

  asio::io_context loop_;
  Herd herd_;
  asio::signal_set signals_;
  std::vector<std::unique_ptr<KeptProgram>> wards_;  // one for each part, in their order
  std::set<std::string> is_stopped_;
};

}  // namespace

int supervise(const std::string& dir, bool only_stop) {
  auto herd = load_herd(dir);
  if (!herd) throw LocalError("there is no herd in " + dir);
  const UniqueFd lock = take_lock(dir);
  Supervisor(std::move(*herd)).run(only_stop);
  flush_log();
  return 0;
}

}  // namespace pgherd::local
