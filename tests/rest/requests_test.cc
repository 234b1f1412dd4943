#include "rest/requests.h"

#include <gtest/gtest.h>

#include "codec/time_values.h"
#include "rest/a_node.h"
#include "rest/config_patch.h"

namespace pgherd::test {
namespace {

constexpr WallTime kNow{1785000000000000};  // 2026-07-25 17:20:00 UTC

Refusal refused(const std::string& body, Handover action, bool is_paused = false) {
  Settings settings;
  settings.paused = is_paused;
  const auto handover = read_handover(body, action, settings, kNow);
  return handover ? Refusal{200, "granted"} : handover.error();
}

TEST(Handover, NeedsItsNames) {
  EXPECT_EQ(refused(R"({"leader":"a"})", Handover::Failover),
            (Refusal{400, "Failover could be performed only to a specific candidate"}));
  EXPECT_EQ(refused(R"({"candidate":"b"})", Handover::Switchover),
            (Refusal{400, "Switchover could be performed only from a specific leader"}));
  EXPECT_EQ(refused(R"({"leader":"a","candidate":"a"})", Handover::Switchover),
            (Refusal{400, "Switchover target and source are the same"}));
  EXPECT_EQ(refused(R"({"leader":"a","member":"b"})", Handover::Switchover).code, 200);
}

TEST(Handover, IsRefusedWhenTheBodyIsNoObject) {
  for (const char* body : {"", "{}", "[1]", "{", "\"a\"", "\xff"}) {
    EXPECT_EQ(refused(body, Handover::Switchover).code, 400) << body;
  }
}

TEST(Handover, JudgesSchedules) {
  const auto at = [](const std::string& time, Handover action = Handover::Switchover,
                     bool is_paused = false) {
    return refused(R"({"leader":"a","candidate":"b","scheduled_at":")" + time + "\"}", action,
                   is_paused);
  };
  EXPECT_EQ(at("2026-07-25T17:20:01+00:00").code, 200);
  EXPECT_EQ(at("2026-07-25T17:19:59+00:00"),
            (Refusal{422, "Cannot schedule switchover in the past"}));
  EXPECT_EQ(at("2027-07-25T17:20:01"),
            (Refusal{400, "Timezone information is mandatory for the scheduled switchover"}));
  EXPECT_EQ(at("soon"),
            (Refusal{422,
                     "Unable to parse scheduled timestamp. It should be in an unambiguous format, "
                     "e.g. ISO 8601 (2027-08-01T03:00, 20270801T0300, 2027/08/01 03:00, 1 Aug 2027 "
                     "3:00 pm, 03:00 (today), each with Z, UTC or +02:00 behind it)"}));
  EXPECT_EQ(at("01/02/2027 03:00 UTC").code, 422);
  EXPECT_EQ(at("11pm"),
            (Refusal{400, "Timezone information is mandatory for the scheduled switchover"}));
  EXPECT_EQ(at("11pm UTC").code, 200);
  EXPECT_EQ(at("Sun, 25 Jul 2027 19:20:01 +0200").code, 200);
  EXPECT_EQ(at("2027-07-25T17:20:01+00:00", Handover::Failover),
            (Refusal{400, "Failover can't be scheduled"}));
  EXPECT_EQ(at("2027-07-25T17:20:01+00:00", Handover::Switchover, true),
            (Refusal{400, "Can't schedule switchover in the paused state"}));
}

TEST(Handover, KeepsTheZoneOfItsSchedule) {
  const auto handover =
      read_handover(R"({"leader":"a","scheduled_at":"2027-07-25T17:20:01+02:00"})",
                    Handover::Switchover, Settings{}, kNow);
  ASSERT_TRUE(handover);
  EXPECT_EQ(handover->request.scheduled_at, parse_time("2027-07-25T15:20:01Z"));
  EXPECT_EQ(handover->request.scheduled_east, 120min);
}

TEST(Handover, WhilePausedNeedsACandidate) {
  EXPECT_EQ(
      refused(R"({"leader":"a"})", Handover::Switchover, true),
      (Refusal{400, "Switchover is possible only to a specific candidate in a paused state"}));
  EXPECT_EQ(refused(R"({"leader":"a","candidate":"b"})", Handover::Switchover, true).code, 200);
}

TEST(Handover, AFailoverThatNamesALeaderIsASwitchover) {
  const auto handover =
      read_handover(R"({"leader":"a","candidate":"b"})", Handover::Failover, Settings{}, kNow);
  ASSERT_TRUE(handover);
  EXPECT_EQ(handover->action, Handover::Switchover);
  EXPECT_EQ(handover->request.leader, "a");
  EXPECT_EQ(handover->request.candidate, "b");
}

HandoverRequest a_wish(Handover action, std::optional<NodeName> leader,
                       std::optional<NodeName> candidate) {
  HandoverRequest handover;
  handover.action = action;
  handover.request.leader = std::move(leader);
  handover.request.candidate = std::move(candidate);
  return handover;
}

std::string verdict(const HandoverRequest& handover, const ClusterView& cluster) {
  const auto candidates = feasible_candidates(handover, cluster);
  if (!candidates) return candidates.error().text;
  std::string names;
  for (const Member& member : *candidates)
    names += member.name;
  return names;
}

TEST(Handover, FitsTheCluster) {
  const ClusterView cluster = a_cluster();
  const auto switchover = Handover::Switchover;
  EXPECT_EQ(verdict(a_wish(switchover, "a", {}), cluster), "b");
  EXPECT_EQ(verdict(a_wish(switchover, "a", "b"), cluster), "b");
  EXPECT_EQ(verdict(a_wish(switchover, "b", {}), cluster), "leader name does not match");
  EXPECT_EQ(verdict(a_wish(switchover, "a", "z"), cluster), "candidate does not exists");
  ClusterView lonely = cluster;
  lonely.members.erase("b");
  EXPECT_EQ(verdict(a_wish(switchover, "a", {}), lonely),
            "switchover is not possible: cluster does not have members except leader");
  ClusterView leaderless = cluster;
  leaderless.leader.reset();
  EXPECT_EQ(verdict(a_wish(switchover, "a", {}), leaderless), "leader name does not match");
  EXPECT_EQ(verdict(a_wish(Handover::Failover, {}, "b"), leaderless), "b");
}

TEST(Handover, InSynchronousModeGoesToAListedStandby) {
  const ClusterView listed = *synchronous(a_primary(), SynchronousMode::On, "b").cluster;
  ClusterView unlisted = listed;
  unlisted.sync->standbys.clear();
  const auto switchover = Handover::Switchover;
  EXPECT_EQ(verdict(a_wish(switchover, "a", {}), listed), "b");
  EXPECT_EQ(verdict(a_wish(switchover, "a", {}), unlisted),
            "switchover is not possible: can not find sync_standby");
  EXPECT_EQ(verdict(a_wish(switchover, "a", "b"), unlisted),
            "candidate name does not match with sync_standby");
  EXPECT_EQ(verdict(a_wish(Handover::Failover, {}, "b"), unlisted), "b");
  const ClusterView quorum = *synchronous(a_primary(), SynchronousMode::Quorum, "c").cluster;
  EXPECT_EQ(verdict(a_wish(switchover, "a", "b"), quorum), "b");
}

TEST(Handover, OnlyAnsweringPromotableMembersAreGood) {
  PeerView peer;
  EXPECT_FALSE(is_good_candidate(peer));
  peer.is_reachable = true;
  EXPECT_TRUE(is_good_candidate(peer));
  for (auto spoil : {+[](PeerView& view) { view.nofailover = true; },
                     +[](PeerView& view) { view.failover_priority = 0; },
                     +[](PeerView& view) { view.watchdog_failed = true; }}) {
    PeerView bad = peer;
    spoil(bad);
    EXPECT_FALSE(is_good_candidate(bad));
  }
}

std::string outcome(const HandoverRequest& handover, const ClusterView& cluster) {
  const auto answer = handover_outcome(handover, "a", Revision{200}, cluster);
  return answer ? std::to_string(answer->code) + " " + answer->text : "wait";
}

TEST(Handover, IsFollowedUntilTheStoreShowsItsEnd) {
  const auto handover = a_wish(Handover::Switchover, "a", "b");
  ClusterView cluster = a_cluster();
  EXPECT_EQ(outcome(handover, cluster), "wait") << "a picture from before the request says nothing";
  cluster.revision = Revision{200};
  cluster.failover = handover.request;
  EXPECT_EQ(outcome(handover, cluster), "wait");
  cluster.leader.reset();
  EXPECT_EQ(outcome(handover, cluster), "wait");
  cluster.leader = LeaderKey{.name = "b"};
  EXPECT_EQ(outcome(handover, cluster), "200 Successfully switched over to \"b\"");
  cluster.leader->name = "c";
  EXPECT_EQ(outcome(handover, cluster), "200 Switched over to \"c\" instead of \"b\"");
  EXPECT_EQ(outcome(a_wish(Handover::Switchover, "a", {}), cluster),
            "200 Successfully switched over to \"c\"");
  EXPECT_EQ(outcome(a_wish(Handover::Failover, {}, "c"), cluster),
            "200 Successfully failed over to \"c\"");
  cluster.leader->name = "a";
  cluster.failover.reset();
  EXPECT_EQ(outcome(handover, cluster), "503 Switchover failed");
  EXPECT_EQ(outcome(a_wish(Handover::Failover, {}, "b"), cluster), "503 Failover failed");
  EXPECT_EQ(handover_timed_out(Handover::Switchover, 20s).text,
            "Switchover status unknown after 20 seconds; operation may still be in progress");
}

Refusal refused_restart(const std::string& body, bool is_paused = false) {
  const auto order = read_restart(body, is_paused, kNow);
  return order ? Refusal{200, "granted"} : order.error();
}

TEST(Restart, ReadsItsFilters) {
  const auto order = read_restart(R"({"role":"replica","postgres_version":"17.4","timeout":"2min",)"
                                  R"("restart_pending":"True"})",
                                  false, kNow);
  ASSERT_TRUE(order);
  EXPECT_EQ(order->role, "replica");
  EXPECT_EQ(order->timeout, 120s);
  EXPECT_TRUE(order->only_if_pending);
  EXPECT_EQ(refused_restart("").code, 200);
  EXPECT_EQ(refused_restart("{}").code, 200);
  EXPECT_FALSE(read_restart(R"({"restart_pending":false})", false, kNow)->only_if_pending);
}

TEST(Restart, RefusesWhatItCannotRead) {
  EXPECT_EQ(refused_restart("[]").code, 400);
  EXPECT_EQ(refused_restart(R"({"role":"boss"})").text,
            "PostgreSQL role should be either primary, standby_leader, or replica");
  EXPECT_EQ(refused_restart(R"({"postgres_version":"17"})").text,
            "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 17");
  EXPECT_EQ(refused_restart(R"({"postgres_version":"17.x"})").text,
            "Invalid PostgreSQL version: 17.x");
  EXPECT_EQ(refused_restart(R"({"timeout":0})").text,
            "Timeout should be a positive number of seconds");
  EXPECT_EQ(refused_restart(R"({"when":1})").text,
            "Unknown filter for the scheduled restart: when");
  const auto scheduled = read_restart(
      R"({"schedule":"2099-01-01T00:00:00+00:00","role":"replica","postgres_version":"17.5"})",
      false, WallTime{});
  ASSERT_TRUE(scheduled);
  NodeStatus status;
  status.instance.postmaster_start_time = "yesterday";
  const ScheduledRestart handover = scheduled_restart(*scheduled, status);
  EXPECT_EQ(handover.at, parse_time("2099-01-01T00:00:00+00:00"));
  EXPECT_EQ(handover.role, MemberRole::Replica);
  EXPECT_EQ(handover.below_version, 170005);
  EXPECT_EQ(handover.postmaster_start_time, "yesterday");
  EXPECT_NE(handover.published.find(R"("schedule":"2099-01-01T00:00:00+00:00")"),
            std::string::npos);
  const auto eastern = read_restart(R"({"schedule":"2099-01-01 00:00 +0530"})", false, WallTime{});
  ASSERT_TRUE(eastern);
  EXPECT_EQ(scheduled_restart(*eastern, status).at, parse_time("2098-12-31T18:30:00Z"));
  EXPECT_NE(scheduled_restart(*eastern, status).published.find("2099-01-01T00:00:00+05:30"),
            std::string::npos);
  EXPECT_EQ(refused_restart(R"({"schedule":"2025-01-01T00:00:00+00:00"})"),
            (Refusal{422, "Cannot schedule restart in the past"}));
  EXPECT_EQ(refused_restart(R"({"schedule":"x"})", true),
            (Refusal{500, "Can't schedule restart in the paused state"}));
}

TEST(Restart, HeedsItsConditions) {
  NodeStatus status = a_standby();
  const auto reads = [&](const std::string& body) {
    const auto refusal = restart_refusal(*read_restart(body, false, kNow), status);
    return refusal ? refusal->text : "go";
  };
  const std::string unmet = "restart conditions are not satisfied";
  EXPECT_EQ(reads("{}"), "go");
  EXPECT_EQ(reads(R"({"role":"primary"})"), unmet);
  EXPECT_EQ(reads(R"({"role":"replica"})"), "go");
  EXPECT_EQ(reads(R"({"postgres_version":"17.4"})"), unmet);
  EXPECT_EQ(reads(R"({"postgres_version":"17.5"})"), "go");
  EXPECT_EQ(reads(R"({"restart_pending":true})"), unmet);
  status.instance.pending_restart["max_connections"] = {};
  EXPECT_EQ(reads(R"({"restart_pending":true})"), "go");
  status.long_task = "reinitialize";
  EXPECT_EQ(reads("{}"), "reinitialize already in progress");
}

TEST(Reinitialize, IsForFollowersOnly) {
  EXPECT_EQ(reinitialize_refusal({}, a_primary())->text, "I am the leader, can not reinitialize");
  NodeStatus leaderless = a_standby();
  leaderless.cluster->leader.reset();
  EXPECT_EQ(reinitialize_refusal({}, leaderless)->text,
            "Cluster has no leader, can not reinitialize");
  NodeStatus busy = a_standby();
  busy.long_task = "restart";
  EXPECT_EQ(reinitialize_refusal({}, busy)->text, "restart already in progress");
  EXPECT_FALSE(reinitialize_refusal(*read_reinitialize(R"({"force":"yes"})"), busy));
  EXPECT_FALSE(reinitialize_refusal({}, a_standby()));
  EXPECT_TRUE(read_reinitialize(R"({"from-leader":true})")->from_leader);
}

TEST(FailsafePing, NeedsNameAndUrl) {
  EXPECT_EQ(read_failsafe_ping(R"({"name":"a"})").error().code, 400);
  const auto ping = read_failsafe_ping(
      R"({"name":"a","conn_url":"postgres://a/","api_url":"http://a:8008/patroni",)"
      R"("slots":{"b":100,"bad":-1}})");
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->slots, (std::map<std::string, Lsn>{{"b", Lsn{100}}}));
}

ConfigKey stored(const std::string& json) {
  ConfigKey key;
  key.json = json;
  return key;
}
std::string patched(const std::string& before, const std::string& patch) {
  const auto change = patched_config(stored(before), patch);
  if (!change) return std::to_string(change.error().code);
  return (change->has_changed ? "" : "same ") + change->json;
}

TEST(ConfigPatch, MergesRemovesAndReplaces) {
  EXPECT_EQ(patched(R"({"ttl":30,"pause":true})", R"({"pause":null,"loop_wait":5})"),
            R"({"ttl":30,"loop_wait":5})");
  EXPECT_EQ(patched(R"({"postgresql":{"parameters":{"a":1,"b":2}}})",
                    R"({"postgresql":{"parameters":{"a":null,"c":3}}})"),
            R"({"postgresql":{"parameters":{"b":2,"c":3}}})");
  EXPECT_EQ(patched(R"({"x":1})", R"({"x":{"y":2}})"), R"({"x":{"y":2}})");
  EXPECT_EQ(patched(R"({"x":[1,2]})", R"({"x":[2]})"), R"({"x":[2]})");
}

TEST(ConfigPatch, SeesNoChangeInAnotherSpelling) {
  EXPECT_EQ(patched(R"({"ttl":30})", R"({"ttl":"30"})"), R"(same {"ttl":30})");
  EXPECT_EQ(patched(R"({"ttl":30})", R"({"pause":null})"), R"(same {"ttl":30})");
  // Lists are compared as Patroni prints them, quotes included.
  EXPECT_EQ(patched(R"({"x":["1"]})", R"({"x":[1]})"), R"({"x":[1]})");
}

TEST(ConfigPatch, RefusesWhatIsNoObject) {
  EXPECT_EQ(patched(R"({"ttl":30})", "[]"), "400");
  EXPECT_EQ(patched(R"({"ttl":30})", "{}"), "400");
  EXPECT_EQ(patched("nonsense", R"({"ttl":30})"), "503");
}

TEST(ConfigReplacement, ComparesWholes) {
  EXPECT_FALSE(replaced_config(stored(R"({"a":1,"b":2})"), R"({"b":"2","a":1})")->has_changed);
  EXPECT_TRUE(replaced_config(stored(R"({"a":1,"b":2})"), R"({"a":1})")->has_changed);
  EXPECT_TRUE(replaced_config(stored(""), R"({"a":1})")->has_changed);
}

}  // namespace
}  // namespace pgherd::test
