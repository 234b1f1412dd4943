#include "pgwire/setting_names.h"

#include <gtest/gtest.h>

namespace pgherd::pgwire::test {
namespace {

SettingNames seen(std::string_view statement) {
  SettingNames names;
  names.look_at(statement);
  return names;
}

using Names = std::set<std::string>;

TEST(SettingNames, AreThoseThatSetNames) {
  EXPECT_EQ(seen("set app.tenant = 7").names(), Names{"app.tenant"});
  EXPECT_EQ(seen("SET\n SESSION App.\"Tenant\" TO '7'").names(), Names{"app.tenant"});
  EXPECT_EQ(seen("begin; set local a.b=1; commit").names(), Names{"a.b"});
  EXPECT_EQ(seen("set session_x.y to default").names(), Names{"session_x.y"});
}

TEST(SettingNames, AreThoseThatSetConfigNames) {
  EXPECT_EQ(seen("select set_config('app.tenant', $1, false)").names(), Names{"app.tenant"});
  EXPECT_EQ(
      seen("select pg_catalog.SET_CONFIG ( 'a.b','c',true), set_config('d.e', 'f', false)").names(),
      (Names{"a.b", "d.e"}));
  EXPECT_TRUE(seen("select set_config('app.tenant', $1, false)").is_complete());
}

TEST(SettingNames, WithoutADotAreThoseThatPostgresqlLists) {
  EXPECT_EQ(seen("set work_mem = '64MB'").names(), Names{});
  EXPECT_EQ(seen("select set_config('work_mem', '64MB', false)").names(), Names{});
  EXPECT_EQ(seen("update t set a = b.c, d = 1").names(), Names{});
  EXPECT_EQ(seen("select offset.x from offset to y").names(), Names{});
  EXPECT_EQ(seen("set").names(), Names{});
  EXPECT_EQ(seen("reset").names(), Names{});
}

TEST(SettingNames, ThatAreComputedAreMissed) {
  EXPECT_FALSE(seen("select set_config($1, $2, false)").is_complete());
  EXPECT_FALSE(seen("select set_config('app.' || x, 'y', false)").is_complete() &&
               seen("select set_config('app.' || x, 'y', false)").names() == Names{});
  EXPECT_FALSE(seen("select set_config('app").is_complete());
  SettingNames names;
  names.overlook();
  EXPECT_FALSE(names.is_complete());
}

TEST(SettingNames, AreNotKeptWithoutEnd) {
  SettingNames names;
  for (std::size_t i = 0; i < SettingNames::kNamesMax; ++i)
    names.look_at("set a.b" + std::to_string(i) + " = 1");
  names.look_at("set a.b0 = 2");
  EXPECT_TRUE(names.is_complete());
  names.look_at("set a.more = 1");
  EXPECT_FALSE(names.is_complete());
  EXPECT_EQ(names.names().size(), SettingNames::kNamesMax);
}

}  // namespace
}  // namespace pgherd::pgwire::test
