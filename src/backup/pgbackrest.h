// Pgbackrest: the program, called for one stanza. What it logs comes as lines without their time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/children.h"
#include "backup/pgbackrest_config.h"
#include "backup/repository.h"

namespace pgherd::backup {

class Pgbackrest {
 public:
  // Finds out which stanza is meant; throws BackupError if that is not clear.
  Pgbackrest(Children& children, std::string config_file, const std::string& wanted_stanza);

  [[nodiscard]] const std::string& stanza() const { return stanza_; }
  [[nodiscard]] const PgbackrestConfig& config() const { return config_; }

  // The stanza as the repositories have it now. Throws BackupError: for a stanza that is not there
  // as well.
  [[nodiscard]] Stanza info();

  // Runs `command` with its options, and what they are about behind them. Throws BackupError with
  // its own reason where it fails. `on_line`: of its log, as it comes; may be empty.
  ProcessEnd run(const std::string& command, const std::vector<std::string>& options,
                 std::function<void(std::string_view)> on_line = {});

 private:
  Children& children_;
  std::string config_file_;
  PgbackrestConfig config_;
  std::string stanza_;
};

}  // namespace pgherd::backup
