#include "steps/step.h"

#include <iterator>

namespace pgherd {
namespace {

std::string describe(const Upstream& upstream) {
  return upstream.host.empty() ? "nobody" : upstream.name;
}

}  // namespace

Step::Step(const Step& other) = default;
Step::Step(Step&& other) noexcept = default;
Step& Step::operator=(const Step& other) = default;
Step& Step::operator=(Step&& other) noexcept = default;
Step::~Step() = default;

bool Step::operator==(const Step& other) const {
  return static_cast<const AnyStep&>(*this) == static_cast<const AnyStep&>(other);
}

Lane lane_of(const Step& step) {
  return std::visit([](const auto& kind) { return kind.kLane; }, step);
}

std::string_view name_of(const Step& step) {
  return std::visit([](const auto& kind) { return kind.kName; }, step);
}

std::string to_string(const Step& step) {
  return std::visit(
      [](const auto& kind) {
        std::string text{kind.kName};
        if constexpr (requires { kind.detail(); })
          text.append("{").append(kind.detail()).append("}");
        return text;
      },
      step);
}

bool may_open_for_writes(const Step& step) {
  const auto* restart = std::get_if<Restart>(&step);
  if (restart != nullptr) return restart->is_primary;
  return std::holds_alternative<Bootstrap>(step) || std::holds_alternative<StartPrimary>(step) ||
         std::holds_alternative<Promote>(step);
}

Instant lease_that_holds(const Step& step) {
  if (const auto* start = std::get_if<StartPrimary>(&step)) return start->lease_valid_until;
  if (const auto* promote = std::get_if<Promote>(&step)) return promote->lease_valid_until;
  if (const auto* restart = std::get_if<Restart>(&step)) return restart->lease_valid_until;
  return Instant::never();
}

bool has_failed(const Outcome& outcome) {
  if (const auto* store = std::get_if<StoreAnswer>(&outcome)) {
    return store->outcome != StoreOutcome::Applied;
  }
  if (const auto* lease = std::get_if<LeaseAnswer>(&outcome)) {
    return lease->outcome != StoreOutcome::Applied;
  }
  const auto* act = std::get_if<ActEnd>(&outcome);
  return act != nullptr && act->outcome != ActOutcome::Done;
}

// ---- Details

std::string CloneFrom::detail() const {
  return describe(source);
}

std::string CopySlots::detail() const {
  std::string text = "from " + describe(source) + ":";
  for (const WantedSlot& slot : slots)
    text.append(" ").append(slot.name);
  return text;
}

std::string StartStandby::detail() const {
  return describe(upstream) + (upstream.is_without_archive ? ", without the archive" : "");
}

std::string Follow::detail() const {
  return describe(upstream);
}

std::string Demote::detail() const {
  return std::string(name_of(mode));
}

std::string Stop::detail() const {
  return mode == StopMode::Fast ? "fast" : "immediate";
}

std::string ExamineDivergence::detail() const {
  return describe(source);
}

std::string Rewind::detail() const {
  return describe(source);
}

std::string WriteSync::detail() const {
  std::string text = value.leader + ":";
  for (const NodeName& name : value.standbys)
    text.append(" ").append(name);
  return text + "; " + std::to_string(value.quorum);
}

std::string SetSyncNames::detail() const {
  return text.value_or("as configured");
}

// ---- Names

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

}  // namespace pgherd
