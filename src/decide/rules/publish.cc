#include "decide/rules/publish.h"

#include <algorithm>
#include <utility>

#include "decide/facts/opening.h"
#include "decide/facts/watchdog.h"

namespace pgherd {
namespace {

constexpr Duration kSendAgain = 500ms;

MemberState bootstrapping(const Draft& draft) {
  return draft.seen.self.bootstraps_by_command ? MemberState::CustomBootstrap : MemberState::InitDb;
}

template <typename... Steps>
bool is_one_of(const Step& step) {
  return (std::holds_alternative<Steps>(step) || ...);
}

// Of a server that is not up: by the last act, if that has failed.
std::optional<MemberState> failure_of(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  if (draft.memory.acts.failed == 0 || !act) return std::nullopt;
  if (is_one_of<StartPrimary, StartStandby>(act->step)) return MemberState::StartFailed;
  if (is_one_of<Restart>(act->step)) return MemberState::RestartFailed;
  if (!is_one_of<Bootstrap>(act->step)) return std::nullopt;
  return draft.seen.self.bootstraps_by_command ? MemberState::CustomBootstrapFailed
                                               : MemberState::InitDbFailed;
}

MemberState state_when_down(const Draft& draft) {
  const bool is_starting = draft.seen.under_way_as<StartPrimary>(Lane::Instance) != nullptr ||
                           draft.seen.under_way_as<StartStandby>(Lane::Instance) != nullptr;
  if (is_starting) return MemberState::Starting;
  if (const auto failure = failure_of(draft)) return *failure;
  // In maintenance mode whoever stopped it had a right to.
  if (draft.memory.crashes.was_up && !draft.seen.settings.paused) return MemberState::Crashed;
  return MemberState::Stopped;
}

MemberState state_when_closing(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  const bool has_failed = draft.memory.acts.failed > 0 && act && is_one_of<Stop, Demote>(act->step);
  return has_failed ? MemberState::StopFailed : MemberState::Stopping;
}

// The words for it in the member key (Patroni postgresql/__init__.py, bootstrap.py, ha.py).
MemberState state_of(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (draft.seen.under_way_as<Bootstrap>(Lane::Instance) != nullptr) return bootstrapping(draft);
  if (draft.seen.under_way_as<CloneFrom>(Lane::Instance) != nullptr) {
    return MemberState::CreatingReplica;
  }
  if (draft.seen.under_way_as<Restart>(Lane::Instance) != nullptr) return MemberState::Restarting;
  if (is_being_stopped(draft) && instance.process != ProcessState::Stopped)
    return MemberState::Stopping;
  switch (instance.process) {
    case ProcessState::Running:
      return MemberState::Running;
    case ProcessState::Starting:
      return MemberState::Starting;
    case ProcessState::Stopping:
      return state_when_closing(draft);
    case ProcessState::Unknown:
    case ProcessState::Stopped:
      break;
  }
  return state_when_down(draft);
}

bool comes_back_as_primary(const Draft& draft) {
  const auto* restart = draft.seen.under_way_as<Restart>(Lane::Instance);
  return draft.seen.under_way_as<StartPrimary>(Lane::Instance) != nullptr ||
         (restart != nullptr && restart->is_primary);
}

MemberRole role_of(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (instance.data_directory != DataDirectory::Valid) return MemberRole::Uninitialized;
  if (instance.is_running_primary()) return MemberRole::Primary;
  // It is down on its way to being open again: who has promised not to take its place while it
  // leads without the store must not read that it has given it up (sim seed 3004564).
  if (comes_back_as_primary(draft)) return MemberRole::Primary;
  const bool is_shut_down = instance.control && instance.control->state == ControlState::ShutDown;
  // It may still answer clients: whoever wants to lead must not take it for a standby.
  if (instance.process == ProcessState::Stopping && !instance.has_standby_signal) {
    const bool has_given_way = is_shut_down && draft.leadership() != Leadership::Mine;
    return has_given_way ? MemberRole::Demoted : MemberRole::Primary;
  }
  if (draft.seen.settings.standby_cluster && draft.leadership() == Leadership::Mine &&
      instance.process != ProcessState::Stopped) {
    return MemberRole::StandbyLeader;
  }
  if (draft.seen.under_way_as<Promote>(Lane::Instance) != nullptr) return MemberRole::Promoted;
  if (instance.process == ProcessState::Stopped && instance.control &&
      (is_shut_down || instance.control->state == ControlState::InProduction) &&
      !instance.has_standby_signal && draft.leadership() != Leadership::Mine) {
    return MemberRole::Demoted;
  }
  if (instance.process == ProcessState::Stopped && draft.leadership() == Leadership::Mine &&
      !instance.has_standby_signal) {
    return MemberRole::Primary;
  }
  return MemberRole::Replica;
}

Member own_member_of(const Draft& draft) {
  const Identity& self = draft.seen.self;
  const InstanceView& instance = draft.instance();
  Member member;
  member.name = self.name;
  member.lease = draft.seen.session.lease;
  member.conn_url = self.conn_url;
  member.api_url = self.api_url;
  member.proxy_url = self.proxy_url;
  member.version = self.version;
  member.tags = draft.memory.sync.release_asked_at ? self.released_tags : self.tags;
  member.state = state_of(draft);
  member.role = role_of(draft);
  member.pause = draft.seen.settings.paused;
  if (draft.seen.scheduled_restart)
    member.scheduled_restart = draft.seen.scheduled_restart->published;
  member.copy = instance.copy;
  member.pending_restart_reason = instance.pending_restart;
  member.pending_restart = !instance.pending_restart.empty();
  if (instance.process != ProcessState::Running || !instance.in_recovery) return member;
  member.xlog_location = instance.position();
  if (instance.timeline.is_known()) member.timeline = instance.timeline;
  if (*instance.in_recovery) {
    if (instance.received.is_known()) member.receive_lsn = instance.received;
    if (instance.replayed.is_known()) member.replay_lsn = instance.replayed;
    if (instance.is_streaming) {
      member.replication_state = "streaming";
    } else if (instance.has_restore_command) {
      member.replication_state = "in archive recovery";
    }
  } else {
    member.checkpoint_after_promote_is_pending =
        instance.control && instance.control->timeline < instance.timeline;
  }
  return member;
}

// Positions move all the time; everything else must be known at once. `wanted` is as it was again
// at the end: copying it to compare it costs more than the comparison.
bool differs_beyond_positions(const Member& published, Member& wanted) {
  const auto xlog_location = std::exchange(wanted.xlog_location, published.xlog_location);
  const auto receive_lsn = std::exchange(wanted.receive_lsn, published.receive_lsn);
  const auto replay_lsn = std::exchange(wanted.replay_lsn, published.replay_lsn);
  const auto copy = std::exchange(wanted.copy, published.copy);
  const auto mod_revision = std::exchange(wanted.mod_revision, published.mod_revision);
  const auto lease = std::exchange(wanted.lease, published.lease);
  const bool differs = wanted != published;
  wanted.xlog_location = xlog_location;
  wanted.receive_lsn = receive_lsn;
  wanted.replay_lsn = replay_lsn;
  wanted.copy = copy;
  wanted.mod_revision = mod_revision;
  wanted.lease = lease;
  return differs;
}

bool positions_differ(const Member& a, const Member& b) {
  return a.xlog_location != b.xlog_location || a.receive_lsn != b.receive_lsn ||
         a.replay_lsn != b.replay_lsn || a.copy != b.copy;
}

bool is_sent_again(const Draft& draft, Member& member) {
  const auto& sent = std::as_const(draft.memory.published.member);
  return draft.memory.published.member_at && sent && sent->lease == member.lease &&
         !differs_beyond_positions(*sent, member);
}

// The member key: at once when it is missing, hangs on an old lease or says something untrue;
// positions at most once per loop_wait.
void publish_member(Draft& draft) {
  Member& member = draft.own_member();
  if (!draft.has_lease() || draft.seen.is_under_way(Lane::Member)) return;
  if (draft.instance().data_directory == DataDirectory::Unknown) return;
  if (draft.seen.is_leaving && draft.instance().process == ProcessState::Stopped) return;
  const Member* published = draft.cluster().member(draft.me());
  const bool is_urgent = published == nullptr || published->lease != draft.seen.session.lease ||
                         differs_beyond_positions(*published, member);
  const Instant due = draft.memory.published.member_at
                          ? *draft.memory.published.member_at + draft.seen.settings.loop_wait
                          : Instant{};
  if (!is_urgent && !(positions_differ(*published, member) && draft.has_come(due))) return;
  // The store refused it, or the picture does not show it yet: neither is helped by haste.
  if (is_urgent && is_sent_again(draft, member) &&
      !draft.has_come(*draft.memory.published.member_at + kSendAgain)) {
    return;
  }
  draft.memory.published.member_at = draft.moment();
  draft.memory.published.member = member;
  draft.plan(PublishMember{.member = member, .lease = draft.seen.session.lease});
}

StatusKey status_of(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  const auto& permanent = draft.seen.settings.permanent_slots;
  StatusKey status;
  status.optime = instance.flushed;
  if (draft.seen.settings.use_slots) {
    for (const SlotView& slot : instance.slots) {
      const Lsn position = slot.is_physical ? slot.restart_lsn : slot.confirmed_flush;
      if (!slot.is_temporary && position.is_known()) status.slots[slot.name] = position;
    }
    status.slots[slot_name_of(draft.me())] = instance.flushed;
    for (const auto& [slot, last_seen] : draft.memory.slots.members_seen) {
      if (!draft.has_come(last_seen + draft.seen.settings.member_slots_ttl) &&
          std::none_of(permanent.begin(), permanent.end(),
                       [&, &name = slot](const PermanentSlot& one) { return one.name == name; })) {
        status.retain_slots.push_back(slot);
      }
    }
  }
  return status;
}

// The leader's position and slots: once per second or loop_wait; standbys measure their lag by
// it.
void publish_status(Draft& draft) {
  if (!draft.may_lead() || !draft.instance().is_running_primary() ||
      draft.instance().role_is_stale || draft.seen.is_under_way(Lane::Status)) {
    return;
  }
  const Duration every = std::min<Duration>(draft.seen.settings.loop_wait, 1s);
  StatusKey status = status_of(draft);
  if (status == draft.cluster().status) return;
  const auto& last = draft.memory.published.status_at;
  if (last && !draft.has_come(*last + every)) return;
  draft.memory.published.status_at = draft.moment();
  draft.plan(PublishStatus{.status = std::move(status)});
}

// P3 the history of timelines, as soon as the running timeline is newer than the published one: a
// stale primary recognises itself by it (safety A7).
void publish_history(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!draft.may_lead() || !instance.is_running_primary() || instance.role_is_stale ||
      !instance.timeline.is_known() || draft.seen.is_under_way(Lane::History)) {
    return;
  }
  if (draft.cluster().newest_timeline() == instance.timeline) return;
  if (instance.timeline.value == 1) {
    if (draft.cluster().history && !draft.cluster().history->empty()) {
      draft.because("P3", "timeline 1 is the first: there is no history");
      draft.plan(PublishHistory{});
    }
    return;
  }
  if (!instance.history || instance.history->empty()) return;
  std::vector<HistoryRow> rows = *instance.history;
  if (draft.cluster().history) {
    for (HistoryRow& row : rows) {
      for (const HistoryRow& known : *draft.cluster().history) {
        if (known.parent == row.parent && known.switched_at == row.switched_at) row = known;
      }
    }
  }
  if (rows.back().new_leader.empty()) rows.back().new_leader = draft.me();
  // PostgreSQL's file knows nothing of numbers that were claimed and lost (K5). Every member reads
  // the last parent + 1 as the present timeline, so these get a row as well.
  while (rows.back().parent.value + 1 < instance.timeline.value) {
    HistoryRow skipped = rows.back();
    ++skipped.parent.value;
    skipped.reason = "number skipped: claimed for a promotion that was not followed";
    rows.push_back(std::move(skipped));
  }
  const int keep = draft.seen.settings.max_timelines_history;
  if (keep > 0 && rows.size() > static_cast<std::size_t>(keep)) {
    rows.erase(rows.begin(), rows.end() - keep);
  }
  draft.because("P3",
                "timeline " + std::to_string(instance.timeline.value) + " begins: publishing it");
  draft.plan(PublishHistory{.rows = std::move(rows)});
}

}  // namespace

void publish(Draft& draft) {
  draft.own_member() = own_member_of(draft);
  draft.tell_watchdog_failed(watchdog_is_unfit(draft));
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) return;
  publish_member(draft);
  publish_status(draft);
  publish_history(draft);
}

}  // namespace pgherd
