#include <algorithm>

#include "decide/rules.h"

namespace pgherd {
namespace {

void remember_cluster(Draft& draft) {
  Memory& memory = draft.memory;
  if (!draft.seen.store.cluster || !draft.seen.store.is_reachable) return;
  if (draft.leadership() == Leadership::Nobodys) {
    if (!memory.unlocked_since) memory.unlocked_since = draft.now;
    return;
  }
  memory.unlocked_since.reset();
  if (!draft.cluster().has_leader()) return;
  const NodeName& leader = draft.cluster().leader->name;
  if (leader != memory.last_leader) {
    memory.last_leader = leader;
    memory.rewind_failed = false;
    if (leader !=
        draft.me()) {  // what failed with the old leader is tried at once with the new one
      memory.failed_acts = 0;
      memory.retry_act_at = Instant{};
    }
    memory.not_streaming_since.reset();
  }
  memory.last_known_members = draft.cluster().members;
  if (memory.members_noted_at && draft.now - *memory.members_noted_at < 1s) return;
  memory.members_noted_at = draft.now;
  for (const auto& [name, member] : draft.cluster().members) {
    memory.member_slots_seen[slot_name_of(name)] = draft.now;
  }
  // Of members that went before this agent began; their time begins anew.
  for (const std::string& slot : draft.cluster().status.retain_slots) {
    if (!memory.member_slots_seen.contains(slot)) memory.member_slots_seen[slot] = draft.now;
  }
}

void remember_request(Draft& draft) {
  if (!draft.seen.store.cluster || !draft.cluster().failover) return;
  const Revision revision = draft.cluster().failover->mod_revision;
  if (revision == draft.memory.failover_request) return;
  draft.memory.failover_request = revision;
  draft.memory.failover_request_at = draft.now;
}

void remember_failsafe(Draft& draft) {
  Memory& memory = draft.memory;
  if (draft.seen.settings.failsafe_mode) {
    memory.failsafe_lasts_until = draft.now + draft.seen.settings.ttl;
  }
  const auto& round = draft.seen.failsafe_round;
  const bool is_refused = draft.seen.settings.failsafe_mode && round && !round->is_accepted &&
                          round->ended_at > draft.seen.session.renewed_at;
  if (!is_refused) {
    memory.failsafe_refused_since.reset();
  } else if (!memory.failsafe_refused_since) {
    memory.failsafe_refused_since = round->ended_at;
  }
}

void remember_instance(Draft& draft) {
  Memory& memory = draft.memory;
  const InstanceView& instance = draft.instance();
  if (draft.seen.session.leads) memory.bootstrap_is_unconfirmed = false;
  if (!instance.is_running_primary()) {
    memory.sync_lonely_since.reset();
    memory.sync_had_company = false;
    memory.sync_is_settled = true;
  }
  const bool wants_release = draft.seen.is_leaving || draft.seen.restart_wish.has_value();
  if (!wants_release) memory.release_asked_at.reset();
  const bool is_open = instance.is_running_primary() || comes_up_as_primary(draft);
  if (!is_open || draft.seen.session.leads) {
    memory.primary_unconfirmed_since.reset();
  } else if (!memory.primary_unconfirmed_since) {
    memory.primary_unconfirmed_since = draft.now;
  }
  if (instance.process != ProcessState::Starting) {
    memory.starting_since.reset();
  } else if (!memory.starting_since) {
    memory.starting_since = draft.now;
  }
  if (!instance.is_running_standby() || instance.is_streaming) {
    memory.not_streaming_since.reset();
  } else if (!memory.not_streaming_since) {
    memory.not_streaming_since = draft.now;
  }
  if (instance.is_running_primary()) memory.failed_promotions = 0;
  if (instance.is_running_standby()) memory.has_archive = instance.has_restore_command;
  if (!memory.not_streaming_since) {
    memory.receiver_wakes = 0;
    memory.wake_receiver_at = Instant{};
  }
}

Duration pause_after(int failures) {
  return std::min<Duration>(1s * (1 << std::min(failures - 1, 5)), 30s);
}

constexpr Duration kCrashWindow = 60s;

// A crash is a leader's server that is gone though nobody here stopped it.
void remember_crash(Draft& draft) {
  Memory& memory = draft.memory;
  const InstanceView& instance = draft.instance();
  if (instance.is_running_primary() && draft.seen.session.leads && !draft.has_act_under_way()) {
    memory.ran_as_leader = true;
    return;
  }
  if (draft.has_act_under_way()) memory.ran_as_leader = false;
  if (!memory.ran_as_leader || instance.process != ProcessState::Stopped) return;
  memory.ran_as_leader = false;
  const bool is_again = memory.crashed_at && draft.now - *memory.crashed_at < kCrashWindow;
  memory.crashes = is_again ? memory.crashes + 1 : 1;
  memory.crashed_at = draft.now;
}

void remember_stream(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_standby() || instance.received <= draft.memory.streamed_to) return;
  // The first look tells no movement.
  if (draft.memory.streamed_to.is_known()) draft.memory.streamed_at = instance.seen_at;
  draft.memory.streamed_to = instance.received;
}

// What failed before or in maintenance mode may have been put right by hand meanwhile.
void remember_pause(Draft& draft) {
  Memory& memory = draft.memory;
  const bool is_paused = draft.seen.settings.paused;
  if (memory.was_paused && !is_paused) {
    memory.resumed_at = draft.now;
    memory.rewind_failed = false;
    memory.failed_acts = 0;
    memory.retry_act_at = Instant{};
  }
  memory.was_paused = is_paused;
}

bool ends_with_running_again(const Step& step) {
  return std::holds_alternative<Stop>(step) || std::holds_alternative<Demote>(step) ||
         std::holds_alternative<Restart>(step) || std::holds_alternative<Rewind>(step) ||
         std::holds_alternative<RemoveDataDirectory>(step) ||
         std::holds_alternative<SetAsideDataDirectory>(step) ||
         std::holds_alternative<CloneFrom>(step);
}

// Whichever way it failed: a server that refuses, that ends, or that does not come to it in time.
void remember_promotion(Memory& memory, const ActEnded& act, bool failed) {
  if (const auto* start = std::get_if<StartStandby>(&act.step)) {
    if (start->upstream.is_without_archive) memory.tried_without_archive = true;
  }
  if (!std::holds_alternative<Promote>(act.step)) return;
  if (failed) ++memory.failed_promotions;
  if (act.outcome == ActOutcome::Done) memory.failed_promotions = 0;
}

void remember_act(Draft& draft) {
  Memory& memory = draft.memory;
  if (!draft.seen.last_act || draft.seen.last_act->ended_at == memory.counted_act_at) return;
  const ActEnded& act = *draft.seen.last_act;
  memory.counted_act_at = act.ended_at;
  if (ends_with_running_again(act.step)) memory.comes_back = true;
  if (act.outcome == ActOutcome::Done) {
    if (std::holds_alternative<Bootstrap>(act.step)) memory.bootstrap_is_unconfirmed = true;
    if (std::holds_alternative<SetAsideDataDirectory>(act.step)) {
      memory.bootstrap_is_unconfirmed = false;
    }
  }
  // A comparison that told nothing says nothing about this node: it must not hold up what comes
  // next.
  if (std::holds_alternative<ExamineDivergence>(act.step)) return;
  const bool failed = act.outcome != ActOutcome::Done && act.outcome != ActOutcome::Cancelled;
  remember_promotion(memory, act, failed);
  if (!failed) {
    if (act.outcome == ActOutcome::Done) memory.failed_acts = 0;
    return;
  }
  ++memory.failed_acts;
  memory.retry_act_at = draft.now + pause_after(memory.failed_acts);
  if (std::holds_alternative<Rewind>(act.step)) {
    // A source that cannot be reached is no fault of the rewind (Patroni rewind.py).
    const Member* leader = draft.seen.store.cluster ? draft.cluster().leader_member() : nullptr;
    memory.rewind_failed = leader != nullptr;
  }
}

}  // namespace

void remember(Draft& draft) {
  remember_cluster(draft);
  remember_request(draft);
  remember_failsafe(draft);
  remember_instance(draft);
  remember_act(draft);
  remember_pause(draft);
  remember_crash(draft);
  remember_stream(draft);
  if (draft.instance().process == ProcessState::Running) draft.memory.comes_back = false;
  if (draft.seen.is_leaving && !draft.memory.leaving_since) draft.memory.leaving_since = draft.now;
}

}  // namespace pgherd
