// What a pgBackRest repository has of a stanza, as `pgbackrest info --output=json` says it. Pure:
// text in, values out.
//
// Authority: pgBackRest 2.44 to 2.55, src/command/info/info.c (the keys), and its user guide,
// "Command Reference, info".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd::backup {

struct Backup {
  std::string label;  // "20261130-100046F_20261130-100053I"
  std::string type;   // full, diff, incr
  WallTime began;
  WallTime ended;
  std::string wal_start;  // the segments that it cannot be used without; "" if taken of a server
  std::string wal_stop;   // that did not run
  std::string lsn_start;
  std::int64_t size_bytes = 0;        // of the database when it was restored
  std::int64_t repository_bytes = 0;  // what the backup alone takes in the repository
  bool has_error = false;             // pages with a wrong checksum were copied
  int database = 0;                   // Database::id
  int repository = 1;                 // Repository::key
};

// What is archived of one history of the database.
struct Archive {
  std::string id;  // "17-1"
  int database = 0;
  int repository = 1;
  std::string first;  // segments; "" when there are none
  std::string last;
};

// A stanza outlives an upgrade: then it has a database for each major version.
struct Database {
  int id = 0;
  int repository = 1;
  std::string version;  // "17"
};

struct Repository {
  int key = 1;
  int status = 0;  // 0: ok
  std::string message;
};

struct Stanza {
  std::string name;
  int status = 0;  // over all repositories; 0: ok
  std::string message;
  std::vector<Repository> repositories;
  std::vector<Database> databases;
  std::vector<Archive> archives;
  std::vector<Backup> backups;  // oldest first
  bool backup_is_running = false;

  // nullptr: there is none.
  [[nodiscard]] const Backup* newest() const;
  [[nodiscard]] const Backup* find(std::string_view label) const;
};

// The error names the place in the text, what is there, and what was expected:
// `[0].backup[1].label: a text is expected, not 7`.
[[nodiscard]] Result<std::vector<Stanza>, std::string> parse_info(std::string_view json);

// What is wrong with it now, a sentence each: the repository, the newest backup, the archive that
// it needs. Empty: nothing.
[[nodiscard]] std::vector<std::string> problems_of(const Stanza& stanza);

}  // namespace pgherd::backup
