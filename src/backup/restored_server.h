// RestoredServer: the PostgreSQL of a restore test, from its start to its end. It keeps to itself
// (trial_server.h) and is gone when this is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/children.h"
#include "backup/restore_proof.h"
#include "backup/scratch.h"

namespace pgherd::backup {

struct ServerPrograms {
  std::string bin_dir;   // with a slash at the end; "": they are looked for in PATH
  std::string user;      // who logs in: a superuser of the restored cluster
  std::string database;  // where its own questions are asked
};

// With the folder that has the programs of that major version: the wanted one, else Debian's place
// or PATH. Throws Refusal where none has them in that version.
[[nodiscard]] ServerPrograms find_programs(Children& children, ServerPrograms wanted,
                                           const std::string& version);

class RestoredServer {
 public:
  RestoredServer(Children& children, const Scratch& scratch, const ServerPrograms& programs);
  // Ends PostgreSQL at once: nothing of it is kept.
  ~RestoredServer();
  RestoredServer(const RestoredServer&) = delete;
  RestoredServer& operator=(const RestoredServer&) = delete;

  // All throw BackupError with what went wrong, in the words of the tool.
  void start();
  // Until recovery has ended and it accepts connections.
  void wait_until_open();
  // nullopt: none was recovered.
  [[nodiscard]] std::optional<NewestCommit> newest_commit();
  // By pg_amcheck, in all databases. "": nothing is wrong; else why it could not be done.
  [[nodiscard]] std::string check_relations();
  // The answer as text: rows by lines, columns by "|".
  [[nodiscard]] std::string ask(const std::string& sql);
  // "": none came from the archive.
  [[nodiscard]] const std::string& last_restored_segment() const { return last_segment_; }

 private:
  [[nodiscard]] std::string program(const std::string& name) const;
  [[nodiscard]] ProcessSpec client(const std::string& name) const;
  [[nodiscard]] bool is_open() const;
  void hear(std::string_view line);

  Children& children_;
  const Scratch& scratch_;
  const ServerPrograms& programs_;
  std::unique_ptr<ChildProcess> server_;
  bool keeps_commit_times_ = false;
  std::vector<std::string> log_;  // its last lines
  std::string last_segment_;
};

}  // namespace pgherd::backup
