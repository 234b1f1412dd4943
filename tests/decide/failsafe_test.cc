#include "scene.h"

namespace pgherd::test {
namespace {

// A leader whose store has been silent for half of its lease.
Scene cut_off() {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.failsafe_mode = true;
  for (const char* name : {"a", "b", "c"})
    scene.cluster().failsafe[name] = scene.cluster().members[name].api_url;
  scene.decide();
  scene.later(5s);
  scene.seen.store.is_reachable = false;
  scene.seen.store.problem = "no answer";
  return scene;
}
void answered(Scene& scene, bool is_accepted) {
  scene.seen.failsafe_round = FailsafeRound{.asked_at = scene.now,
                                            .ended_at = scene.now,
                                            .is_accepted = is_accepted,
                                            .problem = "'c' refuses"};
  if (is_accepted) scene.seen.failsafe_confirmed_at = scene.now;
}

TEST(Failsafe, TheLeaderWritesWhoMustAccept) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.failsafe_mode = true;
  const auto written = scene.planned<PublishFailsafe>();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->members.size(), 3U);
  scene.cluster().failsafe = written->members;
  EXPECT_FALSE(scene.planned<PublishFailsafe>());
}

TEST(Failsafe, WithoutTheStoreAllOthersAreAsked) {
  Scene scene = cut_off();
  const auto ask = scene.planned<AskFailsafe>();
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->targets.size(), 2U);
  EXPECT_FALSE(ask->targets.contains("a"));
  EXPECT_EQ(ask->ping.name, "a");
  EXPECT_EQ(ask->ping.slots.at("a"), Lsn{100});
}

TEST(Failsafe, WhoMayHaveBeenWrittenIsAskedToo) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.failsafe_mode = true;
  for (const char* name : {"a", "b"})
    scene.cluster().failsafe[name] = "http://" + std::string(name);
  EXPECT_TRUE(scene.planned<PublishFailsafe>());  // with c; its answer is lost
  scene.later(5s);
  scene.seen.store.is_reachable = false;
  EXPECT_TRUE(scene.planned<AskFailsafe>()->targets.contains("c"));
}

TEST(Failsafe, StaysWhileAllAccept) {
  Scene scene = cut_off();
  answered(scene, true);
  EXPECT_FALSE(
      scene.later(3s).planned<Demote>());  // past the end of the lease's first three quarters
  EXPECT_TRUE(scene.gives_reason("H3"));
  EXPECT_TRUE(scene.last.is_leader);
  EXPECT_TRUE(scene.planned<AskFailsafe>());  // and asks again
  EXPECT_TRUE(scene.later(5s).planned<Demote>());
}

TEST(Failsafe, GoesWhenOneDoesNotAccept) {
  Scene scene = cut_off();
  answered(scene, false);
  EXPECT_TRUE(scene.later(2500ms).planned<Demote>());
  EXPECT_TRUE(scene.gives_reason("H4"));
}

TEST(Failsafe, GoesSomeTimeAfterTheFirstRefusalThoughMoreIsLeftOfTheLastAcceptance) {
  Scene scene = cut_off();
  scene.seen.settings.retry_timeout = 1s;
  scene.seen.settings.loop_wait = 1s;
  answered(scene, true);
  scene.decide();
  scene.later(500ms);
  answered(scene, false);
  scene.decide();
  scene.later(1900ms);
  answered(scene, false);
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.later(100ms).planned<Demote>());
}

// Sim seed 5001251: K2 promoted what D1 stopped in the same moment, every few milliseconds.
TEST(Failsafe, WhoWasRefusedIsPromotedOnlyAfterARenewal) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.settings.failsafe_mode = true;
  scene.seen.settings.retry_timeout = 1s;
  scene.seen.settings.loop_wait = 1s;
  scene.cluster().claim = TimelineClaim{.timeline = {2}, .by = "a", .mod_revision = {44}};
  scene.later(1s);
  answered(scene, false);
  scene.decide();
  scene.later(3s);
  EXPECT_FALSE(scene.planned<Promote>());
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<Promote>());
  scene.under_way(Promote{});
  EXPECT_FALSE(scene.later(100ms).planned<Demote>());
}

// Sim seed 260000093: the key had ended meanwhile, which it had not heard of.
TEST(Failsafe, WhatWasAcceptedOfAPrimaryPromotesNoStandby) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.settings.failsafe_mode = true;
  const Instant renewed_at = scene.now;
  scene.later(8s);
  scene.seen.session.renewed_at = renewed_at;
  scene.seen.failsafe_confirmed_at = scene.now;
  EXPECT_FALSE(scene.planned<ClaimTimeline>());
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<ClaimTimeline>());
}

// Sim seed 10008870: the answer to a renewal came after the next refusal.
TEST(Failsafe, ARenewalBetweenTwoRefusalsMakesTheFirstVoid) {
  Scene scene = cut_off();
  scene.seen.settings.retry_timeout = 1s;
  scene.seen.settings.loop_wait = 1s;
  answered(scene, false);
  scene.decide();
  const Instant renewed_at = scene.later(500ms).now;
  scene.later(500ms);
  answered(scene, false);
  scene.seen.session.renewed_at = renewed_at;
  scene.decide();
  EXPECT_FALSE(scene.later(1100ms).planned<Demote>()) << "2.1 s after the refusal that is void";
  EXPECT_TRUE(scene.later(900ms).planned<Demote>()) << "2 s after the one that is not";
}

TEST(Failsafe, StaysWhenARefusalIsFollowedByAnAcceptance) {
  Scene scene = cut_off();
  scene.seen.settings.retry_timeout = 1s;
  scene.seen.settings.loop_wait = 1s;
  answered(scene, false);
  scene.decide();
  scene.later(1500ms);
  answered(scene, true);
  scene.decide();
  EXPECT_FALSE(scene.later(3s).planned<Demote>());
}

TEST(Failsafe, IsNothingForALeaderThatTheKeyDoesNotName) {
  Scene scene = cut_off();
  scene.cluster().failsafe.erase("a");
  EXPECT_FALSE(scene.planned<AskFailsafe>());
}

TEST(Failsafe, IsNothingForALostKey) {
  Scene scene = cut_off();
  scene.seen.store.is_reachable = true;
  scene.seen.session.leads = false;  // the store has answered that the key is not this node's
  EXPECT_FALSE(scene.planned<AskFailsafe>());
}

TEST(Failsafe, GivesTheStoreThatIsBackTimeToTakeTheKeyAgain) {
  Scene scene = cut_off();
  answered(scene, true);
  scene.later(6s);
  scene.seen.store.is_reachable = true;
  scene.seen.session.leads = false;  // the lease has run out
  scene.seen.session.renewed_at = scene.now;
  scene.seen.instance.seen_at = scene.now;
  scene.cluster().leader.reset();
  scene.peer("b", Lsn{100}).peer("c", Lsn{100});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  EXPECT_FALSE(scene.planned<Demote>());
}

const FailsafePing kPing{
    .name = "b", .conn_url = {}, .api_url = "http://b", .slots = {{"c", Lsn{90}}}};

TEST(Failsafe, AStandbyPromisesAndKeepsIt) {
  Scene scene("a");
  scene.seen.settings.failsafe_mode = true;
  scene.unlocked().standby(Lsn{100}).silent_peer("b").peer("c", Lsn{50});
  std::string why;
  EXPECT_TRUE(may_promise(scene.seen, kPing, why));
  scene.seen.failsafe_promise = promise_to(scene.seen, kPing, scene.now);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E15"));
  scene.later(10s);
  scene.seen.instance.seen_at = scene.seen.session.renewed_at = scene.now;
  scene.silent_peer("b").peer("c", Lsn{50});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Failsafe, APromiseEndsWhenItsLeaderIsSeenToHaveClosed) {
  Scene scene("a");
  scene.seen.settings.failsafe_mode = true;
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{50}).peer("c", Lsn{50});
  scene.seen.failsafe_promise = promise_to(scene.seen, kPing, scene.now);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "the answer is from before the promise";
  scene.later(100ms);
  scene.peer("b", Lsn{50});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.silent_peer("b");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.seen.peers["b"].is_demoted = true;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Failsafe, APromiseHoldsForTheLongerTtl) {
  Scene scene("a");
  scene.seen.settings.ttl = 3s;  // lowered while the leader could not see it
  FailsafePing ping = kPing;
  ping.ttl = 10s;
  EXPECT_EQ(promise_to(scene.seen, ping, scene.now).until, scene.now + 10s);
  scene.seen.failsafe_promise = promise_to(scene.seen, ping, scene.now);
  EXPECT_EQ(promise_to(scene.seen, kPing, scene.now).until, scene.now + 10s);
  ping.ttl = Milliseconds(std::chrono::hours(24));
  EXPECT_LT(promise_to(scene.seen, ping, scene.now).until, scene.now + 3600s);
}

TEST(Failsafe, WhoIsOrMayBecomeTheLeaderPromisesNothing) {
  std::string why;
  Scene primary("a");
  primary.primary(Lsn{100}).seen.settings.failsafe_mode = true;
  EXPECT_FALSE(may_promise(primary.seen, kPing, why));
  EXPECT_EQ(why, "Running as a leader");
  Scene racing("a");
  racing.standby(Lsn{100}).under_way(AcquireLeaderKey{}).seen.settings.failsafe_mode = true;
  EXPECT_FALSE(may_promise(racing.seen, kPing, why));
  Scene holder("a");
  holder.led_by("a").standby(Lsn{100}).seen.settings.failsafe_mode = true;
  EXPECT_FALSE(may_promise(holder.seen, kPing, why));
  Scene other("a");
  other.led_by("c").standby(Lsn{100}).seen.settings.failsafe_mode = true;
  EXPECT_FALSE(may_promise(other.seen, kPing, why));
  other.seen.store.is_reachable = false;
  EXPECT_TRUE(may_promise(other.seen, kPing, why));
}

TEST(Failsafe, ThePromiseBindsAlsoWhomTheKeyHasFallenTo) {
  Scene scene("a");
  scene.led_by("a").standby(Lsn{100});
  scene.seen.settings.failsafe_mode = true;
  scene.seen.failsafe_promise = promise_to(scene.seen, kPing, scene.now);
  EXPECT_FALSE(scene.planned<ClaimTimeline>());
  EXPECT_TRUE(scene.gives_reason("E15"));
}

TEST(Failsafe, AnAgentThatHasJustStartedMayHavePromised) {
  Scene scene("a");
  scene.seen.settings.failsafe_mode = true;
  scene.unlocked().standby(Lsn{100}).silent_peer("b").peer("c", Lsn{50});
  for (const char* name : {"a", "b", "c"})
    scene.cluster().failsafe[name] = "http://" + std::string(name);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E15"));
  scene.later(10s);
  scene.seen.instance.seen_at = scene.seen.session.renewed_at = scene.now;
  scene.silent_peer("b").peer("c", Lsn{50});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Failsafe, WhomTheLeaderWouldNotAskWaitsForThoseItWouldToComeUpAgain) {
  Scene scene("a");
  scene.seen.settings.failsafe_mode = true;
  scene.unlocked().standby(Lsn{100}).silent_peer("b").peer("c", Lsn{50});
  scene.memory.began_at = scene.now - 60s;
  scene.cluster().failsafe["b"] = "http://b";
  scene.seen.peers["b"].is_demoted = true;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "b is no primary, and may be ahead";
  EXPECT_TRUE(scene.gives_reason("E5"));
}

TEST(Failsafe, WhomTheLeaderWouldNotAskIsNotElected) {
  Scene scene("a");
  scene.seen.settings.failsafe_mode = true;
  scene.unlocked().standby(Lsn{100}).peer("c", Lsn{50});
  scene.memory.began_at = scene.now - 60s;
  scene.cluster().failsafe["b"] = "http://b";
  EXPECT_TRUE(scene.planned<ProbePeers>());
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "b has not answered yet";
  scene.silent_peer("b");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E5"));
  scene.seen.settings.failsafe_mode = false;  // what others know of it lasts a while
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.peer("b", Lsn{50});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "nobody whom it names is a primary";
}

}  // namespace
}  // namespace pgherd::test
