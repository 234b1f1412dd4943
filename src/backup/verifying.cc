#include <fmt/core.h>

#include <cstdio>

#include "backup/actions.h"
#include "backup/errors.h"
#include "backup/pgbackrest.h"
#include "backup/verification.h"
#include "backup/wal_gaps.h"

namespace pgherd::backup {
namespace {

std::vector<std::string> gaps(Pgbackrest& pgbackrest, const Stanza& stanza,
                              const std::string& repository, int key) {
  const ProcessEnd end = pgbackrest.run(
      "repo-ls",
      {repository, "--recurse", "--output=json", "--sort=none", "archive/" + pgbackrest.stanza()});
  const auto files = parse_listing(end.out);
  if (!files)
    throw BackupError("what `pgbackrest repo-ls` prints is not understood: " + files.error());
  return wal_gaps(stanza, key, *files);
}

// How many findings there are.
std::size_t verify(Pgbackrest& pgbackrest, const Stanza& stanza, int key) {
  const std::string repository = fmt::format("--repo={}", key);
  const ProcessEnd end = pgbackrest.run("verify", {repository, "--output=text", "--verbose"});
  Verification found = read_verification(end.out, end.err);
  for (std::string& gap : gaps(pgbackrest, stanza, repository, key))
    found.findings.push_back(std::move(gap));
  fmt::print("repository {}:\n", key);
  for (const std::string& line : found.checked)
    fmt::print("  {}\n", line);
  for (const std::string& line : found.remarks)
    fmt::print("  remark: {}\n", line);
  for (const std::string& line : found.findings)
    fmt::print("  problem: {}\n", line);
  std::fflush(stdout);
  return found.findings.size();
}

}  // namespace

int verify_backups(const CommonOptions& common) {
  Children children(common.patience);
  Pgbackrest pgbackrest(children, common.config_file, common.stanza);
  const Stanza stanza = pgbackrest.info();
  std::size_t findings = 0;
  for (const Repository& repository : stanza.repositories)
    findings += verify(pgbackrest, stanza, repository.key);
  if (findings > 0) {
    fmt::print("{} problem{} in the backups of stanza {}\n", findings, findings == 1 ? "" : "s",
               stanza.name);
    return 1;
  }
  fmt::print("nothing is wrong with the backups of stanza {}\n", stanza.name);
  return 0;
}

}  // namespace pgherd::backup
