#include "postgres/local/callback_rules.h"

#include <utility>

namespace pgherd {
namespace {

bool is_standbys(CallbackRole role) {
  return role == CallbackRole::Replica || role == CallbackRole::StandbyLeader;
}

}  // namespace

CallbackRole callback_role(ServerRole role) {
  switch (role) {
    case ServerRole::Primary:
      return CallbackRole::Primary;
    case ServerRole::Replica:
      return CallbackRole::Replica;
    case ServerRole::StandbyLeader:
      break;
  }
  return CallbackRole::StandbyLeader;
}

std::string_view word_of(CallbackRole role) {
  switch (role) {
    case CallbackRole::Primary:
      return "primary";
    case CallbackRole::Replica:
      return "replica";
    case CallbackRole::StandbyLeader:
      return "standby_leader";
    case CallbackRole::Demoted:
      break;
  }
  return "demoted";
}

// The role was not heard of before: what lies on the disk is taken for a standby's.
CallbackCall CallbackRules::call(CallbackAction action) {
  if (action != CallbackAction::OnReload) has_called_ = true;
  return {.action = action, .role = role_.value_or(CallbackRole::Replica)};
}

// A primary that is started again has lost its address meanwhile, or could have: that is a change,
// too.
bool CallbackRules::changes_to(CallbackRole role) const {
  if (!has_called_ || !role_) return false;
  return !is_standbys(*role_) || (is_standbys(role) && role != *role_);
}

void CallbackRules::starts_as(CallbackRole role) {
  pending_ = changes_to(role) ? CallbackAction::OnRoleChange : CallbackAction::OnStart;
  role_ = role;
  next_role_.reset();
  if (has_called_ || role != CallbackRole::StandbyLeader) return;
  role_ = CallbackRole::Replica;
  next_role_ = role;
}

void CallbackRules::restarts() {
  pending_ = CallbackAction::OnRestart;
}

void CallbackRules::asks_for_promotion() {
  is_asked_for_promotion_ = true;
}

void CallbackRules::withdraws_promotion() {
  is_asked_for_promotion_ = false;
}

std::optional<CallbackCall> CallbackRules::runs(std::int64_t postmaster_pid, bool in_recovery) {
  const bool is_promoted = !in_recovery && role_ && is_standbys(*role_);
  if (postmaster_pid == running_pid_) {
    if (!is_promoted && !next_role_) return std::nullopt;
    if (!is_promoted) return takes_role(*next_role_);
    // Also when its act has not waited for it. By hand: whoever did that knows of it.
    auto made = promoted();
    role_ = CallbackRole::Primary;
    return made;
  }
  running_pid_ = postmaster_pid;
  is_asked_for_promotion_ = false;
  if (!in_recovery) {
    role_ = CallbackRole::Primary;
  } else if (!role_ || !is_standbys(*role_)) {
    role_ = CallbackRole::Replica;
  }
  return call(std::exchange(pending_, std::nullopt).value_or(CallbackAction::OnStart));
}

std::optional<CallbackCall> CallbackRules::promoted() {
  next_role_.reset();
  if (!std::exchange(is_asked_for_promotion_, false)) return std::nullopt;
  role_ = CallbackRole::Primary;
  return call(CallbackAction::OnRoleChange);
}

CallbackCall CallbackRules::follows(CallbackRole role) {
  next_role_.reset();
  const bool is_change = changes_to(role);
  role_ = role;
  return call(is_change ? CallbackAction::OnRoleChange : CallbackAction::OnReload);
}

CallbackCall CallbackRules::reloaded() {
  return call(CallbackAction::OnReload);
}

std::optional<CallbackCall> CallbackRules::takes_role(CallbackRole role) {
  next_role_.reset();
  const bool is_change = changes_to(role);
  role_ = role;
  if (!is_change) return std::nullopt;
  return call(CallbackAction::OnRoleChange);
}

CallbackCall CallbackRules::stopped(bool is_demotion) {
  pending_.reset();
  next_role_.reset();
  is_asked_for_promotion_ = false;
  const CallbackCall made = call(CallbackAction::OnStop);
  if (is_demotion) role_ = CallbackRole::Demoted;
  return made;
}

std::optional<CallbackCall> CallbackRules::gives_up() {
  if (role_ != CallbackRole::Primary && role_ != CallbackRole::StandbyLeader) return std::nullopt;
  role_ = CallbackRole::Demoted;
  return call(CallbackAction::OnRoleChange);
}

}  // namespace pgherd
