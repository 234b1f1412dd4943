// Commands of the operator's that fill the data directory: how they are called, and that nothing of
// them goes on in the directory when they are over. What they leave is not judged by their exit
// status alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/agent_config.h"
#include "postgres/local/act_context.h"

namespace pgherd {

// The arguments of a way to make a copy, and of one to make a cluster, as Patroni gives them.
// `connstring`: how to reach the source, without a password.
[[nodiscard]] std::vector<std::string> replica_arguments(const FillingCommand& command,
                                                         const std::string& scope,
                                                         const std::string& data_dir,
                                                         const std::string& connstring);
[[nodiscard]] std::vector<std::string> bootstrap_arguments(const FillingCommand& command,
                                                           const std::string& scope,
                                                           const std::string& data_dir);

struct FillingRun {
  std::string key;  // where the command stands, for the log
  CommandWords words;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> env;
};

// Runs it to its end; what it says goes to the log. Meanwhile the directory is marked as unfinished
// as soon as, and as long as, anything is in it; the caller removes the mark. Fails unless the
// command exits with 0 and leaves what PostgreSQL can be started from; then, and when cancelled,
// nothing that the command started is still running.
[[nodiscard]] boost::asio::awaitable<Attempt> run_filling_command(ActContext& context,
                                                                  const ActControl& control,
                                                                  FillingRun run);

// Ends what commands of an earlier agent still do in the directory.
[[nodiscard]] boost::asio::awaitable<Attempt> end_filling_commands(ActContext& context);

}  // namespace pgherd
