// What the simulator needs of the store beyond the contract: time, the past, dumps.

#include "dcs/memory/memory_store.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

Instant at(Duration since) {
  return Instant() + since;
}

Result<Committed, DcsError> write(MemoryStore& store, const std::string& key,
                                  const std::string& value, LeaseId lease = {}) {
  return store.commit({.compares = {},
                       .writes = {Put{.key = key, .value = value, .lease = lease}},
                       .otherwise = {}});
}

TEST(MemoryStore, ALeaseEndsExactlyAfterItsTtlAndNotBefore) {
  MemoryStore store;
  store.advance(at(100s));
  const auto lease = store.grant(10s)->id;
  ASSERT_TRUE(write(store, "/leader", "pg1", lease));
  EXPECT_EQ(store.next_expiry(), at(110s));
  store.advance(at(110s) - 1ns);
  EXPECT_TRUE(store.get("/leader"));
  store.advance(at(110s));
  EXPECT_FALSE(store.get("/leader"));
  EXPECT_TRUE(store.next_expiry().is_never());
}

TEST(MemoryStore, AKeptLeaseCountsFromTheKeeping) {
  MemoryStore store;
  const auto lease = store.grant(10s)->id;
  store.advance(at(9s));
  ASSERT_TRUE(store.keep_alive(lease));
  store.advance(at(18s));
  EXPECT_TRUE(store.keep_alive(lease));
  store.advance(at(28s));
  EXPECT_EQ(store.keep_alive(lease).error().kind, DcsErrorKind::LeaseUnknown);
}

TEST(MemoryStore, LeasesEndInTheOrderOfTheirTimesEvenInOneStep) {
  MemoryStore store;
  const auto late = store.grant(20s)->id;
  const auto soon = store.grant(10s)->id;
  ASSERT_TRUE(write(store, "/late", "1", late));
  ASSERT_TRUE(write(store, "/soon", "1", soon));
  std::vector<std::string> deleted;
  const auto watching = store.watch("/", Revision{}, [&](const WatchBatch& batch) {
    for (const auto& event : batch.events)
      deleted.push_back(event.entry.key);
  });
  ASSERT_TRUE(watching);
  store.advance(at(60s));
  EXPECT_EQ(deleted, (std::vector<std::string>{"/soon", "/late"}));
}

TEST(MemoryStore, ANewLeaderOfTheStoreGivesEveryLeaseItsWholeTimeAgain) {
  MemoryStore store;
  const auto lease = store.grant(10s)->id;
  store.advance(at(9s));
  store.restart_leases();
  store.advance(at(18s));
  EXPECT_TRUE(store.leases().contains(lease));
}

TEST(MemoryStore, ShortAndBrokenTtlsAreRoundedUp) {
  MemoryStore store(3s);
  EXPECT_EQ(store.grant(1s)->ttl, 3s);
  EXPECT_EQ(store.grant(3500ms)->ttl, 4s);
  EXPECT_EQ(store.grant(0ms).error().kind, DcsErrorKind::Rejected);
}

TEST(MemoryStore, ThePastCanBeReadUntilItIsCompacted) {
  MemoryStore store;
  const auto first = write(store, "/a", "1")->revision;
  const auto second = write(store, "/a", "2")->revision;
  const auto gone =
      store.commit({.compares = {}, .writes = {Delete{"/a"}}, .otherwise = {}})->revision;
  EXPECT_EQ(store.read_at("/", first)->entries.at(0).value, "1");
  EXPECT_EQ(store.read_at("/", second)->entries.at(0).value, "2");
  EXPECT_TRUE(store.read_at("/", gone)->entries.empty());
  store.compact(second);
  EXPECT_EQ(store.read_at("/", first).error().kind, DcsErrorKind::Compacted);
  EXPECT_EQ(store.read_at("/", second)->entries.at(0).value, "2");
  EXPECT_EQ(store.read_at("/", Revision{99}).error().kind, DcsErrorKind::Rejected);
}

TEST(MemoryStore, AWatcherIsToldThePastAtOnceAndThenEachRevision) {
  MemoryStore store;
  const auto first = write(store, "/a", "1")->revision;
  std::vector<Revision> told;
  const auto id =
      store.watch("/", first, [&](const WatchBatch& batch) { told.push_back(batch.revision); });
  EXPECT_EQ(told, std::vector<Revision>{first});
  const auto second = write(store, "/a", "2")->revision;
  EXPECT_EQ(told.back(), second);
  store.unwatch(*id);
  ASSERT_TRUE(write(store, "/a", "3"));
  EXPECT_EQ(told.size(), 2U);
}

TEST(MemoryStore, TheSameCallsGiveTheSameStore) {
  const auto run = [] {
    MemoryStore store;
    const auto lease = store.grant(10s)->id;
    EXPECT_TRUE(write(store, "/leader", "pg1", lease));
    EXPECT_TRUE(write(store, "/config", "{}"));
    store.advance(at(5s));
    EXPECT_TRUE(store.keep_alive(lease));
    return store.dump();
  };
  EXPECT_EQ(run(), run());
  EXPECT_EQ(run(),
            "revision 3 compacted 0\n"
            "/config = {} (created 3, modified 3, lease 0)\n"
            "/leader = pg1 (created 2, modified 2, lease 7001)\n"
            "lease 7001 of 10000 ms until 15000000000\n");
}

TEST(MemoryStoreDeath, TimeDoesNotGoBackwards) {
  MemoryStore store;
  store.advance(at(10s));
  EXPECT_DEATH(store.advance(at(9s)), "lease would end before");
}

}  // namespace
}  // namespace pgherd
