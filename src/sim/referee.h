// Referee: watches the invented world with true time and true knowledge, and says what must never
// be seen. It knows PostgreSQL and the promises made to users (safety invariants); it shares no
// code with the rules that it judges.
//
//   A1  two servers could acknowledge writes at one instant
//   A2  a server opened for writes though /leader did not name it, at that instant, in the store
//   A3  a server goes on acknowledging though /leader names somebody else or nobody
//   A7  a server opened for writes on a timeline that another one had written
//   A8  two promotions gave their timelines the same number
//   B1  the promoted one lacked more than maximum_lag_on_failover of what /status had published
//   B8  pg_rewind against a source that is not on the newest timeline; removal of the leader's data
//   B9  a server of another system opened for writes
//   B3, B4, B6, B7  of synchronous replication: sync_judge.h
//   W4  a server opened for writes, and its machine had no watchdog though one is required
//   L5  an agent does the same over and over as fast as it can: haste.h
//   L6  an agent rests though a rule would have something to do: rest_check.h
//   L7  an agent's clock wakes it without end: haste.h
//   L8  an agent that was asked to leave, and was well all the time, is still here: host.h
//   F1  a standby streams from an upstream whose log does not contain its own (a fork was followed)
//   F2  the last copy of the data was removed
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/clients.h"
#include "sim/haste.h"
#include "sim/health_referee.h"
#include "sim/server.h"
#include "sim/sim_instance.h"
#include "sim/store.h"
#include "sim/sync_judge.h"

namespace pgherd::sim {

class Referee final : public ServerWitness, public ActWitness {
 public:
  Referee(SimContext& sim, Store& store, const std::vector<const SimServer*>& servers,
          std::string prefix, const Settings& settings);

  // After every event.
  void look();
  void step_started(const NodeName& who, const Step& step);
  // By its clock.
  void woken(const NodeName& who);
  // Somebody outside makes work for the agents without end.
  void agents_are_hurried() { is_hurried_ = true; }
  [[nodiscard]] const Haste& haste() const { return haste_; }
  // `/leader` as the store has it now ("" = nobody).
  void leader_is(const NodeName& name) {
    if (leader_ != name) health_referee_.leader_changed();
    leader_ = name;
    if (!name.empty()) last_leader_ = name;
    if (!name.empty() && deleted_at_ && sim_.queue.now() - *deleted_at_ > kLongestLease) {
      deleted_at_.reset();
    }
  }
  // An operator has deleted `/leader`: whoever is open goes on until the key has an owner again;
  // two must never be open all the same, as long as messages arrive.
  void leader_key_deleted_by_hand() { deleted_at_ = sim_.queue.now(); }
  // Maintenance mode as the store has it: a server that is open while it is on is the operator's
  // affair (A1, A3), until it is closed or its agent has had time to hear of the end.
  void pause_is(bool is_on);
  // With failsafe_mode a primary may outlive its key, as long as nobody else gets it and all
  // members have accepted it a moment ago.
  void failsafe_is(bool is_on) { has_failsafe_ = has_failsafe_ || is_on; }
  void accepted_without_store(const NodeName& leader, const NodeName& by, Duration time);
  // The agent of this server lives, is not frozen and reaches the store; set by the world.
  std::function<bool(const SimServer&)> can_hear;
  // A watchdog is required at this server, and none is armed; set by the world.
  std::function<bool(const SimServer&)> lacks_watchdog;
  // An operator names who shall lead, whatever is lost by it.
  void asked_for(const NodeName& candidate) { asked_for_.insert(candidate); }
  [[nodiscard]] const NodeName& leader() const { return leader_; }
  // Who holds the key, or held it last.
  [[nodiscard]] const NodeName& last_leader() const { return last_leader_; }
  [[nodiscard]] SyncJudge& synchronous() { return synchronous_; }
  [[nodiscard]] const SyncJudge& synchronous() const { return synchronous_; }

  // Knows how well everybody was.
  [[nodiscard]] HealthReferee& health_referee() { return health_referee_; }
  void object(const HealthReferee::Complaint& complaint);
  void overlooked(const NodeName& who, const std::string& what) {
    object("L6", who + " lets its decision stand: " + what);
  }
  void stayed(const NodeName& who, Duration time) {
    object("L8", who + " was asked to leave " + std::to_string(time / 1s) + " s ago, and has not");
  }
  void fenced(const SimServer& server, Instant armed_at) {
    object(health_referee_.fenced(server, armed_at, leader_));
  }

  // The first thing that must not be; everything after it may be its consequence.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

  void opened_for_writes(const SimServer& server, bool is_new_timeline) override;
  void attached(const SimServer& standby, const SimServer& upstream) override;
  void rewinding(const SimServer& target, const SimServer& source) override;
  void removing(const SimServer& target) override;

  // One primary that the store names, and everybody else streams from it; otherwise why not.
  [[nodiscard]] std::optional<std::string> unsettled();
  [[nodiscard]] const SimServer* primary() const;
  [[nodiscard]] int promotions() const { return promotions_; }
  [[nodiscard]] int openings() const { return openings_; }
  // Promotions that found everything of a predecessor that had shut down cleanly, and that did not.
  [[nodiscard]] int clean_handovers() const { return clean_handovers_; }
  [[nodiscard]] int lossy_handovers() const { return lossy_handovers_; }
  // Promotions of a standby while another one, reachable and on the same timeline, was ahead of it.
  // A few are innocent: it was not reachable when it was asked, or an operator chose.
  [[nodiscard]] int overtaken() const { return overtaken_; }

  static constexpr Duration kHearing = 2s;
  static constexpr Duration kLongestLease = 60s;

 private:
  [[nodiscard]] bool is_excused_by_deletion() const;
  [[nodiscard]] bool may_be_disarmed() const;
  [[nodiscard]] bool is_excused(const SimServer& server);
  void look_at_start(const SimServer& server);
  void look_at_hearing(const SimServer& server);
  void look_at_pause(const SimServer& server);
  void note_opening_in_pause(const SimServer& server);
  [[nodiscard]] bool began_in_pause(const SimServer& server);
  void object(const char* rule, const std::string& what);
  void judge_new_timeline(const SimServer& server);
  void judge_published_position(const SimServer& server);
  void count_overtaken(const SimServer& server);
  [[nodiscard]] std::uint64_t published_position();
  [[nodiscard]] bool may_outlive_its_key(const SimServer& server) const;
  [[nodiscard]] static std::string position(const SimServer& server);

  struct Reign {
    const SimServer* writer = nullptr;
  };

  SimContext& sim_;
  Store& store_;
  SyncJudge synchronous_;
  HealthReferee health_referee_;
  Haste haste_;
  bool is_hurried_ = false;
  const std::vector<const SimServer*>& servers_;
  std::string prefix_;
  std::uint64_t maximum_lag_bytes_;
  NodeName leader_;
  NodeName last_leader_;
  std::optional<Instant> deleted_at_;
  bool is_paused_ = false;
  std::optional<Instant> pause_ended_at_;
  bool has_failsafe_ = false;
  std::map<std::pair<NodeName, NodeName>, Instant> accepted_until_;  // a leader, and by whom
  std::map<const SimServer*, Instant> excused_until_;    // never(): while it cannot hear of the end
  std::map<const SimServer*, Instant> coming_up_until_;  // likewise
  std::map<const SimServer*, Instant> goes_by_pause_until_;  // likewise
  std::set<NodeName> asked_for_;
  std::optional<std::string> violation_;
  std::map<std::pair<SystemId, Timeline>, Reign> reigns_;
  const SimServer* last_writer_ = nullptr;
  int promotions_ = 0;
  int openings_ = 0;
  int clean_handovers_ = 0;
  int lossy_handovers_ = 0;
  int overtaken_ = 0;
};

// Of the acknowledged writes those that are not in the final log.
[[nodiscard]] std::uint64_t count_lost(const std::vector<Clients::Acknowledged>& acknowledged,
                                       const Wal& final_log);

}  // namespace pgherd::sim
