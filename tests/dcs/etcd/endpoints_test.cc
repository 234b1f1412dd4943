#include "dcs/etcd/endpoints.h"

#include <gtest/gtest.h>

#include <memory>

namespace pgherd::etcd {
namespace {

EtcdConfig config_of(std::vector<std::string> endpoints) {
  EtcdConfig config;
  config.endpoints = std::move(endpoints);
  return config;
}

std::vector<std::string> names(const std::vector<std::shared_ptr<Endpoint>>& endpoints) {
  std::vector<std::string> names;
  for (const auto& endpoint : endpoints)
    names.push_back(endpoint->name);
  return names;
}

const Instant kNow = Instant() + 100s;

TEST(Endpoints, AreAskedInTheOrderOfTheConfigurationAtFirst) {
  const Endpoints endpoints(config_of({"192.0.2.1", "192.0.2.2:2379", "[2001:db8::1]"}));
  EXPECT_EQ(names(endpoints.ranked(kNow)),
            (std::vector<std::string>{"192.0.2.1:2379", "192.0.2.2:2379", "[2001:db8::1]:2379"}));
}

TEST(Endpoints, ASuspectIsAskedLastForAWhile) {
  Endpoints endpoints(config_of({"192.0.2.1:1", "192.0.2.2:1"}));
  endpoints.suspect(*endpoints.all().front(), kNow);
  EXPECT_EQ(names(endpoints.ranked(kNow)).front(), "192.0.2.2:1");
  EXPECT_EQ(names(endpoints.ranked(kNow + 60s)).front(), "192.0.2.1:1");
}

TEST(Endpoints, WhoAnsweredIsAskedFirst) {
  Endpoints endpoints(config_of({"192.0.2.1:1", "192.0.2.2:1"}));
  EXPECT_TRUE(endpoints.prefer(endpoints.all().back()));
  EXPECT_FALSE(endpoints.prefer(endpoints.all().back()));
  EXPECT_EQ(names(endpoints.ranked(kNow)).front(), "192.0.2.2:1");
}

TEST(Endpoints, MembersThatNobodyLeadsToAreAddedAndLeaveAgain) {
  Endpoints endpoints(config_of({"192.0.2.1:1"}));
  endpoints.all().front()->member_id = 1;
  endpoints.learn({{.id = 1, .client_urls = {"http://etcd1:2379"}},
                   {.id = 2, .client_urls = {"http://etcd2:2379"}}});
  EXPECT_EQ(names(endpoints.all()), (std::vector<std::string>{"192.0.2.1:1", "etcd2:2379"}));
  endpoints.prefer(endpoints.all().back());
  endpoints.learn({{.id = 1, .client_urls = {"http://etcd1:2379"}}});
  EXPECT_EQ(names(endpoints.all()), std::vector<std::string>{"192.0.2.1:1"});
  EXPECT_EQ(names(endpoints.ranked(kNow)), std::vector<std::string>{"192.0.2.1:1"});
}

TEST(Endpoints, ASecondWayToAMemberIsDroppedOnceAConfiguredOneIsKnown) {
  Endpoints endpoints(config_of({"192.0.2.1:1"}));
  const std::vector<ListedMember> members{{.id = 1, .client_urls = {"http://etcd1:2379"}}};
  endpoints.learn(members);
  EXPECT_EQ(endpoints.all().size(), 2U) << "who answers at 192.0.2.1 is not known yet";
  endpoints.all().front()->member_id = 1;
  endpoints.learn(members);
  EXPECT_EQ(names(endpoints.all()), std::vector<std::string>{"192.0.2.1:1"});
}

TEST(Endpoints, AnAdvertisedLoopbackIsSomebodyElse) {
  Endpoints remote(config_of({"192.0.2.1:1"}));
  remote.learn({{.id = 1, .client_urls = {"http://localhost:2379", "http://127.0.0.1:2379"}}});
  EXPECT_EQ(remote.all().size(), 1U);
  Endpoints local(config_of({"127.0.0.1:1"}));
  local.learn({{.id = 1, .client_urls = {"http://127.0.0.1:2379"}}});
  EXPECT_EQ(local.all().size(), 2U);
}

TEST(Endpoints, AUrlOfAnotherSchemeIsPassedOver) {
  EXPECT_EQ(endpoint_of_url("http://etcd1:2379", false), "etcd1:2379");
  EXPECT_EQ(endpoint_of_url("https://etcd1:2379/", true), "etcd1:2379");
  EXPECT_EQ(endpoint_of_url("http://etcd1:2379", true), std::nullopt);
  EXPECT_EQ(endpoint_of_url("unix:///run/etcd.sock", false), std::nullopt);
  EXPECT_EQ(endpoint_of_url("http://", false), std::nullopt);
}

TEST(Endpoints, NoneIsAMistakeOfTheConfiguration) {
  EXPECT_THROW(Endpoints(config_of({})), std::runtime_error);
}

}  // namespace
}  // namespace pgherd::etcd
