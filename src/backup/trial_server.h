// How the restored PostgreSQL of a restore test is run: with settings that keep it to itself. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgherd::backup {

// The lines of pg_controldata (in English), by what stands before the colon.
[[nodiscard]] std::map<std::string, std::string> parse_controldata(std::string_view text);

struct TrialPlaces {
  std::string data;
  std::string socket_dir;
  std::string config_file;
  std::string hba_file;
  std::string ident_file;
};

// The arguments of `postgres`. Given there they win over every file, ALTER SYSTEM's too. What the
// backup's own configuration says is not read, save postgresql.auto.conf, where pgBackRest wrote
// how to recover. The restored server
// - is reached by its owner, through a socket in a directory of his own, and by nobody else;
// - archives nothing, streams from nobody, has no workers that log in elsewhere, loads no library;
// - is given what the primary had where recovery cannot do with less (PostgreSQL manual, 26.4.3).
[[nodiscard]] std::vector<std::string> server_arguments(
    const TrialPlaces& places, const std::map<std::string, std::string>& control);

// What it logged that says why it ended: FATAL and PANIC, and errors of pgBackRest.
[[nodiscard]] std::string reason_in_server_log(const std::vector<std::string>& lines);

// The segment of a line "restored log file "0000...07" from archive"; "" for another line.
[[nodiscard]] std::string restored_segment(std::string_view line);

}  // namespace pgherd::backup
