#include "scene.h"

namespace pgherd::test {
namespace {

TEST(Lease, IsAskedForWhenThereIsNone) {
  Scene scene("a");
  scene.seen.session = {};
  EXPECT_EQ(scene.planned<GrantLease>(), GrantLease{.ttl = 10s});
}

TEST(Lease, IsNotAskedForAgainAtOnceAfterAFailure) {
  Scene scene("a");
  scene.seen.session = {};
  scene.seen.session.tried_at = scene.now;
  EXPECT_FALSE(scene.planned<GrantLease>());
  EXPECT_LE(scene.last.wake_at, scene.now + 1s);
  EXPECT_TRUE(scene.later(1s).planned<GrantLease>());
}

TEST(Lease, IsRenewedWellBeforeItEnds) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  EXPECT_FALSE(scene.planned<RenewLease>());
  scene.later(2s);
  EXPECT_EQ(scene.planned<RenewLease>(), (RenewLease{.lease = kLease, .holds_leader_key = false}));
}

TEST(Lease, OfALeaderIsRenewedTogetherWithAConfirmationOfTheKey) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).later(2s);
  EXPECT_EQ(scene.planned<RenewLease>(), (RenewLease{.lease = kLease, .holds_leader_key = true}));
}

TEST(Lease, IsReplacedWhenTheTtlWasChanged) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.ttl = 20s;
  EXPECT_EQ(scene.planned<GrantLease>(), GrantLease{.ttl = 20s});
}

TEST(Lease, IsKeptThoughTheTtlWasChangedWhileSomethingMayEndWithIt) {
  Scene making("a");
  making.primary(Lsn{100});
  making.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = kLease};
  making.seen.settings.ttl = 20s;
  EXPECT_FALSE(making.planned<GrantLease>()) << "the claim to make the cluster hangs on it";
  Scene binding("a");
  binding.led_by("a").primary(Lsn{100});
  binding.seen.session.unanswered_binding = kLease;
  binding.seen.session.unanswered_binding_since = binding.now;
  binding.seen.settings.ttl = 20s;
  EXPECT_FALSE(binding.planned<GrantLease>()) << "nobody knows yet whether the leader key does";
}

TEST(Lease, OfAnEarlierLifeIsReplacedOnTheLeaderKeyWithoutAnElection) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.session.leads = false;
  scene.seen.session.led_at.reset();
  scene.cluster().leader->lease = LeaseId{3};
  EXPECT_EQ(scene.planned<RebindLeaderKey>(),
            (RebindLeaderKey{.lease = kLease, .seen = Revision{50}}));
  EXPECT_FALSE(scene.planned<Demote>());
}

TEST(Lease, IsNoLeaveToOpenPostgresWhileTheKeyMayBeGivenBackYet) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  EXPECT_TRUE(scene.planned<StartPrimary>());
  scene.under_way(ReleaseLeaderKey{.status = {}, .seen = Revision{50}});
  EXPECT_FALSE(scene.planned<StartPrimary>());
  EXPECT_FALSE(scene.last.is_leader);
  EXPECT_FALSE(scene.planned<RebindLeaderKey>());
  scene.seen.under_way.clear();
  scene.seen.session.unanswered_release = Revision{50};
  EXPECT_FALSE(scene.planned<StartPrimary>());
  EXPECT_EQ(scene.planned<RebindLeaderKey>(),
            (RebindLeaderKey{.lease = kLease, .seen = Revision{50}}));
  EXPECT_TRUE(scene.gives_reason("L4"));
  scene.cluster().leader->mod_revision = Revision{51};
  EXPECT_TRUE(scene.planned<StartPrimary>()) << "what arrives late deletes nothing any more";
}

TEST(Lease, OfWhoGivesTheKeyBackIsNotBoundAnewForAnAnswerThatWasLost) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.memory.stepping_down.state = SteppingDown::AtOnce;
  scene.seen.session.unanswered_release = Revision{50};
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(scene.planned<RebindLeaderKey>());
}

TEST(Lease, WaitsForNothingElse) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).under_way(Restart{}).later(3s);
  EXPECT_TRUE(scene.planned<RenewLease>());
}

Scene restarting() {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.under_way(Restart{.is_primary = true, .lease_valid_until = scene.now + 7s});
  return scene;
}

TEST(Lease, OfALongRestartIsToldAnew) {
  Scene scene = restarting();
  scene.seen.session.renewed_at = scene.later(1s).now;
  EXPECT_FALSE(scene.planned<ExtendInstanceAct>()) << "most restarts are over before it matters";
  scene.seen.session.renewed_at = scene.later(4s).now;
  const auto told = scene.planned<ExtendInstanceAct>();
  ASSERT_TRUE(told);
  EXPECT_GT(told->lease_valid_until, scene.now + 5s);
  EXPECT_LT(told->lease_valid_until, scene.now + 10s);
  EXPECT_TRUE(scene.gives_reason("L5"));
  EXPECT_FALSE(scene.planned<ExtendInstanceAct>()) << "it has been told";
  // The next act begins with what it was planned with.
  scene.under_way(Restart{.is_primary = true, .lease_valid_until = scene.now + 1s});
  EXPECT_TRUE(scene.planned<ExtendInstanceAct>());
}

TEST(Lease, OfALongRestartIsNotExtendedWhereThisNodeMayNotLead) {
  Scene scene = restarting();
  scene.seen.session.renewed_at = scene.later(5s).now;
  scene.seen.session.leads = false;
  EXPECT_FALSE(scene.planned<ExtendInstanceAct>());
  scene.seen.session.leads = true;
  EXPECT_TRUE(scene.planned<ExtendInstanceAct>());
  Scene leaving = restarting();
  leaving.seen.session.renewed_at = leaving.later(5s).now;
  leaving.seen.is_leaving = true;
  EXPECT_FALSE(leaving.planned<ExtendInstanceAct>());
  Scene free = restarting();
  free.under_way(Restart{.is_primary = true, .lease_valid_until = Instant::never()});
  free.seen.session.renewed_at = free.later(5s).now;
  EXPECT_FALSE(free.planned<ExtendInstanceAct>()) << "it is held to no lease";
}

}  // namespace
}  // namespace pgherd::test
