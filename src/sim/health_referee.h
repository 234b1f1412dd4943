// HealthReferee: what can be said against a herd only by somebody who knows how well everybody was.
// A network that loses messages excuses much; two nodes that could talk for seconds excuse nothing.
// Part of the referee, and like it without a line of the rules that are judged.
//
//   A3  the guardian had to end PostgreSQL beside an agent that was well and had not begun to
//   B1  a standby was promoted past another one that was ahead, though all of them were well
//   B1  a handover from a leader that had shut down cleanly lost writes, though all were well
//   B8  pg_rewind against a server that does not lead, or whose pg_control is of an older timeline
//   B8  a data directory was removed though the configuration does not allow it
//   B10 at rest the primary has no slot for a member
//   C1  `/leader` or a member key hangs on no lease that lives, or `/leader` was taken from its
//   holder C2  somebody who does not lead wrote what only a leader writes C4  at rest a lease has
//   not been renewed for more than a quarter of its time P   at rest `/history` does not know of
//   the running timeline, or pg_control shows an older one
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/settings.h"
#include "sim/server.h"
#include "sim/store.h"

namespace pgherd::sim {

class HealthReferee {
 public:
  HealthReferee(SimContext& sim, Store& store, const std::vector<const SimServer*>& servers,
                std::string prefix, Settings settings);

  // Since when the agent at a place lives and is not frozen; never() while it does not. Set by the
  // world.
  std::function<Instant(Place)> agent_well_since;
  // When the watchdog of a place, without which nobody may lead there, was last refused; never()
  // where it was not, or is not required. Set by the world.
  std::function<Instant(Place)> watchdog_refused_at;
  // An operator said who shall lead. By a failover he may lose what he likes; by a switchover
  // nothing that its leader has left behind. Counts until it is served or cleared.
  void request_is(const std::string& json);
  // Settings in force from now on.
  void settings_are(const Settings& settings) { settings_ = settings; }

  // Every agent lived and no message was lost for as long.
  [[nodiscard]] bool was_all_well_for(Duration time) const;

  using Complaint = std::optional<std::string>;
  // `/leader` names somebody else from now on: what he does as the leader was decided before.
  void leader_changed();
  // Before every look; keeps what is needed later.
  void look(const SimServer* open) {
    if (open != nullptr) open_at_ = sim_.queue.now();
  }
  [[nodiscard]] Complaint promoted(const SimServer& server, const SimServer* before) const;
  [[nodiscard]] Complaint fenced(const SimServer& server, Instant armed_at,
                                 const std::string& leader) const;
  [[nodiscard]] Complaint rewinding(const SimServer& target, const SimServer& source,
                                    const std::string& leader) const;
  [[nodiscard]] Complaint removing(const SimServer& target) const;
  // A key under the prefix was written by the agent at `writer` (nothing: an operator) while
  // `leader` led.
  [[nodiscard]] Complaint written(const WatchEvent& event, std::optional<Place> writer,
                                  const std::string& leader) const;
  // At rest under this primary.
  [[nodiscard]] Complaint amiss_at_rest(const SimServer& primary);

 private:
  struct Position {
    Timeline timeline;
    Lsn end;
  };

  [[nodiscard]] bool is_well(const SimServer& server, Duration for_as_long) const;
  [[nodiscard]] bool all_was_quiet(Duration for_as_long) const;
  [[nodiscard]] bool is_barred(const SimServer& server) const;
  [[nodiscard]] bool has_a_say(const SimServer& server) const;
  // A standby that was ahead of the promoted `server` when that one took the key, and is now: whom
  // a former leader, back as a standby, has told more since was not ahead when it was asked (sim
  // seed 8036165).
  [[nodiscard]] const SimServer* ahead_of(const SimServer& server) const;
  // `last`: a record of `left`, the WAL of a primary that has shut down.
  [[nodiscard]] bool has_lost_successors(const SimServer& server, const SimServer& before,
                                         Duration handover) const;
  [[nodiscard]] NodeName name_at(Place place) const;

  SimContext& sim_;
  Store& store_;
  const std::vector<const SimServer*>& servers_;
  std::string prefix_;
  Settings settings_;
  Instant open_at_;        // when somebody could acknowledge last
  Instant decided_at_;     // who leads now
  std::string sync_then_;  // `/sync` at that moment
  std::map<const SimServer*, Position> positions_then_;
  std::set<const SimServer*> unknown_then_;  // had no member key
  Instant asked_at_;                         // an operator's last word on who shall lead
  Instant forced_at_;                        // the last of those that may lose something
  bool is_failover_ = false;                 // the request was one of those
};

}  // namespace pgherd::sim
