#include "local/ports.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "local/errors.h"
#include "runtime/unique_fd.h"

namespace pgherd::local {
namespace {

std::multiset<int> all_of(const PortPlan& plan) {
  std::multiset<int> all{plan.primary, plan.standbys, plan.statistics, plan.etcd};
  for (const auto* group : {&plan.etcd_client, &plan.etcd_peer, &plan.rest, &plan.postgresql})
    all.insert(group->begin(), group->end());
  return all;
}

void expect_all_different(const PortPlan& plan) {
  const auto all = all_of(plan);
  EXPECT_EQ(all.size(), std::set<int>(all.begin(), all.end()).size());
}

TEST(Ports, no_two_are_the_same_however_many_nodes) {
  expect_all_different(plan_ports(std::nullopt, kNodesMax));
  expect_all_different(plan_ports(20000, kNodesMax));
  expect_all_different(plan_ports(0, kNodesMax));
}

TEST(Ports, a_base_moves_all_of_them_close_to_it) {
  const auto all = all_of(plan_ports(20000, kNodesMax));
  EXPECT_EQ(*all.begin(), 20000);
  EXPECT_LT(*all.rbegin(), 20060);
}

TEST(Ports, what_cannot_be_is_refused) {
  EXPECT_THROW((void)plan_ports(80, 3), LocalError);
  EXPECT_THROW((void)plan_ports(65500, 3), LocalError);
  EXPECT_THROW((void)plan_ports(std::nullopt, 0), LocalError);
}

TEST(Ports, a_taken_one_is_named_with_its_use_and_its_holder) {
  const UniqueFd held(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(held.get(), generic, size), 0);
  ASSERT_EQ(::listen(held.get(), 1), 0);
  ASSERT_EQ(::getsockname(held.get(), generic, &size), 0);
  const int port = ntohs(address.sin_port);
  const std::string text = describe_taken({{port, "haproxy, primary"}});
  EXPECT_NE(text.find(std::to_string(port) + " (haproxy, primary)"), std::string::npos) << text;
  EXPECT_NE(text.find("process " + std::to_string(::getpid())), std::string::npos) << text;
}

}  // namespace
}  // namespace pgherd::local
