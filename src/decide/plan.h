// The words in which `decide` answers: steps, plans, reasons.
//
// A plan is the set of steps that should be under way *now*, in the order of their importance. It
// is not a script: when a step ends, or anything else changes, `decide` runs again and says what
// comes next. So nothing that was thought a second ago is carried out on a changed world. A plan
// prints, compares and serializes.
//
// Each kind of step runs in a lane; a lane holds one step at a time. Store writes have a lane each,
// so the lease never queues behind anything; the long acts on PostgreSQL share one
// (Lane::Instance).
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "model/cluster_view.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/member.h"
#include "model/peer_view.h"

namespace pgherd {

// ---- Steps on the store -------------------------------------------------------------------------

// Get a lease of `ttl` (etcd LeaseGrant). The old one, if any, is left to expire.
struct GrantLease {
  Milliseconds ttl{};
  bool operator==(const GrantLease&) const = default;
};
// Keep the lease alive; `holds_leader_key`: and confirm in the same breath that `/leader` still
// names me under this lease. Only both together confirm leadership: a key can be deleted while its lease lives.
struct RenewLease {
  LeaseId lease;
  bool holds_leader_key = false;
  bool operator==(const RenewLease&) const = default;
};
// Create `/leader` if it does not exist. Refused = somebody was faster.
struct AcquireLeaderKey {
  LeaseId lease;
  // `/sync` as the election saw it (zero: absent): who may be elected stands there, so a key that
  // was written since refuses.
  Revision sync_seen{};
  bool operator==(const AcquireLeaderKey&) const = default;
};
// `/leader` names me under another lease (agent restarted, ttl changed): bind it to `lease`,
// provided nobody wrote it since `seen`.
struct RebindLeaderKey {
  LeaseId lease;
  Revision seen;
  bool operator==(const RebindLeaderKey&) const = default;
};
// In one transaction, if `/leader` is mine: write the last position to `/status` and delete the
// key.
struct ReleaseLeaderKey {
  StatusKey status;
  // The key as it was seen; a request that arrives late, after a new life of this agent has bound
  // the key anew, must not take it away. Zero: whatever it is.
  Revision seen;
  bool operator==(const ReleaseLeaderKey&) const = default;
};
// Create `/initialize` = "" under my lease. Refused = somebody else bootstraps.
struct TakeInitializeKey {
  LeaseId lease;
  bool operator==(const TakeInitializeKey&) const = default;
};
// In one transaction: `/initialize` = system id (guarded by its `seen` revision, zero = absent),
// `/config` if it is absent, and `/leader` under `lease` if it is absent.
struct FinishInitialize {
  SystemId system_id;
  std::optional<Revision> seen;
  std::string config_json;
  LeaseId lease;
  bool operator==(const FinishInitialize&) const = default;
};
// Give back an empty `/initialize` that is mine (the bootstrap failed).
struct GiveBackInitializeKey {
  Revision seen;
  bool operator==(const GiveBackInitializeKey&) const = default;
};
// Write a lost `/initialize` and/or `/config` again; only a leader does this.
struct RestoreKeys {
  std::optional<SystemId> initialize;
  std::optional<std::string> config_json;
  bool operator==(const RestoreKeys&) const = default;
};
struct PublishMember {
  Member member;
  LeaseId lease;
  bool operator==(const PublishMember&) const = default;
};
struct PublishStatus {
  StatusKey status;
  bool operator==(const PublishStatus&) const = default;
};
struct PublishHistory {
  std::vector<HistoryRow> rows;
  bool operator==(const PublishHistory&) const = default;
};
// Put the number of the timeline that this node's promotion will begin into `/timeline`, if
// `/leader` is mine and nobody wrote `/timeline` since `seen` (zero: it is absent).
struct ClaimTimeline {
  Timeline timeline;
  Revision seen;
  bool operator==(const ClaimTimeline&) const = default;
};
// Write `/sync`, if `/leader` is mine under `lease` and nobody wrote `/sync` since `seen` (zero: it
// is absent). The lease makes what an earlier life of this agent sent, and what arrives late, void.
struct WriteSync {
  SyncKey value;
  Revision seen;
  LeaseId lease;
  bool operator==(const WriteSync&) const = default;
};
// Delete it: synchronous mode was turned off.
struct DeleteSync {
  Revision seen;
  LeaseId lease;
  bool operator==(const DeleteSync&) const = default;
};
// Write `{}` to `/failover`, provided nobody wrote it since `seen`.
struct ClearFailoverRequest {
  Revision seen;
  bool operator==(const ClearFailoverRequest&) const = default;
};
// Write `/failsafe`: the members (name -> api_url) that all must accept a leader without the store.
struct PublishFailsafe {
  std::map<NodeName, std::string> members;
  bool operator==(const PublishFailsafe&) const = default;
};
// Delete my member key and revoke the lease; the last thing a leaving agent does.
struct RevokeLease {
  LeaseId lease;
  bool operator==(const RevokeLease&) const = default;
};

// ---- Steps towards other members

// Ask these members (name -> api_url) for their state, all at once, `timeout` each.
struct ProbePeers {
  std::map<NodeName, std::string> targets;
  Milliseconds timeout{};
  bool operator==(const ProbePeers&) const = default;
};

// Tell these members (name -> api_url), all at once, that this leader has lost the store and goes
// on if all of them accept that.
struct AskFailsafe {
  std::map<NodeName, std::string> targets;
  FailsafePing ping;
  Milliseconds timeout{};
  bool operator==(const AskFailsafe&) const = default;
};

// ---- Steps on the local PostgreSQL

// Whom a standby follows. host == "" : nobody.
struct Upstream {
  NodeName name;
  std::string host;
  std::string port;
  std::string slot;  // "" : without a slot
  // The primary of another cluster, of which this one is a standby: `host` may be a list, of which
  // the one that is writable is meant.
  bool is_remote = false;
  // In a standby cluster: these replace what the node's own configuration says.
  std::string restore_command = {};
  std::string archive_cleanup_command = {};
  std::string recovery_min_apply_delay = {};
  // Nothing is restored from the archive, whatever is configured: what is here has to be enough.
  bool is_without_archive = false;
  bool operator==(const Upstream&) const = default;
};

struct Bootstrap {  // initdb, start, users, post_bootstrap; ends with a running primary
  bool operator==(const Bootstrap&) const = default;
};
// The broken directory is moved aside (`<dir>.failed`), nothing is deleted.
struct SetAsideDataDirectory {
  std::string why;
  bool is_failed_bootstrap = false;  // what is moved is what this node has begun to make
  bool operator==(const SetAsideDataDirectory&) const = default;
};
// pg_basebackup into an empty directory, then stay stopped. The source's slot is made first.
struct CloneFrom {
  Upstream source;
  bool operator==(const CloneFrom&) const = default;
};
struct StartPrimary {         // crash recovery and on with it, same timeline
  Instant lease_valid_until;  // the postmaster is not started later than this
  bool operator==(const StartPrimary&) const = default;
};
struct StartStandby {
  Upstream upstream;
  bool operator==(const StartStandby&) const = default;
};
struct Follow {  // point a running standby at another upstream (reload)
  Upstream upstream;
  bool operator==(const Follow&) const = default;
};
struct Promote {
  Instant lease_valid_until;  // checked again just before the point of no return
  Timeline timeline;          // to begin, no lower one; 0: whatever comes next
  bool operator==(const Promote&) const = default;
};
enum class DemoteMode {
  Graceful,         // checkpoint, fast shutdown; the key is released when a standby has everything
  Immediate,        // immediate shutdown, the key is released
  ImmediateNoLock,  // immediate shutdown: the key is not ours any more
  Offline,          // fast shutdown: the store is silent and the lease still protects for a while
  DemoteCluster,    // checkpoint, fast shutdown: the cluster becomes a standby of another one
};
// Stops PostgreSQL and leaves it stopped; recovery decides how it comes back.
struct Demote {
  DemoteMode mode{};
  bool operator==(const Demote&) const = default;
};
enum class StopMode { Fast, Immediate };
struct Stop {  // the agent is leaving, or the directory must be at rest
  StopMode mode{};
  bool operator==(const Stop&) const = default;
};
struct Restart {  // an operator asked for it; the role stays
  std::optional<Milliseconds> timeout;
  bool is_primary = false;
  // Of a primary: it is not started again later than this (the agent may hang between stop and
  // start). Begun in maintenance mode, which may end before the restart does, it has no limit.
  Instant lease_valid_until = Instant::never();
  // Of a member of a standby cluster; else it follows whom it followed.
  std::optional<Upstream> upstream = {};
  bool operator==(const Restart&) const = default;
};
// Compare the local history with the one of the primary `source`.
struct ExamineDivergence {
  Upstream source;
  bool operator==(const ExamineDivergence&) const = default;
};
struct Rewind {
  Upstream source;
  bool operator==(const Rewind&) const = default;
};
// Remove the data directory so that a fresh copy can be made. Only where the settings allow it or
// an operator asked; never planned in the absence of a leader to copy from.
struct RemoveDataDirectory {
  std::string why;
  bool operator==(const RemoveDataDirectory&) const = default;
};

// ---- Small acts on a running PostgreSQL, beside the long ones

struct SlotWish {
  std::string name;
  Lsn advance_to;  // standby only, 0: leave where it is
  bool is_logical = false;
  std::string database = {};  // of a logical one
  std::string plugin = {};
  bool operator==(const SlotWish&) const = default;
};
// Create what is missing, drop my physical member slots that are not wished for, advance the rest.
struct KeepSlots {
  std::vector<SlotWish> wishes;
  std::vector<std::string> drop;
  bool operator==(const KeepSlots&) const = default;
};
struct Checkpoint {  // after a promotion, so that pg_control shows the new timeline
  bool operator==(const Checkpoint&) const = default;
};
struct ResumeReplay {
  bool operator==(const ResumeReplay&) const = default;
};
// Reload a standby that does not stream: its startup process connects at once, where it would sleep
// for what is left of wal_retrieve_retry_interval.
struct WakeReceiver {
  bool operator==(const WakeReceiver&) const = default;
};
// Write the configuration files again and reload: the dynamic or local configuration changed.
struct ApplyConfiguration {
  std::string generation;                 // what is applied, so that the same is not applied twice
  std::optional<Upstream> upstream = {};  // as of Restart
  bool operator==(const ApplyConfiguration&) const = default;
};
// Write synchronous_standby_names and reload; done when it is in force in every process that
// decides by it. nullopt: what the operator configured, as if nobody managed it.
struct SetSyncNames {
  std::optional<std::string> text;
  bool operator==(const SetSyncNames&) const = default;
};
// Look at PostgreSQL now (the monitoring query); the answer is an event.
struct ObserveInstance {
  bool operator==(const ObserveInstance&) const = default;
};

// ---- The watchdog device
// ---------------------------------------------------------------------------

// From now on the machine is reset when the device is not fed for `timeout`.
struct ActivateWatchdog {
  Milliseconds timeout{};
  bool operator==(const ActivateWatchdog&) const = default;
};
struct FeedWatchdog {  // only ever after a confirmed renewal
  bool operator==(const FeedWatchdog&) const = default;
};
struct DisarmWatchdog {
  bool operator==(const DisarmWatchdog&) const = default;
};

// ---- Control

// End the long act under way (its process group is killed); its end comes as an event.
struct CancelInstanceAct {
  std::string why;
  bool operator==(const CancelInstanceAct&) const = default;
};
// What an operator asked for is over: it cannot be done any more, or is no longer wanted.
struct DropScheduledRestart {
  std::string why;
  bool operator==(const DropScheduledRestart&) const = default;
};
struct DropReinitialize {
  std::string why;
  bool operator==(const DropReinitialize&) const = default;
};
// End the agent. exit_code != 0: it refuses to go on, and `message` says why and what to do.
struct Exit {
  int exit_code = 0;
  std::string message;
  bool operator==(const Exit&) const = default;
};

using Step =
    std::variant<GrantLease, RenewLease, AcquireLeaderKey, RebindLeaderKey, ReleaseLeaderKey,
                 TakeInitializeKey, FinishInitialize, GiveBackInitializeKey, RestoreKeys,
                 PublishMember, PublishStatus, PublishHistory, ClaimTimeline, WriteSync, DeleteSync,
                 ClearFailoverRequest, RevokeLease, ProbePeers, Bootstrap, SetAsideDataDirectory,
                 CloneFrom, StartPrimary, StartStandby, Follow, Promote, Demote, Stop, Restart,
                 ExamineDivergence, Rewind, RemoveDataDirectory, KeepSlots, Checkpoint,
                 ResumeReplay, ApplyConfiguration, SetSyncNames, ObserveInstance, CancelInstanceAct,
                 Exit, PublishFailsafe, AskFailsafe, ActivateWatchdog, FeedWatchdog, DisarmWatchdog,
                 DropScheduledRestart, DropReinitialize, WakeReceiver>;

enum class Lane {
  Lease,       // grant, renew, revoke
  LeaderKey,   // acquire, rebind, release, finish initialize
  Initialize,  // take, give back, restore
  Member,
  Status,
  History,
  Sync,  // write, delete `/sync`
  FailoverRequest,
  Peers,
  Instance,  // the long acts
  Slots,
  Checkpoint,
  Replay,  // what the startup process of a standby is told
  Configuration,
  SyncNames,
  Observe,
  Failsafe,       // the key
  FailsafeRound,  // asking the members
  Watchdog,
  Control,
};

[[nodiscard]] Lane lane_of(const Step& step);
[[nodiscard]] std::string_view name_of(Lane lane);         // "LeaderKey"
[[nodiscard]] std::string_view name_of(const Step& step);  // "Promote"
[[nodiscard]] std::string_view name_of(DemoteMode mode);   // "graceful"
[[nodiscard]] std::string to_string(const Step& step);     // "Promote", "StartStandby{pg1}"

// Whether PostgreSQL may be acknowledging writes while this step is under way: the guardian is
// armed.
[[nodiscard]] bool may_open_for_writes(const Step& step);

// ---- Reasons and decisions

// Why something is done or refused: the rule (docs/rules.md), and the facts in a sentence for
// people.
struct Reason {
  std::string rule;  // "E3"
  std::string text;
  bool is_warning = false;  // an operator has to know
  bool operator==(const Reason&) const = default;
};

using Plan = std::vector<Step>;

}  // namespace pgherd
