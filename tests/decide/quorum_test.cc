// The order of operations in quorum and priority mode: every row of the specification's table, and
// a walk at random through what can happen between any two operations.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/dice.h"
#include "decide/facts/electorate.h"
#include "decide/rules/synchronous_moves.h"

namespace pgherd {
namespace {

// ---- The table
// ---------------------------------------------------------------------------------------

SyncFacts steady(const NameSet& standbys, int count) {
  SyncFacts facts;
  facts.me = facts.leader = "ams";
  facts.voters = facts.active = facts.confirmed = standbys;
  facts.quorum = static_cast<int>(standbys.size()) - count;
  facts.names = any_of(count, standbys);
  facts.is_confirmable = true;
  facts.wanted = count;
  return facts;
}

std::string told(const SyncMove& move) {
  if (move.key) {
    return "/sync " + move.key->leader + " V=" + joined(voters_of(*move.key)) +
           " Q=" + std::to_string(move.key->quorum);
  }
  return move.names ? "ssn " + to_string(*move.names) : move.is_waiting ? "wait" : "";
}

// Carries out the move; what has just been set is confirmed by whoever is in `confirms`.
void carry_out(SyncFacts& facts, const SyncMove& move, const NameSet& confirms) {
  if (move.key) {
    facts.leader = move.key->leader;
    facts.voters = voters_of(*move.key);
    facts.quorum = move.key->quorum;
  }
  if (move.names) {
    facts.names = *move.names;
    facts.is_confirmable = true;
    facts.confirmed = common(common(facts.names.names, facts.active), confirms);
  }
}

using Told = std::vector<std::string>;

Told all_moves(SyncFacts facts, const NameSet& confirms, SyncMove (*next)(const SyncFacts&)) {
  Told moves;
  for (int round = 0; round < 12; ++round) {
    const SyncMove move = next(facts);
    if (!told(move).empty()) moves.push_back(told(move));
    if (!move.key && !move.names) break;
    carry_out(facts, move, confirms);
  }
  return moves;
}

Told quorum_moves(const SyncFacts& facts, const NameSet& confirms = {"ams", "ber", "cph", "dub"}) {
  return all_moves(facts, confirms, next_quorum_move);
}

TEST(Quorum, BeginsWithPostgresqlAndThenLetsOthersVote) {
  SyncFacts facts = steady({}, 1);
  facts.active = {"ber", "cph"};
  EXPECT_EQ(quorum_moves(facts, {"ber"}),
            (Told{"ssn ANY 1 (\"ber\",\"cph\")", "/sync ams V=ber, cph Q=1"}));
}

TEST(Quorum, LetsNobodyVoteUntilOneIsConfirmed) {
  SyncFacts facts = steady({}, 1);
  facts.active = {"ber", "cph"};
  EXPECT_EQ(quorum_moves(facts, {}), (Told{"ssn ANY 1 (\"ber\",\"cph\")", "wait"}));
}

TEST(Quorum, AddsToTheVotersFirst) {
  SyncFacts facts = steady({"ber", "cph"}, 1);
  facts.active.insert("dub");
  EXPECT_EQ(quorum_moves(facts),
            (Told{"/sync ams V=ber, cph, dub Q=2", "ssn ANY 1 (\"ber\",\"cph\",\"dub\")"}));
}

TEST(Quorum, RaisesTheCountBeforeItLowersTheQuorum) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 1);
  facts.wanted = 2;
  EXPECT_EQ(quorum_moves(facts),
            (Told{"ssn ANY 2 (\"ber\",\"cph\",\"dub\")", "/sync ams V=ber, cph, dub Q=1"}));
  EXPECT_EQ(quorum_moves(facts, {"ber"}), (Told{"ssn ANY 2 (\"ber\",\"cph\",\"dub\")", "wait"}));
}

TEST(Quorum, RaisesTheQuorumBeforeItLowersTheCount) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.wanted = 1;
  EXPECT_EQ(quorum_moves(facts),
            (Told{"/sync ams V=ber, cph, dub Q=2", "ssn ANY 1 (\"ber\",\"cph\",\"dub\")"}));
}

TEST(Quorum, AddsAndRaisesTheCountAtOnce) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 1);
  facts.wanted = 2;
  facts.active = {"ber", "cph", "dub", "eze", "fra"};
  EXPECT_EQ(told(next_quorum_move(facts)), "/sync ams V=ber, cph, dub, eze, fra Q=4")
      << "until PostgreSQL waits for two, a commit may be on one of five";
}

TEST(Quorum, LosesOneOfThree) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.active.erase("dub");
  facts.confirmed.erase("dub");
  EXPECT_EQ(quorum_moves(facts), (Told{"ssn ANY 2 (\"ber\",\"cph\")", "/sync ams V=ber, cph Q=0"}));
}

TEST(Quorum, LosesTwoOfThree) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.active = facts.confirmed = {"ber"};
  EXPECT_EQ(quorum_moves(facts),
            (Told{"ssn ANY 2 (\"ber\",\"cph\")", "/sync ams V=ber Q=0", "ssn ANY 1 (\"ber\")"}));
}

TEST(Quorum, LosesAll) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.active = facts.confirmed = {};
  EXPECT_EQ(quorum_moves(facts), (Told{"/sync ams V=nobody Q=0", "ssn "}));
}

TEST(Quorum, GivesNothingUpForAMoment) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.active = facts.confirmed = {};
  facts.is_patient = true;
  EXPECT_EQ(quorum_moves(facts), (Told{"wait"}));
}

TEST(Quorum, ReplacesOneByAnother) {
  SyncFacts facts = steady({"ber", "cph"}, 1);
  facts.active = {"ber", "dub"};
  facts.confirmed = {"ber"};
  EXPECT_EQ(quorum_moves(facts), (Told{"ssn ANY 1 (\"ber\")", "/sync ams V=ber, dub Q=1",
                                       "ssn ANY 1 (\"ber\",\"dub\")"}));
}

TEST(Quorum, RepairsWhatSomebodyHasWrittenByHand) {
  SyncFacts facts = steady({"ber", "cph"}, 1);
  facts.quorum = 0;
  EXPECT_EQ(quorum_moves(facts), (Told{"/sync ams V=ber, cph Q=1"}));
  facts.confirmed = {};
  EXPECT_EQ(told(next_quorum_move(facts)), "/sync ams V=nobody Q=0");
}

TEST(Quorum, IsHandedOverToTheWinner) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.me = "ber";
  facts.active = facts.confirmed = {};
  facts.names = {};
  facts.is_confirmable = false;
  EXPECT_EQ(all_moves(facts, {}, quorum_move_before_promotion),
            (Told{"ssn ANY 2 (\"ams\",\"cph\",\"dub\")", "/sync ber V=ams, cph, dub Q=1"}));
  facts.leader = "ber";
  facts.voters = {"ams", "cph", "dub"};
  facts.names = any_of(2, facts.voters);
  facts.active = {"cph", "dub"};
  EXPECT_EQ(quorum_moves(facts), (Told{"ssn ANY 2 (\"cph\",\"dub\")", "/sync ber V=cph, dub Q=0"}));
}

TEST(Quorum, IsHandedOverToAWinnerWhoDidNotVote) {
  SyncFacts facts = steady({"ber", "cph", "dub"}, 2);
  facts.me = "eze";
  facts.names = {};
  EXPECT_EQ(told(quorum_move_before_promotion(facts)),
            "ssn ANY 3 (\"ams\",\"ber\",\"cph\",\"dub\")");
}

TEST(Quorum, KeepsCommitsWaitingInStrictMode) {
  SyncFacts facts = steady({"ber", "cph"}, 1);
  facts.is_strict = true;
  facts.active = facts.confirmed = {};
  EXPECT_EQ(quorum_moves(facts), (Told{"wait"}));
  facts.voters = {};
  facts.quorum = 0;
  EXPECT_EQ(quorum_moves(facts).front(), "ssn ANY 1 (" + std::string(kNobodysName) + ")");
  facts.names = nobody_yet(SyncNames::Method::Any);
  facts.active = {"cph"};
  EXPECT_EQ(quorum_moves(facts), (Told{"ssn ANY 1 (\"cph\")", "/sync ams V=cph Q=0"}));
}

TEST(Quorum, TakesAStarForNobody) {
  SyncFacts facts = steady({"ber"}, 1);
  facts.names = *parse_sync_names("*");
  facts.confirmed = {};
  EXPECT_EQ(quorum_moves(facts),
            (Told{"/sync ams V=nobody Q=0", "ssn ANY 1 (\"ber\")", "/sync ams V=ber Q=0"}));
}

TEST(Quorum, FindsOutSinceWhenTheNamesAreInForce) {
  SyncFacts facts = steady({"ber", "cph"}, 1);
  facts.is_confirmable = false;
  facts.confirmed = {};
  EXPECT_EQ(quorum_moves(facts), (Told{"ssn ANY 1 (\"ber\",\"cph\")"}));
}

// ---- Priority mode

SyncFacts chosen(const NameSet& standbys) {
  SyncFacts facts = steady(standbys, 1);
  facts.quorum = 0;
  facts.names = all_of(standbys);
  return facts;
}

Told priority_moves(const SyncFacts& facts,
                    const NameSet& confirms = {"ams", "ber", "cph", "dub"}) {
  return all_moves(facts, confirms, next_priority_move);
}

TEST(Priority, AddsToPostgresqlFirstAndToTheKeyWhenItIsConfirmed) {
  SyncFacts facts = chosen({});
  facts.active = {"ber"};
  EXPECT_EQ(priority_moves(facts), (Told{"ssn \"ber\"", "/sync ams V=ber Q=0"}));
  EXPECT_EQ(priority_moves(facts, {}), (Told{"ssn \"ber\"", "wait"}));
}

TEST(Priority, RemovesFromTheKeyFirst) {
  SyncFacts facts = chosen({"ber"});
  facts.active = {"cph"};
  facts.confirmed = {};
  EXPECT_EQ(priority_moves(facts),
            (Told{"/sync ams V=nobody Q=0", "ssn \"cph\"", "/sync ams V=cph Q=0"}));
  EXPECT_EQ(priority_moves(facts, {}), (Told{"/sync ams V=nobody Q=0", "ssn \"cph\"", "wait"}));
}

TEST(Priority, ShrinksTheKeyToWhatPostgresqlWaitsFor) {
  SyncFacts facts = chosen({"ber"});
  facts.names = {};
  EXPECT_EQ(priority_moves(facts),
            (Told{"/sync ams V=nobody Q=0", "ssn \"ber\"", "/sync ams V=ber Q=0"}));
  facts.names = *parse_sync_names("FIRST 1 (ber, cph)");
  EXPECT_EQ(told(next_priority_move(facts)), "/sync ams V=nobody Q=0")
      << "a commit may be on either of them";
}

TEST(Priority, WaitsForAllThatTheKeyListsWhenStrict) {
  SyncFacts facts = chosen({"ber", "cph"});
  facts.is_strict = true;
  facts.active = facts.confirmed = {};
  EXPECT_EQ(priority_moves(facts), (Told{"wait"}));
  facts.voters = {};
  EXPECT_EQ(priority_moves(facts).front(), "ssn " + std::string(kNobodysName));
}

TEST(Priority, TakesTheLeadAlone) {
  SyncFacts facts = chosen({"ber", "cph"});
  facts.me = "ber";
  facts.names = all_of({"x"});
  EXPECT_EQ(all_moves(facts, {}, priority_move_before_promotion),
            (Told{"/sync ber V=nobody Q=0", "ssn "}));
}

TEST(Priority, TakesTheLeadWithEverybodyWhoKnowsWhenStrict) {
  SyncFacts facts = chosen({"ber", "cph"});
  facts.me = "ber";
  facts.is_strict = true;
  facts.names = {};
  EXPECT_EQ(all_moves(facts, {}, priority_move_before_promotion),
            (Told{"/sync ber V=ams, cph Q=0", "ssn 2 (\"ams\",\"cph\")"}));
}

TEST(Priority, TakesNobodyOverWhoWasListedByVotes) {
  SyncFacts facts = chosen({"ber", "cph"});
  facts.me = "ber";
  facts.quorum = 1;
  facts.is_strict = true;
  facts.names = {};
  EXPECT_EQ(all_moves(facts, {}, priority_move_before_promotion),
            (Told{"/sync ber V=ams Q=0", "ssn \"ams\""}));
}

TEST(Modes, ChangeFromPriorityToQuorum) {
  SyncFacts facts = chosen({"ber"});
  facts.active = {"ber", "cph"};
  EXPECT_EQ(quorum_moves(facts), (Told{"/sync ams V=ber, cph Q=1", "ssn ANY 1 (\"ber\",\"cph\")"}));
}

TEST(Modes, ChangeFromQuorumToPriority) {
  SyncFacts facts = steady({"ber", "cph"}, 1);
  facts.active = {"ber"};
  EXPECT_EQ(priority_moves(facts),
            (Told{"/sync ams V=nobody Q=0", "ssn \"ber\"", "/sync ams V=ber Q=0"}));
}

// ---- The walk
// ----------------------------------------------------------------------------------------
//
// Nodes are logs of a length; one writes, others stream from it. A commit is acknowledged as
// PostgreSQL does it, with the old or the new names while a change is not in force everywhere. The
// writer may vanish between any two things; whoever can be elected by the arithmetic of elections
// must have all that was acknowledged.

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : dice_(seed) {
    const int nodes = static_cast<int>(dice_.between(2, 6));
    for (int i = 0; i < nodes; ++i)
      ends_[std::string(1, static_cast<char>('a' + i))] = 10;
    writer_ = "a";
    leader_ = "a";
    wanted_ = static_cast<int>(dice_.between(1, 3));
    is_quorum_ = dice_.chance(70);
    is_strict_ = dice_.chance(30);
  }

  void run(int steps) {
    for (int step = 0; step < steps && problem_.empty(); ++step) {
      const auto what = dice_.between(0, 99);
      if (what < 40) {
        move();
      } else if (what < 60) {
        receive();
      } else if (what < 70) {
        write();
      } else if (what < 78) {
        toggle_connection();
      } else if (what < 84) {
        in_force_ = true;
      } else if (what < 90) {
        is_confirmable_ = in_force_;
        confirmed_from_ = ends_[writer_];
      } else if (what < 92) {
        wanted_ = static_cast<int>(dice_.between(1, 3));
      } else if (what < 93) {
        is_quorum_ = dice_.chance(70);
      } else if (what < 94) {
        is_strict_ = dice_.chance(30);
      } else if (what < 96) {
        is_confirmable_ = false;  // the agent was restarted
      } else {
        lose_the_writer();
      }
      acknowledge();
      check_counts();
    }
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] int forced_unopened() const { return forced_unopened_; }
  [[nodiscard]] int elections() const { return elections_; }
  [[nodiscard]] int synchronous_acks() const { return synchronous_acks_; }

 private:
  void note(const std::string& text) { story_ += text + "\n"; }
  void object(const std::string& text) {
    if (problem_.empty()) problem_ = story_ + "=> " + text;
  }

  [[nodiscard]] SyncFacts facts() const {
    SyncFacts f;
    f.me = writer_;
    f.leader = leader_;
    f.voters = voters_;
    f.quorum = quorum_;
    f.names = names_;
    f.is_confirmable = is_confirmable_;
    f.wanted = wanted_;
    f.is_strict = is_strict_;
    f.is_patient = is_patient_;
    for (const NodeName& name : connected_) {
      if (is_quorum_ || static_cast<int>(f.active.size()) < wanted_) f.active.insert(name);
      const bool is_listed = names_.names.contains(name);
      if (is_confirmable_ && is_listed && ends_.at(name) >= confirmed_from_)
        f.confirmed.insert(name);
    }
    return f;
  }

  void take(const SyncMove& move) {
    note(writer_ + ": " + told(move) + " " + move.why);
    if (move.key) {
      if (dice_.chance(10)) return;  // refused
      leader_ = move.key->leader;
      voters_ = voters_of(*move.key);
      quorum_ = move.key->quorum;
    }
    if (move.names) {
      if (!in_force_) return;  // one change at a time
      old_names_ = names_;
      names_ = *move.names;
      in_force_ = false;
      is_confirmable_ = false;
    }
  }

  void move() {
    is_patient_ = dice_.chance(20);
    const SyncFacts f = facts();
    take(is_quorum_ ? next_quorum_move(f) : next_priority_move(f));
  }

  void write() { ++ends_[writer_]; }

  void receive() {
    for (const NodeName& name : connected_) {
      if (dice_.chance(60)) ends_[name] = dice_.between(ends_[name], ends_[writer_]);
    }
  }

  void toggle_connection() {
    for (auto& [name, end] : ends_) {
      if (name == writer_ || !dice_.chance(35)) continue;
      if (connected_.erase(name) > 0) {
        note(name + " is gone");
      } else {
        connected_.insert(name);
        // What it has beyond the writer's log was never acknowledged, or is lost already.
        end = std::min(end, ends_[writer_]);
        note(name + " streams");
      }
    }
  }

  // Up to where PostgreSQL would acknowledge with these names.
  [[nodiscard]] std::int64_t acknowledged_with(const SyncNames& names) const {
    if (names.is_empty()) return ends_.at(writer_);
    std::vector<std::int64_t> have;
    for (const NodeName& name : names.names) {
      if (connected_.contains(name)) have.push_back(ends_.at(name));
    }
    const auto needed = static_cast<std::size_t>(names.count);
    if (have.size() < needed) return 0;
    std::sort(have.rbegin(), have.rend());
    return have[needed - 1];
  }

  void acknowledge() {
    if (!is_open_) return;
    auto upto = acknowledged_with(names_);
    if (!in_force_) upto = std::max(upto, acknowledged_with(old_names_));
    if (upto > acknowledged_ && !names_.is_empty()) ++synchronous_acks_;
    acknowledged_ = std::max(acknowledged_, upto);
  }

  void check_counts() {
    if (!is_open_ || voters_.empty()) return;
    check_counts_of(names_);
    if (!in_force_) check_counts_of(old_names_);
  }
  void check_counts_of(const SyncNames& names) {
    NameSet electing = voters_;
    electing.insert(leader_);
    NameSet writing = names.names;
    writing.insert(writer_);
    const NameSet all = united(electing, writing);
    if (static_cast<int>(all.size()) > quorum_ + names.count + 1)
      object("an election could miss a commit: V=" + joined(voters_) +
             " Q=" + std::to_string(quorum_) + " with " + to_string(names));
    if (!is_within(electing, writing) && !is_within(writing, electing))
      object("neither contains the other: V=" + joined(voters_) + " with " + to_string(names));
  }

  // The arithmetic of elections, by nodes of which some are reachable.
  [[nodiscard]] bool may_win(const NodeName& candidate, const NameSet& reachable) const {
    NameSet electors = voters_;
    electors.insert(leader_);
    const bool asks_votes = is_quorum_ || quorum_ > 0;
    if (!asks_votes && !electors.contains(candidate)) return false;
    int votes = electors.contains(candidate) ? 0 : -1;
    int ahead = 0;
    for (const NodeName& name : common(electors, reachable)) {
      if (same_name(name, candidate)) continue;
      if (ends_.at(name) > ends_.at(candidate)) {
        ++ahead;
      } else {
        ++votes;
      }
    }
    if (ahead > 0) {
      for (const NodeName& name : common(electors, reachable)) {
        if (name != leader_ && ends_.at(name) > ends_.at(candidate)) return false;
      }
    }
    if (!asks_votes) return true;
    return votes >= quorum_ || (ahead == 0 && same_name(candidate, leader_));
  }

  void lose_the_writer() {
    note(writer_ + " is lost");
    connected_.clear();
    // Everybody who could win with any subset reachable must have everything.
    NameSet reachable;
    for (const auto& [name, end] : ends_) {
      if (dice_.chance(60)) reachable.insert(name);
    }
    std::vector<NodeName> winners;
    for (const NodeName& name : reachable) {
      if (!may_win(name, reachable)) continue;
      winners.push_back(name);
      if (ends_.at(name) < acknowledged_)
        object(name + " may be elected without " + std::to_string(acknowledged_) +
               ", V=" + joined(voters_) + " Q=" + std::to_string(quorum_) + " L=" + leader_);
    }
    ++elections_;
    if (winners.empty()) {
      is_confirmable_ = false;
      if (dice_.chance(30)) return force_one();
      note("nobody wins, " + writer_ + " comes back");
      if (!is_open_) promote(writer_, is_forced_);
      return;
    }
    promote(winners[static_cast<std::size_t>(
        dice_.between(0, static_cast<std::int64_t>(winners.size()) - 1))]);
  }

  // An operator's word: what this one lacks is given up when it opens, not before.
  void force_one() {
    auto chosen = ends_.begin();
    std::advance(chosen, dice_.between(0, static_cast<std::int64_t>(ends_.size()) - 1));
    note("an operator forces " + chosen->first);
    promote(chosen->first, true);
  }

  void promote(const NodeName& winner, bool is_forced = false) {
    is_forced_ = is_forced;
    if (winner == writer_ &&
        is_open_) {  // it starts again where it was, with the names in its file
      old_names_ = names_;
      in_force_ = true;
      is_confirmable_ = false;
      note(winner + " is back");
      return;
    }
    note(winner + " is elected");
    if (winner != writer_) names_ = SyncNames{};
    writer_ = winner;
    is_open_ = false;
    old_names_ = names_;
    is_confirmable_ = false;
    is_patient_ = false;
    for (int round = 0; round < 4; ++round) {
      in_force_ = true;
      const SyncMove move = move_before_promotion(facts());
      if (!move.key && !move.names) break;
      note(winner + ": " + told(move));
      if (move.key) {
        leader_ = move.key->leader;
        voters_ = voters_of(*move.key);
        quorum_ = move.key->quorum;
      }
      if (move.names) names_ = *move.names;
      if (dice_.chance(5)) {  // it does not get to be promoted
        if (is_forced_) ++forced_unopened_;
        lose_the_writer();
        return;
      }
    }
    in_force_ = true;
    old_names_ = names_;
    is_open_ = true;
    if (is_forced_) acknowledged_ = std::min(acknowledged_, ends_.at(winner));
  }

  [[nodiscard]] SyncMove move_before_promotion(const SyncFacts& f) const {
    if (is_forced_ && !same_name(f.leader, f.me)) return move_before_forced_promotion(f);
    return is_quorum_ ? quorum_move_before_promotion(f) : priority_move_before_promotion(f);
  }

  Dice dice_;
  std::map<NodeName, std::int64_t> ends_;
  NodeName writer_;
  NameSet connected_;
  NodeName leader_;
  NameSet voters_;
  int quorum_ = 0;
  SyncNames names_;
  SyncNames old_names_;
  bool in_force_ = true;
  bool is_open_ = true;
  bool is_forced_ = false;
  bool is_confirmable_ = false;
  std::int64_t confirmed_from_ = 0;
  std::int64_t acknowledged_ = 0;
  int wanted_ = 1;
  bool is_quorum_ = true;
  bool is_strict_ = false;
  bool is_patient_ = false;
  int forced_unopened_ = 0;
  int elections_ = 0;
  int synchronous_acks_ = 0;
  std::string story_;
  std::string problem_;
};

TEST(Walk, NeverElectsANodeThatLacksWhatWasAcknowledged) {
  int elections = 0;
  int forced_unopened = 0;
  int acks = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Walk walk(seed);
    walk.run(250);
    ASSERT_EQ(walk.problem(), "") << "seed " << seed;
    elections += walk.elections();
    forced_unopened += walk.forced_unopened();
    acks += walk.synchronous_acks();
  }
  EXPECT_GT(elections, 3000) << "the walk went past few elections";
  EXPECT_GT(forced_unopened, 50) << "hardly anybody was forced and did not get so far as to open";
  EXPECT_GT(acks, 15000) << "hardly anything was acknowledged synchronously";
}

TEST(Walk, ComesToRestWhenNothingHappensAnyMore) {
  for (int nodes = 0; nodes <= 5; ++nodes) {
    for (int wanted = 1; wanted <= 3; ++wanted) {
      for (const bool is_strict : {false, true}) {
        SyncFacts facts = steady({}, 1);
        facts.wanted = wanted;
        facts.is_strict = is_strict;
        for (int i = 0; i < nodes; ++i)
          facts.active.insert(std::string(1, static_cast<char>('b' + i)));
        const Told moves = quorum_moves(facts, facts.active);
        EXPECT_LT(moves.size(), 12U) << nodes << " standbys, " << wanted << " wanted";
      }
    }
  }
}

}  // namespace
}  // namespace pgherd
