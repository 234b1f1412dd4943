// Steps on the store. Transactions are guarded by what was seen; dcs/layout makes them of these.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "model/cluster_view.h"
#include "model/ids.h"
#include "model/member.h"
#include "steps/lane.h"
#include "steps/outcome.h"

namespace pgherd {

// Get a lease of `ttl` (etcd LeaseGrant). The old one, if any, is left to expire.
struct GrantLease {
  static constexpr std::string_view kName = "GrantLease";
  static constexpr Lane kLane = Lane::Lease;
  using Outcome = LeaseAnswer;
  Milliseconds ttl{};
  bool operator==(const GrantLease&) const = default;
};

// Keep the lease alive; `holds_leader_key`: and confirm in the same breath that `/leader` still
// names me under this lease. Only both together confirm leadership: a key can be deleted while its
// lease lives.
struct RenewLease {
  static constexpr std::string_view kName = "RenewLease";
  static constexpr Lane kLane = Lane::Lease;
  using Outcome = LeaseAnswer;
  LeaseId lease;
  bool holds_leader_key = false;
  bool operator==(const RenewLease&) const = default;
};

// Create `/leader` if it does not exist. Refused = somebody was faster.
struct AcquireLeaderKey {
  static constexpr std::string_view kName = "AcquireLeaderKey";
  static constexpr Lane kLane = Lane::LeaderKey;
  using Outcome = StoreAnswer;
  LeaseId lease;
  // `/sync` as the election saw it (zero: absent): who may be elected stands there, so a key that
  // was written since refuses.
  Revision sync_seen{};
  // `/config` likewise: nobody leads by settings that hold no longer.
  Revision config_seen{};
  bool operator==(const AcquireLeaderKey&) const = default;
};

// `/leader` names me under another lease (agent restarted, ttl changed): bind it to `lease`,
// provided nobody wrote it since `seen`.
struct RebindLeaderKey {
  static constexpr std::string_view kName = "RebindLeaderKey";
  static constexpr Lane kLane = Lane::LeaderKey;
  using Outcome = StoreAnswer;
  LeaseId lease;
  Revision seen;
  bool operator==(const RebindLeaderKey&) const = default;
};

// In one transaction, if `/leader` is mine: write the last position to `/status` and delete the
// key.
struct ReleaseLeaderKey {
  static constexpr std::string_view kName = "ReleaseLeaderKey";
  static constexpr Lane kLane = Lane::LeaderKey;
  using Outcome = StoreAnswer;
  StatusKey status;
  // The key as it was seen; a request that arrives late, after a new life of this agent has bound
  // the key anew, must not take it away. Zero: whatever it is.
  Revision seen;
  bool operator==(const ReleaseLeaderKey&) const = default;
};

// Create `/initialize` = "" under my lease. Refused = somebody else bootstraps.
struct TakeInitializeKey {
  static constexpr std::string_view kName = "TakeInitializeKey";
  static constexpr Lane kLane = Lane::Initialize;
  using Outcome = StoreAnswer;
  LeaseId lease;
  bool operator==(const TakeInitializeKey&) const = default;
};

// In one transaction: `/initialize` = system id (guarded by its `seen` revision, zero = absent),
// `/config` if it is absent, and `/leader` under `lease` if it is absent.
struct FinishInitialize {
  static constexpr std::string_view kName = "FinishInitialize";
  static constexpr Lane kLane = Lane::LeaderKey;
  using Outcome = StoreAnswer;
  SystemId system_id;
  std::optional<Revision> seen;
  std::string config_json;
  LeaseId lease;
  bool operator==(const FinishInitialize&) const = default;
};

// Give back an empty `/initialize` that is mine (the bootstrap failed).
struct GiveBackInitializeKey {
  static constexpr std::string_view kName = "GiveBackInitializeKey";
  static constexpr Lane kLane = Lane::Initialize;
  using Outcome = StoreAnswer;
  Revision seen;
  bool operator==(const GiveBackInitializeKey&) const = default;
};

// Write a lost `/initialize` and/or `/config` again; only a leader does this.
struct RestoreKeys {
  static constexpr std::string_view kName = "RestoreKeys";
  static constexpr Lane kLane = Lane::Initialize;
  using Outcome = StoreAnswer;
  std::optional<SystemId> initialize;
  std::optional<std::string> config_json;
  bool operator==(const RestoreKeys&) const = default;
};

struct PublishMember {
  static constexpr std::string_view kName = "PublishMember";
  static constexpr Lane kLane = Lane::Member;
  using Outcome = StoreAnswer;
  Member member;
  LeaseId lease;
  bool operator==(const PublishMember&) const = default;
};

struct PublishStatus {
  static constexpr std::string_view kName = "PublishStatus";
  static constexpr Lane kLane = Lane::Status;
  using Outcome = StoreAnswer;
  StatusKey status;
  bool operator==(const PublishStatus&) const = default;
};

struct PublishHistory {
  static constexpr std::string_view kName = "PublishHistory";
  static constexpr Lane kLane = Lane::History;
  using Outcome = StoreAnswer;
  std::vector<HistoryRow> rows;
  bool operator==(const PublishHistory&) const = default;
};

// Put the number of the timeline that this node's promotion will begin into `/timeline`, if
// `/leader` is mine and nobody wrote `/timeline` since `seen` (zero: it is absent).
struct ClaimTimeline {
  static constexpr std::string_view kName = "ClaimTimeline";
  static constexpr Lane kLane = Lane::History;
  using Outcome = StoreAnswer;
  Timeline timeline;
  Revision seen;
  bool operator==(const ClaimTimeline&) const = default;
};

// Say in `/stopping` that this leader's PostgreSQL is about to stop, for as long as the lease is
// there.
struct AnnounceStop {
  static constexpr std::string_view kName = "AnnounceStop";
  static constexpr Lane kLane = Lane::FailoverRequest;
  using Outcome = StoreAnswer;
  LeaseId lease;
  bool operator==(const AnnounceStop&) const = default;
};

// It did, or does not after all.
struct WithdrawStop {
  static constexpr std::string_view kName = "WithdrawStop";
  static constexpr Lane kLane = Lane::FailoverRequest;
  using Outcome = StoreAnswer;
  Revision seen;
  bool operator==(const WithdrawStop&) const = default;
};

// Write `/sync`, if `/leader` is mine under `lease` and nobody wrote `/sync` since `seen` (zero: it
// is absent). The lease makes what an earlier life of this agent sent, and what arrives late, void.
struct WriteSync {
  static constexpr std::string_view kName = "WriteSync";
  static constexpr Lane kLane = Lane::Sync;
  using Outcome = StoreAnswer;
  SyncKey value;
  Revision seen;
  LeaseId lease;
  [[nodiscard]] std::string detail() const;
  bool operator==(const WriteSync&) const = default;
};

// Delete it: synchronous mode was turned off.
struct DeleteSync {
  static constexpr std::string_view kName = "DeleteSync";
  static constexpr Lane kLane = Lane::Sync;
  using Outcome = StoreAnswer;
  Revision seen;
  LeaseId lease;
  bool operator==(const DeleteSync&) const = default;
};

// Write `{}` to `/failover`, provided nobody wrote it since `seen`.
struct ClearFailoverRequest {
  static constexpr std::string_view kName = "ClearFailoverRequest";
  static constexpr Lane kLane = Lane::FailoverRequest;
  using Outcome = StoreAnswer;
  Revision seen;
  bool operator==(const ClearFailoverRequest&) const = default;
};

// Write `/failsafe`: the members (name -> api_url) that all must accept a leader without the store.
struct PublishFailsafe {
  static constexpr std::string_view kName = "PublishFailsafe";
  static constexpr Lane kLane = Lane::Failsafe;
  using Outcome = StoreAnswer;
  std::map<NodeName, std::string> members;
  bool operator==(const PublishFailsafe&) const = default;
};

// Delete my member key and revoke the lease; the last thing a leaving agent does.
struct RevokeLease {
  static constexpr std::string_view kName = "RevokeLease";
  static constexpr Lane kLane = Lane::Lease;
  using Outcome = LeaseAnswer;
  LeaseId lease;
  bool operator==(const RevokeLease&) const = default;
};

}  // namespace pgherd
