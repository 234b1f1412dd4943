// The `postgresql` section in force: the local one over the one of the dynamic configuration (as in
// Patroni).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/dynamic_config.h"
#include "model/agent_config.h"

namespace pgherd {

// The ends of keys that hold in one role only: parameters_primary, pg_hba_replica, ...
inline constexpr std::array<std::pair<ServerRole, std::string_view>, 3> kRoleSuffixes = {
    {{ServerRole::Primary, "_primary"},
     {ServerRole::Replica, "_replica"},
     {ServerRole::StandbyLeader, "_standby_leader"}}};

// The keys of postgresql.bin_name that count.
inline constexpr std::array<std::string_view, 4> kNamedPrograms = {"initdb", "pg_basebackup",
                                                                   "postgres", "pg_rewind"};

// The keys of postgresql.callbacks.
inline constexpr std::array<std::pair<CallbackAction, std::string_view>, 5> kCallbackNames = {
    {{CallbackAction::OnStart, "on_start"},
     {CallbackAction::OnStop, "on_stop"},
     {CallbackAction::OnRestart, "on_restart"},
     {CallbackAction::OnReload, "on_reload"},
     {CallbackAction::OnRoleChange, "on_role_change"}}};
[[nodiscard]] std::string_view name_of(CallbackAction action);

// Parameters that must agree among the members, so that a local file cannot set them: wal_level,
// max_connections, ... and those that other keys say (is_said_elsewhere).
[[nodiscard]] bool is_controlled_parameter(std::string_view name);
// Those that are made from other keys, whoever sets them: listen_addresses, port, cluster_name,
// data_directory, config_file. With the last two PostgreSQL would use another directory than the
// agent looks after.
[[nodiscard]] bool is_said_elsewhere(std::string_view name);
// The controlled ones that are given on the postmaster's command line, where ALTER SYSTEM cannot
// change them: all but wal_keep_size, which stands in the file.
[[nodiscard]] bool is_command_line_parameter(std::string_view name);
// PostgreSQL's names have no case: the spelling that this program uses.
[[nodiscard]] std::string parameter_name(std::string_view written);

// What is in force. Local beats dynamic key by key (a list or map replaces the other's whole), but
// for `parameters` and `parameters_<role>`, which are merged name by name, and controlled
// parameters, which come from the dynamic configuration or their defaults; a controlled value that
// PostgreSQL or the members could not live with becomes its default. listen_addresses and port are
// set from local.listen; cluster_name is left to who knows the scope. hot_standby_feedback is on,
// whoever says otherwise, where standbys keep copies of logical slots. `dynamic_config_json` is the
// whole `/config`; unreadable text counts as {}. `warnings`, if given, becomes a line for each
// value that is not used as it was said, and for each key of all of `/config` that is not served.
[[nodiscard]] PostgresConfig merge_dynamic(const PostgresConfig& local,
                                           std::string_view dynamic_config_json,
                                           std::vector<std::string>* warnings = nullptr);

// settings_not_usable, and those of the section `postgresql`, whatever a local configuration says
// in their place.
[[nodiscard]] std::vector<DynamicRemark> values_not_usable(std::string_view dynamic_config_json);

// Whether one of create_replica_methods needs nobody to copy from (`no_leader`).
[[nodiscard]] bool can_copy_without_leader(const PostgresConfig& config);

}  // namespace pgherd
