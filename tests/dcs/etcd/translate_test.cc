#include "dcs/etcd/translate.h"

#include <gtest/gtest.h>

namespace pgherd::etcd {
namespace {

TEST(EndOfAPrefix, IsTheFirstKeyAfterAllThatBeginWithIt) {
  EXPECT_EQ(end_of("/service/main/"), "/service/main0");
  EXPECT_EQ(end_of("a\xff"), "b");
  EXPECT_EQ(end_of("\xff\xff"), std::string(1, '\0'));
  EXPECT_EQ(end_of(""), std::string(1, '\0'));
}

// Without it etcd answers from what one member happens to know (it takes a transaction without
// operations for a serializable one), and a deposed leader would be confirmed by a lagging member.
TEST(ATransactionThatOnlyCompares, IsMadeLinearizableByARange) {
  const auto request = request_of(
      {.compares = {{.what = Compare::What::Value, .key = "/leader", .number = 0, .text = "pg1"}},
       .writes = {},
       .otherwise = {}});
  for (const auto& branch : {request.success(), request.failure()}) {
    ASSERT_EQ(branch.size(), 1);
    EXPECT_TRUE(branch.Get(0).has_request_range());
    EXPECT_FALSE(branch.Get(0).request_range().serializable());
  }
}

TEST(ATransactionThatWrites, IsTakenAsItIs) {
  const auto request =
      request_of({.compares = {},
                  .writes = {Put{.key = "/a", .value = "1", .lease = LeaseId{7}}, Delete{"/b"}},
                  .otherwise = {}});
  ASSERT_EQ(request.success_size(), 2);
  EXPECT_EQ(request.success(0).request_put().lease(), 7);
  EXPECT_EQ(request.success(1).request_delete_range().key(), "/b");
  EXPECT_TRUE(request.success(1).request_delete_range().range_end().empty()) << "one key only";
  EXPECT_EQ(request.failure_size(), 0);
}

TEST(ADeletion, TellsOnlyKeyAndRevision) {
  etcdserverpb::Event event;
  event.set_type(etcdserverpb::Event::DELETE);
  event.mutable_kv()->set_key("/leader");
  event.mutable_kv()->set_mod_revision(12);
  const auto told = event_of(event);
  EXPECT_TRUE(told.is_deletion);
  EXPECT_EQ(told.entry, (KeyValue{"/leader", "", {}, Revision{12}, {}}));
}

}  // namespace
}  // namespace pgherd::etcd
