// What an answer of the store, or its absence, means for the picture: the lease, whether the leader
// key is mine, and what was sent that nobody has answered and that may yet be carried out. Pure.
//
// An answer can be applied, refused, "your lease is gone" or none at all; the last is never taken
// for a refusal. An instant counts from the sending of the request (`UnderWay::started_at`).
#pragma once

#include "decide/observation.h"

namespace pgherd {

void note_answer(Observation& seen, const GrantLease& step, const LeaseAnswer& answer,
                 Instant sent);
void note_answer(Observation& seen, const RenewLease& step, const LeaseAnswer& answer,
                 Instant sent);
void note_answer(Observation& seen, const RevokeLease& step, const LeaseAnswer& answer,
                 Instant sent);
void note_answer(Observation& seen, const AcquireLeaderKey& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const RebindLeaderKey& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const FinishInitialize& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const ReleaseLeaderKey& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const TakeInitializeKey& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const GiveBackInitializeKey& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const RestoreKeys& step, const StoreAnswer& answer);
// Own writes of any other key enter the picture at once: what is on its way back through the watch
// is no news.
void note_answer(Observation& seen, const PublishMember& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const PublishStatus& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const PublishHistory& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const ClaimTimeline& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const PublishFailsafe& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const ClearFailoverRequest& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const AnnounceStop& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const WithdrawStop& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const WriteSync& step, const StoreAnswer& answer);
void note_answer(Observation& seen, const DeleteSync& step, const StoreAnswer& answer);

// A new picture has come: what was not answered is settled when its key is another one by now.
void forget_answered_by_picture(Observation& seen);
// RebindLeaderKey is being sent: until it is answered the key may hang on either lease.
void note_binding_asked(Observation& seen);

}  // namespace pgherd
