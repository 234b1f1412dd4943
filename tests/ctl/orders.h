// The cluster of the command tests: "orders", led by db-a, with the replicas db-b and db-c.
#pragma once

#include <gtest/gtest.h>

#include "ctl/a_cluster.h"
#include "ctl/a_desk.h"

namespace pgherd::ctl::test {

constexpr Lsn kHere{0x102F0A118};

class Orders : public testing::Test {
 protected:
  Orders() {
    context.put("initialize", "7412345678901234567");
    context.put("config", R"({"ttl":30,"loop_wait":10,"retry_timeout":10})");
    context.put("status", R"({"optime":4344291608})");
    context.put("leader", "db-a");
    context.put_member(a_leader("db-a", "10.1.0.11"));
    context.put_member(a_standby("db-b", "10.1.0.12", kHere));
    context.put_member(a_standby("db-c", "10.1.0.13", kHere));
  }
  ADesk context;
};

}  // namespace pgherd::ctl::test
