// Agent: the machine around `decide`. Events in, commands out, no I/O, no clock, no threads: the
// same object runs in the daemon and in the simulator.
//
// It keeps the present picture (Observation), what is remembered (Memory) and which step is under
// way in which lane. Each event changes the picture; then `decide` runs; then the steps of its plan
// whose lane is free become commands. A step whose lane is busy is not queued: it will be planned
// again, if it still makes sense, when the lane's present step ends. After a failure a lane rests
// for a moment (LanePace), so that nothing is tried in vain as fast as the machine can.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "agent/commands.h"
#include "agent/events.h"
#include "agent/lane_pace.h"
#include "base/instant.h"
#include "decide/decide.h"
#include "decide/observation.h"
#include "decide/requests.h"
#include "steps/step.h"

namespace pgherd {

class Agent {
 public:
  Agent(Identity self, Settings settings);

  // `now` never goes backwards. The commands are to be carried out in order.
  [[nodiscard]] std::vector<Command> step(Event event, Instant now, WallTime wall_now);

  [[nodiscard]] const Observation& picture() const { return seen_; }
  [[nodiscard]] const Memory& memory() const { return last_.memory; }
  [[nodiscard]] const Decision& last_decision() const { return last_; }
  // The last event was none that could change a decision: the one before it stands.
  [[nodiscard]] bool has_rested() const { return has_rested_; }
  // For REST: `/leader` is mine by a confirmation that has not run out at `now`, or is about to be
  // mine again.
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

  // What the end of each kind of step means; a kind without any does not compile.
  template <typename S>
  void note_end(const S& step, const LeaseAnswer& answer, const UnderWay& under_way, Instant now);
  template <typename S>
  void note_end(const S& step, const StoreAnswer& answer, const UnderWay& under_way, Instant now);
  template <typename S>
  void note_end(const S& step, const ActEnd& end, const UnderWay& under_way, Instant now);
  void note_end(const AskFailsafe& step, const FailsafeAnswer& answer, const UnderWay& under_way,
                Instant now);
  template <typename S>
  void note_end(const S& step, const WatchdogAnswer& answer, const UnderWay& under_way,
                Instant now);
  void note_end(const ProbePeers&, const PeersAsked&, const UnderWay&, Instant) {}
  void note_end(const ObserveInstance&, const Looked&, const UnderWay&, Instant) {}
  template <typename S>
  void note_end(const S&, const NoAnswer&, const UnderWay&, Instant) {}
  void act_ended(const ActEnd& end, const UnderWay& step, Instant now);
  void answer(std::uint64_t id, Admission admission);
  // Of the restart that waits; it does not wait any more.
  void answer_restart(Admission ended);

  // What is scheduled by the wall clock may be due all at once.
  [[nodiscard]] bool wall_clock_jumps(Instant now, WallTime wall_now) const;
  [[nodiscard]] bool rests(Event& event, Instant now);
  [[nodiscard]] bool looks_the_same(InstanceView& view) const;
  [[nodiscard]] Instant next_wake(Instant now) const;
  void think(Instant now);
  void conclude(Instant now);
  void note_leading();
  [[nodiscard]] bool is_free_for(const Step& step) const;
  void start(const Step& step, Instant now);
  [[nodiscard]] bool must_tell();

  Observation seen_;
  Decision last_;
  StepId next_id_ = 1;
  std::map<Lane, StepId> ids_;
  LanePace pace_;
  std::vector<Step> asked_now_;  // that have no lane, for one event each is asked for once
  Tell told_;                    // last
  bool shows_as_leader_ = false;
  bool led_as_primary_ = false;  // as the last confirmation found it, and not in recovery
  bool started_something_ = false;
  bool has_rested_ = false;
  Instant last_event_at_;
  std::vector<Command> out_;
};

}  // namespace pgherd
