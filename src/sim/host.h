// Host: one machine of the world: its clock, its PostgreSQL, its guardian and the agent's life on
// it. The agent is the real Node behind invented doors.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "node/node.h"
#include "sim/guardian.h"
#include "sim/sim_clock.h"
#include "sim/sim_dcs.h"
#include "sim/sim_instance.h"
#include "sim/sim_peers.h"
#include "sim/sim_watchdog.h"

namespace pgherd::sim {

// What all machines of a herd have in common.
struct HerdPlan {
  explicit HerdPlan(std::string json = "{}");
  std::string config_json;
  Settings settings;  // as every agent reads them
  std::string scope = "herd";
  WatchdogMode watchdog = WatchdogMode::Off;
};

class Host {
 public:
  Host(SimContext& sim, Store& store, const Servers& servers, const HerdPlan& plan, Place place,
       NodeName name, std::int64_t drift_ppm);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] const NodeName& name() const { return server_.name(); }
  [[nodiscard]] Place place() const { return server_.place(); }
  [[nodiscard]] SimServer& server() { return server_; }
  [[nodiscard]] const SimServer& server() const { return server_; }
  [[nodiscard]] const Guardian& guardian() const { return guardian_; }
  [[nodiscard]] Guardian& guardian() { return guardian_; }
  // Since when the agent lives and is not frozen; never() while it does not.
  [[nodiscard]] Instant well_since() const {
    return life_ && !is_frozen() ? well_since_ : Instant::never();
  }
  [[nodiscard]] bool has_power() const { return has_power_; }
  [[nodiscard]] bool has_agent() const { return life_ != nullptr; }
  [[nodiscard]] bool has_armed_watchdog() const { return watchdog_.view().is_active; }
  [[nodiscard]] bool is_frozen() const;
  // The agent's REST answer to a peer; nothing when nobody would answer.
  [[nodiscard]] std::optional<PeerView> answer_peer() const;
  // Likewise: whether it accepts a primary without the store.
  [[nodiscard]] std::optional<bool> answer_failsafe(const FailsafePing& ping);
  // The agent's Node, or nullptr.
  [[nodiscard]] Node* node();

  // The agent starts; it is started again by itself (as systemd does) if it exits with an error.
  void start_agent();
  void kill_agent();
  // Nobody is left who could fence PostgreSQL: it is the guardian's child, and ends with it.
  void kill_agent_and_guardian();
  void freeze_agent();
  void thaw_agent();
  void ask_to_leave();
  void ask_restart();
  void ask_reinitialize(bool force);
  void schedule_restart(Duration ahead);
  void unschedule_restart();
  void break_watches();
  SimWatchdog& watchdog() { return watchdog_; }
  // The whole machine sleeps; its clock goes on, nobody hears of it.
  void suspend();
  void resume();
  void jump_wall_clock(Duration by) { wall_offset_ += by; }
  void lose_power();
  void restore_power();

  // For peers: name -> place, place -> answer. Set before the first agent starts.
  SimPeers::Find find_peer;
  SimPeers::Ask ask_peer;
  SimPeers::AskFailsafe ask_failsafe;
  ActWitness* witness = nullptr;
  std::function<void(const Step&)> on_step_started;
  // The agent's clock wakes it.
  std::function<void()> on_woken;
  // The agent let a decision stand that it would not make now.
  std::function<void(const std::string& what)> on_overlooked;
  // The agent was asked to leave as long ago as kLeavesWithin, has been well since, and is here.
  std::function<void()> on_staying;
  static constexpr Duration kLeavesWithin = 30s;
  Tags tags;
  bool may_copy_without_leader = false;
  std::shared_ptr<ReadValues> read_values = std::make_shared<ReadValues>();

 private:
  struct Life;
  [[nodiscard]] Identity identity() const;
  void reset_machine();
  [[nodiscard]] NodeListener listener();
  void told(const Tell& decision);
  void obey_advice(const std::string& message);

  SimContext& sim_;
  Store& store_;
  const Servers& servers_;
  const HerdPlan& plan_;
  std::int64_t drift_ppm_;
  LocalTime time_;
  SimServer server_;
  Guardian guardian_;
  SimWatchdog watchdog_;
  bool has_power_ = true;
  bool is_suspended_ = false;
  Duration wall_offset_{};
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  Instant well_since_;
  std::string last_summary_;
  std::set<std::string> told_reasons_;
};

}  // namespace pgherd::sim
