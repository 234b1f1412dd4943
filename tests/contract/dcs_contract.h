// The contract of dcs/dcs.h, as cases that every implementation must pass. Include it in one file
// of a test program and instantiate it:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, DcsContract, testing::Values(MakeWorld(make_memory_world)));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "contract/dcs_fixture.h"

namespace pgherd::contract {

class DcsContract : public testing::TestWithParam<MakeWorld> {
 protected:
  void SetUp() override {
    world = GetParam()();
    ask = std::make_unique<DcsFixture>(*world);
  }

  std::unique_ptr<DcsWorld> world;
  std::unique_ptr<DcsFixture> ask;
};

// ---- Reading and writing ------------------------------------------------------------------------

TEST_P(DcsContract, AnEmptyPrefixIsReadAsNothingAtARevision) {
  const auto snapshot = ask->good(ask->read("/service/main/"));
  EXPECT_TRUE(snapshot.entries.empty());
  EXPECT_GT(snapshot.revision.value, 0);
}

TEST_P(DcsContract, WhatIsWrittenIsReadWithItsRevisionsAndInTheOrderOfKeys) {
  const auto first = ask->write({put("/c/b", "2"), put("/c/a", "1")});
  const auto second = ask->write({put("/c/b", "3")});
  ask->write({put("/d/x", "other prefix")});

  const auto snapshot = ask->good(ask->read("/c/"));
  ASSERT_EQ(snapshot.entries.size(), 2U);
  EXPECT_EQ(snapshot.entries[0], (KeyValue{"/c/a", "1", first.revision, first.revision, {}}));
  EXPECT_EQ(snapshot.entries[1], (KeyValue{"/c/b", "3", first.revision, second.revision, {}}));
  EXPECT_EQ(snapshot.revision.value, second.revision.value + 1);
}

TEST_P(DcsContract, ASerializableReadIsNotOlderThanOnesOwnWrite) {
  const auto written = ask->write({put("/c/a", "1")});
  const auto snapshot = ask->good(ask->read("/c/", ReadMode::Serializable));
  EXPECT_GE(snapshot.revision, written.revision);
  EXPECT_EQ(snapshot.entries.size(), 1U);
}

TEST_P(DcsContract, ValuesAreBytes) {
  const std::string bytes("a\0\xff\n\"", 5);
  ask->write({put("/c/a", bytes), put("/c/empty", "")});
  EXPECT_EQ(ask->get("/c/a")->value, bytes);
  EXPECT_EQ(ask->get("/c/empty")->value, "");
}

TEST_P(DcsContract, OnlyOneOfTwoCreatorsSucceeds) {
  const Transaction mine{
      .compares = {absent("/c/leader")}, .writes = {put("/c/leader", "pg1")}, .otherwise = {}};
  const auto first = ask->good(ask->commit(mine));
  const auto second = ask->good(ask->commit(mine));
  EXPECT_TRUE(first.succeeded);
  EXPECT_FALSE(second.succeeded);
  EXPECT_EQ(second.revision, first.revision) << "a refused transaction is no revision";
}

TEST_P(DcsContract, ARevisionThatMovedOnRefusesAWrite) {
  const auto created = ask->write({put("/c/config", "1")});
  ask->write({put("/c/config", "2")});
  const auto late = ask->good(ask->commit({.compares = {unchanged("/c/config", created.revision)},
                                           .writes = {put("/c/config", "3")},
                                           .otherwise = {}}));
  EXPECT_FALSE(late.succeeded);
  EXPECT_EQ(ask->get("/c/config")->value, "2");
}

TEST_P(DcsContract, RevisionZeroMeansAbsent) {
  const auto created = ask->good(ask->commit({.compares = {unchanged("/c/failover", Revision{})},
                                              .writes = {put("/c/failover", "{}")},
                                              .otherwise = {}}));
  EXPECT_TRUE(created.succeeded);
}

TEST_P(DcsContract, ValueAndLeaseAreComparedTogether) {
  const auto lease = ask->lease_of(10s);
  ask->write({put("/c/leader", "pg1", lease)});
  const auto holds = [&](std::vector<Compare> compares) {
    return ask->good(ask->commit({.compares = std::move(compares), .writes = {}, .otherwise = {}}))
        .succeeded;
  };
  EXPECT_TRUE(holds({value_is("/c/leader", "pg1"), lease_is("/c/leader", lease)}));
  EXPECT_FALSE(holds({value_is("/c/leader", "pg2"), lease_is("/c/leader", lease)}));
  EXPECT_FALSE(holds({value_is("/c/leader", "pg1"), lease_is("/c/leader", LeaseId{1})}));
}

TEST_P(DcsContract, AnAbsentKeyHasNoValueNotEvenAnEmptyOne) {
  const auto outcome = ask->good(ask->commit(
      {.compares = {value_is("/c/nothing", "")}, .writes = {put("/c/x", "")}, .otherwise = {}}));
  EXPECT_FALSE(outcome.succeeded);
}

TEST_P(DcsContract, WhenTheComparesDoNotHoldTheOtherWritesAreDone) {
  const auto outcome = ask->good(ask->commit({.compares = {value_is("/c/a", "1")},
                                              .writes = {put("/c/b", "then")},
                                              .otherwise = {put("/c/b", "else")}}));
  EXPECT_FALSE(outcome.succeeded);
  EXPECT_EQ(ask->get("/c/b")->value, "else");
}

TEST_P(DcsContract, AllWritesOfATransactionShareOneRevision) {
  ask->write({put("/c/old", "1")});
  const auto outcome = ask->write({put("/c/a", "1"), put("/c/b", "2"), Delete{"/c/old"}});
  const auto snapshot = ask->good(ask->read("/c/"));
  ASSERT_EQ(snapshot.entries.size(), 2U);
  for (const auto& entry : snapshot.entries)
    EXPECT_EQ(entry.mod_revision, outcome.revision);
  EXPECT_EQ(snapshot.revision, outcome.revision);
}

TEST_P(DcsContract, AKeyWrittenOnlyIfAbsentStandsWhileTheRestIsWritten) {
  ask->write({put("/c/config", "the operator's")});
  const Put config{.key = "/c/config", .value = "ours", .lease = {}, .only_if_absent = true};
  const Put history{.key = "/c/history", .value = "[]", .lease = {}, .only_if_absent = true};
  const auto outcome = ask->write({put("/c/initialize", "7391442209411208193"), config, history});
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(ask->get("/c/config")->value, "the operator's");
  EXPECT_EQ(ask->get("/c/initialize")->value, "7391442209411208193");
  EXPECT_EQ(ask->get("/c/history")->value, "[]");
}

TEST_P(DcsContract, DeletingAnAbsentKeyIsNoRevision) {
  const auto before = ask->write({put("/c/a", "1")});
  const auto outcome = ask->write({Delete{"/c/nothing"}});
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.revision, before.revision);
}

TEST_P(DcsContract, ATransactionThatWritesAKeyTwiceIsRejectedAndDoesNothing) {
  const auto outcome = ask->commit(
      {.compares = {}, .writes = {put("/c/a", "1"), put("/c/a", "2")}, .otherwise = {}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Rejected) << outcome.error().text;
  EXPECT_FALSE(ask->get("/c/a"));
}

// ---- Leases -------------------------------------------------------------------------------------

TEST_P(DcsContract, ALeaseLastsAtLeastAsLongAsAsked) {
  const auto lease = ask->good(ask->grant(5s));
  EXPECT_TRUE(lease.id.exists());
  EXPECT_GE(lease.ttl, 5s);
  const auto kept = ask->good(ask->keep_alive(lease.id));
  EXPECT_EQ(kept.id, lease.id);
  EXPECT_EQ(kept.ttl, lease.ttl);
}

TEST_P(DcsContract, ATooShortLeaseIsGrantedForTheStoresMinimum) {
  EXPECT_GE(ask->good(ask->grant(1ms)).ttl, 1s);
}

TEST_P(DcsContract, AnExpiredLeaseTakesAllItsKeysAtOneRevision) {
  const auto lease = ask->lease_of(1s);
  const auto written = ask->write(
      {put("/c/leader", "pg1", lease), put("/c/members/pg1", "{}", lease), put("/c/config", "{}")});
  const auto watching = ask->watch("/c/", Revision{written.revision.value + 1});
  ASSERT_TRUE(ask->until([&] { return watching.seen->events.size() >= 2; }));

  const auto& events = watching.seen->events;
  EXPECT_TRUE(events[0].is_deletion && events[1].is_deletion);
  EXPECT_EQ(events[0].entry.mod_revision, events[1].entry.mod_revision);
  std::vector<std::string> keys{events[0].entry.key, events[1].entry.key};
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys, (std::vector<std::string>{"/c/leader", "/c/members/pg1"}));
  EXPECT_EQ(ask->good(ask->read("/c/")).entries.size(), 1U);
}

TEST_P(DcsContract, AnExpiredLeaseIsUnknownAfterwards) {
  const auto lease = ask->lease_of(1s);
  const auto written = ask->write({put("/c/leader", "pg1", lease)});
  const auto watching = ask->watch("/c/", Revision{written.revision.value + 1});
  ASSERT_TRUE(ask->until([&] { return !watching.seen->events.empty(); }));

  const auto kept = ask->keep_alive(lease);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().kind, DcsErrorKind::LeaseUnknown) << kept.error().text;
}

TEST_P(DcsContract, AWriteUnderAnUnknownLeaseDoesNothingAtAll) {
  const auto outcome =
      ask->commit({.compares = {absent("/c/leader")},
                   .writes = {put("/c/status", "{}"), put("/c/leader", "pg1", LeaseId{424242})},
                   .otherwise = {}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::LeaseUnknown) << outcome.error().text;
  EXPECT_TRUE(ask->good(ask->read("/c/")).entries.empty());
}

TEST_P(DcsContract, ALostRaceIsNoMatterOfTheLease) {
  ask->write({put("/c/leader", "pg2")});
  const auto outcome = ask->good(ask->commit({.compares = {absent("/c/leader")},
                                              .writes = {put("/c/leader", "pg1", LeaseId{424242})},
                                              .otherwise = {}}));
  EXPECT_FALSE(outcome.succeeded);
}

TEST_P(DcsContract, RevokingALeaseDeletesItsKeysAndOnlyThose) {
  const auto lease = ask->lease_of(60s);
  ask->write({put("/c/leader", "pg1", lease), put("/c/config", "{}")});
  const auto revoked = ask->good(ask->revoke(lease));
  EXPECT_TRUE(revoked.succeeded);
  const auto snapshot = ask->good(ask->read("/c/"));
  ASSERT_EQ(snapshot.entries.size(), 1U);
  EXPECT_EQ(snapshot.entries[0].key, "/c/config");
  EXPECT_GE(snapshot.revision, revoked.revision);

  const auto again = ask->revoke(lease);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, DcsErrorKind::LeaseUnknown) << again.error().text;
}

TEST_P(DcsContract, AKeyThatWasBoundToAnotherLeaseSurvivesTheFirst) {
  const auto old_lease = ask->lease_of(60s);
  const auto new_lease = ask->lease_of(60s);
  ask->write({put("/c/leader", "pg1", old_lease)});
  ask->write({put("/c/leader", "pg1", new_lease)});
  ask->good(ask->revoke(old_lease));
  ASSERT_TRUE(ask->get("/c/leader"));
  EXPECT_EQ(ask->get("/c/leader")->lease, new_lease);
}

TEST_P(DcsContract, AKeyWrittenWithoutALeaseIsBoundToNone) {
  const auto lease = ask->lease_of(60s);
  ask->write({put("/c/initialize", "", lease)});
  ask->write({put("/c/initialize", "7391442209411208193")});
  ask->good(ask->revoke(lease));
  EXPECT_TRUE(ask->get("/c/initialize"));
}

// ---- Watching -----------------------------------------------------------------------------------

TEST_P(DcsContract, AWatchTellsEverythingFromItsRevisionOnInOrder) {
  ask->write({put("/c/before", "1")});
  const auto first = ask->write({put("/c/a", "1")});
  const auto watching = ask->watch("/c/", first.revision);
  ask->write({put("/other", "not ours")});
  ask->write({put("/c/a", "2")});
  const auto last = ask->write({Delete{"/c/a"}});
  ASSERT_TRUE(ask->until([&] { return watching.seen->reached() >= last.revision; }));

  const auto& events = watching.seen->events;
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].entry.value, "1");
  EXPECT_EQ(events[0].entry.create_revision, first.revision);
  EXPECT_EQ(events[1].entry.value, "2");
  EXPECT_TRUE(events[2].is_deletion);
  EXPECT_EQ(events[2].entry, (KeyValue{"/c/a", "", {}, last.revision, {}}));
}

TEST_P(DcsContract, AnEventNamesTheLeaseOfItsKey) {
  const auto lease = ask->lease_of(60s);
  const auto written = ask->write({put("/c/leader", "pg1", lease)});
  const auto watching = ask->watch("/c/", written.revision);
  ASSERT_TRUE(ask->until([&] { return !watching.seen->events.empty(); }));
  EXPECT_EQ(watching.seen->events[0].entry.lease, lease);
}

TEST_P(DcsContract, AWatchFromNoRevisionBeginsAtThePresent) {
  ask->write({put("/c/a", "before")});
  const auto watching = ask->watch("/c/", Revision{});
  ASSERT_TRUE(ask->until([&] { return watching.seen->signs_of_life > 0; }));
  ask->write({put("/c/a", "after")});
  ASSERT_TRUE(ask->until([&] { return !watching.seen->events.empty(); }));
  EXPECT_EQ(watching.seen->events[0].entry.value, "after");
}

TEST_P(DcsContract, AQuietStoreGivesSignsOfLife) {
  const auto written = ask->write({put("/c/a", "1")});
  const auto watching = ask->watch("/c/", Revision{written.revision.value + 1}, 200ms);
  ASSERT_TRUE(ask->until([&] { return watching.seen->signs_of_life >= 5; }));
  EXPECT_TRUE(watching.seen->events.empty());
  EXPECT_FALSE(watching.seen->end);
}

TEST_P(DcsContract, ASignOfLifeTellsHowFarTheStoreHasCome) {
  if (!world->tells_progress()) GTEST_SKIP() << "a grpc-proxy answers no request for progress";
  const auto watching = ask->watch("/c/", Revision{}, 200ms);
  const auto elsewhere = ask->write({put("/elsewhere", "1")});
  ASSERT_TRUE(ask->until([&] { return watching.seen->reached() >= elsewhere.revision; }));
  EXPECT_TRUE(watching.seen->events.empty());
}

TEST_P(DcsContract, AnotherClientsWritesAreSeen) {
  const auto other = world->another_client();
  const auto watching = ask->watch("/c/", Revision{});
  ASSERT_TRUE(ask->until([&] { return watching.seen->signs_of_life > 0; }));
  bool is_answered = false;
  other->commit({.compares = {}, .writes = {put("/c/a", "theirs")}, .otherwise = {}}, ask->in(10s),
                [&](const Result<Committed, DcsError>& answer) {
                  EXPECT_TRUE(answer) << describe(answer.error());
                  is_answered = true;
                });
  ASSERT_TRUE(ask->until([&] { return is_answered && !watching.seen->events.empty(); }));
  EXPECT_EQ(watching.seen->events[0].entry.value, "theirs");
}

TEST_P(DcsContract, AWatchFromACompactedRevisionEndsAsCompacted) {
  const auto first = ask->write({put("/c/a", "1")});
  ask->write({put("/c/a", "2")});
  const auto last = ask->write({put("/c/a", "3")});
  world->compact(last.revision);
  const auto watching = ask->watch("/c/", first.revision);
  ASSERT_TRUE(ask->until([&] { return watching.seen->end.has_value(); }));
  EXPECT_EQ(watching.seen->end->kind, DcsErrorKind::Compacted) << watching.seen->end->text;
  EXPECT_TRUE(watching.seen->events.empty());
}

TEST_P(DcsContract, CompactionDoesNotDisturbWhoIsUpToDate) {
  ask->write({put("/c/a", "1")});
  const auto written = ask->write({put("/c/a", "2")});
  const auto watching = ask->watch("/c/", Revision{written.revision.value + 1}, 200ms);
  ASSERT_TRUE(ask->until([&] { return watching.seen->signs_of_life > 0; }));
  world->compact(written.revision);
  ask->write({put("/c/a", "3")});
  ASSERT_TRUE(ask->until([&] { return !watching.seen->events.empty(); }));
  EXPECT_EQ(watching.seen->events[0].entry.value, "3");
}

// ---- Endings ------------------------------------------------------------------------------------

TEST_P(DcsContract, AWatchThatWasDestroyedIsSilent) {
  auto watching = ask->watch("/c/", Revision{}, 200ms);
  ASSERT_TRUE(ask->until([&] { return watching.seen->signs_of_life > 0; }));
  watching.watch.reset();
  const auto told = watching.seen->batch_revisions.size();
  ask->write({put("/c/a", "1")});
  const auto witness = ask->watch("/c/", Revision{}, 200ms);
  ASSERT_TRUE(ask->until([&] { return witness.seen->signs_of_life >= 2; }));
  EXPECT_EQ(watching.seen->batch_revisions.size(), told);
}

TEST_P(DcsContract, AHandlerMayEndItsOwnWatch) {
  auto kept = std::make_shared<std::unique_ptr<Watch>>();
  auto calls = std::make_shared<int>(0);
  *kept = world->dcs().watch("/c/", Revision{}, 200ms,
                             [kept, calls](const Result<WatchBatch, DcsError>&) {
                               ++*calls;
                               kept->reset();
                             });
  ASSERT_TRUE(ask->until([&] { return *calls > 0; }));
  const auto witness = ask->watch("/c/", Revision{}, 200ms);
  ASSERT_TRUE(ask->until([&] { return witness.seen->signs_of_life >= 2; }));
  EXPECT_EQ(*calls, 1);
}

TEST_P(DcsContract, NothingIsCalledBackOnceTheClientIsGone) {
  auto client = world->another_client();
  int calls = 0;
  auto watch = client->watch("/c/", Revision{}, 200ms,
                             [&](const Result<WatchBatch, DcsError>&) { ++calls; });
  client->read("/c/", ReadMode::Linearizable, ask->in(10s),
               [&](const Result<Snapshot, DcsError>&) { ++calls; });
  client->grant(10s, ask->in(10s), [&](const Result<Dcs::Lease, DcsError>&) { ++calls; });
  client.reset();
  const auto witness = ask->watch("/c/", Revision{}, 200ms);
  ASSERT_TRUE(ask->until([&] { return witness.seen->signs_of_life >= 2; }));
  EXPECT_EQ(calls, 0);
  watch.reset();
}

TEST_P(DcsContract, AnAnswerMayDestroyTheClient) {
  auto client = std::make_shared<std::unique_ptr<Dcs>>(world->another_client());
  bool is_answered = false;
  auto watch =
      (*client)->watch("/c/", Revision{}, 200ms, [](const Result<WatchBatch, DcsError>&) {});
  (*client)->read("/c/", ReadMode::Linearizable, ask->in(10s),
                  [&is_answered, client](const Result<Snapshot, DcsError>&) {
                    is_answered = true;
                    client->reset();
                  });
  ASSERT_TRUE(ask->until([&] { return is_answered; }));
  ask->write({put("/c/a", "the rest goes on")});
}

}  // namespace pgherd::contract
