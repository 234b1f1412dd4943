// What an answer of the store, or its absence, means for the picture: the lease, whether the leader
// key is mine, and what was sent that nobody has answered and that may yet be carried out. Pure.
//
// An answer can be applied, refused, "your lease is gone" or none at all; the last is never taken
// for a refusal. An instant counts from the sending of the request (`UnderWay::started_at`).
#pragma once

#include "agent/events.h"
#include "decide/observation.h"

namespace pgherd {

// GrantLease, RenewLease, RevokeLease.
void note_lease_answer(Observation& seen, const StepEnded& event, const UnderWay& step);
// AcquireLeaderKey, RebindLeaderKey, ReleaseLeaderKey.
void note_leader_key_answer(Observation& seen, const StepEnded& event, const UnderWay& step);
// Own writes of any other key but `/sync` enter the picture at once: what is on its way back
// through the watch is no news.
void note_write_answer(Observation& seen, const StepEnded& event, const UnderWay& step);
// WriteSync, DeleteSync.
void note_sync_answer(Observation& seen, const StepEnded& event, const UnderWay& step);

// A new picture has come: what was not answered is settled when its key is another one by now.
void forget_answered_by_picture(Observation& seen);
// RebindLeaderKey is being sent: until it is answered the key may hang on either lease.
void note_binding_asked(Observation& seen);

}  // namespace pgherd
