#include <gtest/gtest.h>

#include "dcs/layout.h"

namespace pgherd {
namespace {

class LayoutView : public testing::Test {
 protected:
  void has(const std::string& leaf, const std::string& value, LeaseId lease = {}) {
    const auto key = layout.key(leaf);
    entries[key] = {.key = key,
                    .value = value,
                    .create_revision = Revision{10},
                    .mod_revision = Revision{20},
                    .lease = lease};
  }
  ClusterView view(const Shared<ConfigKey>& previous = {}) const {
    return layout.view(entries, Revision{30}, previous);
  }

  Layout layout{"service", "main", "pg1"};
  std::map<std::string, KeyValue> entries;
};

TEST(LayoutKeys, LieUnderNamespaceAndScopeWhateverTheSlashes) {
  EXPECT_EQ(Layout("service", "main", "pg1").prefix(), "/service/main/");
  EXPECT_EQ(Layout("/service/", "main", "pg1").prefix(), "/service/main/");
  EXPECT_EQ(Layout("//a//b", "main", "pg1").prefix(), "/a/b/main/");
  EXPECT_EQ(Layout("", "main", "pg1").prefix(), "/main/");
  EXPECT_EQ(Layout("service", "main", "pg1").key("leader"), "/service/main/leader");
  EXPECT_EQ(Layout("service", "main", "pg1").member_key("pg2"), "/service/main/members/pg2");
}

TEST_F(LayoutView, OfNothingIsEmptyAtItsRevision) {
  const auto seen = view();
  EXPECT_EQ(seen, (ClusterView{.revision = Revision{30}}));
  EXPECT_FALSE(seen.has_leader());
}

TEST_F(LayoutView, OfAHealthyClusterHasEveryPart) {
  has("initialize", "7391442209411208193");
  has("config", R"({"ttl":30,"loop_wait":5})");
  has("leader", "pg1", LeaseId{77});
  has("members/pg1", R"({"conn_url":"postgres://h1:5432/postgres","role":"primary"})", LeaseId{77});
  has("members/pg2", R"({"conn_url":"postgres://h2:5432/postgres","role":"replica"})", LeaseId{78});
  has("status", R"({"optime":83886432,"slots":{"pg2":83886400}})");
  has("failover", R"({"leader":"pg1","member":"pg2"})");
  has("sync", R"({"leader":"pg1","quorum":0,"sync_standby":"pg2"})");
  has("history", R"([[1,67108864,"no recovery target specified"]])");
  has("failsafe", R"({"pg1":"http://h1:8008/patroni"})");
  has("stopping", "pg1", LeaseId{77});
  has("routers/r1:5432", R"({"at_rest_for":7})", LeaseId{79});
  has("routers/r2:5432", "nonsense", LeaseId{80});

  const auto seen = view();
  EXPECT_TRUE(seen.initialize->is_valid());
  EXPECT_EQ(seen.config->settings.loop_wait, 5s);
  EXPECT_EQ(seen.config->mod_revision, Revision{20});
  EXPECT_EQ(seen.leader, (LeaderKey{.name = "pg1",
                                    .lease = LeaseId{77},
                                    .create_revision = Revision{10},
                                    .mod_revision = Revision{20}}));
  EXPECT_EQ(seen.members.size(), 2U);
  EXPECT_EQ(seen.leader_member()->conn_url, "postgres://h1:5432/postgres");
  EXPECT_EQ(seen.member("pg2")->lease, LeaseId{78});
  EXPECT_EQ(seen.status.optime, Lsn{83886432});
  EXPECT_EQ(seen.failover->candidate, "pg2");
  EXPECT_EQ(seen.failover->mod_revision, Revision{20});
  EXPECT_EQ(seen.sync->standbys, std::vector<NodeName>{"pg2"});
  EXPECT_EQ(seen.sync->mod_revision, Revision{20});
  EXPECT_EQ(seen.newest_timeline(), Timeline{2});
  EXPECT_EQ(seen.failsafe.at("pg1"), "http://h1:8008/patroni");
  EXPECT_EQ(seen.stopping, (StopAnnouncement{.leader = "pg1", .mod_revision = Revision{20}}));
  EXPECT_EQ(seen.routers,
            (std::map<std::string, Revision>{{"r1:5432", Revision{7}}, {"r2:5432", Revision{}}}));
}

// `/failover` is not among them: text that is no JSON is the legacy form of a request there.
TEST_F(LayoutView, OfGarbageIsAbsentPartByPart) {
  for (const auto* leaf : {"config", "status", "sync", "history", "failsafe", "members/pg1"})
    has(leaf, "\xff{not json");
  has("initialize", "garbage");
  const auto seen = view();
  EXPECT_FALSE(seen.initialize->is_valid());
  EXPECT_FALSE(seen.config);
  EXPECT_EQ(seen.status, StatusKey{});
  ASSERT_TRUE(seen.sync) << "its revision is needed to write over it";
  EXPECT_EQ(seen.sync->leader, "");
  EXPECT_FALSE(seen.history);
  EXPECT_TRUE(seen.failsafe.empty());
  EXPECT_EQ(seen.members.size(), 1U) << "a member whose data cannot be read is still there";
}

TEST_F(LayoutView, OfOtherTypesOfJsonIsAbsentToo) {
  for (const auto* leaf : {"config", "failover", "sync", "failsafe"})
    has(leaf, "[1,2,3]");
  has("history", R"({"not":"a list"})");
  has("status", R"("text")");
  const auto seen = view();
  EXPECT_FALSE(seen.config);
  EXPECT_FALSE(seen.failover);
  ASSERT_TRUE(seen.sync) << "its revision is needed to write over it";
  EXPECT_EQ(seen.sync->leader, "");
  EXPECT_FALSE(seen.history);
  EXPECT_EQ(seen.status, StatusKey{});
  EXPECT_TRUE(seen.failsafe.empty());
}

TEST_F(LayoutView, AnUnreadableConfigLeavesTheLastOneStanding) {
  has("config", R"({"pause":true})");
  const auto paused = view().config;
  ASSERT_TRUE(paused && paused->settings.paused);
  has("config", "oops");
  EXPECT_EQ(view(paused).config, paused);
  EXPECT_EQ(view(paused).config_revision, Revision{20}) << "or nobody could be elected";
}

TEST_F(LayoutView, ADeletedConfigIsGone) {
  has("config", R"({"pause":true})");
  const auto paused = view().config;
  entries.clear();
  EXPECT_FALSE(view(paused).config);
}

TEST_F(LayoutView, AnEmptyLeaderKeyIsNoLeader) {
  has("leader", "");
  EXPECT_FALSE(view().has_leader());
}

TEST_F(LayoutView, ALeaderWithoutAMemberKeyIsStillTheLeader) {
  has("leader", "pg9", LeaseId{77});
  EXPECT_TRUE(view().is_led_by("pg9"));
  EXPECT_EQ(view().leader_member(), nullptr);
}

TEST_F(LayoutView, DeeperAndNamelessKeysAreNoMembers) {
  has("members/pg1/extra", "{}");
  has("members/", "{}");
  has("0/members/pg2", "{}");
  EXPECT_TRUE(view().members.empty());
}

TEST_F(LayoutView, AClaimOfATimelineHasNumberNameAndRevision) {
  EXPECT_FALSE(view().claim);
  has("timeline", "7 pg1");
  EXPECT_EQ(view().claim,
            (TimelineClaim{.timeline = Timeline{7}, .by = "pg1", .mod_revision = Revision{20}}));
  has("timeline", "garbage");
  EXPECT_FALSE(view().claim->timeline.is_known());
  EXPECT_EQ(view().claim->mod_revision, Revision{20}) << "needed to write over it";
}

TEST_F(LayoutView, AClearedRequestIsNone) {
  has("failover", "{}");
  EXPECT_FALSE(view().failover);
}

TEST_F(LayoutView, TheLegacyPositionCountsOnlyWithoutAStatus) {
  has("optime/leader", "1234");
  EXPECT_EQ(view().status.optime, Lsn{1234});
  has("status", R"({"optime":5678})");
  EXPECT_EQ(view().status.optime, Lsn{5678});
}

TEST_F(LayoutView, AnotherScopeIsNotSeen) {
  entries["/service/mainz/leader"] = {.key = "/service/mainz/leader",
                                      .value = "pg7",
                                      .create_revision = {},
                                      .mod_revision = {},
                                      .lease = {}};
  EXPECT_FALSE(view().leader);
}

}  // namespace
}  // namespace pgherd
