// `pgherd drill failover`.
#include <fmt/format.h>

#include <algorithm>

#include "drill/actions.h"
#include "drill/course.h"
#include "drill/errors.h"
#include "drill/ground.h"
#include "drill/interruption.h"
#include "drill/setting_for_now.h"

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

// It was started where it is: long after the fault clients write, and its reign has not ended.
bool has_gone_on(const Client& client, const Course& course, Instant fault) {
  constexpr Duration kToBeSure = 5s;
  return !course.left() && client.last_write() > fault + kToBeSure;
}

void follow(const Drilled& drilled, const Client& client, Course& course, Instant fault) {
  while (!course.whole() || client.last_write() < *course.promoted()) {
    if (drilled.context.store.now() > fault + drilled.options.patience) return;
    course.see(ctl::read_cluster(drilled.context, drilled.options.cluster).view,
               drilled.context.store.now());
    if (course.promoted() && course.is_led_by_old_leader()) return;
    if (has_gone_on(client, course, fault)) return;
    pause_for(drilled, 20ms);
  }
}

void add_phase(Report& report, Instant fault, std::optional<Instant> at, std::string what) {
  if (at) report.phases.push_back({.after = *at - fault, .what = std::move(what)});
}

void tell(const Course& course, Instant fault, Report& report) {
  const std::string timeline = std::to_string(course.new_timeline().value);
  const NodeName& leader = course.new_leader();
  add_phase(report, fault, fault, fmt::format("PostgreSQL of '{}' is killed", course.old_leader()));
  add_phase(report, fault, course.left(), fmt::format("'{}' leads no more", course.old_leader()));
  add_phase(report, fault, course.taken(), fmt::format("'{}' leads", leader));
  add_phase(report, fault, course.promoted(),
            fmt::format("'{}' is a primary, on timeline {}", leader, timeline));
  add_phase(report, fault, course.rejoined(),
            fmt::format("'{}' streams from it", course.old_leader()));
  add_phase(report, fault, course.whole(), "so do all the others");
  std::stable_sort(report.phases.begin(), report.phases.end(),
                   [](const Phase& one, const Phase& other) { return one.after < other.after; });
  if (course.is_led_by_old_leader() || !course.left()) {
    report.failures.push_back(fmt::format(
        "'{}' was started where it is, and leads: nobody took over", course.old_leader()));
  } else if (!course.promoted()) {
    report.failures.emplace_back("nobody took over");
  } else if (!course.whole()) {
    report.failures.emplace_back("not all members follow the new leader (--patience)");
  }
}

}  // namespace

int drill_failover(const Drilled& drilled) {
  const ctl::Cluster cluster = read_cluster_that_is_well(drilled);
  SqlSession leader = open_leader(drilled, cluster);
  confirm(drilled, fmt::format("Kill PostgreSQL of '{}', the leader of cluster {}?",
                               cluster.view.leader->name, cluster.name));
  const Interruption interruption;
  Report report = begin_report(drilled, cluster, "failover");
  Instant fault;
  {
    Client client(drilled, cluster);
    // Else it would be started again where it is, for that loses nothing.
    const SettingForNow at_once(drilled, cluster, "primary_start_timeout", "0");
    Course course(cluster.view);
    fault = drilled.context.store.now();
    kill_server(leader);
    follow(drilled, client, course, fault);
    if (const auto silence = client.conclude(report, fault))
      add_phase(report, fault, silence->ended, "a write is acknowledged again");
    tell(course, fault, report);
  }
  await_health(drilled, fault, report);
  return finish(drilled, std::move(report));
}

}  // namespace pgherd::drill
