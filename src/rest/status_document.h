// The status document: what GET /patroni and every health check answer (Patroni, REST API).
// Pure. Key order is part of the contract, and optional keys are left out, never sent as false:
// monitoring greps for the word.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "rest/node_status.h"

namespace pgherd {

// What of the status document the health rules read as well, so that code and body never disagree.
struct StatusFacts {
  bool query_is_ok = false;  // PostgreSQL answered: positions and times are known
  std::string state;         // a name of MemberState, or "unknown"
  std::string role;          // "primary", "replica", "standby_leader", "demoted", ...
  bool is_sync_standby = false;
  bool is_quorum_standby = false;
  std::string replication_state;  // "streaming", "in archive recovery" or ""
  bool is_running() const { return state == "running"; }
};
[[nodiscard]] StatusFacts status_facts(const NodeStatus& status);

[[nodiscard]] nlohmann::ordered_json status_document(const NodeStatus& status);

// PostgreSQL's timestamp text in the form that Patroni's users know: six digits of fraction if
// there is one, an offset with minutes ("2026-07-24 10:11:12.500000+00:00").
[[nodiscard]] std::string spelled_out_timestamp(std::string_view text);

// Whether /sync lists `name`; case does not matter there (synchronous_standby_names ignores it).
[[nodiscard]] bool is_listed_as_sync(const SyncKey& sync, const NodeName& name);

}  // namespace pgherd
