// Agent: the machine around `decide`. Events in, commands out, no I/O, no clock, no threads: the
// same object runs in the daemon and in the simulator.
//
// It keeps the present picture (Observation), what is remembered (Memory) and which step is under
// way in which lane. Each event changes the picture; then `decide` runs; then the steps of its plan
// whose lane is free become commands. A step whose lane is busy is not queued: it will be planned
// again, if it still makes sense, when the lane's present step ends. After a failure a lane rests
// for a moment (LanePace), so that nothing is tried in vain as fast as the machine can.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/lane_pace.h"
#include "base/instant.h"
#include "base/shared.h"
#include "decide/decide.h"
#include "decide/observation.h"
#include "decide/plan.h"

namespace pgherd {

using StepId = std::uint64_t;

// ---- Events

// The store's picture changed, or was confirmed to be still true (`cluster` empty).
struct StorePictured {
  Shared<ClusterView> cluster;
};
struct StoreSilent {  // watch or read failed; the picture is not to be trusted any more
  std::string problem;
};
struct InstanceSeen {
  InstanceView view;
};
struct PeerAnswered {
  NodeName name;
  PeerView view;
};

// How a store step ended. Unknown is never "refused": the next picture tells.
enum class StoreOutcome { Applied, Refused, LeaseLost, Unknown };
struct StepEnded {
  StepId id = 0;
  // Exactly one of the two groups is meant, by the step's lane.
  StoreOutcome store = StoreOutcome::Unknown;
  LeaseId lease;       // of GrantLease
  Milliseconds ttl{};  // of GrantLease, RenewLease: what the store gave
  Revision revision;   // of the store, as the answer to a transaction said
  ActOutcome act = ActOutcome::Done;
  std::string detail;
  std::optional<DivergenceSeen> divergence;
  // What was seen of PostgreSQL after the step; part of the same event, so that no decision sees a
  // server that is not what the step has made of it.
  Shared<InstanceView> instance;
  std::optional<FailsafeRound> failsafe;  // of AskFailsafe
  std::optional<WatchdogView> watchdog;   // of the watchdog's steps
};
struct TimeCame {};
struct SettingsRead {  // dynamic or local configuration changed
  Identity self;
  Settings settings;
};
struct RestartAsked {
  RestartWish wish;
};
struct LeaveAsked {};
// Each is answered at once (AnswerWish).
struct RestartScheduled {
  std::uint64_t id = 0;
  ScheduledRestart wish;
};
struct RestartUnscheduled {
  std::uint64_t id = 0;
};
struct ReinitializeAsked {
  std::uint64_t id = 0;
  bool from_leader = false;
  bool force = false;
};
struct FailsafeAsked {  // a primary without the store asks this node not to take its place
  std::uint64_t id = 0;
  FailsafePing ping;
};

using Event = std::variant<StorePictured, StoreSilent, InstanceSeen, PeerAnswered, StepEnded,
                           TimeCame, SettingsRead, RestartAsked, LeaveAsked, RestartScheduled,
                           RestartUnscheduled, ReinitializeAsked, FailsafeAsked>;

// ---- Commands

struct StartStep {
  StepId id = 0;
  Step step;
  Instant deadline;  // for store steps; never() for acts on PostgreSQL, which have their own
};
struct ArmFence {
  Instant at;
  std::int64_t postmaster_pid = 0;
  bool earlier_stands = false;  // an order that comes earlier is not replaced
  bool operator==(const ArmFence&) const = default;
};
struct DisarmFence {};
struct WakeAt {
  Instant when;
};
// Something changed: worth a line in the log and a record in the journal.
struct Tell {
  std::vector<Reason> reasons;
};
struct AnswerRestart {
  std::uint64_t id = 0;
  bool succeeded = false;
  std::string detail;
};

// To whoever asked: granted, or why not.
struct AnswerWish {
  std::uint64_t id = 0;
  bool is_granted = false;
  std::string detail;
};

using Command =
    std::variant<StartStep, ArmFence, DisarmFence, WakeAt, Tell, AnswerRestart, AnswerWish>;

// ---- The machine

class Agent {
 public:
  Agent(Identity self, Settings settings);

  // `now` never goes backwards. The commands are to be carried out in order.
  [[nodiscard]] std::vector<Command> step(Event event, Instant now, WallTime wall_now);

  [[nodiscard]] const Observation& picture() const { return seen_; }
  [[nodiscard]] const Memory& memory() const { return last_.memory; }
  [[nodiscard]] const Decision& last_decision() const { return last_; }
  // For REST: `/leader` is mine by a confirmation that has not run out at `now`.
  [[nodiscard]] bool leads(Instant now) const;

 private:
  void take(StorePictured&& event, Instant now);
  void take(const StoreSilent& event, Instant now);
  void take(InstanceSeen&& event, Instant now);
  void take(const PeerAnswered& event, Instant now);
  void take(StepEnded&& event, Instant now);
  void take(const TimeCame& event, Instant now);
  void take(const SettingsRead& event, Instant now);
  void take(const RestartAsked& event, Instant now);
  void take(const LeaveAsked& event, Instant now);
  void take(const RestartScheduled& event, Instant now);
  void take(const RestartUnscheduled& event, Instant now);
  void take(const ReinitializeAsked& event, Instant now);
  void take(const FailsafeAsked& event, Instant now);

  void lease_ended(const StepEnded& event, const UnderWay& step);
  void leader_key_ended(const StepEnded& event, const UnderWay& step);
  void written(const StepEnded& event, const UnderWay& step);
  void sync_written(const StepEnded& event, const UnderWay& step);
  void note_sync();
  void note_release();
  void act_ended(const StepEnded& event, const UnderWay& step, Instant now);
  void forget_late_restart(Instant now);

  [[nodiscard]] bool rests(Event& event, Instant now);
  [[nodiscard]] bool looks_the_same(InstanceView& view) const;
  [[nodiscard]] Instant next_wake() const;
  void think(Instant now);
  [[nodiscard]] bool is_free_for(const Step& step) const;
  void start(const Step& step, Instant now);
  void order_fence();
  void extend_fence();
  [[nodiscard]] bool must_tell(const Decision& before) const;

  Observation seen_;
  Decision last_;
  StepId next_id_ = 1;
  std::map<Lane, StepId> ids_;
  LanePace pace_;
  std::optional<ArmFence> fence_;
  bool fence_is_set_ = false;
  bool started_something_ = false;
  Instant restart_asked_at_;  // the one in seen_
  std::vector<Command> out_;
};

}  // namespace pgherd
