#include "daemon/node_api.h"

#include <utility>
#include <variant>

#include "codec/dcs_values.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

constexpr Duration kStorePatience = 5s;
constexpr Duration kMetricsAge = 1s;

// Not a comparison of histories: a look of the agent's own, which ends soon and keeps nothing from
// an operator.
std::string long_task_of(const Observation& seen) {
  const auto act = seen.under_way.find(Lane::Instance);
  if (act == seen.under_way.end() || std::holds_alternative<ExamineDivergence>(act->second.step))
    return {};
  return std::string(name_of(act->second.step));
}

}  // namespace

NodeStatus NodeApi::status() {
  return status_with(parts_.node.agent().picture().instance);
}

NodeStatus NodeApi::status_with(const InstanceView& instance) {
  const Agent& agent = parts_.node.agent();
  const Observation& seen = agent.picture();
  const Decision& decision = agent.last_decision();
  NodeStatus status;
  status.scope = parts_.scope;
  status.self = seen.self;
  status.settings = seen.settings;
  status.instance = instance;
  status.state = decision.own_member.state.value_or(MemberState::Stopped);
  status.role = decision.own_member.role.value_or(MemberRole::Uninitialized);
  status.cluster = parts_.node.cluster();
  status.leads = parts_.node.leads();
  status.now = parts_.clock.now();
  status.wall_now = parts_.clock.wall_now();
  status.next_run = decision.wake_at;
  status.long_task = long_task_of(seen);
  status.is_failsafe_active = failsafe_is_active(seen, status.now);
  status.watchdog_failed = decision.watchdog_failed;
  status.failed_promotions = decision.failed_promotions;
  if (seen.scheduled_restart) status.scheduled_restart = seen.scheduled_restart->published;
  if (seen.store.cluster) {
    status.failsafe_members = seen.store.cluster->failsafe;
    const auto age = std::chrono::duration_cast<Seconds>(status.now - seen.store.confirmed_at);
    status.dcs_last_seen = status.wall_now.microseconds / 1000000 - age.count();
  }
  const LogBacklog backlog = log_backlog();
  status.log_lines_waiting = backlog.waiting;
  status.log_lines_lost = backlog.lost;
  // Health checks come thousands of times a second, scrapes do not.
  if (parts_.metrics && status.now >= metrics_until_) {
    metrics_ = parts_.metrics();
    metrics_until_ = status.now + kMetricsAge;
  }
  status.more_metrics = metrics_;
  return status;
}

void NodeApi::observe_now(std::function<void(NodeStatus)> answer) {
  parts_.instance.observe(
      [this, answer = std::move(answer)](const InstanceView& view) { answer(status_with(view)); });
}

void NodeApi::read_cluster(std::function<void(Result<ClusterView, DcsError>)> answer) {
  parts_.dcs.read(parts_.layout.prefix(), ReadMode::Linearizable,
                  parts_.clock.now() + kStorePatience,
                  [this, answer = std::move(answer)](Result<Snapshot, DcsError> read) {
                    if (!read) return answer(fail(read.error()));
                    std::map<std::string, KeyValue> entries;
                    for (KeyValue& entry : read->entries)
                      entries[entry.key] = std::move(entry);
                    answer(parts_.layout.view(entries, read->revision));
                  });
}

void NodeApi::commit(Transaction transaction, std::function<void(WriteEnded)> answer) {
  parts_.dcs.commit(
      std::move(transaction), parts_.clock.now() + kStorePatience,
      [answer = std::move(answer)](const Result<Committed, DcsError>& done) {
        WriteEnded ended;
        if (!done) {
          ended.detail = done.error().text;
          ended.how = done.error().kind == DcsErrorKind::Unavailable ? WriteEnded::How::Unknown
                                                                     : WriteEnded::How::Refused;
        } else {
          ended.how = done->succeeded ? WriteEnded::How::Applied : WriteEnded::How::Refused;
          ended.revision = done->revision;
        }
        answer(std::move(ended));
      });
}

void NodeApi::write_config(std::string json, Revision seen,
                           std::function<void(WriteEnded)> answer) {
  const std::string key = parts_.layout.key("config");
  Transaction transaction;
  transaction.compares.push_back(
      Compare{.what = Compare::What::ModRevision, .key = key, .number = seen.value, .text = {}});
  transaction.writes.emplace_back(Put{.key = key, .value = std::move(json), .lease = {}});
  commit(std::move(transaction), std::move(answer));
}

void NodeApi::write_failover(FailoverRequest request, std::function<void(WriteEnded)> answer) {
  Transaction transaction;
  transaction.writes.emplace_back(
      Put{.key = parts_.layout.key("failover"), .value = encode_failover(request), .lease = {}});
  commit(std::move(transaction), std::move(answer));
}

void NodeApi::clear_failover(Revision seen, std::function<void(WriteEnded)> answer) {
  commit(*parts_.layout.transaction(ClearFailoverRequest{.seen = seen}), std::move(answer));
}

void NodeApi::restart(std::optional<Milliseconds> timeout,
                      std::function<void(bool, std::string)> answer) {
  parts_.node.ask_restart(timeout, std::move(answer));
}

void NodeApi::schedule_restart(ScheduledRestart request,
                               std::function<void(bool, std::string)> answer) {
  parts_.node.schedule_restart(std::move(request), std::move(answer));
}

void NodeApi::unschedule_restart(std::function<void(bool, std::string)> answer) {
  parts_.node.unschedule_restart(std::move(answer));
}

void NodeApi::reinitialize(bool force, bool from_leader, std::function<void(ActAnswer)> answer) {
  parts_.node.ask_reinitialize(force, from_leader,
                               [answer = std::move(answer)](bool is_granted, std::string why_not) {
                                 ActAnswer reply{.code = 200, .text = "reinitialize started"};
                                 if (!is_granted) reply = {.code = 503, .text = std::move(why_not)};
                                 answer(std::move(reply));
                               });
}

// The node answers before it returns; whoever hears nothing must not take that for a promise.
std::string NodeApi::refuse_failsafe_ping(const FailsafePing& ping) {
  auto why = std::make_shared<std::string>("the agent is stopping");
  parts_.node.ask_failsafe(ping, [why](bool is_granted, std::string why_not) {
    *why = is_granted ? std::string() : std::move(why_not);
  });
  return *why;
}

}  // namespace pgherd
