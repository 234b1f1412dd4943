#include "rest/health.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "codec/parse_units.h"
#include "rest/status_document.h"

namespace pgherd {
namespace {

constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kUnavailable = 503;

constexpr int code_if(bool condition) {
  return condition ? kOk : kUnavailable;
}

enum class Check {
  StandbyLeader,
  Leader,
  Primary,
  Replica,
  ReadOnly,
  Health,
  Sync,
  Quorum,
  Async,
  ReadOnlyQuorum,
  ReadOnlySync,
};

struct Alias {
  std::string_view path;
  Check check;
};
constexpr std::array kAliases = {
    Alias{"/", Check::Primary},
    Alias{"/primary", Check::Primary},
    Alias{"/master", Check::Primary},
    Alias{"/read-write", Check::Primary},
    Alias{"/leader", Check::Leader},
    Alias{"/standby-leader", Check::StandbyLeader},
    Alias{"/standby_leader", Check::StandbyLeader},
    Alias{"/replica", Check::Replica},
    Alias{"/read-only", Check::ReadOnly},
    Alias{"/health", Check::Health},
    Alias{"/sync", Check::Sync},
    Alias{"/synchronous", Check::Sync},
    Alias{"/quorum", Check::Quorum},
    Alias{"/async", Check::Async},
    Alias{"/asynchronous", Check::Async},
    Alias{"/read-only-quorum", Check::ReadOnlyQuorum},
    Alias{"/read-only-sync", Check::ReadOnlySync},
    Alias{"/read-only-synchronous", Check::ReadOnlySync},
};

std::optional<Check> check_of(std::string_view path) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const auto* found = std::find_if(kAliases.begin(), kAliases.end(),
                                   [&](const Alias& alias) { return alias.path == path; });
  if (found == kAliases.end()) return std::nullopt;
  return found->check;
}

// Where the leader's log ends, by the store or by what the WAL receiver was told, whichever is
// more.
Lsn leader_position(const NodeStatus& status) {
  const Lsn stored = status.cluster ? status.cluster->status.optime : Lsn{};
  return std::max(stored, status.instance.latest_end);
}

// Signed: a limit may be negative, and a standby may know more than the store.
std::int64_t distance(Lsn ahead, Lsn behind) {
  return static_cast<std::int64_t>(ahead.bytes - behind.bytes);
}

struct LeaderCodes {
  int leader = kUnavailable;
  int primary = kUnavailable;
  int standby_leader = kUnavailable;
};

LeaderCodes leader_codes(const NodeStatus& status, const StatusFacts& facts) {
  const bool is_primary = facts.role == "primary";
  const bool is_standby_leader = facts.role == "standby_leader";
  if (!status.cluster && status.settings.paused) {
    return {.leader = code_if(is_primary || is_standby_leader),
            .primary = code_if(is_primary),
            .standby_leader = code_if(is_standby_leader)};
  }
  if (!status.leads) return {};
  if (status.is_standby_cluster()) {
    return {.leader = kOk,
            .primary = kUnavailable,
            .standby_leader = code_if(facts.role == "replica" || is_standby_leader)};
  }
  return {.leader = kOk, .primary = kOk, .standby_leader = kUnavailable};
}

bool lags(const NodeStatus& status, std::int64_t limit_bytes) {
  const Lsn leader = leader_position(status);
  return leader.is_known() && distance(leader, status.instance.replayed) > limit_bytes;
}

int replica_code(const Query& query, const NodeStatus& status, const StatusFacts& facts) {
  const bool is_standby_leader = status.leads && status.is_standby_cluster();
  if (is_standby_leader || status.self.tags.noloadbalance) return kUnavailable;
  if (facts.role != "replica" || !facts.is_running()) return kUnavailable;
  if (const auto text = first_value(query, "lag")) {
    const auto limit = parse_memory(*text);
    if (!limit) return kBadRequest;
    if (lags(status, *limit)) return kUnavailable;
  }
  const auto wanted = first_value(query, "replication_state");
  return code_if(!wanted || *wanted == facts.replication_state);
}

int code_before_tags(Check check, const Query& query, const NodeStatus& status,
                     const StatusFacts& facts) {
  const LeaderCodes codes = leader_codes(status, facts);
  const bool leads = codes.primary == kOk || codes.standby_leader == kOk;
  const auto replica_if = [&](bool condition) {
    return condition ? replica_code(query, status, facts) : kUnavailable;
  };
  switch (check) {
    case Check::StandbyLeader:
      return codes.standby_leader;
    case Check::Leader:
      return codes.leader;
    case Check::Primary:
      return codes.primary;
    case Check::Replica:
      return replica_if(true);
    case Check::ReadOnly:
      return leads ? kOk : replica_if(true);
    case Check::Health:
      return code_if(facts.is_running());
    default:
      break;
  }
  // Who is synchronous stands in the store; without it nobody can tell.
  if (!status.cluster) return kUnavailable;
  switch (check) {
    case Check::Sync:
      return replica_if(facts.is_sync_standby);
    case Check::Quorum:
      return replica_if(facts.is_quorum_standby);
    case Check::Async:
      return replica_if(!facts.is_sync_standby && !facts.is_quorum_standby);
    case Check::ReadOnlyQuorum:
      return leads ? kOk : replica_if(facts.is_quorum_standby);
    case Check::ReadOnlySync:
      return leads ? kOk : replica_if(facts.is_sync_standby);
    default:
      return kUnavailable;
  }
}

bool heeds_tags(Check check) {
  return check != Check::StandbyLeader && check != Check::Leader && check != Check::Primary;
}

bool tags_match(const Query& query, const NodeStatus& status) {
  constexpr std::string_view kPrefix = "tag_";
  nlohmann::json tags;
  for (const auto& [key, wanted] : query) {
    if (!key.starts_with(kPrefix)) continue;
    if (tags.is_null()) {
      tags = nlohmann::json::parse(status.self.tags.published, nullptr, false);
      if (!tags.is_object()) return false;
    }
    const auto found = tags.find(key.substr(kPrefix.size()));
    if (found == tags.end()) return false;
    const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
    if (text != wanted) return false;
  }
  return true;
}

}  // namespace

bool is_health_path(std::string_view path) {
  return check_of(path).has_value();
}

int health_code(std::string_view path, const Query& query, const NodeStatus& status) {
  const auto check = check_of(path);
  if (!check) return kUnavailable;
  const int code = code_before_tags(*check, query, status, status_facts(status));
  if (code != kOk || !heeds_tags(*check)) return code;
  return code_if(tags_match(query, status));
}

int liveness_code(const NodeStatus& status) {
  if (status.settings.paused) return kOk;
  const bool is_primary =
      status.role == MemberRole::Primary && (status.instance.process == ProcessState::Running ||
                                             status.instance.process == ProcessState::Starting ||
                                             status.instance.process == ProcessState::Stopping);
  const Duration grace = is_primary ? status.settings.ttl : 2 * status.settings.ttl;
  return code_if(status.next_run + grace > status.now);
}

int readiness_code(const Query& query, const NodeStatus& status) {
  if (status.leads) return kOk;
  const StatusFacts facts = status_facts(status);
  if (!facts.is_running() || facts.replication_state != "streaming") return kUnavailable;
  std::int64_t limit = status.settings.maximum_lag_on_failover_bytes;
  if (const auto text = first_value(query, "lag")) {
    limit = parse_memory(*text).value_or(limit);
  }
  if (!status.cluster && !status.instance.latest_end.is_known()) {
    return code_if(status.is_failsafe_active);
  }
  const bool by_write = first_value(query, "mode") == "write";
  const InstanceView& instance = status.instance;
  const Lsn here = by_write ? std::max(instance.received, instance.replayed) : instance.replayed;
  return code_if(distance(leader_position(status), here) <= limit);
}

}  // namespace pgherd
