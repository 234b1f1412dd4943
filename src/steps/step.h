// Step: one thing that can be under way, of any kind. Adding a kind: a struct with its name, its
// lane and what it ends with, a place in this list, and what the compiler then asks for: who
// carries it out (node) and what its end means (agent).
//
// It copies, compares and prints; what that needs is compiled once, not wherever a step is used.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "steps/control_steps.h"
#include "steps/instance_steps.h"
#include "steps/lane.h"
#include "steps/peer_steps.h"
#include "steps/slot_steps.h"
#include "steps/small_steps.h"
#include "steps/store_steps.h"
#include "steps/watchdog_steps.h"

namespace pgherd {

using AnyStep =
    std::variant<GrantLease, RenewLease, AcquireLeaderKey, RebindLeaderKey, ReleaseLeaderKey,
                 TakeInitializeKey, FinishInitialize, GiveBackInitializeKey, RestoreKeys,
                 PublishMember, PublishStatus, PublishHistory, ClaimTimeline, WriteSync, DeleteSync,
                 ClearFailoverRequest, AnnounceStop, WithdrawStop, RevokeLease, ProbePeers,
                 Bootstrap, SetAsideDataDirectory, CloneFrom, StartPrimary, StartStandby, Follow,
                 Promote, Demote, Stop, Restart, ExamineDivergence, Rewind, RemoveDataDirectory,
                 CopySlots, KeepSlots, Checkpoint, ResumeReplay, ApplyConfiguration, SetSyncNames,
                 ObserveInstance, CancelInstanceAct, ExtendInstanceAct, Exit, PublishFailsafe,
                 AskFailsafe, ActivateWatchdog, FeedWatchdog, DisarmWatchdog, DropScheduledRestart,
                 DropReinitialize, WakeReceiver>;

struct Step : AnyStep {
  template <typename S>
    requires(!std::is_same_v<std::remove_cvref_t<S>, Step>)
  // NOLINTNEXTLINE(google-explicit-constructor): a kind of step is a step
  Step(S&& kind) : AnyStep(std::forward<S>(kind)) {}
  Step(const Step& other);
  Step(Step&& other) noexcept;
  Step& operator=(const Step& other);
  Step& operator=(Step&& other) noexcept;
  ~Step();
  bool operator==(const Step& other) const;
};

[[nodiscard]] Lane lane_of(const Step& step);
[[nodiscard]] std::string_view name_of(const Step& step);  // "Promote"
[[nodiscard]] std::string to_string(const Step& step);     // "Promote", "StartStandby{pg1}"

// Whether PostgreSQL may be acknowledging writes while this step is under way: the guardian is
// armed.
[[nodiscard]] bool may_open_for_writes(const Step& step);
// Until when it may do so, as it was planned; never(): it is held to no lease.
[[nodiscard]] Instant lease_that_holds(const Step& step);

}  // namespace pgherd
