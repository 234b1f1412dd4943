// Synchronous replication: which standbys may be waited for now, and one operation after the other
// until PostgreSQL and `/sync` say so. The order is that of sync_moves.h.
#include "decide/rules/synchronous.h"

#include <algorithm>
#include <tuple>

#include "decide/facts/electorate.h"
#include "decide/rules/synchronous_moves.h"

namespace pgherd {
namespace {

// A refused or failed attempt is not repeated sooner, for what it was refused for takes a moment to
// be seen.
constexpr Duration kWriteGap = 300ms;
constexpr Duration kNamesGap = 1s;
// Standbys that commits wait for are given that long to be back before commits go on without any.
constexpr Duration kLonelyGrace = 1s;

const Settings& settings_of(const Draft& draft) {
  return draft.seen.settings;
}

bool is_strict(const Draft& draft) {
  return settings_of(draft).synchronous_mode_strict;
}

SyncNames names_of(const InstanceView& instance) {
  // What cannot be read was written by nobody here; like `*` it promises nothing.
  SyncNames unreadable;
  unreadable.has_star = true;
  return parse_sync_names(instance.sync_names).value_or(unreadable);
}

const Member* member_called(const Draft& draft, std::string_view name) {
  for (const auto& [key, member] : draft.cluster().members) {
    if (same_name(key, name)) return &member;
  }
  return nullptr;
}

bool streams_from_here(const Draft& draft, const NodeName& name) {
  const auto& rows = draft.instance().wal_senders;
  return std::any_of(rows.begin(), rows.end(), [&](const WalSenderView& row) {
    return row.state == "streaming" && same_name(row.application_name, name);
  });
}

// It belongs behind another standby and is connected here for the time being only. `depth` ends a
// circle of tags.
bool belongs_behind_another(const Draft& draft, const Member& member, int depth = 8) {
  if (!member.tags.replicatefrom || depth == 0) return false;
  const Member* via = member_called(draft, *member.tags.replicatefrom);
  if (via == nullptr || same_name(via->name, draft.me()) || same_name(via->name, member.name)) {
    return false;
  }
  return streams_from_here(draft, via->name) || belongs_behind_another(draft, *via, depth - 1);
}

struct Eligible {
  const Member* member = nullptr;
  std::string_view state;
  bool is_listed = false;
  Lsn position;
};

// By what maximum_lag_on_syncnode judges: what commits wait for (Patroni sync.py).
Lsn awaited_position(const Draft& draft, const WalSenderView& row) {
  const std::string& awaited = draft.instance().synchronous_commit;
  if (awaited == "remote_apply") return row.replayed;
  if (awaited == "remote_write") return row.written;
  return row.flushed;
}

// Who could be synchronous: the member runs, says so itself, and streams from here.
std::vector<Eligible> eligible_standbys(const Draft& draft) {
  const SyncNames names = names_of(draft.instance());
  std::vector<Eligible> found;
  for (const WalSenderView& row : draft.instance().wal_senders) {
    if (row.state != "streaming" || !row.flushed.is_known()) continue;
    const Member* member = member_called(draft, row.application_name);
    if (member == nullptr || same_name(member->name, draft.me()) || member->tags.nosync ||
        member->state != MemberState::Running || belongs_behind_another(draft, *member)) {
      continue;
    }
    found.push_back({.member = member,
                     .state = row.sync_state,
                     .is_listed = names.names.contains(member->name),
                     .position = awaited_position(draft, row)});
  }
  // Whoever is synchronous already stays so; `nofailover` comes last.
  const auto rank = [](const Eligible& one) {
    return std::tuple(!one.member->tags.nofailover, one.member->tags.sync_priority, one.is_listed,
                      one.state, one.position);
  };
  std::sort(found.begin(), found.end(), [&](const Eligible& left, const Eligible& right) {
    if (rank(left) != rank(right)) return rank(left) > rank(right);
    return left.member->name < right.member->name;
  });
  return found;
}

void leave_out_laggards(const Draft& draft, std::vector<Eligible>& standbys) {
  const std::int64_t limit = settings_of(draft).maximum_lag_on_syncnode_bytes;
  if (limit <= 0 || standbys.empty()) return;
  Lsn best = standbys.size() == 1 ? draft.instance().flushed : Lsn{};
  for (const Eligible& one : standbys)
    best = std::max(best, one.position);
  std::erase_if(standbys, [&](const Eligible& one) {
    return lag_bytes(best, one.position) > static_cast<std::uint64_t>(limit);
  });
}

NameSet active_standbys(const Draft& draft) {
  std::vector<Eligible> standbys = eligible_standbys(draft);
  leave_out_laggards(draft, standbys);
  const bool is_quorum = settings_of(draft).synchronous_mode == SynchronousMode::Quorum;
  const auto wanted = static_cast<std::size_t>(
      std::max(settings_of(draft).synchronous_node_count, is_strict(draft) ? 1 : 0));
  NameSet active;
  for (const Eligible& one : standbys) {
    const bool takes_all = is_quorum && !one.member->tags.nofailover;
    if (takes_all || active.size() < wanted) active.insert(one.member->name);
  }
  return active;
}

// The listed ones that have everything up to a position that was written after the names were in
// force: what was acknowledged without them is on them now (safety B6).
NameSet confirmed_standbys(const Draft& draft, const SyncNames& names) {
  const InstanceView& instance = draft.instance();
  NameSet confirmed;
  if (!instance.sync_names_are_in_force || !instance.sync_names_since.is_known()) return confirmed;
  for (const WalSenderView& row : instance.wal_senders) {
    const auto listed = names.names.find(row.application_name);
    if (listed != names.names.end() && row.state == "streaming" &&
        row.flushed >= instance.sync_names_since) {
      confirmed.insert(*listed);
    }
  }
  return confirmed;
}

SyncFacts facts_of(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  SyncFacts facts;
  facts.me = draft.me();
  if (const auto& key = draft.cluster().sync; key && !key->leader.empty()) {
    facts.leader = key->leader;
    facts.voters = voters_of(*key);
    facts.voters.erase(key->leader);
    facts.quorum = key->quorum;
  }
  facts.names = names_of(instance);
  facts.is_confirmable = instance.sync_names_are_in_force && instance.sync_names_since.is_known();
  facts.confirmed = confirmed_standbys(draft, facts.names);
  facts.wanted = settings_of(draft).synchronous_node_count;
  facts.is_strict = is_strict(draft);
  return facts;
}

void plan_key(Draft& draft, SyncKey value) {
  const auto& present = draft.cluster().sync;
  const Revision seen = present ? present->mod_revision : Revision{};
  Memory& memory = draft.memory;
  const bool is_again = memory.sync.written_at && memory.sync.written_over == seen;
  if (is_again && !draft.has_come(*memory.sync.written_at + kWriteGap)) return;
  memory.sync.written_at = draft.moment();
  memory.sync.written_over = seen;
  draft.plan(WriteSync{.value = std::move(value), .seen = seen, .lease = draft.seen.session.lease});
}

void plan_names(Draft& draft, std::optional<std::string> text) {
  Memory& memory = draft.memory;
  const bool is_again = memory.sync.names_set_at && memory.sync.names_set == text;
  if (is_again && !draft.has_come(*memory.sync.names_set_at + kNamesGap)) return;
  memory.sync.names_set_at = draft.moment();
  memory.sync.names_set = text;
  draft.plan(SetSyncNames{.text = std::move(text)});
}

void carry_out(Draft& draft, const SyncMove& move) {
  if (!move.rule.empty() && move.is_warning) draft.warn(move.rule, move.why);
  if (!move.rule.empty() && !move.is_warning) draft.because(move.rule, move.why);
  if (move.key) {
    plan_key(draft, *move.key);
  } else if (move.names) {
    plan_names(draft, to_string(*move.names));
  }
}

bool is_busy(const Draft& draft) {
  return draft.seen.is_under_way(Lane::Sync) || draft.seen.is_under_way(Lane::SyncNames);
}

// The picture is of my reign, and thus of everything that others have written before it.
bool picture_is_current(const Draft& draft) {
  const auto& leader = draft.cluster().leader;
  return leader && leader->name == draft.me() && leader->lease == draft.seen.session.lease;
}

// Q8 an unanswered write of `/sync` may yet be carried out, after what comes next. Writing the same
// again makes it void.
bool write_again_what_was_not_answered(Draft& draft) {
  if (!draft.seen.session.unanswered_sync) return false;
  const auto& present = draft.cluster().sync;
  const bool has_value = present && !present->leader.empty();
  draft.because("Q8", "a write of /sync was not answered: writing it again");
  plan_key(draft, has_value ? *present : alone(draft.me()));
  return true;
}

// Q7 the mode is off: nobody is bound by `/sync` any more, then PostgreSQL waits for whom the
// operator names. True: both are so.
bool turn_off(Draft& draft) {
  const auto& key = draft.cluster().sync;
  Memory& memory = draft.memory;
  if (key) {
    const bool is_again = memory.sync.written_at && memory.sync.written_over == key->mod_revision;
    if (is_again && !draft.has_come(*memory.sync.written_at + kWriteGap)) return false;
    memory.sync.written_at = draft.moment();
    memory.sync.written_over = key->mod_revision;
    draft.because("Q7", "synchronous_mode is off: deleting /sync");
    draft.plan(DeleteSync{.seen = key->mod_revision, .lease = draft.seen.session.lease});
    return false;
  }
  if (!draft.instance().sync_names_are_ours) return true;
  draft.because("Q7", "synchronous_mode is off: synchronous_standby_names is the operator's");
  plan_names(draft, std::nullopt);
  return false;
}

// Whether standbys that are all gone may be back in a moment: after an election they first have to
// find this node.
bool is_patient(Draft& draft, const SyncFacts& facts) {
  Memory& memory = draft.memory;
  const NameSet present = common(facts.names.names, facts.active);
  const bool is_lonely = !facts.names.is_empty() && present.empty();
  if (!present.empty()) memory.sync.had_company = true;
  if (!is_lonely) {
    memory.sync.lonely_since.reset();
    return false;
  }
  if (!memory.sync.lonely_since) memory.sync.lonely_since = draft.moment();
  const Duration grace =
      memory.sync.had_company ? kLonelyGrace : Duration(settings_of(draft).loop_wait);
  const Instant limit = *memory.sync.lonely_since + grace;
  const bool others_are_there = memory.sync.had_company && !facts.active.empty();
  return !others_are_there && !draft.has_come(limit);
}

// Taken on an operator's word: whom `/sync` does not name at all could not have been elected. That
// also tells an agent that has begun anew since (sim seed 70048939).
bool was_forced(const Draft& draft) {
  const SyncKey& sync = *draft.cluster().sync;
  return draft.memory.election.was_forced ||
         !(is_in_sync(draft, draft.me()) || same_name(sync.leader, draft.me()));
}

// Whoever is forced on the cluster may lack what was acknowledged: if it never gets so far as to
// open, those that have it must still be electable, and nobody may take it for one of them (sim
// seeds 9011146, 1908).
SyncMove move_before_promotion(const Draft& draft, const SyncFacts& facts) {
  const bool names_another = !facts.leader.empty() && !same_name(facts.leader, facts.me);
  if (names_another && was_forced(draft)) return move_before_forced_promotion(facts);
  const bool is_quorum = settings_of(draft).synchronous_mode == SynchronousMode::Quorum;
  return is_quorum ? quorum_move_before_promotion(facts) : priority_move_before_promotion(facts);
}

}  // namespace

// Q1 activation: before anything else `/sync` names its leader, so that nobody else is elected. Q2
// it names another leader. Q3 `/sync` lists fewer: before PostgreSQL may wait for fewer. Q4
// PostgreSQL waits for these. Q5 `/sync` lists those who are confirmed. Q6 strict, and nobody is
// there: commits wait. Authority: Patroni quorum.py, ha.py process_sync_replication; PostgreSQL
// manual, 26.2.8.
void keep_synchronous(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_primary() || instance.role_is_stale || !picture_is_current(draft))
    return;
  draft.memory.sync.is_settled = false;
  if (is_busy(draft)) return;
  const bool is_off = settings_of(draft).synchronous_mode == SynchronousMode::Off;
  if (is_off) {
    draft.memory.sync.is_settled = true;
    (void)turn_off(draft);
    return;
  }
  if (write_again_what_was_not_answered(draft)) return;
  if (!is_synchronous(draft)) {
    draft.because("Q1", "synchronous_mode begins: nobody but this node may be elected");
    return plan_key(draft, alone(draft.me()));
  }
  SyncFacts facts = facts_of(draft);
  facts.active = active_standbys(draft);
  facts.is_patient = is_patient(draft, facts);
  const bool is_quorum = settings_of(draft).synchronous_mode == SynchronousMode::Quorum;
  const SyncMove move = is_quorum ? next_quorum_move(facts) : next_priority_move(facts);
  draft.memory.sync.is_settled =
      !move.key && !move.names && !move.is_waiting && is_within(facts.names.names, facts.active);
  carry_out(draft, move);
}

// Q2 before a promotion `/sync` and PostgreSQL already say what holds for the first commit: a
// successor of this node can be elected at any moment after it (safety B3, 78).
bool prepare_synchronous(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (is_busy(draft)) return false;
  // Where nothing is synchronous nobody waits for a picture: the election compared `/sync`.
  const bool is_off = settings_of(draft).synchronous_mode == SynchronousMode::Off;
  if (is_off && !draft.cluster().sync && !instance.sync_names_are_ours) return true;
  if (!picture_is_current(draft)) return false;
  if (is_off) return turn_off(draft);
  if (write_again_what_was_not_answered(draft)) return false;
  const SyncFacts facts = facts_of(draft);
  SyncMove move = move_before_promotion(draft, facts);
  if (!move.key && !move.names) {
    if (facts.names.is_empty() || instance.sync_names_are_in_force) return true;
    move.rule = "Q4";
    move.why = "before the promotion every process must know whom commits wait for";
    move.names = facts.names;
  }
  carry_out(draft, move);
  return false;
}

// Q10 names of an earlier reign would keep commits waiting for the wrong ones after the next
// promotion.
void forget_synchronous(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_standby() || instance.role_is_stale || is_busy(draft)) return;
  if (!instance.sync_names_are_ours) return;
  const bool is_off = settings_of(draft).synchronous_mode == SynchronousMode::Off;
  if (!is_off && instance.sync_names.empty()) return;
  draft.because("Q10", "this node leads no more: forgetting whom its commits waited for");
  plan_names(draft, is_off ? std::nullopt : std::optional(std::string()));
}

}  // namespace pgherd
