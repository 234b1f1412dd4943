#include "ctl/cluster_access.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>

#include "codec/config.h"
#include "ctl/dcs_url.h"
#include "ctl/errors.h"
#include "ctl/http_member_api.h"
#include "ctl/log.h"
#include "dcs/etcd/etcd_dcs.h"
#include "runtime/asio_clock.h"
#include "runtime/environment.h"

namespace pgherd::ctl {
namespace {

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
  return ::access(path.c_str(), R_OK) == 0 ? path.string() : std::string();
}

AgentConfig read_config(Console& console, WallTime now, const ClusterAccess& access) {
  const std::string path = access.config_file.value_or(default_config_file());
  if (access.config_file && ::access(path.c_str(), R_OK) != 0) {
    throw CtlError(
        fmt::format("Provided config file {} not existing or no read rights. Check the "
                    "-c/--config-file parameter",
                    path));
  }
  LoadedConfig loaded = load_config(path, process_environment(), ConfigUse::Ctl);
  for (const std::string& warning : loaded.warnings)
    console.log(LogLevel::Info, now, warning);
  AgentConfig config = std::move(loaded.config);
  if (access.dcs_url) apply_dcs_url(*access.dcs_url, config);
  if (access.is_insecure) config.ctl.insecure = true;
  if (access.table) config.ctl.has_classic_table = *access.table == TableStyle::Classic;
  if (!config.ctl.authentication) config.ctl.authentication = config.restapi.authentication;
  if (config.etcd.endpoints.empty() && config.etcd.srv.empty()) {
    throw CtlError(
        "Can not find suitable configuration of distributed configuration store\n"
        "Available implementations: etcd3 (name it in the configuration file, with "
        "PATRONI_ETCD3_HOSTS, or with -d)");
  }
  return config;
}

}  // namespace

int with_cluster(Console& console, const ClusterAccess& access,
                 const std::function<int(CtlContext&, const AgentConfig&)>& act) {
  boost::asio::io_context loop(1);
  const auto stay = boost::asio::make_work_guard(loop);
  const auto turn = [&loop] { (void)loop.run_one(); };
  AsioClock clock(loop.get_executor());
  const AgentConfig config = read_config(console, clock.wall_now(), access);
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
  return act(context, config);
}

}  // namespace pgherd::ctl
