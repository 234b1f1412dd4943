// What a running PostgreSQL says of itself, for a configuration that takes it over.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/config_generator.h"

namespace pgherd {

// Connects with `dsn` (libpq's URI or keywords; "": what its variables say) and reads the files
// that the server names. `ask_password` is called if the server wants one that nobody has said.
// Blocks on the server and the disk. The error says what to do.
[[nodiscard]] Result<ServerFacts, std::string> read_server_facts(
    const std::string& dsn, const std::function<std::string()>& ask_password);

// The rules of a pg_hba.conf: each whole in one line, without comments and what is no rule at all.
[[nodiscard]] std::vector<std::string> hba_lines(const std::string& text);
// Those of a pg_ident.conf, likewise.
[[nodiscard]] std::vector<std::string> ident_lines(const std::string& text);

}  // namespace pgherd
