#include <fmt/core.h>

#include <cstdio>

#include "backup/actions.h"
#include "backup/backup_table.h"
#include "backup/pgbackrest.h"
#include "runtime/asio_clock.h"

namespace pgherd::backup {

int list_backups(const CommonOptions& common, ctl::Format format) {
  Children children(common.patience);
  Pgbackrest pgbackrest(children, common.config_file, common.stanza);
  const Stanza stanza = pgbackrest.info();
  const std::string text = ctl::render(backup_table(stanza, wall_time_now(), format), format);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  // To stderr: whoever reads JSON shall read nothing else.
  const auto problems = problems_of(stanza);
  for (const std::string& problem : problems)
    fmt::print(stderr, "problem: {}\n", problem);
  return problems.empty() ? 0 : 1;
}

}  // namespace pgherd::backup
