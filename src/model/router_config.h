// RouterConfig: the effective configuration of one router, as plain values (codec reads it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/instant.h"
#include "model/agent_config.h"

namespace pgherd {

// What the router does when it has lost sight of the store.
enum class LostSight {
  KeepPrimary,  // new sessions still go to the primary that was known last, if it answers as one
  Hold,         // new sessions wait, and are refused in the end
};

// Which way a client goes.
struct RoutingSettings {
  // From the arrival of a client until it is told that there is no server for it.
  Milliseconds hold_max = 30s;
  // From when on a picture of the cluster is too old to be believed.
  Milliseconds view_age_max = 10s;
  LostSight when_sight_is_lost = LostSight::KeepPrimary;
  // A standby that is further behind gets no new sessions until it has come back to half of it.
  std::optional<std::uint64_t> lag_bytes_max;
  std::optional<Milliseconds> lag_time_max;
  bool reads_fall_back_to_primary = false;
  // Sessions for reading stay on a standby that has become the primary.
  bool keeps_promoted = true;
  friend bool operator==(const RoutingSettings&, const RoutingSettings&) = default;
};

// What a client is told that asks for encryption.
enum class TlsPolicy {
  Passthrough,  // what the server says; encrypted bytes then pass as they are
  Refuse,       // that there is none
};

struct RouterLimits {
  std::size_t sessions_max = 10000;  // of both ports together; more are refused with 53300
  std::size_t held_max = 10000;      // waiting for a server, of those
  Milliseconds startup_max = 15s;    // from the connection to the whole startup message
  Milliseconds connect_max = 2s;     // to a server, until it has accepted the connection
  // Until a peer that owes an acknowledgement counts as gone. One that is only slow acknowledges.
  Milliseconds unacknowledged_max = 10s;
  Milliseconds drain_max = 30s;  // SIGTERM: for sessions that are not at rest
  // Before a primary that is asked to give way stops: for sessions that are in a transaction. The
  // leader waits 5 s at most.
  Milliseconds rest_max = 2s;
  friend bool operator==(const RouterLimits&, const RouterLimits&) = default;
};

// Sessions of the port for writes follow a primary that is asked to give way. For that the router
// logs in again in their names, with what the server has stored of their passwords.
struct MoveConfig {
  Credentials login;  // who may read that
  std::string database = "postgres";
  // With the role's name as $1; its first column is what pg_authid.rolpassword has.
  std::string query = "select rolpassword from pg_catalog.pg_authid where rolname = $1";
  friend bool operator==(const MoveConfig&, const MoveConfig&) = default;
};

struct RouterConfig {
  std::string scope;
  std::string name;  // among the routers of the cluster; "": by its host and port
  std::string name_space = "service";
  LogConfig log;
  EtcdConfig etcd;
  std::optional<ListenAddress> write_listen;
  std::optional<ListenAddress> read_listen;
  std::optional<ListenAddress> statistics_listen;
  std::optional<Credentials> statistics_login;
  int threads = 0;  // 0: by the number of processors
  TlsPolicy tls = TlsPolicy::Passthrough;
  RoutingSettings routing;
  RouterLimits limits;
  std::optional<MoveConfig> move_sessions;
  friend bool operator==(const RouterConfig&, const RouterConfig&) = default;
};

}  // namespace pgherd
