#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "codec/config.h"
#include "ctl/command_line.h"
#include "ctl/ctl.h"
#include "ctl/dcs_url.h"
#include "ctl/errors.h"
#include "ctl/http_member_api.h"
#include "ctl/log.h"
#include "ctl/run.h"
#include "dcs/etcd/etcd_dcs.h"
#include "runtime/asio_clock.h"

extern char** environ;  // NOLINT: POSIX has it so

namespace pgherd::ctl {
namespace {

// Nothing of ours must be tidied up: requests that were sent go on without us, and say so nowhere.
extern "C" void abort_on_interrupt(int) {
  restore_terminal();
  constexpr std::string_view kText = "\nAborted!\n";
  (void)!write(STDERR_FILENO, kText.data(), kText.size());
  _exit(1);
}

std::string program_name(const char* argv0) {
  std::string name = std::filesystem::path(argv0 == nullptr ? "" : argv0).filename().string();
  const bool is_own_name =
      name.empty() || name == "ctl" || name == "pgherd" || name == "pgherd ctl";
  return is_own_name ? "pgherd ctl" : name;
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const std::size_t equals = entry.find('=');
    if (equals != entry.npos) all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return all;
}

// Where a person's own configuration is, if there is one; else "".
std::string default_config_file() {
  const char* folder = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path path;
  if (folder != nullptr && *folder != '\0') {
    path = folder;
  } else if (home != nullptr && *home != '\0') {
    path = std::filesystem::path(home) / ".config";
  } else {
    return {};
  }
  path = path / "patroni" / "patronictl.yaml";
  return access(path.c_str(), R_OK) == 0 ? path.string() : std::string();
}

AgentConfig read_config(Console& console, WallTime now, const Invocation& invocation) {
  const std::string path = invocation.config_file.value_or(default_config_file());
  if (invocation.config_file && access(path.c_str(), R_OK) != 0) {
    throw CtlError(
        fmt::format("Provided config file {} not existing or no read rights. Check the "
                    "-c/--config-file parameter",
                    path));
  }
  LoadedConfig loaded = load_config(path, environment(), ConfigUse::Ctl);
  for (const std::string& warning : loaded.warnings)
    console.log(LogLevel::Info, now, warning);
  AgentConfig config = std::move(loaded.config);
  if (invocation.dcs_url) apply_dcs_url(*invocation.dcs_url, config);
  if (invocation.is_insecure) config.ctl.insecure = true;
  if (invocation.table) config.ctl.has_classic_table = *invocation.table == TableStyle::Classic;
  if (!config.ctl.authentication) config.ctl.authentication = config.restapi.authentication;
  if (config.etcd.endpoints.empty() && config.etcd.srv.empty()) {
    throw CtlError(
        "Can not find suitable configuration of distributed configuration store\n"
        "Available implementations: etcd3 (name it in the configuration file, with "
        "PATRONI_ETCD3_HOSTS, or with -d)");
  }
  return config;
}

int run_with_cluster(Console& console, const Invocation& invocation) {
  boost::asio::io_context loop(1);
  const auto stay = boost::asio::make_work_guard(loop);
  const auto turn = [&loop] { (void)loop.run_one(); };
  AsioClock clock(loop.get_executor());
  const AgentConfig config = read_config(console, clock.wall_now(), invocation);
  EtcdDcs dcs(config.etcd, loop.get_executor(), clock);
  Store store(dcs, Loop{.clock = clock, .turn = turn});
  HttpMemberApi members(loop.get_executor(), turn, client_security(config.ctl, config.restapi),
                        config.ctl.authentication);
  LoggedMemberApi api(members, console, clock);
  CtlContext context{
      .console = console,
      .store = store,
      .api = api,
      .name_space = config.name_space,
      .scope = config.scope,
      .table = config.ctl.has_classic_table ? TableStyle::Classic : TableStyle::Wide};
  return invocation.run(context);
}

int run_program(int argc, char** argv) {
  std::signal(SIGINT, abort_on_interrupt);
  const Terminals terminals{.in = isatty(STDIN_FILENO) == 1, .out = isatty(STDOUT_FILENO) == 1};
  Console console(std::cin, std::cout, std::cerr, terminals);
  return guarded(console, [&] {
    const std::string program = program_name(argc > 0 ? argv[0] : nullptr);
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    const bool is_bare = arguments.empty();
    const Invocation invocation = parse_command_line(program, std::move(arguments));
    if (is_bare) throw UsageError(invocation.help.value_or(""));
    if (invocation.help) {
      console.print(*invocation.help);
      return 0;
    }
    console.show_log_from(log_level(environment()));
    return invocation.run_alone ? invocation.run_alone(console)
                                : run_with_cluster(console, invocation);
  });
}

}  // namespace
}  // namespace pgherd::ctl

namespace pgherd {

int ctl_main(int argc, char** argv) {
  return ctl::run_program(argc, argv);
}

}  // namespace pgherd
