// The values of the store's keys, as text and back (Patroni dcs/__init__.py). Written compact; read
// tolerantly: unknown fields are ignored, what cannot be read is absent, and nothing throws.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/cluster_view.h"

namespace pgherd {

[[nodiscard]] std::string encode_member(const Member& member);
// Accepts the legacy `postgres://...?application_name=<api_url>` form; text that is neither gives a
// member that has only its name.
[[nodiscard]] Member decode_member(const NodeName& name, std::string_view text);

[[nodiscard]] std::string encode_status(const StatusKey& status);
[[nodiscard]] StatusKey decode_status(std::string_view text);

[[nodiscard]] std::string encode_history(const std::vector<HistoryRow>& rows);
[[nodiscard]] std::optional<std::vector<HistoryRow>> decode_history(std::string_view text);

[[nodiscard]] std::string encode_failover(const FailoverRequest& request);
// nullopt for `{}` and everything without leader and candidate.
[[nodiscard]] std::optional<FailoverRequest> decode_failover(std::string_view text);

[[nodiscard]] std::string encode_sync(const SyncKey& sync);
[[nodiscard]] std::optional<SyncKey> decode_sync(std::string_view text);

[[nodiscard]] std::string encode_failsafe(const std::map<NodeName, std::string>& members);
[[nodiscard]] std::map<NodeName, std::string> decode_failsafe(std::string_view text);

// Of `/routers/<name>`: the request for which a router's sessions are at rest, zero for none.
[[nodiscard]] std::string encode_router(Revision at_rest_for);
[[nodiscard]] Revision decode_router(std::string_view text);

// The dynamic configuration's HA settings with defaults and clamping. An error names key, value and
// what is allowed; the caller keeps what it had.
[[nodiscard]] Result<Settings, std::string> decode_settings(std::string_view config_json);

}  // namespace pgherd
