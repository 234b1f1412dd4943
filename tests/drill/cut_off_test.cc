#include "drill/cut_off.h"

#include <gtest/gtest.h>

namespace pgherd::drill {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

TEST(CutOffRules, LetGoByThemselves) {
  const std::string rules = rules_of(
      {.user = 106, .etcd_ports = {"2379", "2380"}, .server_ports = {"5432", "8008"}, .time = 25s});
  EXPECT_TRUE(has(rules, "elements = { 106 timeout 25s }")) << rules;
  EXPECT_TRUE(has(rules, "elements = { 5432 timeout 25s, 8008 timeout 25s }")) << rules;
}

TEST(CutOffRules, CutEtcdOnThisHostAsWell) {
  const std::string rules = rules_of(
      {.user = 106, .etcd_ports = {"2379", "2381"}, .server_ports = {"5432"}, .time = 25s});
  EXPECT_TRUE(has(rules, "meta skuid @users tcp dport { 2379, 2381 } drop")) << rules;
  EXPECT_TRUE(has(rules, "meta skuid @users oifname != \"lo\" drop")) << "the drill's client stays";
}

TEST(CutOffRules, BeginWithNothingThatAnotherDrillHasLeft) {
  const std::string rules =
      rules_of({.user = 1, .etcd_ports = {"1"}, .server_ports = {"2"}, .time = 1s});
  EXPECT_TRUE(rules.starts_with("add table inet pgherd_drill\ndelete table inet pgherd_drill\n"));
}

}  // namespace
}  // namespace pgherd::drill
