#include "routing/route.h"

#include <gtest/gtest.h>

#include "routing/a_herd.h"
#include "routing/planner.h"

namespace pgherd::test {
namespace {

// Routes for clients, as one asks for them: "b", "hold: why", "57P03: message".
struct ARouter {
  RoutingSettings settings;
  Routes routes;
  std::vector<ServerLoad> loads;
  Instant seen_at = kNow;
  Instant now = kNow;
  Client client{.arrived = kNow};

  explicit ARouter(const AHerd& herd = a_herd(), RoutingSettings its_settings = {})
      : settings(its_settings), routes(Planner(settings).plan(herd.view, kNow, kWallNow)) {
    loads.resize(routes.servers.size());
  }
  ServerLoad& load(const std::string& name) {
    for (std::size_t place = 0; place < routes.servers.size(); ++place)
      if (routes.servers[place].name == name) return loads[place];
    return loads.emplace_back();
  }
  Direction direction(Purpose purpose) {
    client.purpose = purpose;
    return route(routes, loads, client, seen_at, now, settings);
  }
  std::string ask(Purpose purpose) {
    const Direction found = direction(purpose);
    if (const auto* to = std::get_if<To>(&found)) return routes.servers[to->server].name;
    if (const auto* hold = std::get_if<Hold>(&found)) return "hold: " + hold->why;
    const auto& refuse = std::get<Refuse>(found);
    return refuse.sqlstate + ": " + refuse.message;
  }
  std::string write() { return ask(Purpose::Write); }
  std::string read() { return ask(Purpose::Read); }
};

TEST(Route, LeadsWritesToThePrimaryWhichMustSayThatItIsOne) {
  ARouter router;
  EXPECT_EQ(router.write(), "a");
  EXPECT_TRUE(std::get<To>(router.direction(Purpose::Write)).must_be_primary);
  EXPECT_FALSE(std::get<To>(router.direction(Purpose::Read)).must_be_primary);
}

TEST(Route, DoesNotExpectAPrimaryInAStandbyCluster) {
  AHerd herd = a_herd();
  herd.member("a", MemberRole::StandbyLeader);
  ARouter router(herd);
  EXPECT_FALSE(std::get<To>(router.direction(Purpose::Write)).must_be_primary);
}

TEST(Route, HoldsWritesWithoutAPrimaryUntilTheClientHasWaitedLongEnough) {
  ARouter router(a_herd().nobody_leads(), {.hold_max = 30s});
  EXPECT_EQ(std::get<Hold>(router.direction(Purpose::Write)).until, kNow + 30s);
  EXPECT_EQ(router.write(), "hold: nobody leads the cluster at present");
  router.now = kNow + 30s - 1ms;
  EXPECT_EQ(router.write(), "hold: nobody leads the cluster at present");
  router.now = kNow + 30s;
  EXPECT_EQ(router.write(), "57P03: there is no primary to connect to");
  const auto refusal = std::get<Refuse>(router.direction(Purpose::Write));
  EXPECT_EQ(refusal.detail,
            "For 30.0 s this router has held the connection: nobody leads the cluster at present.");
  EXPECT_FALSE(refusal.hint.empty());
}

TEST(Route, HoldsWritesWhileThePrimaryTakesNoConnections) {
  ARouter router;
  router.load("a").is_unreachable = true;
  EXPECT_EQ(router.write(), "hold: a does not take connections");
}

TEST(Route, HoldsWritesWhileThePrimaryIsAskedToGiveWay) {
  ARouter router;
  router.routes.announced_change = Revision{5};
  EXPECT_EQ(router.write(), "hold: a is about to stop");
  EXPECT_EQ(router.read(), "b");
}

TEST(Route, HoldsBeforeTheStoreHasBeenHeard) {
  ARouter router;
  router.routes = Routes{};
  router.loads.clear();
  EXPECT_EQ(router.write(), "hold: the store has not told yet who is who");
  EXPECT_EQ(router.read(), "hold: the store has not told yet who is who");
}

TEST(Route, LeadsReadsToTheStandbyWithTheFewestSessions) {
  ARouter router;
  EXPECT_EQ(router.read(), "b");
  router.load("b").sessions = 1;
  EXPECT_EQ(router.read(), "c");
  router.load("c").sessions = 2;
  EXPECT_EQ(router.read(), "b");
  router.load("b").is_unreachable = true;
  EXPECT_EQ(router.read(), "c");
}

TEST(Route, HoldsReadsWithoutAFitStandbyAndSaysWhy) {
  AHerd herd = a_herd();
  herd.standby("b").tags.noloadbalance = true;
  ARouter router(herd);
  router.load("c").is_unreachable = true;
  EXPECT_EQ(router.read(),
            "hold: b: it has the tag noloadbalance; c: it does not take connections");
  router.now = kNow + 30s;
  EXPECT_EQ(router.read(), "57P03: there is no standby to connect to");
}

TEST(Route, LeadsReadsToThePrimaryIfThatIsWantedAndNoStandbyFits) {
  ARouter router(a_herd(), {.reads_fall_back_to_primary = true});
  EXPECT_EQ(router.read(), "b");
  router.load("b").is_unreachable = true;
  router.load("c").is_unreachable = true;
  EXPECT_EQ(router.read(), "a");
  router.load("a").is_unreachable = true;
  EXPECT_TRUE(router.read().starts_with("hold: "));
}

TEST(Route, KeepsToThePrimaryWhenTheStoreIsSilent) {
  ARouter router;
  router.now = kNow + 3600s;
  router.client.arrived = router.now;
  EXPECT_EQ(router.write(), "a");
  EXPECT_TRUE(std::get<To>(router.direction(Purpose::Write)).must_be_primary);
  EXPECT_EQ(router.read(), "b");
}

TEST(Route, HoldsWhenTheStoreIsSilentIfThatIsWanted) {
  ARouter router(a_herd(), {.view_age_max = 10s, .when_sight_is_lost = LostSight::Hold});
  router.now = router.client.arrived = kNow + 10s;
  EXPECT_EQ(router.write(), "a");
  router.now = router.client.arrived = kNow + 11s;
  EXPECT_EQ(router.write(), "hold: the store has been silent for 11.0 s");
  EXPECT_EQ(router.read(), "hold: the store has been silent for 11.0 s");
}

std::string doom(const AHerd& herd, const SessionFacts& session,
                 const RoutingSettings& settings = {}) {
  return why_doomed(session, Planner(settings).plan(herd.view, kNow, kWallNow), settings)
      .value_or("");
}

TEST(Doom, IsForSessionsOnAPrimaryThatWasReplaced) {
  AHerd herd = a_herd();
  EXPECT_EQ(doom(herd, {.server = "a"}), "");
  herd.leader("b", 20);
  EXPECT_EQ(doom(herd, {.server = "a"}), "the primary has moved from a to b");
  EXPECT_EQ(doom(herd, {.server = "b"}), "");
}

// The same one may be elected again, and who must stop stops by itself.
TEST(Doom, WaitsForASuccessor) {
  EXPECT_EQ(doom(a_herd().nobody_leads(), {.server = "a"}), "");
  AHerd herd = a_herd();
  herd.leader("a", 30);
  EXPECT_EQ(doom(herd, {.server = "a"}), "") << "another reign of the same server";
}

TEST(Doom, SparesReadersOfAStandbyThatIsPromotedUnlessOneWantsThemGone) {
  AHerd herd = a_herd();
  herd.leader("b", 20);
  herd.member("b", MemberRole::Primary);
  const SessionFacts reader{.purpose = Purpose::Read, .server = "b"};
  EXPECT_EQ(doom(herd, reader), "");
  EXPECT_NE(doom(herd, reader, {.keeps_promoted = false}), "");
  EXPECT_EQ(doom(herd, reader, {.reads_fall_back_to_primary = true, .keeps_promoted = false}), "");
  EXPECT_EQ(doom(herd, {.purpose = Purpose::Read, .server = "c"}, {.keeps_promoted = false}), "");
}

TEST(Doom, SparesReadersOfAStandbyThatIsNoLongerChosen) {
  AHerd herd = a_herd();
  herd.standby("b").tags.noloadbalance = true;
  EXPECT_EQ(doom(herd, {.purpose = Purpose::Read, .server = "b"}), "");
  herd.view.members.erase("b");
  EXPECT_EQ(doom(herd, {.purpose = Purpose::Read, .server = "b"}), "");
}

}  // namespace
}  // namespace pgherd::test
