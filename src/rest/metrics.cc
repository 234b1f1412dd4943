#include "rest/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "codec/time_values.h"
#include "rest/prometheus_text.h"
#include "rest/status_document.h"

namespace pgherd {
namespace {

class Page {
 public:
  explicit Page(const NodeStatus& status)
      : labels_(fmt::format("{{scope={},name={}}}", quoted_label(status.scope),
                            quoted_label(status.self.name))) {}

  void add(std::string_view name, std::string_view type, std::string_view help,
           std::string_view value, std::string_view remark = {}) {
    auto out = std::back_inserter(text_);
    fmt::format_to(out, "# HELP {} {}\n", name, help);
    if (!remark.empty()) fmt::format_to(out, "# {}\n", remark);
    fmt::format_to(out, "# TYPE {} {}\n{}{} {}\n", name, type, name, labels_, value);
  }
  void gauge(std::string_view name, std::string_view help, std::string_view value) {
    add(name, "gauge", help, value);
  }
  template <typename Number>
  void gauge(std::string_view name, std::string_view help, Number value)
    requires std::is_arithmetic_v<Number>
  {
    add(name, "gauge", help, fmt::format("{:d}", value));
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    add(name, "counter", help, fmt::format("{}", value));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string labels_;
  std::string text_;
};

// "4.1.4" -> "040104"
std::string padded_version(std::string_view version) {
  std::string result;
  while (!version.empty()) {
    const std::size_t dot = version.find('.');
    result += fmt::format("{:0>2}", version.substr(0, dot));
    version.remove_prefix(dot == std::string_view::npos ? version.size() : dot + 1);
  }
  return result.empty() ? "0" : result;
}

// Seconds since 1970 with their fraction; "0" for what is no time.
std::string epoch_seconds(const std::string& timestamp) {
  const auto time = parse_time(spelled_out_timestamp(timestamp));
  if (!time) return "0";
  return fmt::format("{}.{:06}", time->microseconds / 1000000, time->microseconds % 1000000);
}

std::string state_names() {
  constexpr int kStates = 15;
  std::string names = "States:";
  for (int index = 0; index < kStates; ++index) {
    names += fmt::format("{} {}={}", index == 0 ? "" : ",", index,
                         to_string(static_cast<MemberState>(index)));
  }
  return names;
}

void add_role(Page& page, const NodeStatus& status, const StatusFacts& facts) {
  const InstanceView& instance = status.instance;
  const bool is_primary = facts.query_is_ok && instance.in_recovery == false;
  const bool is_standby = facts.query_is_ok && instance.in_recovery == true;
  page.gauge("patroni_version", "Version of the agent without periods.",
             padded_version(status.self.version));
  page.gauge("patroni_postgres_running", "1 if PostgreSQL runs.", facts.is_running());
  page.gauge("patroni_postmaster_start_time", "When the postmaster started, epoch seconds.",
             facts.query_is_ok ? epoch_seconds(instance.postmaster_start_time) : "0");
  page.gauge("patroni_primary", "1 if this node is the primary.", facts.role == "primary");
  page.counter("patroni_xlog_location", "Flushed WAL position in bytes, 0 on a standby.",
               is_primary ? instance.flushed.bytes : 0);
  page.gauge("patroni_standby_leader", "1 if this node leads a standby cluster.",
             facts.role == "standby_leader");
  page.gauge("patroni_replica", "1 if this node is a replica.", facts.role == "replica");
  page.gauge("patroni_sync_standby", "1 if this node is a synchronous standby.",
             facts.is_sync_standby);
  page.gauge("patroni_quorum_standby", "1 if this node is a quorum standby.",
             facts.is_quorum_standby);
  const Lsn received = instance.received.is_known() ? instance.received : instance.replayed;
  page.counter("patroni_xlog_received_location", "Received WAL position in bytes, 0 on a primary.",
               is_standby ? received.bytes : 0);
  page.counter("patroni_xlog_replayed_location", "Replayed WAL position in bytes, 0 on a primary.",
               is_standby ? instance.replayed.bytes : 0);
  page.gauge("patroni_xlog_replayed_timestamp", "Commit time last replayed, epoch seconds.",
             is_standby ? epoch_seconds(instance.replayed_timestamp) : "0");
  page.gauge("patroni_xlog_paused", "1 if WAL replay is paused.",
             is_standby && instance.replay_is_paused);
}

void add_server(Page& page, const NodeStatus& status, const StatusFacts& facts) {
  constexpr int kFirstWithReceiverStatus = 90600;
  const int version = facts.query_is_ok ? status.instance.server_version : 0;
  if (version >= kFirstWithReceiverStatus) {
    page.gauge("patroni_postgres_streaming", "1 if PostgreSQL streams from an upstream.",
               facts.replication_state == "streaming");
    page.gauge("patroni_postgres_in_archive_recovery", "1 if PostgreSQL replays from an archive.",
               facts.replication_state == "in archive recovery");
  }
  page.gauge("patroni_postgres_server_version", "Version of PostgreSQL, 0 if it does not run.",
             version);
}

void add_cluster(Page& page, const NodeStatus& status, const StatusFacts& facts) {
  page.gauge("patroni_cluster_unlocked", "1 if nobody is known to lead.",
             !status.cluster || !status.cluster->has_leader());
  page.gauge("patroni_failsafe_mode_is_active", "1 while failsafe mode keeps the primary.",
             status.is_failsafe_active);
  page.gauge("patroni_failsafe_mode_enabled", "1 if failsafe mode is configured.",
             status.settings.failsafe_mode);
  page.gauge("patroni_failsafe_member", "1 if this node stands in the failsafe key.",
             status.cluster && status.cluster->failsafe.contains(status.self.name));
  page.gauge("patroni_postgres_timeline", "Timeline of PostgreSQL, 0 if unknown.",
             facts.query_is_ok ? status.instance.timeline.value : 0U);
  page.gauge("patroni_dcs_last_seen", "Last successful read of the store, epoch seconds.",
             status.dcs_last_seen);
  page.gauge("patroni_pending_restart", "1 if PostgreSQL needs a restart.",
             !status.instance.pending_restart.empty());
  page.gauge("patroni_is_paused", "1 if automatic failover is off.", status.settings.paused);
  page.add("patroni_postgres_state", "gauge", "State of PostgreSQL by number.",
           facts.state == "unknown" ? "-1" : fmt::format("{}", static_cast<int>(status.state)),
           state_names());
  const Tags& tags = status.self.tags;
  page.gauge("patroni_failover_priority", "Priority in an election, 0: never.",
             tags.nofailover ? 0 : tags.failover_priority);
}

std::uint64_t held_by_slots(const InstanceView& instance) {
  const Lsn here = instance.in_recovery == true ? instance.replayed : instance.flushed;
  std::uint64_t most = 0;
  for (const SlotView& slot : instance.slots)
    if (slot.restart_lsn.is_known()) most = std::max(most, lag_bytes(here, slot.restart_lsn));
  return most;
}

void add_own(Page& page, const NodeStatus& status, const StatusFacts& facts) {
  page.gauge("pgherd_leads", "1 while this node's confirmation of leadership has not run out.",
             status.leads);
  page.gauge("pgherd_role_is_stale", "1 if PostgreSQL was too slow to confirm its role.",
             status.instance.role_is_stale);
  page.gauge("pgherd_long_task_is_running", "1 while a restart, copy or rewind occupies the node.",
             !status.long_task.empty());
  const Lsn leader =
      std::max(status.cluster ? status.cluster->status.optime : Lsn{}, status.instance.latest_end);
  const bool is_behind = facts.query_is_ok && status.instance.in_recovery == true;
  page.gauge("pgherd_replay_lag_bytes", "What is still to be replayed, 0 on a primary.",
             is_behind ? lag_bytes(leader, status.instance.replayed) : 0U);
  page.gauge("pgherd_slots_wal_bytes", "WAL held back by the slot that holds back most.",
             held_by_slots(status.instance));
}

}  // namespace

std::string metrics_text(const NodeStatus& status) {
  const StatusFacts facts = status_facts(status);
  Page page(status);
  add_role(page, status, facts);
  add_server(page, status, facts);
  add_cluster(page, status, facts);
  add_own(page, status, facts);
  return page.take() + status.more_metrics;
}

}  // namespace pgherd
