// Scripts of the operator's. Callbacks run in the background and hold up nobody; pre_promote and
// before_stop are waited for by the act that they belong to (running.cc). What a script says and
// how it ends is logged.
//
// Threads: the hands' loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/agent_config.h"
#include "postgres/local/callback_rules.h"

namespace pgherd {

class ScriptSlot;

class Callbacks {
 public:
  Callbacks(boost::asio::any_io_executor loop, std::string scope);
  // What still runs goes on: who leaves has called on_stop a moment ago.
  ~Callbacks();
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  CallbackRules rules;

  // `<command> <action> <role> <scope>`, if the configuration has a command for it. One callback at
  // a time: what still runs is killed, with all of its process group. on_reload has a place of its
  // own, by the same rule. Nobody knows how long a callback should take: it is warned of when it
  // takes long, and killed after an hour.
  void call(const PostgresConfig& config, const std::optional<CallbackCall>& what);
  // before_stop where nobody can wait for it.
  void begin_before_stop(const PostgresConfig& config);

 private:
  std::string scope_;
  std::shared_ptr<ScriptSlot> any_;
  std::shared_ptr<ScriptSlot> on_reload_;
  std::shared_ptr<ScriptSlot> before_stop_;
};

struct ScriptEnd {
  bool has_succeeded = false;
  std::string text;  // how it ended, and what it said
};
// Runs a script to its end, at most five minutes. When `is_in_vain` (asked every few milliseconds)
// says so, or time is up, its process group is killed. `key`: whose command it is, for the log.
[[nodiscard]] boost::asio::awaitable<ScriptEnd> run_script(boost::asio::any_io_executor loop,
                                                           std::string key, CommandWords command,
                                                           std::function<bool()> is_in_vain);

}  // namespace pgherd
