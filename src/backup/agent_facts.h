// What an agent's configuration says of its PostgreSQL, where one is given.
#pragma once

#include <string>

namespace pgherd::backup {

struct AgentFacts {
  std::string data_dir;
  std::string bin_dir;
  std::string superuser;
  std::string database;
};

// `path`: a file or a folder of files; PATRONI_* variables override it. Throws ConfigError.
[[nodiscard]] AgentFacts read_agent_facts(const std::string& path);

}  // namespace pgherd::backup
