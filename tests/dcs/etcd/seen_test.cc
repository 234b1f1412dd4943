#include "dcs/etcd/seen.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pgherd::etcd {
namespace {

Header header(std::uint64_t cluster, std::uint64_t term, std::int64_t revision) {
  return {.cluster_id = cluster, .member_id = 1, .revision = Revision{revision}, .raft_term = term};
}

TEST(Seen, AnOlderTermOfTheSameClusterIsNotBelieved) {
  Seen seen;
  EXPECT_TRUE(seen.note(header(1, 7, 100)));
  EXPECT_FALSE(seen.note(header(1, 6, 200)));
  EXPECT_EQ(seen.revision(), Revision{100}) << "nothing of it is remembered";
  EXPECT_TRUE(seen.note(header(1, 8, 90)));
  EXPECT_EQ(seen.revision(), Revision{100});
}

TEST(Seen, AnotherClusterBeginsANewMemory) {
  Seen seen;
  EXPECT_FALSE(seen.is_another_cluster(header(1, 7, 100))) << "the first is not another one";
  EXPECT_TRUE(seen.note(header(1, 7, 100)));
  EXPECT_TRUE(seen.is_another_cluster(header(2, 2, 5)));
  EXPECT_TRUE(seen.note(header(2, 2, 5)));
  EXPECT_EQ(seen.raft_term(), 2U);
  EXPECT_EQ(seen.revision(), Revision{5});
}

}  // namespace
}  // namespace pgherd::etcd
