// `pgherd drill exhaustion`.
#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "drill/actions.h"
#include "drill/errors.h"
#include "drill/ground.h"
#include "drill/interruption.h"

namespace pgherd::drill {
namespace {

constexpr Duration kStatementPatience = 5s;
constexpr Seconds kHold = 15s;

// What is free for whoever has no right to the reserved ones (PostgreSQL 16 has two kinds of them).
constexpr const char* kFree =
    "select current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
    " - coalesce(current_setting('reserved_connections', true), '0')::int"
    " - (select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend')";

int free_connections(SqlSession& leader) {
  const std::string text = leader.query(kFree, kStatementPatience).at(0).at(0);
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Until nothing is free: others come and go meanwhile.
void take_all(const Drilled& drilled, SqlSession& leader, const std::string& door,
              std::vector<SqlSession>& taken) {
  for (int left = free_connections(leader); left > 0; left = free_connections(leader)) {
    for (; left > 0; --left) {
      taken.emplace_back(door, kStatementPatience);
      pause_for(drilled, 0ms);
    }
  }
}

// What is seen of it while it has none to give.
void hold(const Drilled& drilled, const ctl::Cluster& before, Instant until, Report& report) {
  while (drilled.context.store.now() < until) {
    const auto view = ctl::read_cluster(drilled.context, drilled.options.cluster).view;
    const bool still_leads = view.is_led_by(before.view.leader->name) &&
                             view.leader->create_revision == before.view.leader->create_revision;
    const Member* leader = view.leader_member();
    if (!still_leads) {
      report.failures.push_back(
          fmt::format("'{}' has lost the leader key", before.view.leader->name));
      return;
    }
    if (leader == nullptr || leader->state != MemberState::Running) {
      report.failures.push_back(
          fmt::format("the agent of '{}' takes its PostgreSQL for down", before.view.leader->name));
      return;
    }
    pause_for(drilled, 200ms);
  }
}

void exhaust(const Drilled& drilled, const ctl::Cluster& cluster, SqlSession& leader,
             Client& client, Report& report) {
  const Instant fault = drilled.context.store.now();
  const auto note = [&](std::string what) {
    report.phases.push_back(
        {.after = drilled.context.store.now() - fault, .what = std::move(what)});
  };
  {
    std::vector<SqlSession> taken;
    try {
      take_all(drilled, leader, leader_door(drilled, cluster), taken);
      note(fmt::format("{} connections are taken, and none is left for clients", taken.size()));
      hold(drilled, cluster, drilled.context.store.now() + drilled.options.hold.value_or(kHold),
           report);
    } catch (const SqlFailure& failure) {
      report.failures.push_back(
          fmt::format("after {} connections: {}", taken.size(), failure.what()));
    }
  }
  note("they are given back");
  try {
    (void)open_primary(doors_of(drilled, cluster), 5s);
    note("a new client comes in");
  } catch (const DrillError& error) {
    report.failures.emplace_back(error.what());
  }
  (void)client.conclude(report, fault);
}

}  // namespace

int drill_exhaustion(const Drilled& drilled) {
  const ctl::Cluster cluster = read_cluster_that_is_well(drilled);
  SqlSession leader = open_leader(drilled, cluster);
  confirm(
      drilled,
      fmt::format("Take all connections of '{}', the leader of cluster {}, for {} s? Clients will "
                  "get none meanwhile.",
                  cluster.view.leader->name, cluster.name,
                  drilled.options.hold.value_or(kHold).count()));
  const Interruption interruption;
  Report report = begin_report(drilled, cluster, "exhaustion");
  const Instant fault = drilled.context.store.now();
  {
    Client client(drilled, cluster);
    exhaust(drilled, cluster, leader, client, report);
  }
  await_health(drilled, fault, report);
  return finish(drilled, std::move(report));
}

}  // namespace pgherd::drill
