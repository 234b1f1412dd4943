// The rule families, one file each. A rule that returns bool says "settled: nothing further is to
// be decided for PostgreSQL in this round". Internal to this room.
#pragma once

#include <map>
#include <string>

#include "decide/draft.h"

namespace pgherd {

// memory.cc: what has happened since the last time.
void remember(Draft& draft);

// lease.cc (L): the session with the store, always first: nothing waits in front of the lease.
void keep_session(Draft& draft);
// Last of all that could touch the key: what was released in vain, and is not to be any more.
void void_late_release(Draft& draft);

// demotion.cc (D): a primary that may not be one, and a leader that steps down.
[[nodiscard]] bool demote_what_may_not_lead(Draft& draft);
[[nodiscard]] bool step_down(Draft& draft);
void begin_stepping_down(Draft& draft, DemoteMode mode, std::optional<NodeName> successor);

// leaving.cc (X): the agent was asked to leave.
[[nodiscard]] bool leave(Draft& draft);

// pause.cc (M): maintenance mode.
void keep_pause(Draft& draft);
// Whether `/failover` names this node and is due: all that may be promoted in maintenance mode.
[[nodiscard]] bool is_named_candidate(const Draft& draft);

// bootstrap.cc (B): identity of the data, making and joining a cluster.
[[nodiscard]] bool check_identity(Draft& draft);
[[nodiscard]] bool fill_empty_directory(Draft& draft);
// What this node has begun to make is shown, moved aside or given up (B2, B4, B9). True: it is.
[[nodiscard]] bool end_own_bootstrap(Draft& draft);
// I2 on its own.
void restore_lost_keys(Draft& draft);

// The cluster that was made here is not the one that the store knows or is about to know.
[[nodiscard]] bool another_makes_the_cluster(const Draft& draft);

// recovery.cc (R): PostgreSQL is not running, or not yet.
[[nodiscard]] bool limit_start(Draft& draft);
[[nodiscard]] bool wait_for_start(Draft& draft);
[[nodiscard]] bool recover(Draft& draft);

// election.cc (E): nobody leads.
void run_for_leader(Draft& draft);
// E1 for a stopped former leader: it does not come back while others could take its place; asks
// them where that is not known yet.
[[nodiscard]] bool leaves_the_field(Draft& draft);

// demotion.cc: the claim of a cluster that this node makes hangs on its present lease.
[[nodiscard]] bool is_bootstrapping(const Draft& draft);
[[nodiscard]] bool comes_up_as_primary(const Draft& draft);

// leader.cc (K): I lead.
void lead(Draft& draft);
// K3, K6 for a server that has ended by its promotion. True: settled.
[[nodiscard]] bool settle_failed_promotion(Draft& draft);

// switchover.cc (S): a request in `/failover`, seen by the leader. True: it is being carried out.
[[nodiscard]] bool handle_failover_request(Draft& draft);
// It was tried, and this node has taken its place again: it would be tried without end.
void refuse_request_that_failed(Draft& draft, std::string why);
// Whether somebody could take over, were I to give way; asks the members where that is not known
// yet.
enum class Prospect { No, Unknown, Yes };
[[nodiscard]] Prospect prospect_of_failover(Draft& draft);

// synchronous.cc (Q): who must have a commit, and who may be elected.
void keep_synchronous(Draft& draft);
// Whether this standby may be promoted as far as that goes; else the next operation is planned.
[[nodiscard]] bool prepare_synchronous(Draft& draft);
void forget_synchronous(Draft& draft);                  // on a standby of another leader
[[nodiscard]] bool is_synchronous(const Draft& draft);  // the mode is on and `/sync` is active
// An election that counts votes.
[[nodiscard]] bool counts_votes(const Draft& draft);
[[nodiscard]] bool is_in_sync(const Draft& draft, const NodeName& name);  // its leader included
// Q9: true when no leader waits for this node any more, or that took too long.
[[nodiscard]] bool is_released(Draft& draft);

// follow.cc (F): somebody else leads.
void follow(Draft& draft);
[[nodiscard]] std::optional<Upstream> upstream_for(const Draft& draft);
[[nodiscard]] std::optional<Upstream> leader_as_source(const Draft& draft);
// F7: what is compared with a leader that is gone. True: it is being ended.
[[nodiscard]] bool end_examination(Draft& draft);
// F8: the WAL receiver is told that its upstream is there again.
void wake_receiver(Draft& draft, const Upstream& upstream);
// The local history has left the leader's: rewind, copy afresh, or say what a person must do.
void repair_divergence(Draft& draft);

// upkeep.cc (U): slots, checkpoint after promotion, configuration, operator's restarts.
void keep_house(Draft& draft);

// failsafe.cc (H): a leader without the store.
void keep_failsafe(Draft& draft);
// What this node has promised to somebody else and must keep, or nullptr.
[[nodiscard]] const FailsafePromise* promise_in_force(const Draft& draft);
[[nodiscard]] bool is_seen_not_to_lead(const PeerView& peer);

// reinitialize.cc (N): an operator wants a fresh copy. True: settled.
[[nodiscard]] bool reinitialize(Draft& draft);
[[nodiscard]] bool end_act_for_reinitialize(Draft& draft);

// watchdog.cc (W): the machine's watchdog.
void keep_watchdog(Draft& draft);
// Required, and it cannot be used.
[[nodiscard]] bool watchdog_is_unfit(const Draft& draft);
// Asked right before PostgreSQL opens, and while it is open. True: it may not; settled.
[[nodiscard]] bool watchdog_keeps_closed(Draft& draft);
[[nodiscard]] Milliseconds watchdog_timeout(const Draft& draft);

// standby_cluster.cc (C): this cluster follows another one.
[[nodiscard]] std::optional<Upstream> remote_primary(const Draft& draft);
// Whom this node follows in a standby cluster; nothing in any other.
[[nodiscard]] std::optional<Upstream> upstream_in_standby_cluster(const Draft& draft);
// I lead a standby cluster. True: settled.
[[nodiscard]] bool lead_standby_cluster(Draft& draft);

// fence.cc (G2 to G5): what the guardian is told. After all that could open PostgreSQL is planned.
void order_fence(Draft& draft);

// slots.cc (U1, U2, U7).
void keep_slots(Draft& draft);

// publish.cc (P): what others shall know.
void publish(Draft& draft);

// upkeep.cc: when PostgreSQL is looked at next. The last of all: it knows what the others have
// planned.
void look_at_instance(Draft& draft);

}  // namespace pgherd
