// pgherd: one program, several duties. The first word, or the name it is called by, says which.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backup/backup_command.h"
#include "ctl/ctl.h"
#include "daemon/daemon.h"
#include "daemon/generate.h"
#include "daemon/validate.h"
#include "drill/drill_command.h"
#include "guardian/guardian_main.h"
#include "local/local_command.h"
#include "router/router.h"
#include "runtime/init_process.h"

namespace {

constexpr std::string_view kUsage = R"(usage: pgherd COMMAND ...

  agent CONFIG.yml              run one node: PostgreSQL under this cluster's rules
  agent --validate-config FILE  say all that is wrong with a configuration
  agent --generate-config       write one for the PostgreSQL that runs here, or a sample;
                                'pgherd agent --help' has the options
  ctl COMMAND ...               look at a cluster and steer it (also when called patronictl or
                                pgherdctl); 'pgherd ctl --help' lists the commands
  router CONFIG.yml             lead clients to the primary and the standbys
  router --validate-config FILE say what is wrong with a router's configuration
  backup now|list|verify|restore-test
                                backups with pgBackRest; 'pgherd backup --help'
  drill failover|partition|exhaustion|restore
                                what an outage would do, tried; 'pgherd drill --help'
  local up|status|down|destroy  a whole herd on this machine; 'pgherd local --help'
  version                       the version of this program

Called as 'patroni', it takes the agent's arguments.
)";

int usage_error(const std::string& problem) {
  fmt::print(stderr, "pgherd: {}\n\n{}", problem, kUsage);
  return 2;
}

// What follows "router".
struct ServiceArguments {
  std::string path;
  bool only_validate = false;
};

constexpr std::string_view kAgentHelp = R"(usage: pgherd agent CONFIG.yml
       pgherd agent --validate-config [-i] [-p] [--file-only] CONFIG.yml
       pgherd agent --generate-sample-config [FILE]
       pgherd agent --generate-config [--dsn DSN] [FILE]

CONFIG.yml is a Patroni configuration; PATRONI_* variables override it. Without a
file the variables must say everything. docs/configuration.md has the keys.

  --validate-config           say all that is wrong with it, and end
  -i, --ignore-listen-port    ports may be in use: its agent is running
  --file-only                 it is for another machine: do not look at ports, programs,
                              data directory, certificates and store of this one
  -p, --print                 print the configuration in force if nothing is wrong
  --generate-sample-config    write a configuration to begin with, to FILE or stdout
  --generate-config           write one for the PostgreSQL that runs on this machine
  --dsn DSN                   how to reach it as a superuser; else PGHOST, PGUSER, ...
  --version                   the version of this program
)";
constexpr std::string_view kRouterHelp =
    "usage: pgherd router [--validate-config] CONFIG.yml\n\n"
    "CONFIG.yml says scope, etcd3 and router (where to listen); etc/router.yml is an example.\n"
    "PATRONI_* variables override what it has in common with an agent's.\n\n"
    "  --validate-config           say what is wrong with it, and end\n"
    "  --version                   the version of this program\n";

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

// What follows "agent": one duty, its options, and a file.
struct AgentArguments {
  enum class Duty { Run, Validate, GenerateSample, Generate };
  std::optional<Duty> duty;
  pgherd::ValidateOptions validate;
  bool has_validate_option = false;
  std::optional<std::string> dsn;
  std::string path;
};

constexpr std::pair<std::string_view, AgentArguments::Duty> kDuties[] = {
    {"--validate-config", AgentArguments::Duty::Validate},
    {"--generate-sample-config", AgentArguments::Duty::GenerateSample},
    {"--generate-config", AgentArguments::Duty::Generate}};

std::optional<AgentArguments::Duty> duty_of(std::string_view word) {
  for (const auto& [option, duty] : kDuties)
    if (word == option) return duty;
  return std::nullopt;
}

// What is wrong with the words, "" if nothing is.
std::string read_agent_arguments(const std::vector<std::string_view>& words,
                                 AgentArguments& arguments) {
  constexpr std::string_view kDsn = "--dsn=";
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string_view word = words[at];
    if (const auto duty = duty_of(word)) {
      if (arguments.duty) return fmt::format("agent: {} cannot stand beside another one", word);
      arguments.duty = duty;
    } else if (word == "-i" || word == "--ignore-listen-port") {
      arguments.validate.ignores_taken_ports = arguments.has_validate_option = true;
    } else if (word == "--file-only") {
      arguments.validate.only_file = arguments.has_validate_option = true;
    } else if (word == "-p" || word == "--print") {
      arguments.validate.prints = arguments.has_validate_option = true;
    } else if (word.starts_with(kDsn)) {
      arguments.dsn = word.substr(kDsn.size());
    } else if (word == "--dsn") {
      if (++at == words.size()) return "agent: --dsn needs a value";
      arguments.dsn = words[at];
    } else if (word.starts_with("-")) {
      return fmt::format("agent: unknown option '{}'", word);
    } else if (!arguments.path.empty()) {
      return fmt::format("agent: one configuration file, not also '{}'", word);
    } else {
      arguments.path = word;
    }
  }
  if (arguments.has_validate_option && arguments.duty != AgentArguments::Duty::Validate)
    return "agent: -i, -p and --file-only belong to --validate-config";
  if (arguments.dsn && arguments.duty != AgentArguments::Duty::Generate)
    return "agent: --dsn belongs to --generate-config";
  return "";
}

int agent_main(const std::string& called, const std::vector<std::string_view>& words) {
  for (const std::string_view word : words) {
    if (word != "--help" && word != "-h" && word != "--version") continue;
    fmt::print("{}", word == "--version" ? fmt::format("{} {}\n", called, PGHERD_VERSION)
                                         : std::string(kAgentHelp));
    return 0;
  }
  AgentArguments arguments;
  if (const std::string problem = read_agent_arguments(words, arguments); !problem.empty())
    return usage_error(problem);
  switch (arguments.duty.value_or(AgentArguments::Duty::Run)) {
    case AgentArguments::Duty::Validate:
      return pgherd::validate_config(arguments.path, arguments.validate);
    case AgentArguments::Duty::GenerateSample:
      return pgherd::generate_config({.is_sample = true, .output = arguments.path});
    case AgentArguments::Duty::Generate:
      return pgherd::generate_config({.dsn = arguments.dsn.value_or(""), .output = arguments.path});
    case AgentArguments::Duty::Run:
      if (const auto status = pgherd::act_as_init()) return *status;
      return pgherd::run_daemon(arguments.path);
  }
  return 2;
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
  if (called == "patroni") return agent_main(called, words);
  if (words.empty()) return usage_error("what shall it do?");
  const std::string_view command = words[0];
  if (command == "agent") return agent_main("pgherd", {words.begin() + 1, words.end()});
  if (command == "ctl") return pgherd::ctl_main(argc - 1, argv + 1);
  if (command == "router") return router_main({words.begin() + 1, words.end()});
  if (command == "backup") return pgherd::backup::backup_main({words.begin() + 1, words.end()});
  if (command == "drill") return pgherd::drill::drill_main({words.begin() + 1, words.end()});
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
