// The last known dynamic configuration, in `patroni.dynamic.json` in the data directory, so that an
// agent that starts without the store knows how its PostgreSQL is to run (Patroni keeps the same
// file).
#pragma once

#include <optional>
#include <string>

namespace pgherd {

// nullopt when there is none or it is no JSON object. Reads a file.
[[nodiscard]] std::optional<std::string> read_dynamic_cache(const std::string& data_dir);

// Only into a directory that holds a cluster; returns the problem, "" when there was none. Blocks.
[[nodiscard]] std::string write_dynamic_cache(const std::string& data_dir, const std::string& json);

}  // namespace pgherd
