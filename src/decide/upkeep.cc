#include <algorithm>
#include <set>

#include "decide/rules.h"

namespace pgherd {
namespace {

// How often the instance is looked at when nothing happens by itself.
Duration observe_every(const Draft& draft) {
  return std::min<Duration>(draft.seen.settings.loop_wait, 1s);
}

void look_at_instance(Draft& draft) {
  if (draft.seen.is_under_way(Lane::Observe)) return;
  const Instant due = draft.instance().seen_at + observe_every(draft);
  if (draft.instance().process == ProcessState::Unknown || draft.now >= due) {
    draft.plan(ObserveInstance{});
  } else {
    draft.wake(due);
  }
}

// The slots that members need, mine excluded: of those that are there, and of those that were there
// less than member_slots_ttl ago, for they come back and need their WAL (Patroni 4.0).
std::set<std::string> wanted_slots(const Draft& draft) {
  std::set<std::string> wanted;
  for (const auto& [name, member] : draft.cluster().members) {
    if (name != draft.me() && !member.tags.nostream) wanted.insert(slot_name_of(name));
  }
  const std::string own = slot_name_of(draft.me());
  for (const auto& [slot, last_seen] : draft.memory.member_slots_seen) {
    if (slot != own && draft.now - last_seen < draft.seen.settings.member_slots_ttl) {
      wanted.insert(slot);
    }
  }
  return wanted;
}

// U1 every node keeps a slot for every other member, so that whoever is promoted has the WAL that
// the others need; on a standby the slots follow what the leader reports, never past the own
// replay. U2 slots of members that are gone for good are dropped, else they would hold WAL for
// ever.
void keep_slots(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!draft.seen.settings.use_slots ||
      draft.seen.is_under_way(Lane::Slots) || instance.process != ProcessState::Running ||
      !instance.in_recovery || instance.role_is_stale) {
    return;
  }
  const auto wanted = wanted_slots(draft);
  KeepSlots keep;
  bool is_missing_one = false;
  bool is_behind = false;
  for (const std::string& name : wanted) {
    const auto found = std::find_if(instance.slots.begin(), instance.slots.end(),
                                    [&](const SlotView& slot) { return slot.name == name; });
    const bool exists = found != instance.slots.end();
    SlotWish wish{.name = name, .advance_to = {}};
    const auto reported = draft.cluster().status.slots.find(name);
    if (*instance.in_recovery && reported != draft.cluster().status.slots.end() &&
        !(exists && found->is_active)) {
      wish.advance_to = std::min(reported->second, instance.replayed);
      is_behind = is_behind || (exists && found->restart_lsn < wish.advance_to);
    }
    is_missing_one = is_missing_one || !exists;
    keep.wishes.push_back(std::move(wish));
  }
  for (const SlotView& slot : instance.slots) {
    const bool was_a_members = draft.memory.member_slots_seen.contains(slot.name);
    if (slot.is_physical && !slot.is_temporary && !slot.is_active && was_a_members &&
        !wanted.contains(slot.name) && !draft.seen.settings.paused) {
      keep.drop.push_back(slot.name);
    }
  }
  const Duration gap = is_missing_one ? Duration(200ms) : Duration(draft.seen.settings.loop_wait);
  const Instant due = draft.memory.slots_kept_at ? *draft.memory.slots_kept_at + gap : Instant{};
  if (!is_missing_one && !is_behind && keep.drop.empty()) return;
  if (draft.now < due) return draft.wake(due);
  draft.memory.slots_kept_at = draft.now;
  draft.plan(std::move(keep));
}

// U3 after a promotion pg_control still shows the old timeline; until a checkpoint has corrected
// that this node is no source for pg_rewind. Authority: Patroni release notes 1.6.5, 2.0.0.
void checkpoint_after_promotion(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_primary() || instance.role_is_stale || !instance.control ||
      !draft.may_lead() || draft.seen.is_under_way(Lane::Checkpoint)) {
    return;
  }
  if (instance.control->timeline < instance.timeline) {
    draft.because("U3", "checkpoint after the promotion");
    draft.plan(Checkpoint{});
  }
}

// U4 the configuration changed: write PostgreSQL's files again and reload.
void apply_configuration(Draft& draft) {
  if (draft.instance().process != ProcessState::Running || draft.has_act_under_way() ||
      draft.seen.is_under_way(Lane::Configuration) ||
      draft.seen.self.configuration == draft.seen.applied_configuration) {
    return;
  }
  draft.because("U4", "the configuration changed: writing it and reloading PostgreSQL");
  draft.plan(ApplyConfiguration{.generation = draft.seen.self.configuration});
}

// U5 a standby whose replay was paused by PostgreSQL itself goes on (PostgreSQL manual, 27.4.8).
void resume_replay(Draft& draft) {
  if (draft.instance().is_running_standby() && draft.instance().replay_is_paused &&
      !draft.seen.settings.paused && !draft.seen.is_under_way(Lane::Replay)) {
    draft.because("U5", "replay is paused: resuming it");
    draft.plan(ResumeReplay{});
  }
}

// U6 an operator's restart, when nothing else is under way; a leader keeps its lease meanwhile.
void serve_restart(Draft& draft) {
  if (!draft.seen.restart_wish || draft.has_act_under_way() || draft.seen.is_leaving ||
      draft.memory.stepping_down != Memory::SteppingDown::No) {
    return;
  }
  if (draft.instance().process != ProcessState::Running) return;
  // In maintenance mode nobody is held to a lease.
  const bool is_primary =
      draft.instance().is_running_primary() && !draft.seen.settings.paused;
  if (is_primary && !draft.may_lead()) return;
  draft.because("U6", "restarting PostgreSQL as asked");
  draft.plan(Restart{.timeout = draft.seen.restart_wish->timeout,
                     .lease_valid_until = is_primary ? draft.demote_at() : Instant::never()});
}

}  // namespace

void keep_house(Draft& draft) {
  look_at_instance(draft);
  resume_replay(draft);
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) return;
  serve_restart(draft);
  apply_configuration(draft);
  checkpoint_after_promotion(draft);
  keep_slots(draft);
}

}  // namespace pgherd
