// synchronous_mode: quorum. V, Q: voters and quorum of `/sync`; M, n: names and count in
// PostgreSQL; A: the standbys that stream; k: how many shall have each commit; C: the confirmed of
// M.
#include <algorithm>

#include "decide/rules/synchronous_moves.h"

namespace pgherd {
namespace {

int size(const NameSet& names) {
  return static_cast<int>(names.size());
}

// `*` is satisfied by strangers, so it promises nothing.
SyncNames as_promised(const SyncNames& names) {
  return names.has_star ? SyncNames{} : names;
}

bool is_legal(const NameSet& voters, int quorum, const SyncNames& names) {
  if (voters.empty()) return true;
  const bool is_nested = is_within(voters, names.names) || is_within(names.names, voters);
  return is_nested && size(united(voters, names.names)) <= quorum + names.count;
}

SyncMove write_key(std::string_view rule, const NodeName& leader, const NameSet& voters, int quorum,
                   std::string why) {
  SyncMove move;
  move.key = sync_key(leader, voters, quorum);
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

SyncMove wait() {
  SyncMove move;
  move.is_waiting = true;
  return move;
}

// On how many of V each acknowledged commit is at least.
int guarantee(const NameSet& voters, int quorum) {
  return voters.empty() ? 0 : size(voters) - quorum;
}

class Resolver {
 public:
  explicit Resolver(const SyncFacts& facts)
      : f_(facts),
        names_(as_promised(facts.names)),
        present_(common(names_.names, facts.active)),
        lost_(without(names_.names, facts.active)) {}

  [[nodiscard]] SyncMove next() const {
    if (!is_legal(f_.voters, f_.quorum, names_)) return repair();
    if (f_.active.empty() || f_.wanted <= 0) return nobody_left();
    if (present_.empty() && !names_.is_empty() && !f_.voters.empty()) {
      if (f_.is_patient) return wait();
      return write_key("Q3", f_.me, {}, 0, "none of the listed standbys streams any more");
    }
    const SyncNames target = any_of(std::min(f_.wanted, size(f_.active)), f_.active);
    if (f_.names == target) return refine();
    if (is_legal(f_.voters, f_.quorum, target)) {
      return set_names(target, "commits wait for " + to_string(target));
    }
    if (auto step = drop_lost()) return *step;
    return open_the_way();
  }

 private:
  // Somebody has changed one of the two by hand: what it promised is not to be relied upon.
  [[nodiscard]] SyncMove repair() const {
    const int on = std::min(names_.count, size(common(f_.confirmed, names_.names)));
    if (on <= 0) {
      return write_key("Q3", f_.me, {}, 0, "/sync promises more than PostgreSQL waits for");
    }
    return write_key("Q3", f_.me, names_.names, size(names_.names) - on,
                     "/sync promises more than PostgreSQL waits for");
  }

  [[nodiscard]] SyncMove nobody_left() const {
    if (f_.is_strict) {
      const SyncNames hold = f_.voters.empty()
                                 ? nobody_yet(SyncNames::Method::Any)
                                 : any_of(std::max(1, guarantee(f_.voters, f_.quorum)), f_.voters);
      SyncMove move = wait();
      move.rule = "Q6";
      move.is_warning = true;
      move.why =
          "No active replication connections from Patroni members and synchronous_mode_strict is "
          "requested: commits wait for " +
          to_string(hold);
      if (f_.names != hold) move.names = hold;
      return move;
    }
    if (f_.is_patient) return wait();
    if (!f_.voters.empty()) {
      return write_key("Q3", f_.me, {}, 0, "no standby streams any more");
    }
    if (!f_.names.is_empty()) return set_names({}, "no standby streams: commits wait for nobody");
    return {};
  }

  // PostgreSQL waits for the right ones; `/sync` follows as far as they are confirmed. Lower
  // promises wait until n are confirmed, higher ones do not.
  [[nodiscard]] SyncMove refine() const {
    const int on = std::max(inherited(f_.active), size(common(f_.confirmed, f_.active)));
    if (on > 0) {
      const int quorum = size(f_.active) - std::min(names_.count, on);
      const bool is_same = quorum == f_.quorum && is_same_set(f_.active, f_.voters);
      const bool is_complete = size(common(f_.confirmed, f_.active)) >= names_.count;
      const bool is_higher = guarantee(f_.active, quorum) > guarantee(f_.voters, f_.quorum);
      if (!is_same && (is_complete || is_higher)) {
        return write_key("Q5", f_.me, f_.active, quorum,
                         "confirmed: " + joined(common(f_.confirmed, f_.active)));
      }
      if (is_same && is_complete) return {};
    }
    return await_confirmation();
  }

  // Fewer names, as far as `/sync` allows it: a lost one stays as long as the count needs it.
  [[nodiscard]] std::optional<SyncMove> drop_lost() const {
    if (lost_.empty() || present_.empty()) return std::nullopt;
    const int needed = std::max(1, guarantee(f_.voters, f_.quorum));
    NameSet kept = present_;
    for (const NodeName& name : lost_) {
      if (size(kept) < needed) kept.insert(name);
    }
    const SyncNames step = any_of(std::max(needed, std::min(names_.count, size(present_))), kept);
    if (f_.names == step || !is_legal(f_.voters, f_.quorum, step)) return std::nullopt;
    return set_names(step, joined(lost_) + " does not stream any more");
  }

  // `/sync` must change before PostgreSQL may.
  [[nodiscard]] SyncMove open_the_way() const {
    // Names that are not in force everywhere leave the former ones in force somewhere.
    if (!f_.is_confirmable) return await_confirmation();
    const NameSet& voters = lost_.empty() ? f_.active : present_;
    const int next_count = std::min(f_.wanted, size(voters));
    const int on = std::max(inherited(voters), size(common(f_.confirmed, voters)));
    if (on <= 0) return await_confirmation();
    const int quorum = std::max({size(united(voters, names_.names)) - names_.count,
                                 size(voters) - next_count, size(voters) - on});
    if (quorum == f_.quorum && is_same_set(voters, f_.voters)) return await_confirmation();
    return write_key("Q5", f_.me, voters, quorum,
                     "before commits wait for other standbys: " + joined(f_.active));
  }

  [[nodiscard]] SyncMove await_confirmation() const {
    if (f_.is_confirmable) return wait();
    SyncMove again = set_names(f_.names, "finding out since when they have been in force");
    again.is_waiting = true;
    return again;
  }

  // What `/sync` promises now, of these.
  [[nodiscard]] int inherited(const NameSet& voters) const {
    return guarantee(f_.voters, f_.quorum) - size(without(f_.voters, voters));
  }
  [[nodiscard]] static bool is_same_set(const NameSet& left, const NameSet& right) {
    return is_within(left, right) && is_within(right, left);
  }

  const SyncFacts& f_;
  const SyncNames names_;
  const NameSet present_;
  const NameSet lost_;
};

// The old leader votes from now on, this node does not.
NameSet voters_after(const SyncFacts& f) {
  NameSet voters = f.voters;
  voters.insert(f.leader);
  voters.erase(f.me);
  return voters;
}

SyncNames names_for(const SyncFacts& f, const NameSet& voters) {
  const int needed = std::max(size(voters) - f.quorum, f.is_strict ? 1 : 0);
  return needed > 0 ? any_of(needed, voters) : SyncNames{};
}

SyncMove take_over(const SyncFacts& f) {
  const NameSet voters = voters_after(f);
  const SyncNames wanted = names_for(f, voters);
  if (f.names != wanted)
    return set_names(wanted, "commits of the new leader wait for " + to_string(wanted));
  return write_key("Q2", f.me, voters, f.quorum,
                   "this node leads, '" + f.leader + "' becomes a voter");
}

}  // namespace

SyncMove next_quorum_move(const SyncFacts& facts) {
  // Open, and not by the votes of those who are listed: they need not have what this node has.
  if (!same_name(facts.leader, facts.me)) {
    return write_key("Q2", facts.me, {}, 0, "/sync still names '" + facts.leader + "' as leader");
  }
  return Resolver(facts).next();
}

SyncMove quorum_move_before_promotion(const SyncFacts& facts) {
  if (!facts.leader.empty() && !same_name(facts.leader, facts.me)) return take_over(facts);
  const int needed = std::max(guarantee(facts.voters, facts.quorum), facts.is_strict ? 1 : 0);
  SyncNames wanted;
  if (!facts.voters.empty() && needed > 0) {
    wanted = any_of(needed, facts.voters);
  } else if (facts.is_strict) {
    wanted = nobody_yet(SyncNames::Method::Any);
  }
  if (facts.names == wanted) return {};
  return set_names(wanted, "commits of the new leader wait for " + to_string(wanted));
}

SyncMove move_before_forced_promotion(const SyncFacts& facts) {
  const SyncNames wanted = names_for(facts, voters_after(facts));
  if (facts.names == wanted) return {};
  return set_names(wanted, "until the new leader is open and names itself, commits wait for " +
                               to_string(wanted));
}

}  // namespace pgherd
