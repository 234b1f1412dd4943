// Every store step, carried out on a store: what it writes, and what stops it.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "dcs/layout.h"
#include "dcs/memory/memory_store.h"

namespace pgherd {
namespace {

constexpr const char* kSystemId = "7391442209411208193";

class LayoutTransaction : public testing::Test {
 protected:
  // Whether it was applied; a step that is no transaction, or a store that objects, fails the case.
  bool carry_out(const Step& step) {
    const auto transaction = layout.transaction(step);
    if (!transaction) {
      ADD_FAILURE() << "no transaction for " << to_string(step);
      return false;
    }
    const auto outcome = store.commit(*transaction);
    if (!outcome) ADD_FAILURE() << outcome.error().text;
    return outcome && outcome->succeeded;
  }
  void write(const std::string& leaf, const std::string& value, LeaseId under = {}) {
    ASSERT_TRUE(store.commit(
        {.compares = {}, .writes = {Put{layout.key(leaf), value, under}}, .otherwise = {}}));
  }
  void erase(const std::string& leaf) {
    ASSERT_TRUE(
        store.commit({.compares = {}, .writes = {Delete{layout.key(leaf)}}, .otherwise = {}}));
  }
  std::string value(const std::string& leaf) const {
    const auto entry = store.get(layout.key(leaf));
    return entry ? entry->value : "<absent>";
  }
  LeaseId lease_of(const std::string& leaf) const {
    const auto entry = store.get(layout.key(leaf));
    return entry ? entry->lease : LeaseId{};
  }
  Revision modified(const std::string& leaf) const {
    const auto entry = store.get(layout.key(leaf));
    return entry ? entry->mod_revision : Revision{};
  }

  Layout layout{"service", "main", "pg1"};
  MemoryStore store;
  LeaseId lease = store.grant(30s)->id;
  LeaseId other_lease = store.grant(30s)->id;
};

TEST_F(LayoutTransaction, TheLeaderKeyIsAcquiredUnderTheLeaseWhenThereIsNone) {
  EXPECT_TRUE(carry_out(AcquireLeaderKey{.lease = lease}));
  EXPECT_EQ(value("leader"), "pg1");
  EXPECT_EQ(lease_of("leader"), lease);
}

TEST_F(LayoutTransaction, TheLeaderKeyIsNotAcquiredFromAnybodyNotEvenFromMyself) {
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(AcquireLeaderKey{.lease = lease}));
  EXPECT_EQ(value("leader"), "pg2");
  write("leader", "pg1", other_lease);
  EXPECT_FALSE(carry_out(AcquireLeaderKey{.lease = lease}));
}

TEST_F(LayoutTransaction, RenewalConfirmsNameAndLeaseAndWritesNothing) {
  write("leader", "pg1", lease);
  const auto before = store.revision();
  EXPECT_TRUE(carry_out(RenewLease{.lease = lease, .holds_leader_key = true}));
  EXPECT_FALSE(carry_out(RenewLease{.lease = other_lease, .holds_leader_key = true}));
  write("leader", "pg2", lease);
  EXPECT_FALSE(carry_out(RenewLease{.lease = lease, .holds_leader_key = true}));
  erase("leader");
  EXPECT_FALSE(carry_out(RenewLease{.lease = lease, .holds_leader_key = true}));
  EXPECT_EQ(store.revision().value, before.value + 2) << "only the two writes of this case";
}

TEST_F(LayoutTransaction, RenewalOfALeaseWithoutTheKeyIsNoTransaction) {
  EXPECT_FALSE(layout.transaction(RenewLease{.lease = lease, .holds_leader_key = false}));
}

TEST_F(LayoutTransaction, RebindingNeedsMyNameAndTheKeyAsItWasSeen) {
  write("leader", "pg1", other_lease);
  const auto seen = modified("leader");
  EXPECT_TRUE(carry_out(RebindLeaderKey{.lease = lease, .seen = seen}));
  EXPECT_EQ(lease_of("leader"), lease);
  EXPECT_FALSE(carry_out(RebindLeaderKey{.lease = other_lease, .seen = seen}));
  EXPECT_EQ(lease_of("leader"), lease);

  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(RebindLeaderKey{.lease = lease, .seen = modified("leader")}));
  EXPECT_EQ(value("leader"), "pg2");
}

TEST_F(LayoutTransaction, ReleaseLeavesTheLastPositionAndNoKey) {
  write("leader", "pg1", lease);
  EXPECT_TRUE(carry_out(
      ReleaseLeaderKey{.status = {.optime = Lsn{83886432}, .slots = {}, .retain_slots = {}}}));
  EXPECT_EQ(value("leader"), "<absent>");
  EXPECT_EQ(value("status"), R"({"optime":83886432})");
}

TEST_F(LayoutTransaction, ReleaseWithoutAPositionLeavesTheKnownOne) {
  write("leader", "pg1", lease);
  write("status", R"({"optime":1000})");
  EXPECT_TRUE(carry_out(ReleaseLeaderKey{}));
  EXPECT_EQ(value("leader"), "<absent>");
  EXPECT_EQ(value("status"), R"({"optime":1000})");
}

TEST_F(LayoutTransaction, SomebodyElsesKeyIsNotReleased) {
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(
      carry_out(ReleaseLeaderKey{.status = {.optime = Lsn{5}, .slots = {}, .retain_slots = {}}}));
  EXPECT_EQ(value("leader"), "pg2");
  EXPECT_EQ(value("status"), "<absent>");
}

TEST_F(LayoutTransaction, AReleaseThatArrivesAfterTheKeyWasBoundAnewTakesNothingAway) {
  write("leader", "pg1", lease);
  const auto seen = modified("leader");
  EXPECT_TRUE(carry_out(RebindLeaderKey{.lease = other_lease, .seen = seen}));
  EXPECT_FALSE(carry_out(ReleaseLeaderKey{.status = {}, .seen = seen}));
  EXPECT_EQ(value("leader"), "pg1");
}

TEST_F(LayoutTransaction, ATimelineIsClaimedByTheLeaderAboveWhatItHasSeen) {
  write("leader", "pg1", lease);
  EXPECT_TRUE(carry_out(ClaimTimeline{.timeline = {4}, .seen = {}}));
  EXPECT_EQ(value("timeline"), "4 pg1");
  EXPECT_FALSE(carry_out(ClaimTimeline{.timeline = {5}, .seen = {}}));
  EXPECT_TRUE(carry_out(ClaimTimeline{.timeline = {5}, .seen = modified("timeline")}));
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(ClaimTimeline{.timeline = {6}, .seen = modified("timeline")}));
  EXPECT_EQ(value("timeline"), "5 pg1");
}

TEST_F(LayoutTransaction, TheClaimToBootstrapIsEmptyAndDiesWithItsHolder) {
  EXPECT_TRUE(carry_out(TakeInitializeKey{.lease = lease}));
  EXPECT_EQ(value("initialize"), "");
  EXPECT_FALSE(carry_out(TakeInitializeKey{.lease = other_lease})) << "somebody bootstraps";
  ASSERT_TRUE(store.revoke(lease));
  EXPECT_EQ(value("initialize"), "<absent>");
}

TEST_F(LayoutTransaction, AFinishedBootstrapIsThereForGoodWithConfigAndLeader) {
  ASSERT_TRUE(carry_out(TakeInitializeKey{.lease = lease}));
  EXPECT_TRUE(carry_out(FinishInitialize{.system_id = kSystemId,
                                         .seen = modified("initialize"),
                                         .config_json = R"({"ttl":30})",
                                         .lease = lease}));
  EXPECT_EQ(value("initialize"), kSystemId);
  EXPECT_EQ(value("config"), R"({"ttl":30})");
  EXPECT_EQ(value("leader"), "pg1");
  ASSERT_TRUE(store.revoke(lease));
  EXPECT_EQ(value("initialize"), kSystemId);
  EXPECT_EQ(value("config"), R"({"ttl":30})");
  EXPECT_EQ(value("leader"), "<absent>");
}

TEST_F(LayoutTransaction, AConfigWrittenBeforehandStandsAndDoesNotHinderTheBootstrap) {
  write("config", R"({"ttl":60})");
  ASSERT_TRUE(carry_out(TakeInitializeKey{.lease = lease}));
  EXPECT_TRUE(carry_out(FinishInitialize{.system_id = kSystemId,
                                         .seen = modified("initialize"),
                                         .config_json = R"({"ttl":30})",
                                         .lease = lease}));
  EXPECT_EQ(value("config"), R"({"ttl":60})");
  EXPECT_EQ(value("leader"), "pg1");
}

TEST_F(LayoutTransaction, ABootstrapWhoseClaimWasLostFinishesNothing) {
  ASSERT_TRUE(carry_out(TakeInitializeKey{.lease = lease}));
  const auto mine = modified("initialize");
  write("initialize", "", other_lease);
  EXPECT_FALSE(carry_out(
      FinishInitialize{.system_id = kSystemId, .seen = mine, .config_json = "{}", .lease = lease}));
  EXPECT_EQ(value("initialize"), "");
  EXPECT_EQ(value("config"), "<absent>");
  EXPECT_EQ(value("leader"), "<absent>");
}

TEST_F(LayoutTransaction, ABootstrapFinishesNothingUnderAnotherLeader) {
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(FinishInitialize{
      .system_id = kSystemId, .seen = std::nullopt, .config_json = "{}", .lease = lease}));
  EXPECT_EQ(value("initialize"), "<absent>");
}

TEST_F(LayoutTransaction, DataThatIsTakenOverNeedsNoClaimButAnAbsentKey) {
  const FinishInitialize adopt{
      .system_id = kSystemId, .seen = std::nullopt, .config_json = "{}", .lease = lease};
  EXPECT_TRUE(carry_out(adopt));
  EXPECT_EQ(value("initialize"), kSystemId);
  erase("leader");
  EXPECT_FALSE(carry_out(adopt)) << "the key is there by now";
}

TEST_F(LayoutTransaction, OnlyAnEmptyClaimOfMineIsGivenBack) {
  ASSERT_TRUE(carry_out(TakeInitializeKey{.lease = lease}));
  const auto mine = modified("initialize");
  write("initialize", kSystemId);
  EXPECT_FALSE(carry_out(GiveBackInitializeKey{.seen = mine}));
  EXPECT_FALSE(carry_out(GiveBackInitializeKey{.seen = modified("initialize")}));
  EXPECT_EQ(value("initialize"), kSystemId);
  write("initialize", "");
  EXPECT_TRUE(carry_out(GiveBackInitializeKey{.seen = modified("initialize")}));
  EXPECT_EQ(value("initialize"), "<absent>");
}

TEST_F(LayoutTransaction, ALeaderRestoresLostKeysWithoutWritingOverAConfig) {
  write("leader", "pg1", lease);
  EXPECT_TRUE(carry_out(RestoreKeys{.initialize = kSystemId, .config_json = R"({"ttl":30})"}));
  EXPECT_EQ(value("initialize"), kSystemId);
  EXPECT_EQ(value("config"), R"({"ttl":30})");
  write("config", R"({"ttl":60})");
  EXPECT_TRUE(carry_out(RestoreKeys{.initialize = std::nullopt, .config_json = R"({"ttl":30})"}));
  EXPECT_EQ(value("config"), R"({"ttl":60})");
}

TEST_F(LayoutTransaction, NobodyButTheLeaderRestoresKeys) {
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(RestoreKeys{.initialize = kSystemId, .config_json = "{}"}));
  EXPECT_EQ(value("initialize"), "<absent>");
}

TEST_F(LayoutTransaction, AMemberIsPublishedUnderItsLease) {
  Member member;
  member.name = "pg1";
  member.conn_url = "postgres://10.1.0.12:5432/postgres";
  EXPECT_TRUE(carry_out(PublishMember{.member = member, .lease = lease}));
  EXPECT_EQ(lease_of("members/pg1"), lease);
  EXPECT_NE(value("members/pg1").find("postgres://10.1.0.12:5432/postgres"), std::string::npos);
}

TEST_F(LayoutTransaction, OnlyTheLeaderPublishesStatusAndHistory) {
  const PublishStatus status{.status = {.optime = Lsn{1000},
                                        .slots = std::map<std::string, Lsn>{{"pg2", Lsn{900}}},
                                        .retain_slots = {}}};
  const PublishHistory history{.rows = {HistoryRow{.parent = Timeline{1},
                                                   .switched_at = Lsn{67108864},
                                                   .reason = "no recovery target specified",
                                                   .timestamp = "",
                                                   .new_leader = ""}}};
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(status));
  EXPECT_FALSE(carry_out(history));
  write("leader", "pg1", lease);
  EXPECT_TRUE(carry_out(status));
  EXPECT_TRUE(carry_out(history));
  EXPECT_EQ(value("status"), R"({"optime":1000,"slots":{"pg2":900}})");
  EXPECT_TRUE(value("history").starts_with("[[1,67108864,")) << value("history");
  EXPECT_FALSE(lease_of("status").exists()) << "status outlives the leader";
  EXPECT_FALSE(lease_of("history").exists());
}

TEST_F(LayoutTransaction, ATimelineIsClaimedByTheLeaderAndOnlyOnce) {
  const ClaimTimeline first{.timeline = Timeline{7}, .seen = Revision{}};
  write("leader", "pg2", other_lease);
  EXPECT_FALSE(carry_out(first));
  write("leader", "pg1", lease);
  EXPECT_TRUE(carry_out(first));
  EXPECT_EQ(value("timeline"), "7 pg1");
  EXPECT_FALSE(carry_out(first)) << "somebody has claimed one meanwhile";
  EXPECT_TRUE(carry_out(ClaimTimeline{.timeline = Timeline{8}, .seen = modified("timeline")}));
  EXPECT_FALSE(lease_of("timeline").exists()) << "a claim outlives who made it";
}

TEST_F(LayoutTransaction, ARequestIsClearedUnlessANewOneCameMeanwhile) {
  write("failover", R"({"member":"pg2"})");
  const auto seen = modified("failover");
  EXPECT_TRUE(carry_out(ClearFailoverRequest{.seen = seen}));
  EXPECT_EQ(value("failover"), "{}") << "cleared, not deleted";
  write("failover", R"({"member":"pg3"})");
  EXPECT_FALSE(carry_out(ClearFailoverRequest{.seen = seen}));
  EXPECT_EQ(value("failover"), R"({"member":"pg3"})");
}

TEST_F(LayoutTransaction, WhatIsNotDoneInTheKeySpaceIsNoTransaction) {
  EXPECT_FALSE(layout.transaction(GrantLease{.ttl = 30s}));
  EXPECT_FALSE(layout.transaction(RevokeLease{.lease = lease}));
  EXPECT_FALSE(layout.transaction(Promote{}));
  EXPECT_FALSE(layout.transaction(ProbePeers{}));
}

TEST_F(LayoutTransaction, SyncIsWrittenByTheLeaderUnderItsLeaseOverWhatItHasSeen) {
  SyncKey key;
  key.leader = "pg1";
  key.standbys = {"pg2"};
  EXPECT_FALSE(carry_out(WriteSync{.value = key, .seen = {}, .lease = lease})) << "nobody leads";
  write("leader", "pg1", lease);
  EXPECT_FALSE(carry_out(WriteSync{.value = key, .seen = {}, .lease = other_lease}))
      << "sent by an earlier life of this agent";
  EXPECT_TRUE(carry_out(WriteSync{.value = key, .seen = {}, .lease = lease}));
  EXPECT_EQ(value("sync"), R"({"leader":"pg1","quorum":0,"sync_standby":"pg2"})");
  EXPECT_EQ(lease_of("sync"), LeaseId{});
  EXPECT_FALSE(carry_out(WriteSync{.value = key, .seen = {}, .lease = lease}))
      << "it is not absent";
  const Revision seen = modified("sync");
  write("sync", "{}");
  EXPECT_FALSE(carry_out(WriteSync{.value = key, .seen = seen, .lease = lease}));
  EXPECT_FALSE(carry_out(DeleteSync{.seen = seen, .lease = lease}));
  EXPECT_TRUE(carry_out(DeleteSync{.seen = modified("sync"), .lease = lease}));
  EXPECT_EQ(value("sync"), "<absent>");
}

TEST_F(LayoutTransaction, NobodyIsElectedByAnOldPictureOfSync) {
  write("sync", "{}");
  EXPECT_FALSE(carry_out(AcquireLeaderKey{.lease = lease, .sync_seen = {}}));
  const Revision seen = modified("sync");
  write("sync", "{}");
  EXPECT_FALSE(carry_out(AcquireLeaderKey{.lease = lease, .sync_seen = seen}));
  EXPECT_TRUE(carry_out(AcquireLeaderKey{.lease = lease, .sync_seen = modified("sync")}));
}

TEST_F(LayoutTransaction, NobodyIsElectedBySettingsThatHoldNoLonger) {
  write("config", "{}");
  const Revision seen = modified("config");
  write("config", R"({"pause":true})");
  EXPECT_FALSE(carry_out(AcquireLeaderKey{.lease = lease, .config_seen = seen}));
  EXPECT_TRUE(carry_out(AcquireLeaderKey{.lease = lease, .config_seen = modified("config")}));
}

}  // namespace
}  // namespace pgherd
