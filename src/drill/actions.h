// The drills. Each answers with its exit status: 0 the cluster did what it is there for, 1 it did
// not. Throws Refusal before anything was done, DrillError and Interrupted (errors.h) later; what
// was changed for the drill is put back in any case.
#pragma once

#include <optional>
#include <string>

#include "backup/actions.h"
#include "ctl/context.h"
#include "model/agent_config.h"

namespace pgherd::drill {

struct DrillOptions {
  std::string cluster;
  std::string dsn;                         // where clients connect; "": at the members themselves
  std::optional<Milliseconds> max_outage;  // that passes; absent: the cluster's ttl
  Seconds patience{120};                   // until the cluster is whole again
  std::optional<Seconds> hold;             // how long a fault lasts that has an end of its own
  bool force = false;                      // nobody is asked
  bool as_json = false;
  std::string metrics_file;  // "": none is written
};

struct Drilled {
  ctl::CtlContext& context;
  const AgentConfig& config;
  const DrillOptions& options;
};

// The leader's PostgreSQL is killed, and another member has to lead.
[[nodiscard]] int drill_failover(const Drilled& drilled);
// The leader's host, which is this one, is cut off; another member has to lead, and this one must
// not go on (cut_off.h).
[[nodiscard]] int drill_partition(const Drilled& drilled);
// All connections of the leader that ordinary clients may have are taken; it has to go on leading.
[[nodiscard]] int drill_exhaustion(const Drilled& drilled);
// The newest backup is restored on this machine, beside everything else (backup/actions.h).
[[nodiscard]] int drill_restore(const Drilled& drilled, const backup::CommonOptions& common,
                                const backup::RestoreTestOptions& restore);

}  // namespace pgherd::drill
