// PostgreSQL's programs on this machine: where postgresql.bin_dir and bin_name say that they are.
#pragma once

#include <string>
#include <string_view>

#include "model/agent_config.h"
#include "postgres/local/failure.h"

namespace pgherd {

// Of "initdb", "postgres", ...: its path, or a name that is to be looked for in PATH.
[[nodiscard]] std::string program_of(const PostgresConfig& config, const std::string& name);

// As the system looks for it; "" when it is nowhere or cannot be run.
[[nodiscard]] std::string path_of_program(const std::string& program);

// The major version in what `--version` says, 0 when there is none.
[[nodiscard]] int version_in(std::string_view version_line);

// Fails for a server by another name than postgres: who is PostgreSQL in a data directory is told
// by the name of its executable, the guardian kills by it. A script or a link by another name leads
// to one that has it. What cannot be found passes: the attempt to run it tells that better.
[[nodiscard]] Attempt expect_name_of_postgres(const std::string& program);

}  // namespace pgherd
