// `pgherd drill partition`.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "drill/actions.h"
#include "drill/cut_off.h"
#include "drill/errors.h"
#include "drill/interruption.h"
#include "drill/takeover.h"
#include "rest/url.h"

namespace pgherd::drill {
namespace {

constexpr const char* kEtcdPort = "2379";

// The drill is to be run where the leader is, with its agent's configuration.
void refuse_unless_the_leader_is_here(const Drilled& drilled, const ctl::Cluster& cluster) {
  const NodeName& leader = cluster.view.leader->name;
  if (drilled.config.name != leader)
    throw Refusal(
        fmt::format("'{}' leads, and the configuration is that of '{}': run it on the "
                    "leader's host, with -c and its agent's configuration",
                    leader, drilled.config.name));
}

uid_t owner_of_data(const Drilled& drilled) {
  const std::string& path = drilled.config.postgresql.data_dir;
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0)
    throw Refusal(
        fmt::format("the data directory {} is not on this host: {}", path, std::strerror(errno)));
  if (found.st_uid == 0)
    throw Refusal(fmt::format("{} belongs to root: whose is the agent?", path));
  return found.st_uid;
}

std::vector<std::string> etcd_ports(const Drilled& drilled) {
  std::set<std::string> ports{kEtcdPort};
  for (const std::string& endpoint : drilled.config.etcd.endpoints)
    if (const auto colon = endpoint.rfind(':'); colon != endpoint.npos)
      ports.insert(endpoint.substr(colon + 1));
  return {ports.begin(), ports.end()};
}

std::vector<std::string> ports_of(const Member& leader) {
  std::set<std::string> ports;
  if (const auto address = parse_conn_url(leader.conn_url)) ports.insert(address->port);
  if (const auto url = parse_http_url(leader.api_url)) ports.insert(url->port);
  return {ports.begin(), ports.end()};
}

// Long enough for the others to take over, and for what the host then finds.
Seconds time_of(const Drilled& drilled, const ctl::Cluster& cluster) {
  const Milliseconds ttl = ctl::settings_of(cluster.view).ttl;
  return drilled.options.hold.value_or(std::chrono::ceil<Seconds>(2 * ttl + 5s));
}

}  // namespace

int drill_partition(const Drilled& drilled) {
  const ctl::Cluster cluster = read_cluster_that_is_well(drilled);
  const NodeName& name = cluster.view.leader->name;
  refuse_unless_the_leader_is_here(drilled, cluster);
  refuse_unless_it_can_cut();
  const CutPlan plan{.user = owner_of_data(drilled),
                     .etcd_ports = etcd_ports(drilled),
                     .server_ports = ports_of(*cluster.view.leader_member()),
                     .time = time_of(drilled, cluster)};
  confirm(drilled,
          fmt::format("Cut '{}', the leader of cluster {}, off from the store and all other "
                      "hosts for {} s?",
                      name, cluster.name, plan.time.count()));
  const Interruption interruption;
  Report report = begin_report(drilled, cluster, "partition");
  Takeover takeover{.course = Course(cluster.view),
                    .what = fmt::format("'{}' is cut off for {} s", name, plan.time.count()),
                    .to_be_sure = plan.time};
  {
    Client client(drilled, cluster);
    const CutOff cut(plan);
    takeover.fault = drilled.context.store.now();
    follow(drilled, client, takeover);
    conclude(client, takeover, report);
  }
  await_health(drilled, takeover.fault, report);
  return finish(drilled, std::move(report));
}

}  // namespace pgherd::drill
