#include "decide/rules/receiver.h"

#include <algorithm>

namespace pgherd {
namespace {

// What an act has just told the startup process, it is doing.
constexpr Duration kAfterAct = 200ms;
// From 100 ms, doubled, to 1.6 s between the attempts of one absence: by then it is no matter of
// waking. A reload is lost on a startup process that has just asked for a receiver, which then
// fails.
constexpr int kMostWakes = 6;
constexpr Duration kFirstPause = 100ms;
// Longer than all attempts together, and than a primary takes to start again.
constexpr Duration kPatience = 10s;

UpstreamState state_of(const Draft& draft, const NodeName& name) {
  UpstreamState state{.name = name};
  if (const Member* member = draft.cluster().member(name)) {
    state.is_running = member->state == MemberState::Running;
    state.is_primary = member->role == MemberRole::Primary;
  }
  state.has_slot = draft.cluster().status.slots.get().contains(slot_name_of(draft.me()));
  return state;
}

// From when on PostgreSQL must have been looked at for its absence to be believed.
Instant absent_from(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  const Instant told = act ? act->ended_at + kAfterAct : Instant{};
  return std::max({draft.memory.receiver.upstream_since, draft.memory.receiver.wake_at, told});
}

// F9 what keeps it away then is known to PostgreSQL alone. Whoever reads this log has to be told
// that there is something to do: nobody repairs a standby whose WAL is gone.
void tell_absence(Draft& draft, const Upstream& upstream) {
  const auto& since = draft.memory.stream.absent_since;
  if (draft.instance().is_streaming || !since || !draft.has_come(*since + kPatience)) return;
  draft.warn("F9", "'" + upstream.name + "' runs, and this standby has not streamed from it for " +
                       std::to_string(kPatience / 1s) +
                       " s: PostgreSQL's log says why; if WAL that it needs has been removed, and "
                       "is in no archive, it has to be copied anew (patronictl reinit)");
}

}  // namespace

// F8 a WAL receiver that could not connect sleeps for wal_retrieve_retry_interval, 5 s as
// PostgreSQL comes: so long a restart of the primary would keep its standbys away, with stale
// reads, and nobody would have its last records. The agent knows when the upstream runs again, is
// another one, or has made the slot; a reload ends the sleep. Authority: PostgreSQL xlogrecovery.c,
// WaitForWALToBecomeAvailable and StartupProcSigHupHandler; measured on PostgreSQL 17.
void wake_receiver(Draft& draft, const Upstream& upstream) {
  Memory& memory = draft.memory;
  const UpstreamState state = state_of(draft, upstream.name);
  if (state != memory.receiver.upstream) {
    memory.receiver = {.upstream = state, .upstream_since = draft.moment()};
  }
  if (upstream.host.empty() || !state.is_running) return;
  if (memory.receiver.wakes >= kMostWakes) return tell_absence(draft, upstream);
  const InstanceView& instance = draft.instance();
  if (instance.is_streaming && instance.seen_at >= memory.receiver.upstream_since) return;
  const Instant from = absent_from(draft);
  if (!draft.has_come(from)) return;
  if (instance.seen_at < from) {  // what was seen then says nothing of the present
    if (!draft.seen.is_under_way(Lane::Observe)) draft.plan(ObserveInstance{});
    return;
  }
  if (draft.seen.is_under_way(Lane::Replay)) return;
  memory.receiver.wake_at = draft.moment() + kFirstPause * (1 << memory.receiver.wakes);
  ++memory.receiver.wakes;
  draft.wake(memory.receiver.wake_at);
  draft.because("F8", "'" + upstream.name +
                          "' says that it runs, and this standby does not stream: waking its WAL "
                          "receiver");
  draft.plan(WakeReceiver{.upstream = upstream});
}

}  // namespace pgherd
