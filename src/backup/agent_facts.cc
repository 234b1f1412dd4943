#include "backup/agent_facts.h"

#include "codec/config.h"
#include "runtime/environment.h"

namespace pgherd::backup {

AgentFacts read_agent_facts(const std::string& path) {
  const LoadedConfig loaded = load_config(path, process_environment(), ConfigUse::Ctl);
  const PostgresConfig& postgresql = loaded.config.postgresql;
  return AgentFacts{.data_dir = postgresql.data_dir,
                    .bin_dir = postgresql.bin_dir,
                    .superuser = postgresql.superuser.username,
                    .database = postgresql.database};
}

}  // namespace pgherd::backup
