// `pgherd drill failover`.
#include <fmt/format.h>

#include "drill/actions.h"
#include "drill/errors.h"
#include "drill/interruption.h"
#include "drill/setting_for_now.h"
#include "drill/takeover.h"

namespace pgherd::drill {
namespace {

// The shell that the server starts has its data directory as the working directory. The session
// ends with the server, or answers before: either is as it should be.
void kill_server(SqlSession& leader) {
  try {
    leader.execute("copy (select 1) to program 'read pid < postmaster.pid && kill -9 \"$pid\"'",
                   5s);
  } catch (const SqlFailure& failure) {
    if (!failure.may_have_arrived)
      throw DrillError(
          fmt::format("PostgreSQL of the leader could not be killed: {}", failure.what()));
  }
}

}  // namespace

int drill_failover(const Drilled& drilled) {
  const ctl::Cluster cluster = read_cluster_that_is_well(drilled);
  const NodeName& name = cluster.view.leader->name;
  SqlSession leader = open_leader(drilled, cluster);
  confirm(drilled,
          fmt::format("Kill PostgreSQL of '{}', the leader of cluster {}?", name, cluster.name));
  const Interruption interruption;
  Report report = begin_report(drilled, cluster, "failover");
  Takeover takeover{.course = Course(cluster.view),
                    .what = fmt::format("PostgreSQL of '{}' is killed", name),
                    .to_be_sure = 5s};
  {
    Client client(drilled, cluster);
    // Else it would be started again where it is, for that loses nothing.
    const SettingForNow at_once(drilled, cluster, "primary_start_timeout", "0");
    takeover.fault = drilled.context.store.now();
    kill_server(leader);
    follow(drilled, client, takeover);
    conclude(client, takeover, report);
  }
  await_health(drilled, takeover.fault, report);
  return finish(drilled, std::move(report));
}

}  // namespace pgherd::drill
