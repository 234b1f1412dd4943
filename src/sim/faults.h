// Faults: what goes wrong. Each run has a random subset of the kinds (swarm testing: a run without
// partitions finds other things than one with them), and each fault heals by itself after a drawn
// time.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "sim/world.h"

namespace pgherd::sim {

enum class FaultKind {
  KillPostmaster,
  KillAgent,
  KillBoth,
  LosePower,
  FreezeAgent,
  CutFromStore,
  CutFromAll,
  CutOneWay,
  CutPair,
  LoseMessages,
  DelayMessages,
  StoreDown,
  StoreCutFromAll,
  StoreLeaderChange,
  BreakWatches,
  AskSwitchover,
  AskFailover,
  AskRestart,
  AskToLeave,
  ChangeSynchronousMode,
  SuspendMachine,
  CutLinkOneWay,
  CompactStore,
  StoreReadOnly,
  FillDisk,
  SlowDisks,
  JumpWallClock,
  ChangeTtl,
  DeleteKey,
  WorstMoment,  // an operator acts just when the leader has changed
  Pause,
  AskReinitialize,
  ScheduleRestart,
};
inline constexpr int kFaultKinds = static_cast<int>(FaultKind::ScheduleRestart) + 1;

[[nodiscard]] std::string_view name_of(FaultKind kind);

// The keys of synchronous replication as they could stand at the beginning of `/config`; "" for
// none.
[[nodiscard]] std::string draw_synchronous(Dice& dice);

class Faults {
 public:
  Faults(World& world, std::vector<FaultKind> enabled, Range every);

  // One fault after another until `until`; all are healed then.
  void run_until(Instant until);
  // This one now.
  void inject(FaultKind kind, Host& target);
  void heal_everything();

  [[nodiscard]] int injected() const { return injected_; }
  [[nodiscard]] const std::map<FaultKind, int>& counts() const { return counts_; }

 private:
  friend std::string_view name_of(FaultKind kind);
  struct Kind {
    std::string_view name;
    void (Faults::*begin)(Host& target);
  };
  [[nodiscard]] static const Kind& kind_of(FaultKind kind);

  void next(Instant until);
  void heal_in(Range range, EventQueue::Call heal);

  // injections.cc. Where a fault is nobody's in particular, the node does not count.
  void kill_postmaster(Host& target);
  void kill_agent(Host& target);
  void kill_both(Host& target);
  void lose_power(Host& target);
  void freeze_agent(Host& target);
  void suspend_machine(Host& target);
  void fill_disk(Host& target);
  void slow_disks(Host&);
  void jump_wall_clock(Host& target);
  void cut_from_store(Host& target);
  void cut_from_all(Host& target);
  void cut_one_way(Host& target);
  void cut_off(Host& target, bool also_to, bool also_from);
  void cut_pair(Host& target);
  void cut_link(Host&);
  void lose_messages(Host&);
  void delay_messages(Host&);
  void stop_store(Host&);
  void cut_store_off(Host&);
  void change_store_leader(Host&);
  void refuse_writes(Host&);
  void break_watches(Host&);
  void compact_store(Host&);
  void delete_key(Host&);
  void ask_switchover(Host& target);
  void ask_failover(Host& target);
  void ask_handover(Host& target, bool is_switchover);
  void ask_restart(Host& target);
  void schedule_restart(Host& target);
  void ask_reinitialize(Host& target);
  void ask_to_leave(Host& target);
  void pause(Host&);
  void change_ttl(Host&);
  void change_synchronous_mode(Host&);
  void act_at_the_worst_moment(Host&);

  [[nodiscard]] bool is_enabled(FaultKind kind) const;
  [[nodiscard]] Dice& dice() { return world_.sim().dice; }
  [[nodiscard]] Host& any_host();
  [[nodiscard]] Host& likely_leader();
  template <typename MakeText>
  void tell(MakeText&& text) {
    world_.sim().tell("fault", std::forward<MakeText>(text));
  }

  World& world_;
  std::vector<FaultKind> enabled_;
  Range every_;
  Duration ttl_;
  int injected_ = 0;
  std::map<FaultKind, int> counts_;
  std::uint64_t generation_ = 1;  // of the faults that are not healed yet
};

}  // namespace pgherd::sim
