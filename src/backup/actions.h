// What `pgherd backup` can be asked for, and what each answers: its exit status.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/instant.h"
#include "ctl/table.h"

namespace pgherd::backup {

struct CommonOptions {
  std::string stanza;
  std::string config_file;  // --config: pgBackRest's
  Seconds patience{24h};
};

struct NowOptions {
  std::string
      agent_config;  // a Patroni configuration whose data directory has to be meant; "": any
  std::string type;  // full, diff, incr; "": what pgBackRest is configured for
};

struct RestoreTestOptions {
  std::string agent_config;  // what is not given here is taken from there; "": from nowhere
  std::string target_time;   // "": all there is
  std::string scratch;       // "": default_scratch
  std::string query = "select count(*) from pg_catalog.pg_class";
  std::string metrics_file;  // "": none is written
  std::string bin_dir;
  std::string user;
  std::string database;
  std::set<std::string> spared;  // data directories, beside those that pgBackRest knows
};

// 0: the backup is there afterwards.
[[nodiscard]] int take_backup(const CommonOptions& common, const NowOptions& options);
// 1: the newest backup or the archive is in error.
[[nodiscard]] int list_backups(const CommonOptions& common, ctl::Format format);
// 1: something is damaged or missing.
[[nodiscard]] int verify_backups(const CommonOptions& common);
// 1: the newest backup was not proven. Whatever comes of it, nothing is left of the trial.
[[nodiscard]] int restore_test(const CommonOptions& common, RestoreTestOptions options);

}  // namespace pgherd::backup
