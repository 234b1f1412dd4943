// CallbackRules: which of the operator's callbacks is called for what PostgreSQL lives through, and
// with which role: as Patroni calls them (its postgresql/__init__.py: start, stop, follow,
// promote). A change of the role takes the place of the start, restart or reload that brought it,
// unless nothing was called before in this life of the agent: then nobody knows of a role that
// changed. The leader of a standby cluster that is started then is at first told as the replica
// that it is as well: scripts that look at changes of the role alone have to hear of its lead.
//
// Pure: told by the acts what they are about to do and have done, and by each look what runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/agent_config.h"

namespace pgherd {

enum class CallbackRole { Primary, Replica, StandbyLeader, Demoted };
[[nodiscard]] CallbackRole callback_role(ServerRole role);
// "standby_leader": as the store has it, and never another word for the primary's.
[[nodiscard]] std::string_view word_of(CallbackRole role);

struct CallbackCall {
  CallbackAction action{};
  CallbackRole role{};
  bool operator==(const CallbackCall&) const = default;
};

class CallbackRules {
 public:
  // ---- What acts are about to do: told when PostgreSQL runs (`runs`).
  void starts_as(CallbackRole role);
  void restarts();
  void asks_for_promotion();
  void withdraws_promotion();

  // ---- What has happened.
  // It accepts connections. A postmaster that nobody here has started was started by somebody: an
  // agent that finds one at its own start calls on_start, too.
  [[nodiscard]] std::optional<CallbackCall> runs(std::int64_t postmaster_pid, bool in_recovery);
  // Nothing if a look was faster than the act.
  [[nodiscard]] std::optional<CallbackCall> promoted();
  // A running standby was pointed at somebody.
  [[nodiscard]] CallbackCall follows(CallbackRole role);
  [[nodiscard]] CallbackCall reloaded();
  // A running standby turns out to be, or no longer to be, the leader of a standby cluster.
  [[nodiscard]] std::optional<CallbackCall> takes_role(CallbackRole role);
  // An act has stopped it. `is_demotion`: it leads no more.
  [[nodiscard]] CallbackCall stopped(bool is_demotion);
  // The leader key is given back by a node whose PostgreSQL is down.
  [[nodiscard]] std::optional<CallbackCall> gives_up();

 private:
  [[nodiscard]] CallbackCall call(CallbackAction action);
  [[nodiscard]] bool changes_to(CallbackRole role) const;

  std::optional<CallbackRole> role_;
  std::optional<CallbackAction> pending_;
  std::optional<CallbackRole> next_role_;  // told at the look after the one that tells the start
  bool has_called_ = false;
  bool is_asked_for_promotion_ = false;
  std::int64_t running_pid_ = 0;
};

}  // namespace pgherd
