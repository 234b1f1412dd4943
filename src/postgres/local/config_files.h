// The files that PostgreSQL is configured by, put in place whole (Patroni
// postgresql/config.py). What already stands as wanted is not written again: no disk is waited for
// in a failover. All calls block on the disk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/agent_config.h"
#include "postgres/local/failure.h"
#include "postgres/local/server_settings.h"

namespace pgherd {

// postgresql.conf (the original becomes postgresql.base.conf, once; config_base_name may be another
// than postgresql), pg_hba.conf, pg_ident.conf,
// and postgresql.auto.conf without recovery parameters. `sync_names`, `defaults`:
// render_postgresql_conf.
[[nodiscard]] Attempt write_server_files(const PostgresConfig& config,
                                         const ParameterMap& parameters,
                                         const ParameterMap& recovery,
                                         const std::optional<std::string>& sync_names = {},
                                         const ParameterMap& defaults = {});
// Puts `lines` behind those of pg_hba.conf, once; not where hba_file names another file.
[[nodiscard]] Attempt append_hba_lines(const PostgresConfig& config,
                                       const std::vector<std::string>& lines);
// The managed synchronous_standby_names in postgresql.conf as it stands.
[[nodiscard]] std::optional<std::string> written_sync_names(const PostgresConfig& config);
// The recovery section of postgresql.conf as it stands.
[[nodiscard]] ParameterMap written_recovery_section(const PostgresConfig& config);

// On: standby.signal is there. Off: neither standby.signal nor recovery.signal is.
[[nodiscard]] Attempt set_standby_signal(const std::string& data_dir, bool on);

// Replaces config.pgpass (mode 0600) for talking to `upstream`; without a password to write there
// the file is left alone.
[[nodiscard]] Attempt write_pgpass(const PostgresConfig& config, const Upstream& upstream);

// Makes the directories in unix_socket_directories that are missing.
[[nodiscard]] Attempt make_socket_directories(const ParameterMap& parameters);

// Copies of the configuration in the data directory (`*.backup`): a copy of the directory brings
// them along where the files themselves are elsewhere or symbolic links. Failures are only logged.
void keep_config_copies(const PostgresConfig& config);
void restore_config_copies(const PostgresConfig& config);

// The directory of postgresql.conf.
[[nodiscard]] std::string config_dir_of(const PostgresConfig& config);
// postgresql.conf itself, which postgresql.config_base_name may call otherwise.
[[nodiscard]] std::string conf_path_of(const PostgresConfig& config);
// The names of the files that make up the configuration, in config_dir_of.
[[nodiscard]] std::vector<std::string> config_file_names(const PostgresConfig& config);

}  // namespace pgherd
