#include "sim/health_referee.h"

#include <algorithm>
#include <utility>

#include "sim/store_text.h"

namespace pgherd::sim {
namespace {

// Long enough for every answer to have been asked for anew, however slow.
constexpr Duration kLong = 2s;
// The same for all answers of a round: one who is gone is waited for, and a second later the next
// round begins.
Duration round_under(Milliseconds ttl) {
  return 1500ms + std::clamp<Duration>(ttl / 10, 300ms, 2s);
}
// How much longer than a round it may take whoever has lost its member key to write it anew: a
// request that was lost is waited for first, for an eighth of the ttl that its agent has begun
// with.
constexpr Duration kReturn = 1500ms;
// Long enough for a leader that has shut down to wait for its successor and to change its mind.
constexpr Duration kHandover = 15s;

std::string at(const SimServer& server) {
  const auto& wal = server.directory().wal;
  return server.name() + " (timeline " + std::to_string(wal.timeline().value) + " at " +
         to_string(wal.end()) + ")";
}

bool is_within(Duration time, Instant at, Instant now) {
  return !at.is_never() && now - at <= time;
}

// As PostgreSQL allows them in names of slots; the names of this world need no more.
bool has_slot(const SimServer& server, const NodeName& member) {
  return server.directory().slots.contains(member);
}

}  // namespace

HealthReferee::HealthReferee(SimContext& sim, Store& store,
                             const std::vector<const SimServer*>& servers, std::string prefix,
                             Settings settings)
    : sim_(sim),
      store_(store),
      servers_(servers),
      prefix_(std::move(prefix)),
      settings_(std::move(settings)) {}

void HealthReferee::leader_changed() {
  decided_at_ = sim_.queue.now();
  sync_then_ = store_.value(prefix_ + "sync");
  unknown_then_.clear();
  for (const SimServer* server : servers_) {
    if (store_.value(prefix_ + "members/" + server->name()).empty()) unknown_then_.insert(server);
    const auto& wal = server->directory().wal;
    positions_then_[server] = {.timeline = wal.timeline(), .end = wal.end()};
  }
}

void HealthReferee::request_is(const std::string& json) {
  const auto fields = fields_of(json);
  if (fields.contains("leader") || fields.contains("member"))
    is_failover_ = !fields.contains("leader");
  asked_at_ = sim_.queue.now();
  if (is_failover_) forced_at_ = asked_at_;
}

bool HealthReferee::is_well(const SimServer& server, Duration for_as_long) const {
  if (!agent_well_since) return false;
  const Instant since = agent_well_since(server.place());
  return !since.is_never() && sim_.queue.now() - since >= for_as_long;
}

// Whoever could not open its watchdog tries again after ttl, by its own clock, and says so
// meanwhile: nobody waits for it, whatever it has (sim seed 170066982).
bool HealthReferee::is_barred(const SimServer& server) const {
  const Instant at = watchdog_refused_at ? watchdog_refused_at(server.place()) : Instant::never();
  return !at.is_never() && decided_at_ - at <= settings_.ttl + kLong;
}

bool HealthReferee::all_was_quiet(Duration for_as_long) const {
  const Instant now = sim_.queue.now();
  return sim_.pace.failure_percent == 0 && sim_.network.is_quiet() &&
         now - sim_.network.changed_at() >= for_as_long && store_.is_up() &&
         now - store_.changed_at() >= for_as_long;
}

bool HealthReferee::was_all_well_for(Duration time) const {
  return all_was_quiet(time) &&
         std::all_of(servers_.begin(), servers_.end(),
                     [&](const SimServer* server) { return is_well(*server, time); });
}

// In synchronous mode who was not listed when the key was taken may have more, but nothing that was
// acknowledged; the winner may list it since (sim seed 601853). Nor may anybody lead whom a leader
// without the store would not ask.
bool HealthReferee::has_a_say(const SimServer& server) const {
  const auto failsafe = fields_of(store_.value(prefix_ + "failsafe"));
  if (!failsafe.empty() && !failsafe.contains(server.name())) return false;
  const bool is_listing = fields_of(sync_then_).contains("sync_standby");
  if (settings_.synchronous_mode == SynchronousMode::Off || !is_listing) return true;
  return names_at(sync_then_, "sync_standby").contains(server.name());
}

const SimServer* HealthReferee::ahead_of(const SimServer& server) const {
  const Duration long_enough = sim_.queue.now() - decided_at_ + round_under(settings_.ttl);
  const auto& left = server.directory().wal.switches().back();
  const auto is_ahead = [&left](const Position& other) {
    return other.timeline == left.parent ? other.end > left.at : other.timeline > left.parent;
  };
  const auto found = std::find_if(servers_.begin(), servers_.end(), [&](const SimServer* other) {
    // Nobody knows where to ask it (sim seed 410012684).
    const bool is_unknown = unknown_then_.contains(other) && !all_was_quiet(long_enough + kReturn);
    if (is_unknown || other == &server || other->process() != ProcessState::Running ||
        !other->is_in_recovery() || !has_a_say(*other) ||
        sim_.queue.now() - other->running_since < long_enough || !is_well(*other, long_enough) ||
        other->may_not_lead || is_barred(*other) ||
        other->failed_promotions > server.failed_promotions) {
      return false;
    }
    const auto& wal = other->directory().wal;
    const auto then = positions_then_.find(other);
    return is_ahead({.timeline = wal.timeline(), .end = wal.end()}) &&
           (then == positions_then_.end() || is_ahead(then->second));
  });
  return found == servers_.end() ? nullptr : *found;
}

// Whoever else had it all, and was to be the successor, was lost as well, before its promotion (sim
// seed 40013856) or in it: as after the loss of any leader maximum_lag_on_failover is what may be
// lost then (sim seed 6002279).
bool HealthReferee::has_lost_successors(const SimServer& server, const SimServer& before,
                                        Duration handover) const {
  const auto& left = before.directory().wal;
  const auto last = left.size() - 2;
  bool had_one = false;
  for (const SimServer* other : servers_) {
    if (other == &server || other == &before ||
        !other->directory().wal.contains(left[last].id, last)) {
      continue;
    }
    had_one = true;
    const bool was_there = other->process() == ProcessState::Running &&
                           sim_.queue.now() - other->running_since >= handover &&
                           other->failed_promotions <= server.failed_promotions;
    if (was_there) return false;
  }
  return had_one;
}

// Positions of standbys stand still once nobody writes: who asked in the seconds before the key was
// taken knew better.
HealthReferee::Complaint HealthReferee::promoted(const SimServer& server,
                                                 const SimServer* before) const {
  const Instant now = sim_.queue.now();
  const Duration aftermath = 2 * settings_.ttl + kHandover;
  if (now - forced_at_ < aftermath) return std::nullopt;
  const Duration long_enough = now - decided_at_ + round_under(settings_.ttl);
  if (now - asked_at_ >= aftermath && is_well(server, long_enough) && all_was_quiet(long_enough) &&
      now - open_at_ >= long_enough) {
    if (const SimServer* other = ahead_of(server)) {
      return "B1: " + at(server) + " is promoted past " + at(*other) +
             ", which was ahead and could be asked for " + std::to_string(long_enough / 1ms) +
             " ms";
    }
  }
  // A leader that shut down to start anew, and could not, is lost like one that has died: what may
  // be lost with it is bounded by maximum_lag_on_failover (sim seed 413033740).
  const Duration handover = now - decided_at_ + kHandover;
  if (before == nullptr || before == &server || !is_well(*before, handover) ||
      !is_well(server, handover) || !all_was_quiet(handover) ||
      is_within(handover, before->could_not_start_at, now) ||
      before->directory().control != ControlState::ShutDown) {
    return std::nullopt;
  }
  const auto& left = before->directory().wal;
  const auto last = left.size() - 2;  // the shutdown checkpoint itself may be missing
  if (left.size() < 2 || server.directory().wal.contains(left[last].id, last) ||
      has_lost_successors(server, *before, handover)) {
    return std::nullopt;
  }
  return "B1: " + at(server) + " takes over from " + at(*before) +
         ", which had shut down cleanly, without all of its writes";
}

// An agent that has started since knows nothing of the lease that it was armed for.
HealthReferee::Complaint HealthReferee::fenced(const SimServer& server, Instant armed_at,
                                               const std::string& leader) const {
  const bool had_begun = server.process() != ProcessState::Running || server.is_in_recovery() ||
                         server.is_asked_to_stop;
  const Duration long_enough = std::max<Duration>(settings_.ttl, sim_.queue.now() - armed_at);
  if (had_begun || !is_well(server, long_enough)) return std::nullopt;
  return "A3: the guardian had to end " + at(server) +
         " beside an agent that was well and had not begun to; /leader names " +
         (leader.empty() ? "nobody" : leader);
}

HealthReferee::Complaint HealthReferee::rewinding(const SimServer& target, const SimServer& source,
                                                  const std::string& leader) const {
  // What the store says may have changed while the order travelled, and whoever hears nothing of it
  // yet goes by what it said before; pg_rewind asks the source itself (sim seed 413170010).
  if (!all_was_quiet(kLong)) return std::nullopt;
  const std::string what = at(target) + " is rewound to " + at(source);
  if (source.directory().control_timeline != source.directory().wal.timeline()) {
    return "B8: " + what + ", whose pg_control is still of timeline " +
           std::to_string(source.directory().control_timeline.value);
  }
  if (!leader.empty() && leader != source.name()) {
    return "B8: " + what + ", but /leader names " + leader;
  }
  return std::nullopt;
}

HealthReferee::Complaint HealthReferee::removing(const SimServer& target) const {
  if (settings_.remove_data_directory_on_diverged_timelines ||
      settings_.remove_data_directory_on_rewind_failure || target.may_be_removed) {
    return std::nullopt;
  }
  return "B8: the data directory of " + at(target) +
         " is removed though no setting and no operator allows it";
}

NodeName HealthReferee::name_at(Place place) const {
  const auto found =
      std::find_if(servers_.begin(), servers_.end(),
                   [place](const SimServer* server) { return server->place() == place; });
  return found == servers_.end() ? NodeName() : (*found)->name();
}

HealthReferee::Complaint HealthReferee::written(const WatchEvent& event,
                                                std::optional<Place> writer,
                                                const std::string& leader) const {
  if (!writer) return std::nullopt;
  const auto leaf = event.entry.key.substr(prefix_.size());
  const bool hangs_on_a_lease = leaf == "leader" || leaf.starts_with("members/");
  if (hangs_on_a_lease && !event.is_deletion && !store_.has_lease(event.entry.lease)) {
    return "C1: /" + leaf + " was written by " + name_at(*writer) + " without a lease that lives";
  }
  if (leaf == "leader" && !event.is_deletion && !leader.empty() && event.entry.value != leader) {
    return "C1: " + name_at(*writer) + " took /leader while it named " + leader;
  }
  const bool is_the_leaders = leaf == "status" || leaf == "history" || leaf == "sync" ||
                              leaf == "failsafe" || leaf == "timeline";
  if (is_the_leaders && name_at(*writer) != leader) {
    return "C2: /" + leaf + " was written by " + name_at(*writer) + " while /leader named " +
           (leader.empty() ? "nobody" : leader);
  }
  return std::nullopt;
}

HealthReferee::Complaint HealthReferee::amiss_at_rest(const SimServer& primary) {
  const auto& directory = primary.directory();
  if (settings_.use_slots) {
    for (const SimServer* server : servers_) {
      if (server != &primary && !has_slot(primary, server->name())) {
        return "B10: " + at(primary) + " has no slot for " + server->name();
      }
    }
  }
  if (directory.control_timeline != directory.wal.timeline()) {
    return "P: pg_control of " + at(primary) + " still shows timeline " +
           std::to_string(directory.control_timeline.value);
  }
  // The number of the running timeline is one above the last that the history says was left.
  const auto newest = last_left_timeline(store_.value(prefix_ + "history")) + 1;
  if (newest != directory.wal.timeline().value) {
    return "P: /history ends before timeline " + std::to_string(newest) + ", but " + at(primary) +
           " leads";
  }
  if (const auto oldest = store_.longest_unrenewed(); oldest > settings_.ttl / 4 + 2s) {
    return "C4: at rest a lease was not renewed for " +
           std::to_string(oldest / std::chrono::milliseconds(1)) + " ms";
  }
  return std::nullopt;
}

}  // namespace pgherd::sim
