// synchronous_mode: on. Each listed standby has every acknowledged commit: add to
// synchronous_standby_names before `/sync`, remove from `/sync` before synchronous_standby_names.
#include "decide/rules/synchronous_moves.h"

namespace pgherd {
namespace {

SyncMove write_key(std::string_view rule, SyncKey key, std::string why) {
  SyncMove move;
  move.key = std::move(key);
  move.rule = rule;
  move.why = std::move(why);
  return move;
}

SyncMove set_names(SyncNames names, std::string why) {
  SyncMove move;
  move.rule = "Q4";
  move.why = std::move(why);
  move.names = std::move(names);
  return move;
}

// Nobody that could be synchronous streams.
SyncMove nobody_left(const SyncFacts& f) {
  SyncMove move;
  if (f.is_strict) {
    const SyncNames hold =
        f.voters.empty() ? nobody_yet(SyncNames::Method::First) : all_of(f.voters);
    move.is_waiting = true;
    move.rule = "Q6";
    move.is_warning = true;
    move.why =
        "No active replication connections from Patroni members and synchronous_mode_strict is "
        "requested: commits wait for " +
        to_string(hold);
    if (f.names != hold) move.names = hold;
    return move;
  }
  if (f.is_patient) {
    move.is_waiting = true;
    return move;
  }
  if (!f.voters.empty()) return write_key("Q3", alone(f.me), "no standby streams any more");
  if (!f.names.is_empty()) return set_names({}, "no standby streams: commits wait for nobody");
  return move;
}

}  // namespace

SyncKey sync_key(const NodeName& leader, const NameSet& voters, int quorum) {
  SyncKey key;
  key.leader = leader;
  key.quorum = quorum;
  key.standbys.assign(voters.begin(), voters.end());
  return key;
}

SyncKey alone(const NodeName& leader) {
  return sync_key(leader, {}, 0);
}

SyncMove next_priority_move(const SyncFacts& f) {
  if (!same_name(f.leader, f.me)) {
    return write_key("Q2", alone(f.me), "/sync still names '" + f.leader + "' as leader");
  }
  // Those without whom nothing is acknowledged.
  const NameSet demanded = f.names.demands_all() ? f.names.names : NameSet{};
  if (f.quorum != 0) {
    return write_key("Q3", sync_key(f.me, common(common(f.voters, demanded), f.confirmed), 0),
                     "leaving quorum mode: a listed standby has every commit from now on");
  }
  if (!is_within(f.voters, demanded)) {
    return write_key("Q3", sync_key(f.me, common(f.voters, demanded), 0),
                     "PostgreSQL does not wait for all that /sync lists");
  }
  if (f.active.empty()) return nobody_left(f);
  if (!is_within(f.voters, f.active)) {
    return write_key("Q3", sync_key(f.me, common(f.voters, f.active), 0),
                     joined(without(f.voters, f.active)) + " is not synchronous any more");
  }
  const SyncNames target = all_of(f.active);
  if (f.names != target) return set_names(target, "commits wait for " + to_string(target));
  const NameSet ready = united(f.voters, common(f.confirmed, f.active));
  if (!is_within(ready, f.voters)) {
    return write_key("Q5", sync_key(f.me, ready, 0),
                     joined(without(ready, f.voters)) + " has all that was acknowledged");
  }
  SyncMove move;
  move.is_waiting = !is_within(f.active, f.voters);
  if (!f.is_confirmable) {
    move = set_names(f.names, "finding out since when they have been in force");
    move.is_waiting = true;
  }
  return move;
}

SyncMove priority_move_before_promotion(const SyncFacts& f) {
  NameSet voters;
  SyncNames names;
  if (f.is_strict) {
    // Listed by votes, one alone need not have everything; only their leader has (sim seed 322643).
    if (f.quorum == 0) voters = f.voters;
    if (!f.leader.empty()) voters.insert(f.leader);
    voters.erase(f.me);
    names = voters.empty() ? nobody_yet(SyncNames::Method::First) : all_of(voters);
  }
  const bool is_written = same_name(f.leader, f.me) && f.quorum == 0 &&
                          is_within(voters, f.voters) && is_within(f.voters, voters);
  if (!is_written) {
    return write_key("Q2", sync_key(f.me, voters, 0),
                     "before this node is promoted, nobody else may be, but " + joined(voters));
  }
  if (f.names != names) {
    return set_names(names, "commits of the new leader wait for " +
                                (names.is_empty() ? "nobody" : to_string(names)));
  }
  return {};
}

}  // namespace pgherd
