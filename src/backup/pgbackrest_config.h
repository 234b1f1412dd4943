// pgBackRest's own configuration, as far as it must be known here: which stanzas there are, and
// where their data directories lie. Everything else is left to pgBackRest.
//
// Authority: pgBackRest's user guide, "Configuration Reference"; src/config/load.c (which files are
// read) and src/common/ini.c (how).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgherd::backup {

struct PgbackrestConfig {
  std::set<std::string> stanzas;
  // Of all stanzas, and of [global]; those of other hosts too: a path that is in use there may be
  // here after a move, and nothing is lost by sparing it.
  std::set<std::string> data_dirs;
};

// Adds what one file says. Lines that are neither a section, a setting nor a comment are
// pgBackRest's to object to.
void add_config_text(PgbackrestConfig& config, std::string_view text);

// Where to look. `option`: what follows --config, "" without; `environment`: all there is.
struct ConfigPlaces {
  std::string option;
  std::map<std::string, std::string> environment;
};

// The files that pgBackRest would read, in its order: those that exist.
[[nodiscard]] std::vector<std::string> config_files(const ConfigPlaces& places);

// Reads them from the disk, and the PGBACKREST_* variables over them. A file that does not exist
// says nothing, pgBackRest itself objects to it where it must be there.
[[nodiscard]] PgbackrestConfig read_pgbackrest_config(const ConfigPlaces& places);

// The one that is meant: `wanted`, or the variable PGBACKREST_STANZA, or the only one there is.
// Throws BackupError if that says nothing, or several.
[[nodiscard]] std::string choose_stanza(const std::string& wanted, const PgbackrestConfig& config,
                                        const ConfigPlaces& places);

}  // namespace pgherd::backup
