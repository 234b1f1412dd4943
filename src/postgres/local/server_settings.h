// What is to stand in PostgreSQL's files and on its command line, as text made from the
// configuration. Pure: nothing here touches the disk (config_files.h does).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/conninfo.h"
#include "model/agent_config.h"
#include "postgres/local/pg_control.h"
#include "steps/step.h"

namespace pgherd {

using ParameterMap = std::map<std::string, std::string>;

// primary_conninfo, restore_command, recovery_target...: they belong to the recovery section.
[[nodiscard]] bool is_recovery_parameter(std::string_view name);

// The role in which a server with this upstream (none: a primary) runs.
[[nodiscard]] ServerRole role_with(const std::optional<Upstream>& upstream);

// `config` with what it says for `role` put in force.
[[nodiscard]] PostgresConfig config_in_role(const PostgresConfig& config, ServerRole role);

// `floor`: pg_control of a directory that starts as a standby; max_connections and the like are
// raised to it, because a standby with less than its primary stops replaying. Null for a primary.
[[nodiscard]] ParameterMap server_parameters(const PostgresConfig& config, const std::string& scope,
                                             const PgControl* floor);

// Recovery parameters as the operator has written them.
struct RecoveryConf {
  std::string key;        // of the configuration: where they stand
  ParameterMap settings;  // what this version may be given, in lower case
  ParameterMap left_out;  // what it has not any more
};
// `written`, for this version. What only says in other words what is done anyway is in neither
// part.
[[nodiscard]] RecoveryConf recovery_conf_for(int major_version, const ParameterMap& written);
// Of standbys: postgresql.recovery_conf, or the recovery parameters among the ordinary ones.
[[nodiscard]] RecoveryConf recovery_conf_of(const PostgresConfig& config, int major_version);

// The recovery section of a standby that follows `upstream` (host "": nobody), at this address if
// one is given.
[[nodiscard]] ParameterMap recovery_parameters(const PostgresConfig& config, const NodeName& self,
                                               const Upstream& upstream, int major_version,
                                               const std::string& address = {});

// What is better than PostgreSQL's own default where nobody has set it, in no file and by no ALTER
// SYSTEM. `syncfs_tells_errors`: as Linux does from 5.8 on.
[[nodiscard]] ParameterMap better_defaults(int major_version, bool syncfs_tells_errors);

// `included` come first, in their order, so that what stands here overrides them; `defaults` come
// before them. `sync_names`: the managed value of synchronous_standby_names, in place of the one
// among the parameters.
[[nodiscard]] std::string render_postgresql_conf(const std::vector<std::string>& included,
                                                 const ParameterMap& parameters,
                                                 const ParameterMap& recovery,
                                                 const std::optional<std::string>& sync_names = {},
                                                 const ParameterMap& defaults = {});
// The managed value that such a file (ours or Patroni's) holds; nullopt when it holds none.
// `configured`: what the operator's own parameters say, for Patroni does not mark its value.
[[nodiscard]] std::optional<std::string> managed_sync_names_of(std::string_view text,
                                                               const std::string& configured);
// Also recognizes Patroni's files: a cluster that it made is adopted as it is.
[[nodiscard]] bool is_generated_conf(std::string_view text);
// The recovery section of a postgresql.conf that we (or Patroni) wrote; empty when there is none.
[[nodiscard]] ParameterMap recovery_section_of(std::string_view text);
// postgresql.auto.conf without recovery parameters: ALTER SYSTEM must not break replication.
// Nor synchronous_standby_names, while that is managed.
[[nodiscard]] std::string without_recovery_parameters(std::string_view auto_conf,
                                                      bool also_sync_names = false);
[[nodiscard]] std::string render_lines(const std::vector<std::string>& lines);

// "--max_connections=100", ...: of the command line parameters among `parameters`.
[[nodiscard]] std::vector<std::string> command_line_arguments(const ParameterMap& parameters);

// Where the tools find the password of `who`; "" for a login that has none, for which libpq's own
// ways hold then (~/.pgpass, PGPASSFILE of the agent).
[[nodiscard]] std::string passfile_of(const PostgresConfig& config, const Credentials& who);
// How this node's walreceiver reaches `upstream`. `address` "": as the name says.
[[nodiscard]] ConnInfo primary_conninfo(const PostgresConfig& config, const NodeName& self,
                                        const Upstream& upstream, int major_version,
                                        const std::string& address);
// How our tools reach `upstream` as `who`; the password is in the pgpass file. `database` "" for
// tools that speak the replication protocol.
[[nodiscard]] ConnInfo tool_conninfo(const PostgresConfig& config, const Credentials& who,
                                     const Upstream& upstream, const std::string& database);
// How we reach the local server. `socket_dir`: from postmaster.pid, used when sockets are
// configured.
enum class LocalLogin { Superuser, Replication };
[[nodiscard]] ConnInfo local_conninfo(const PostgresConfig& config, LocalLogin login,
                                      const std::string& socket_dir);
// The pgpass file for everything that talks to `upstream`.
[[nodiscard]] std::string pgpass_text(const PostgresConfig& config, const Upstream& upstream);

[[nodiscard]] const Credentials& rewind_login(const PostgresConfig& config);

// Whether two spellings of a value mean the same ("on" and "true", "128MB" and "128MB").
[[nodiscard]] bool same_value(std::string_view left, std::string_view right);

}  // namespace pgherd
