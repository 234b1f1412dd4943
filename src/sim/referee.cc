#include "sim/referee.h"

#include <algorithm>
#include <utility>

#include "sim/store_text.h"

namespace pgherd::sim {
namespace {

// With everybody there nobody waits longer for a synchronous standby.
constexpr Duration kCommitPatience = 3s;

}  // namespace

Referee::Referee(SimContext& sim, Store& store, const std::vector<const SimServer*>& servers,
                 std::string prefix, const Settings& settings)
    : sim_(sim),
      store_(store),
      synchronous_(sim),
      health_referee_(sim, store, servers, prefix, settings),
      servers_(servers),
      prefix_(std::move(prefix)),
      maximum_lag_bytes_(static_cast<std::uint64_t>(
          std::max<std::int64_t>(settings.maximum_lag_on_failover_bytes, 0))) {}

void Referee::object(const HealthReferee::Complaint& complaint) {
  if (!complaint || violation_) return;
  violation_ = complaint;
  sim_.tell("referee", [&] { return *violation_; });
}

std::string Referee::position(const SimServer& server) {
  const auto& wal = server.directory().wal;
  return server.name() + " (timeline " + std::to_string(wal.timeline().value) + " at " +
         to_string(wal.end()) + ")";
}

void Referee::object(const char* rule, const std::string& what) {
  if (violation_) return;
  violation_ = std::string(rule) + ": " + what;
  sim_.tell("referee", [&] { return *violation_; });
}

// The key's end was not its owner's doing: until somebody has it again, and a moment longer, it may
// go on. With an agent hung or messages lost even two may be open until the lease that it had would
// have ended: who deletes the key by hand then must know it (docs/safety.md).
bool Referee::is_excused_by_deletion() const {
  if (!deleted_at_) return false;
  const auto passed = sim_.queue.now() - *deleted_at_;
  return leader_.empty() || passed <= kHearing ||
         !health_referee_.was_all_well_for(passed + kHearing);
}

void Referee::pause_is(bool is_on) {
  if (is_paused_ && !is_on) pause_ended_at_ = sim_.queue.now();
  is_paused_ = is_on;
}

// Whoever has heard of maintenance mode and not yet of its end has disarmed its watchdog, also
// where a promotion was under way (sim seed 40004815).
bool Referee::may_be_disarmed() const {
  return is_paused_ || (pause_ended_at_ && sim_.queue.now() - *pause_ended_at_ <= kHearing);
}

// Who was coming up under maintenance mode, where nobody is held to a lease, opens as long as its
// agent cannot know of the end, and a moment longer (sim seeds 324006, 8050718).
void Referee::look_at_start(const SimServer& server) {
  const bool comes_up = server.is_in_recovery() ? server.is_being_promoted
                                                : server.process() == ProcessState::Starting;
  auto found = coming_up_until_.find(&server);
  if (!comes_up) {
    if (found != coming_up_until_.end()) coming_up_until_.erase(found);
  } else if (is_paused_ || (found != coming_up_until_.end() && can_hear && !can_hear(server))) {
    coming_up_until_[&server] = Instant::never();
  } else if (found != coming_up_until_.end() && found->second.is_never()) {
    found->second = sim_.queue.now() + kHearing;
  }
}

// An agent goes by maintenance mode until it can know of the end, and a moment longer.
void Referee::look_at_pause(const SimServer& server) {
  const auto found = goes_by_pause_until_.find(&server);
  if (is_paused_ || (found != goes_by_pause_until_.end() && can_hear && !can_hear(server))) {
    goes_by_pause_until_[&server] = Instant::never();
  } else if (found != goes_by_pause_until_.end()) {
    if (found->second.is_never()) found->second = sim_.queue.now() + kHearing;
    if (sim_.queue.now() >= found->second) goes_by_pause_until_.erase(found);
  }
}

// The holder of the key that was closed for a restart as the mode ended opens again under it, and
// then outlives the key as one that was open (sim seed 414030715).
void Referee::note_opening_in_pause(const SimServer& server) {
  if (leader_ == server.name() && goes_by_pause_until_.contains(&server)) {
    excused_until_[&server] = Instant::never();
  }
}

bool Referee::began_in_pause(const SimServer& server) {
  const auto found = coming_up_until_.find(&server);
  if (found == coming_up_until_.end() || sim_.queue.now() >= found->second) return false;
  excused_until_[&server] = Instant::never();  // as one that was open
  return true;
}

// The time of the excuse below begins anew when the agent cannot hear, also of a server that
// acknowledges nothing, for its machine is suspended (sim seed 380053753).
void Referee::look_at_hearing(const SimServer& server) {
  const auto found = excused_until_.find(&server);
  if (found != excused_until_.end() && can_hear && !can_hear(server))
    found->second = Instant::never();
}

// Who was open under maintenance mode has 15 s from the moment on at which its agent can
// know of the end.
bool Referee::is_excused(const SimServer& server) {
  if (is_paused_) {
    excused_until_[&server] = Instant::never();
    return true;
  }
  const auto found = excused_until_.find(&server);
  if (found == excused_until_.end()) return false;
  constexpr Duration kReaction = 15s;
  const Instant now = sim_.queue.now();
  const bool hears = !can_hear || can_hear(server);
  if (hears && found->second.is_never()) found->second = now + kReaction;
  return now < found->second;
}

void Referee::accepted_without_store(const NodeName& leader, const NodeName& by, Duration time) {
  auto& until = accepted_until_[{leader, by}];
  until = std::max(until, sim_.queue.now() + time);
}

// Everybody whom `/failsafe` names has accepted it, and will not take its place before.
bool Referee::may_outlive_its_key(const SimServer& server) const {
  if (!has_failsafe_ || !leader_.empty()) return false;
  const auto members = fields_of(store_.value(prefix_ + "failsafe"));
  return std::all_of(servers_.begin(), servers_.end(), [&](const SimServer* other) {
    if (other == &server || !members.contains(other->name())) return true;
    const auto found = accepted_until_.find({server.name(), other->name()});
    return found != accepted_until_.end() && sim_.queue.now() < found->second;
  });
}

void Referee::step_started(const NodeName& who, const Step& step) {
  const Lane lane = lane_of(step);
  // Ending an act is asked for again with each decision until it has ended.
  if (lane == Lane::Control) return;
  const int count = haste_.started(who, lane, sim_.queue.now());
  if (count > Haste::bound(is_hurried_)) {
    object("L5", "within a second " + who + " starts " + std::to_string(count) +
                     " steps of the kind " + std::string(name_of(lane)) + ", the last is " +
                     to_string(step));
  }
}

void Referee::woken(const NodeName& who) {
  const int count = haste_.woken(who, sim_.queue.now());
  if (count > Haste::bound_of_wakes()) {
    object("L7",
           "within a second the clock of " + who + " wakes it " + std::to_string(count) + " times");
  }
}

void Referee::look() {
  const SimServer* open = nullptr;
  for (const SimServer* server : servers_) {
    look_at_start(*server);
    look_at_pause(*server);
    look_at_hearing(*server);
    if (!server->can_acknowledge()) {
      if (!is_paused_ && server->is_in_recovery()) excused_until_.erase(server);
      continue;
    }
    if (is_excused(*server)) continue;
    const bool is_deleted = deleted_at_ && !health_referee_.was_all_well_for(kHearing);
    if (open != nullptr && !is_deleted) {
      object("A1", position(*open) + " and " + position(*server) + " both accept writes");
      return;
    }
    open = server;
  }
  health_referee_.look(open);
  if (open != nullptr && leader_ != open->name() && !open->is_bootstrapping &&
      !may_outlive_its_key(*open) && !is_excused_by_deletion()) {
    object("A3", position(*open) + " accepts writes though /leader names " +
                     (leader_.empty() ? "nobody" : leader_));
  }
  if (open != nullptr) object(synchronous_.look(*open, servers_));
}

void Referee::opened_for_writes(const SimServer& server, bool is_new_timeline) {
  ++openings_;
  if (is_new_timeline) ++promotions_;
  // In maintenance mode an operator may restart, and promote by hand, whatever runs. A leader whose
  // members accept it without the store starts again in place.
  const bool may_outlive = !is_new_timeline && may_outlive_its_key(server);
  // Also one that has the key still: without the store it loses it later (sim seed 70110537).
  const bool was_coming_up = began_in_pause(server);
  note_opening_in_pause(server);
  if (leader_ != server.name() && !server.is_bootstrapping && !is_paused_ && !may_outlive &&
      !was_coming_up && !is_excused(server) && !is_excused_by_deletion()) {
    object("A2", position(server) + " opens for writes though /leader names " +
                     (leader_.empty() ? "nobody" : leader_));
  }
  const bool is_by_hand =
      may_be_disarmed() || server.is_bootstrapping || is_excused(server) || was_coming_up;
  if (!is_by_hand && lacks_watchdog && lacks_watchdog(server)) {
    object("W4", position(server) + " opens for writes without the watchdog that is required");
  }
  // By hand, and nobody's reign: what is written there is lost by the operator's choice.
  if (is_paused_ && leader_ != server.name()) return;
  const auto initialize = store_.value(prefix_ + "initialize");
  if (!server.is_bootstrapping && !initialize.empty() &&
      initialize != server.directory().system_id) {
    object("B9",
           position(server) + " opens for writes, but its system identifier is not the cluster's");
  }
  const std::pair key(server.directory().system_id, server.directory().wal.timeline());
  const auto known = reigns_.find(key);
  if (is_new_timeline) {
    judge_new_timeline(server);
    object(health_referee_.promoted(server, last_writer_));
    count_overtaken(server);
    judge_published_position(server);
    object(synchronous_.promoted(server));
  } else if (known != reigns_.end() && known->second.writer != &server) {
    object("A7", position(server) + " starts as a primary on a timeline that " +
                     known->second.writer->name() + " has written");
  }
  reigns_[key] = {.writer = &server};
  last_writer_ = &server;
}

void Referee::judge_new_timeline(const SimServer& server) {
  const auto& wal = server.directory().wal;
  if (reigns_.contains({server.directory().system_id, wal.timeline()})) {
    object("A8", "the number of a timeline is used twice: " + position(server));
  }
  const SimServer* before = last_writer_;
  if (before == nullptr || before == &server ||
      before->directory().control != ControlState::ShutDown) {
    return;
  }
  // All but the shutdown checkpoint itself.
  const auto& left = before->directory().wal;
  const auto last = left.size() - 2;
  if (left.size() < 2 || wal.contains(left[last].id, last)) {
    ++clean_handovers_;
  } else {
    ++lossy_handovers_;
    sim_.tell("referee", [&] {
      return position(server) + " follows a clean shutdown of " + position(*before) +
             " without all of it";
    });
  }
}

void Referee::count_overtaken(const SimServer& server) {
  const auto& left = server.directory().wal.switches().back();
  const bool is_overtaken =
      std::any_of(servers_.begin(), servers_.end(), [&](const SimServer* other) {
        return other != &server && other->process() == ProcessState::Running &&
               other->is_in_recovery() &&
               sim_.network.is_open_both(server.place(), other->place()) &&
               other->directory().wal.timeline() == left.parent &&
               other->directory().wal.end() > left.at;
      });
  if (!is_overtaken || asked_for_.contains(server.name())) return;
  ++overtaken_;
  sim_.tell("referee",
            [&] { return position(server) + " is promoted past a standby that is ahead"; });
}

std::uint64_t Referee::published_position() {
  return static_cast<std::uint64_t>(number_at(store_.value(prefix_ + "status"), "optime"));
}

void Referee::judge_published_position(const SimServer& server) {
  const auto published = published_position();
  const auto& wal = server.directory().wal;
  const auto had = wal.switches().empty() ? wal.end().bytes : wal.switches().back().at.bytes;
  const bool is_allowed = published <= had + maximum_lag_bytes_ || synchronous_.is_active() ||
                          asked_for_.erase(server.name()) > 0;
  if (!is_allowed) {
    object("B1", position(server) + " is promoted though " + std::to_string(published - had) +
                     " published bytes are missing");
  }
}

void Referee::attached(const SimServer& standby, const SimServer& upstream) {
  if (!upstream.directory().wal.continues(standby.directory().wal)) {
    object("F1", position(standby) + " streams from " + position(upstream) +
                     ", which does not contain its log");
  }
}

void Referee::rewinding(const SimServer& target, const SimServer& source) {
  // The primary of another cluster is none of this one's reigns.
  if (std::find(servers_.begin(), servers_.end(), &source) == servers_.end()) return;
  object(health_referee_.rewinding(target, source, leader_));
  for (const auto& [key, reign] : reigns_) {
    if (key.first == source.directory().system_id &&
        key.second > source.directory().wal.timeline()) {
      object("B8", position(target) + " is rewound to " + position(source) + ", but timeline " +
                       std::to_string(key.second.value) + " exists");
    }
  }
}

void Referee::removing(const SimServer& target) {
  if (target.directory().state != DataDirectory::Valid) return;
  object(health_referee_.removing(target));
  if (leader_ == target.name()) {
    object("B8", "the data directory of " + position(target) + " is removed while it leads");
  }
  const bool has_other = std::any_of(servers_.begin(), servers_.end(), [&](const SimServer* other) {
    return other != &target && other->directory().state == DataDirectory::Valid &&
           other->directory().system_id == target.directory().system_id;
  });
  if (!has_other) object("F2", "the data directory of " + position(target) + " was the last copy");
}

const SimServer* Referee::primary() const {
  const auto found = std::find_if(servers_.begin(), servers_.end(), [](const SimServer* server) {
    return server->can_acknowledge();
  });
  return found == servers_.end() ? nullptr : *found;
}

std::optional<std::string> Referee::unsettled() {
  const SimServer* leads = primary();
  if (leads == nullptr)
    return "nobody accepts writes; /leader names " + (leader_.empty() ? "nobody" : leader_);
  if (leader_ != leads->name())
    return "/leader names " + leader_ + ", the primary is " + leads->name();
  const auto waiting = leads->sync_commit().waiting_since();
  if (!waiting.is_never() && sim_.queue.now() - waiting > kCommitPatience) {
    return "commits wait at " + leads->name() + " for " +
           leads->sync_commit().in_force().back().text;
  }
  for (const SimServer* server : servers_) {
    if (server != leads && !server->is_streaming_from(*leads)) {
      return position(*server) + " does not stream from " + position(*leads);
    }
  }
  return health_referee_.amiss_at_rest(*leads);
}

std::uint64_t count_lost(const std::vector<Clients::Acknowledged>& acknowledged,
                         const Wal& final_log) {
  std::vector<std::uint64_t> kept;
  kept.reserve(final_log.size());
  for (std::size_t index = 0; index < final_log.size(); ++index) {
    kept.push_back(final_log[index].id);
  }
  std::sort(kept.begin(), kept.end());
  return static_cast<std::uint64_t>(std::count_if(
      acknowledged.begin(), acknowledged.end(),
      [&](const auto& one) { return !std::binary_search(kept.begin(), kept.end(), one.id); }));
}

}  // namespace pgherd::sim
