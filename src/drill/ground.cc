#include "drill/ground.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "codec/conninfo.h"
#include "ctl/doctor.h"
#include "drill/errors.h"
#include "drill/interruption.h"
#include "runtime/files.h"

namespace pgherd::drill {
namespace {

constexpr Duration kStatementPatience = 5s;

ConnInfo login_at(const Drilled& drilled, const HostPort& address) {
  const Credentials& superuser = drilled.config.postgresql.superuser;
  ConnInfo conninfo{{"host", address.host}, {"port", address.port}};
  for (const auto& [keyword, value] : superuser.options)
    conninfo.set(keyword, value);
  conninfo.set_if_any("user", superuser.username);
  conninfo.set_if_any("password", superuser.password);
  conninfo.set("dbname", drilled.config.postgresql.database);
  conninfo.set("application_name", "pgherd drill");
  return conninfo;
}

std::vector<std::string> problems_of(const std::vector<ctl::Finding>& findings) {
  std::vector<std::string> problems;
  for (const ctl::Finding& finding : findings)
    if (finding.weight == ctl::Finding::Weight::Problem) problems.push_back(finding.what);
  return problems;
}

std::set<std::int64_t> numbers_in(const SqlSession::Rows& rows) {
  std::set<std::int64_t> numbers;
  for (const auto& row : rows) {
    std::int64_t number = 0;
    std::from_chars(row[0].data(), row[0].data() + row[0].size(), number);
    numbers.insert(number);
  }
  return numbers;
}

}  // namespace

ctl::Cluster read_cluster_that_is_well(const Drilled& drilled) {
  ctl::Cluster cluster = ctl::read_cluster(drilled.context, drilled.options.cluster);
  if (cluster.view.members.get().empty())
    throw Refusal(fmt::format("the store knows no member of a cluster '{}'", cluster.name));
  if (ctl::is_standby_cluster(cluster.view))
    throw Refusal(fmt::format("'{}' is a standby cluster: no client writes there", cluster.name));
  if (ctl::is_paused(cluster.view))
    throw Refusal("maintenance mode is on, and nobody takes over in it: end it with `resume`");
  const auto findings = ctl::examine(drilled.context, cluster);
  std::string problems;
  for (const ctl::Finding& finding : findings)
    if (finding.weight == ctl::Finding::Weight::Problem)
      problems += fmt::format("\n  {}\n    -> {}", finding.what, finding.remedy);
  if (!problems.empty())
    throw Refusal(fmt::format("'{}' is not well, and a drill would make that worse:{}",
                              cluster.name, problems));
  return cluster;
}

void confirm(const Drilled& drilled, const std::string& question) {
  if (drilled.options.force) return;
  if (!drilled.context.console.confirm(question)) throw Refusal("not confirmed");
}

std::vector<std::string> doors_of(const Drilled& drilled, const ctl::Cluster& cluster) {
  if (!drilled.options.dsn.empty()) return {drilled.options.dsn};
  std::vector<std::string> doors;
  for (const auto& [name, member] : cluster.view.members) {
    const auto address = parse_conn_url(member.conn_url);
    if (!address) continue;
    ConnInfo door = login_at(drilled, *address);
    door.set("target_session_attrs", "read-write");
    const bool leads = cluster.view.is_led_by(name);
    doors.insert(leads ? doors.begin() : doors.end(), door.to_string());
  }
  return doors;
}

std::string leader_door(const Drilled& drilled, const ctl::Cluster& cluster) {
  const Member* leader = cluster.view.leader_member();
  const auto address = leader == nullptr ? std::nullopt : parse_conn_url(leader->conn_url);
  if (!address) throw Refusal("the leader publishes no conn_url, so its address is unknown");
  return login_at(drilled, *address).to_string();
}

SqlSession open_leader(const Drilled& drilled, const ctl::Cluster& cluster) {
  const NodeName& name = cluster.view.leader->name;
  try {
    SqlSession session(leader_door(drilled, cluster), kStatementPatience);
    const auto rows = session.query(
        "select pg_catalog.pg_is_in_recovery(), system_identifier, "
        "pg_catalog.current_setting('is_superuser') from pg_catalog.pg_control_system()",
        kStatementPatience);
    const auto& initialize = cluster.view.initialize;
    const bool is_this_cluster = initialize && rows.at(0).at(1) == initialize->value;
    if (rows.at(0).at(0) != "f" || !is_this_cluster)
      throw Refusal(
          fmt::format("what answers at the address of '{}' is not the primary of cluster '{}'",
                      name, cluster.name));
    if (rows.at(0).at(2) != "on")
      throw Refusal(
          "the login is no superuser's: name one at "
          "postgresql.authentication.superuser in the file of -c");
    return session;
  } catch (const SqlFailure& failure) {
    throw Refusal(
        fmt::format("cannot log in at '{}': {} (as postgresql.authentication.superuser of "
                    "the file of -c says, else PGUSER and PGPASSWORD)",
                    name, failure.what()));
  }
}

SqlSession open_primary(const std::vector<std::string>& doors, Duration patience) {
  std::string why = "there is no address";
  for (const std::string& door : doors) {
    try {
      return {door, patience};
    } catch (const SqlFailure& failure) {
      why = failure.what();
    }
  }
  throw DrillError("no primary can be reached: " + why);
}

void pause_for(const Drilled& drilled, Duration time) {
  drilled.context.store.sleep_until(drilled.context.store.now() + time);
  Interruption::throw_if_any();
}

Client::Client(const Drilled& drilled, const ctl::Cluster& cluster)
    : drilled_(drilled),
      doors_(doors_of(drilled, cluster)),
      table_(fmt::format("pgherd_drill_{}", drilled.context.store.wall_now().microseconds / 1000)) {
  make_table();
  try {
    writer_.emplace(doors_, table_);
    await_first_writes();
  } catch (...) {
    clear_away();
    throw;
  }
}

void Client::make_table() {
  SqlSession session = open_primary(doors_, kStatementPatience);
  try {
    session.execute(fmt::format("create table {} (row bigint primary key)", table_),
                    kStatementPatience);
  } catch (const SqlFailure& failure) {
    throw DrillError(
        fmt::format("cannot make the table {} to write to: {}{}", table_, failure.what(),
                    failure.may_have_arrived ? "; look whether it is there, and drop it" : ""));
  }
}

void Client::await_first_writes() {
  const Instant until = drilled_.context.store.now() + 10s;
  while (writer_->record().acknowledged.size() < 20) {
    if (drilled_.context.store.now() > until) {
      const std::string why = writer_->record().last_failure;
      throw DrillError("the drill's own client cannot write: " +
                       (why.empty() ? std::string("its commits take too long") : why));
    }
    pause_for(drilled_, 50ms);
  }
}

Client::~Client() {
  clear_away();
}

void Client::clear_away() {
  if (writer_) writer_->stop();
  // Whoever interrupts a drill in the middle of an outage may have to wait for its end.
  constexpr Duration kPatience = 30s;
  ctl::Store& store = drilled_.context.store;
  const Instant until = store.now() + kPatience;
  for (;;) {
    const std::string why = drop_table();
    if (why.empty()) return;
    if (store.now() > until) {
      drilled_.context.console.complain(
          fmt::format("warning: the table {} is still there: {}", table_, why));
      return;
    }
    store.sleep_until(store.now() + 200ms);
  }
}

std::string Client::drop_table() {
  try {
    open_primary(doors_, kStatementPatience)
        .execute(fmt::format("drop table if exists {}", table_), kStatementPatience);
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::optional<Silence> Client::conclude(Report& report, Instant fault) {
  const Instant now = drilled_.context.store.now();
  writer_->stop();
  const WriteRecord record = writer_->record();
  report.acknowledged = static_cast<std::int64_t>(record.acknowledged.size());
  report.unknown = record.unknown;
  const auto silence = longest_silence(record, fault, now);
  if (silence) report.outage = silence->length();
  try {
    SqlSession session = open_primary(doors_, kStatementPatience);
    report.lost = lost_rows(
        record, numbers_in(session.query(fmt::format("select row from {}", table_), 60s)));
  } catch (const std::exception& error) {
    report.failures.push_back(fmt::format("the rows cannot be looked for: {}", error.what()));
  }
  return silence;
}

void await_health(const Drilled& drilled, Instant fault, Report& report) {
  for (;;) {
    const auto cluster = ctl::read_cluster(drilled.context, drilled.options.cluster);
    const auto problems = problems_of(ctl::examine(drilled.context, cluster));
    if (problems.empty()) return;
    if (drilled.context.store.now() > fault + drilled.options.patience) {
      for (const std::string& problem : problems)
        report.failures.push_back("afterwards: " + problem);
      return;
    }
    pause_for(drilled, 500ms);
  }
}

Report begin_report(const Drilled& drilled, const ctl::Cluster& cluster, const std::string& drill) {
  const Settings settings = ctl::settings_of(cluster.view);
  Report report{.drill = drill, .cluster = cluster.name};
  report.began = drilled.context.store.wall_now();
  report.allowed = drilled.options.max_outage.value_or(settings.ttl);
  report.may_lose = settings.synchronous_mode == SynchronousMode::Off;
  return report;
}

int finish(const Drilled& drilled, Report report) {
  judge(report);
  if (drilled.options.as_json) {
    drilled.context.console.print(json_of(report));
  } else {
    for (const std::string& line : lines_of(report))
      drilled.context.console.say(line);
  }
  if (!drilled.options.metrics_file.empty()) {
    const auto written = write_file_atomically(
        drilled.options.metrics_file, metrics_of(report, drilled.context.store.wall_now()), 0644);
    if (!written) throw DrillError(written.error().text);
  }
  return report.has_passed() ? 0 : 1;
}

}  // namespace pgherd::drill
