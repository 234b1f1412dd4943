#include "decide/plan.h"

#include <iterator>
#include <type_traits>

namespace pgherd {
namespace {

template <typename... Kinds, typename S>
constexpr bool is_one_of(const S&) {
  return (std::is_same_v<S, Kinds> || ...);
}

std::string describe(const Upstream& upstream) {
  return upstream.host.empty() ? "nobody" : upstream.name;
}

}  // namespace

Lane lane_of(const Step& step) {
  return std::visit(
      [](const auto& s) {
        if (is_one_of<GrantLease, RenewLease, RevokeLease>(s)) return Lane::Lease;
        if (is_one_of<AcquireLeaderKey, RebindLeaderKey, ReleaseLeaderKey, FinishInitialize>(s)) {
          return Lane::LeaderKey;
        }
        if (is_one_of<TakeInitializeKey, GiveBackInitializeKey, RestoreKeys>(s)) {
          return Lane::Initialize;
        }
        if (is_one_of<PublishMember>(s)) return Lane::Member;
        if (is_one_of<PublishStatus>(s)) return Lane::Status;
        if (is_one_of<PublishHistory, ClaimTimeline>(s)) return Lane::History;
        if (is_one_of<WriteSync, DeleteSync>(s)) return Lane::Sync;
        if (is_one_of<ClearFailoverRequest>(s)) return Lane::FailoverRequest;
        if (is_one_of<ProbePeers>(s)) return Lane::Peers;
        if (is_one_of<KeepSlots>(s)) return Lane::Slots;
        if (is_one_of<Checkpoint>(s)) return Lane::Checkpoint;
        if (is_one_of<ResumeReplay, WakeReceiver>(s)) return Lane::Replay;
        if (is_one_of<ApplyConfiguration>(s)) return Lane::Configuration;
        if (is_one_of<SetSyncNames>(s)) return Lane::SyncNames;
        if (is_one_of<ObserveInstance>(s)) return Lane::Observe;
        if (is_one_of<PublishFailsafe>(s)) return Lane::Failsafe;
        if (is_one_of<AskFailsafe>(s)) return Lane::FailsafeRound;
        if (is_one_of<ActivateWatchdog, FeedWatchdog, DisarmWatchdog>(s)) return Lane::Watchdog;
        if (is_one_of<CancelInstanceAct, Exit, DropScheduledRestart, DropReinitialize>(s)) {
          return Lane::Control;
        }
        return Lane::Instance;
      },
      step);
}

std::string_view name_of(const Step& step) {
  static constexpr std::string_view kNames[] = {
      "GrantLease",
      "RenewLease",
      "AcquireLeaderKey",
      "RebindLeaderKey",
      "ReleaseLeaderKey",
      "TakeInitializeKey",
      "FinishInitialize",
      "GiveBackInitializeKey",
      "RestoreKeys",
      "PublishMember",
      "PublishStatus",
      "PublishHistory",
      "ClaimTimeline",
      "WriteSync",
      "DeleteSync",
      "ClearFailoverRequest",
      "RevokeLease",
      "ProbePeers",
      "Bootstrap",
      "SetAsideDataDirectory",
      "CloneFrom",
      "StartPrimary",
      "StartStandby",
      "Follow",
      "Promote",
      "Demote",
      "Stop",
      "Restart",
      "ExamineDivergence",
      "Rewind",
      "RemoveDataDirectory",
      "KeepSlots",
      "Checkpoint",
      "ResumeReplay",
      "ApplyConfiguration",
      "SetSyncNames",
      "ObserveInstance",
      "CancelInstanceAct",
      "Exit",
      "PublishFailsafe",
      "AskFailsafe",
      "ActivateWatchdog",
      "FeedWatchdog",
      "DisarmWatchdog",
      "DropScheduledRestart",
      "DropReinitialize",
      "WakeReceiver",
  };
  static_assert(std::size(kNames) == std::variant_size_v<Step>);
  return kNames[step.index()];
}

std::string_view name_of(Lane lane) {
  static constexpr std::string_view kNames[] = {
      "Lease",   "LeaderKey",  "Initialize",      "Member",        "Status",
      "History", "Sync",       "FailoverRequest", "Peers",         "Instance",
      "Slots",   "Checkpoint", "Replay",          "Configuration", "SyncNames",
      "Observe", "Failsafe",   "FailsafeRound",   "Watchdog",      "Control",
  };
  static_assert(std::size(kNames) == static_cast<std::size_t>(Lane::Control) + 1);
  return kNames[static_cast<std::size_t>(lane)];
}

std::string_view name_of(DemoteMode mode) {
  switch (mode) {
    case DemoteMode::Graceful:
      return "graceful";
    case DemoteMode::Immediate:
      return "immediate";
    case DemoteMode::ImmediateNoLock:
      return "immediate-nolock";
    case DemoteMode::Offline:
      return "offline";
    case DemoteMode::DemoteCluster:
      return "demote-cluster";
  }
  return "unknown";
}

std::string to_string(const Step& step) {
  std::string text{name_of(step)};
  if (const auto* demote = std::get_if<Demote>(&step)) {
    text.append("{").append(name_of(demote->mode)).append("}");
  } else if (const auto* stop = std::get_if<Stop>(&step)) {
    text.append(stop->mode == StopMode::Fast ? "{fast}" : "{immediate}");
  } else if (const auto* start = std::get_if<StartStandby>(&step)) {
    text.append("{").append(describe(start->upstream));
    text.append(start->upstream.is_without_archive ? ", without the archive}" : "}");
  } else if (const auto* follow = std::get_if<Follow>(&step)) {
    text.append("{").append(describe(follow->upstream)).append("}");
  } else if (const auto* clone = std::get_if<CloneFrom>(&step)) {
    text.append("{").append(describe(clone->source)).append("}");
  } else if (const auto* rewind = std::get_if<Rewind>(&step)) {
    text.append("{").append(describe(rewind->source)).append("}");
  } else if (const auto* examine = std::get_if<ExamineDivergence>(&step)) {
    text.append("{").append(describe(examine->source)).append("}");
  } else if (const auto* sync = std::get_if<WriteSync>(&step)) {
    text.append("{").append(sync->value.leader).append(":");
    for (const NodeName& name : sync->value.standbys)
      text.append(" ").append(name);
    text.append("; ").append(std::to_string(sync->value.quorum)).append("}");
  } else if (const auto* names = std::get_if<SetSyncNames>(&step)) {
    text.append("{").append(names->text.value_or("as configured")).append("}");
  }
  return text;
}

bool may_open_for_writes(const Step& step) {
  const auto* restart = std::get_if<Restart>(&step);
  if (restart != nullptr) return restart->is_primary;
  return std::holds_alternative<Bootstrap>(step) || std::holds_alternative<StartPrimary>(step) ||
         std::holds_alternative<Promote>(step);
}

}  // namespace pgherd
