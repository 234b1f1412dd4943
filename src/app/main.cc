// pgherd: one program, several duties. The first word, or the name it is called by, says which.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/ctl.h"
#include "daemon/daemon.h"
#include "guardian/guardian_main.h"
#include "local/local_command.h"
#include "router/router.h"

namespace {

constexpr std::string_view kUsage = R"(usage: pgherd COMMAND ...

  agent CONFIG.yml              run one node: PostgreSQL under this cluster's rules
  agent --validate-config FILE  say what is wrong with a configuration
  ctl COMMAND ...               look at a cluster and steer it (also when called patronictl or
                                pgherdctl); 'pgherd ctl --help' lists the commands
  router CONFIG.yml             lead clients to the primary and the standbys
  router --validate-config FILE say what is wrong with a router's configuration
  local up|status|down|destroy  a whole herd on this machine; 'pgherd local --help'
  version                       the version of this program

Called as 'patroni', it takes the agent's arguments.
)";

int usage_error(const std::string& problem) {
  fmt::print(stderr, "pgherd: {}\n\n{}", problem, kUsage);
  return 2;
}

// What follows "agent" or "router".
struct ServiceArguments {
  std::string path;
  bool only_validate = false;
};

constexpr std::string_view kAgentHelp =
    "usage: pgherd agent [--validate-config] CONFIG.yml\n\n"
    "CONFIG.yml is a Patroni configuration; PATRONI_* variables override it. Without a\n"
    "file the variables must say everything.\n";
constexpr std::string_view kRouterHelp =
    "usage: pgherd router [--validate-config] CONFIG.yml\n\n"
    "CONFIG.yml says scope, etcd3 and router (where to listen); etc/router.yml is an example.\n"
    "PATRONI_* variables override what it has in common with an agent's.\n";

// The exit status when there is nothing more to do: help was asked for, or the words are wrong.
std::optional<int> read_arguments(std::string_view service, std::string_view help,
                                  const std::vector<std::string_view>& words,
                                  ServiceArguments& arguments) {
  for (const std::string_view word : words) {
    if (word == "--help" || word == "-h") {
      fmt::print("{}", help);
      return 0;
    }
    if (word == "--version") {
      fmt::print("pgherd {}\n", PGHERD_VERSION);
      return 0;
    }
    if (word == "--validate-config") {
      arguments.only_validate = true;
    } else if (word.starts_with("-")) {
      return usage_error(fmt::format("{}: unknown option '{}'", service, word));
    } else if (!arguments.path.empty()) {
      return usage_error(fmt::format("{}: one configuration file, not also '{}'", service, word));
    } else {
      arguments.path = word;
    }
  }
  return std::nullopt;
}

int agent_main(const std::vector<std::string_view>& words) {
  ServiceArguments arguments;
  if (const auto status = read_arguments("agent", kAgentHelp, words, arguments)) return *status;
  return arguments.only_validate ? pgherd::validate_config(arguments.path)
                                 : pgherd::run_daemon(arguments.path);
}

int router_main(const std::vector<std::string_view>& words) {
  ServiceArguments arguments;
  if (const auto status = read_arguments("router", kRouterHelp, words, arguments)) return *status;
  return arguments.only_validate ? pgherd::validate_router_config(arguments.path)
                                 : pgherd::run_router(arguments.path);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string called = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  const std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  // Before anything else is set up: the guardian must be small and quick.
  if (!words.empty() && words[0] == "guardian") return pgherd::guardian_main(argc, argv);
  if (called == "patronictl" || called == "pgherdctl") return pgherd::ctl_main(argc, argv);
  if (called == "patroni") return agent_main(words);
  if (words.empty()) return usage_error("what shall it do?");
  const std::string_view command = words[0];
  if (command == "agent") return agent_main({words.begin() + 1, words.end()});
  if (command == "ctl") return pgherd::ctl_main(argc - 1, argv + 1);
  if (command == "router") return router_main({words.begin() + 1, words.end()});
  if (command == "local") {
    return pgherd::local::local_main({words.begin() + 1, words.end()});
  }
  if (command == "version" || command == "--version") {
    fmt::print("pgherd {}\n", PGHERD_VERSION);
    return 0;
  }
  if (command == "help" || command == "--help" || command == "-h") {
    fmt::print("{}", kUsage);
    return 0;
  }
  return usage_error(fmt::format("unknown command '{}'", command));
}
