#include "decide/remember.h"

#include <algorithm>
#include <utility>

#include "decide/facts/opening.h"

namespace pgherd {
namespace {

void remember_cluster(Draft& draft) {
  Memory& memory = draft.memory;
  if (!draft.seen.store.cluster || !draft.seen.store.is_reachable) return;
  const auto& initialize = draft.cluster().initialize;
  if (initialize && initialize->is_valid() && initialize->value != memory.known_cluster)
    memory.known_cluster = initialize->value;
  if (draft.leadership() == Leadership::Nobodys) {
    if (!memory.election.unlocked_since) memory.election.unlocked_since = draft.moment();
    return;
  }
  memory.election.unlocked_since.reset();
  if (!draft.cluster().has_leader()) return;
  const NodeName& leader = draft.cluster().leader->name;
  if (leader != memory.election.last_leader) {
    memory.election.last_leader = leader;
    memory.acts.rewind_failed = false;
    if (leader !=
        draft.me()) {  // what failed with the old leader is tried at once with the new one
      memory.acts.failed = 0;
      memory.acts.retry_at = Instant{};
    }
    memory.stream.absent_since.reset();
  }
  memory.election.last_known_members = draft.cluster().members;
  const bool is_new = draft.cluster().revision != memory.slots.members_noted_in;
  const auto& noted_at = memory.slots.members_noted_at;
  if (!is_new && noted_at && draft.elapsed_since(*noted_at) < 1s) return;
  memory.slots.members_noted_at = draft.moment();
  memory.slots.members_noted_in = draft.cluster().revision;
  for (const auto& [name, member] : draft.cluster().members) {
    memory.slots.members_seen[slot_name_of(name)] = draft.moment();
  }
  // Of members that went before this agent began; their time begins anew.
  for (const std::string& slot : draft.cluster().status.retain_slots) {
    if (!memory.slots.members_seen.contains(slot)) memory.slots.members_seen[slot] = draft.moment();
  }
}

void remember_request(Draft& draft) {
  if (!draft.seen.store.cluster || !draft.cluster().failover) return;
  const Revision revision = draft.cluster().failover->mod_revision;
  if (revision == draft.memory.request.revision) return;
  draft.memory.request = {.revision = revision, .known_since = draft.moment()};
}

void remember_failsafe(Draft& draft) {
  Memory& memory = draft.memory;
  if (draft.seen.settings.failsafe_mode) {
    memory.failsafe.lasts_until = draft.moment() + draft.seen.settings.ttl;
  }
  const auto& round = draft.seen.failsafe_round;
  const bool is_refused = draft.seen.settings.failsafe_mode && round && !round->is_accepted &&
                          round->ended_at > draft.seen.session.renewed_at;
  auto& since = memory.failsafe.refused_since;
  if (!is_refused) {
    since.reset();
  } else if (!since || *since <= draft.seen.session.renewed_at) {
    // A refusal before the last renewal is void, also when a newer one is known before the answer
    // to that renewal (sim seed 10008870).
    since = round->ended_at;
  }
}

void remember_instance(Draft& draft) {
  Memory& memory = draft.memory;
  const InstanceView& instance = draft.instance();
  if (draft.seen.session.leads) memory.bootstrap_is_unconfirmed = false;
  if (!instance.is_running_primary()) {
    // Its next term begins without what it knew of its standbys.
    memory.sync.lonely_since.reset();
    memory.sync.had_company = false;
    memory.sync.is_settled = true;
  }
  const bool wants_release = draft.seen.is_leaving || draft.seen.restart_request.has_value();
  if (!wants_release) memory.sync.release_asked_at.reset();
  const bool is_open = instance.is_running_primary() || comes_up_as_primary(draft);
  if (!is_open || draft.seen.session.leads) {
    memory.primary_unconfirmed_since.reset();
  } else if (!memory.primary_unconfirmed_since) {
    memory.primary_unconfirmed_since = draft.moment();
  }
  if (instance.process != ProcessState::Starting) {
    memory.starting_since.reset();
  } else if (!memory.starting_since) {
    memory.starting_since = draft.moment();
  }
  if (!instance.is_running_standby() || instance.is_streaming) {
    memory.stream.absent_since.reset();
  } else if (!memory.stream.absent_since) {
    memory.stream.absent_since = draft.moment();
  }
  if (instance.is_running_primary()) memory.promotion.failures = 0;
  if (instance.is_running_standby()) memory.promotion.has_archive = instance.has_restore_command;
  if (!memory.stream.absent_since) {
    memory.receiver.wakes = 0;
    memory.receiver.wake_at = Instant{};
  }
}

constexpr Duration kLongestPause = 30s;
constexpr Duration kLongestPauseOfOutage = 5s;

// A member that comes back late costs nothing; where nobody else leads every second is an outage,
// and what kept PostgreSQL from starting, a full disk, may be gone again (sim seed 414053749).
Duration pause_after(const Draft& draft, const Step& step) {
  const bool is_outage =
      draft.leadership() != Leadership::Others &&
      (std::holds_alternative<StartPrimary>(step) || std::holds_alternative<StartStandby>(step));
  const Duration pause = 1s * (1 << std::min(draft.memory.acts.failed - 1, 5));
  return std::min<Duration>(pause, is_outage ? kLongestPauseOfOutage : kLongestPause);
}

constexpr Duration kCrashWindow = 60s;

// A crash is a leader's server that is gone though nobody here stopped it.
void remember_crash(Draft& draft) {
  Memory& memory = draft.memory;
  const InstanceView& instance = draft.instance();
  // What becomes of it under an act is told by the end of that.
  if (draft.has_act_under_way()) {
    memory.crashes.was_up = false;
  } else if (instance.process == ProcessState::Running ||
             instance.process == ProcessState::Starting) {
    memory.crashes.was_up = true;
  }
  if (instance.is_running_primary() && draft.seen.session.leads && !draft.has_act_under_way()) {
    memory.crashes.ran_as_leader = true;
    return;
  }
  if (draft.has_act_under_way()) memory.crashes.ran_as_leader = false;
  if (!memory.crashes.ran_as_leader || instance.process != ProcessState::Stopped) return;
  memory.crashes.ran_as_leader = false;
  const bool is_again =
      memory.crashes.last_at && draft.elapsed_since(*memory.crashes.last_at) < kCrashWindow;
  memory.crashes.count = is_again ? memory.crashes.count + 1 : 1;
  memory.crashes.last_at = draft.moment();
}

void remember_stream(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_standby() || instance.received <= draft.memory.stream.reached) return;
  // The first look tells no movement.
  if (draft.memory.stream.reached.is_known()) draft.memory.stream.moved_at = instance.seen_at;
  draft.memory.stream.reached = instance.received;
}

// Something keeps others from leading in this node's place.
bool is_held_to_a_lease(const Draft& draft) {
  const Instant end =
      draft.seen.session.leads ? draft.demote_at() : draft.end_of_promises(Instant{});
  return draft.moment() < end;
}

// What failed before or in maintenance mode may have been put right by hand meanwhile. A lease that
// is good when the mode ends is no later a matter of the mode (sim seed 330027409).
void remember_pause(Draft& draft) {
  Memory& memory = draft.memory;
  const bool is_paused = draft.seen.settings.paused;
  if (memory.pause.was_on && !is_paused) {
    memory.pause.ended_at = draft.moment();
    memory.pause.first_renewal_since.reset();
    if (!is_held_to_a_lease(draft)) memory.pause.first_renewal_since = draft.moment();
    memory.acts.rewind_failed = false;
    memory.acts.failed = 0;
    memory.acts.retry_at = Instant{};
  }
  memory.pause.was_on = is_paused;
  const bool has_asked = std::exchange(memory.pause.asks_to_open, false);
  if (!is_paused || !has_asked) memory.pause.opening_since.reset();
}

bool ends_with_running_again(const Step& step) {
  return std::holds_alternative<Stop>(step) || std::holds_alternative<Demote>(step) ||
         std::holds_alternative<Restart>(step) || std::holds_alternative<Rewind>(step) ||
         std::holds_alternative<RemoveDataDirectory>(step) ||
         std::holds_alternative<CopySlots>(step) ||
         std::holds_alternative<SetAsideDataDirectory>(step) ||
         std::holds_alternative<CloneFrom>(step);
}

// Whichever way it failed: a server that refuses, that ends, or that does not come to it in time.
void remember_promotion(Memory& memory, const ActEnded& act, bool failed) {
  if (const auto* start = std::get_if<StartStandby>(&act.step)) {
    if (start->upstream.is_without_archive) memory.promotion.tried_without_archive = true;
  }
  if (!std::holds_alternative<Promote>(act.step)) return;
  if (failed) ++memory.promotion.failures;
  if (act.outcome == ActOutcome::Done) memory.promotion.failures = 0;
}

void remember_act(Draft& draft) {
  Memory& memory = draft.memory;
  if (!draft.seen.last_act || draft.seen.last_act->ended_at == memory.acts.counted_at) return;
  const ActEnded& act = *draft.seen.last_act;
  memory.acts.counted_at = act.ended_at;
  if (ends_with_running_again(act.step)) memory.acts.comes_back = true;
  if (act.outcome == ActOutcome::Done) {
    if (std::holds_alternative<Bootstrap>(act.step)) memory.bootstrap_is_unconfirmed = true;
    if (std::holds_alternative<SetAsideDataDirectory>(act.step)) {
      memory.bootstrap_is_unconfirmed = false;
    }
  }
  // A comparison that told nothing says nothing about this node, and slots have a pace of their
  // own: they must not hold up what comes next.
  if (std::holds_alternative<ExamineDivergence>(act.step)) return;
  if (std::holds_alternative<CopySlots>(act.step)) return;
  const bool failed = act.outcome != ActOutcome::Done && act.outcome != ActOutcome::Cancelled;
  remember_promotion(memory, act, failed);
  if (!failed) {
    if (act.outcome == ActOutcome::Done) memory.acts.failed = 0;
    return;
  }
  ++memory.acts.failed;
  memory.acts.retry_at = draft.moment() + pause_after(draft, act.step);
  if (std::holds_alternative<Rewind>(act.step)) {
    // A source that cannot be reached is no fault of the rewind (Patroni rewind.py).
    const Member* leader = draft.seen.store.cluster ? draft.cluster().leader_member() : nullptr;
    memory.acts.rewind_failed = leader != nullptr;
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
  if (draft.instance().process == ProcessState::Running) draft.memory.acts.comes_back = false;
  if (draft.seen.is_leaving && !draft.memory.leaving_since)
    draft.memory.leaving_since = draft.moment();
}

}  // namespace pgherd
