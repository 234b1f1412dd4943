// The files that the programs of a herd read, made of the plan: pure text here, no disk.
#pragma once

#include <string>

#include "local/herd.h"
#include "local/ports.h"
#include "local/programs.h"
#include "local/secrets.h"

namespace pgherd::local {

inline constexpr const char* kSuperuser = "postgres";
inline constexpr const char* kReplicationUser = "replicator";
inline constexpr const char* kRewindUser = "rewind_user";

// All parts with their commands, ports and paths; nothing runs yet.
[[nodiscard]] Herd plan_herd(const std::string& dir, const HerdOptions& options,
                             const Programs& programs, const PortPlan& ports);

// Patroni's format. `part` is one of the herd's agents.
[[nodiscard]] std::string agent_config(const Herd& herd, const Part& part, const Secrets& secrets);
[[nodiscard]] std::string ctl_config(const Herd& herd, const Secrets& secrets);
// For the one that stands before this herd.
[[nodiscard]] std::string router_config(const Herd& herd, const Secrets& secrets);
[[nodiscard]] std::string haproxy_config(const Herd& herd, const Secrets& secrets);
[[nodiscard]] std::string pgpass(const Secrets& secrets);

// Connection strings for libpq.
[[nodiscard]] std::string write_dsn(const Herd& herd);
[[nodiscard]] std::string read_dsn(const Herd& herd);

// Replaces @NAME@ by its value. Throws LocalError for a name that has none.
[[nodiscard]] std::string fill_template(const std::string& text,
                                        const std::map<std::string, std::string>& values);

}  // namespace pgherd::local
